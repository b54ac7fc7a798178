package resource_test

import (
	"bytes"
	"mime/multipart"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
)

const blog = `version: 1
name: blog
endpoint: {secret_key_base: 0123456789012345678901234567890123456789012345678901234567890123}
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  post:
    table: posts
    fields:
      title:   {type: string, required: true, unique: true, length: {max: 20}}
      body:    {type: text}
      stars:   {type: integer, default: 3}
      public:  {type: boolean, default: false}
      slug:    {type: string, immutable: true}
      note:    {type: string, hidden: true}
      secret:  {type: string, writable: false}
      cover:   {type: string}
      user_id: {type: bigint}
  comment:
    table: comments
    fields: {body: {type: text, required: true}, post_id: {references: post, on_delete: restrict}}
pipelines:
  browser:
    - accepts: [html, json]
    - fetch_session
    - fetch_flash
    - protect_from_forgery
    - put_root_layout: root.html
    - assign: {me: "${request.headers['x-user'] ?? nil}"}
scopes:
  - pipe_through: browser
    routes:
      - get: /
        text: home
      - resources: /posts
        schema: post
        public: true
        templates: posts
        uploads: {cover: {to: uploads, types: [image/png], max: 1KB}}
        routes:
          - resources: /comments
            schema: comment
            templates: comments
            only: [new, create, delete]
            flash: {created: "Said: ${record.body}", deleted: false}
      - resources: /mine
        schema: post
        owner: {user_id: "${me}"}
        templates: posts
        flash: {deleted: "${record.title} is gone.", updated: "${record.body}"}
      - resources: /ruled
        schema: post
        templates: {index: posts/index.html, show: posts/show.html, new: posts/new.html, edit: posts/edit.html}
        flash: false
        allow:
          read: record.public
          index: true
          create: me != nil and (changes?.stars ?? 0) < 5
          update: string(record.user_id) == me
          delete: false
  - path: /of/:tenant
    pipe_through: browser
    routes:
      - resources: /posts
        schema: post
        public: true
        templates: posts
`

func blogPages() map[string]string {
	return map[string]string{
		"templates/root.html":         `<title>{{with .flash}}{{.info}}{{end}}</title>{{.inner_content}}`,
		"templates/posts/index.html":  `{{range .posts}}<a href="/posts/{{.id}}">{{.title}}</a>{{else}}none{{end}}`,
		"templates/posts/show.html":   `<h1>{{.post.title}}</h1><p data-x="{{.post.body}}">{{.post.body}}</p><a href="{{.post.body}}">x</a><script>let b = {{.post.body}}</script><i>{{.post.cover}}</i>`,
		"templates/posts/new.html":    `{{template "posts/form.html" .}}`,
		"templates/posts/edit.html":   `<h1>Edit {{.post.title}}</h1>{{template "posts/form.html" .}}`,
		"templates/posts/form.html":   `<.form multipart><.input field="title" label="Title"/><.input field="body" type="textarea"/><.input field="stars" type="number"/><.input field="public" type="checkbox"/><.input field="slug"/><.input field="cover" type="file"/><.button>Save</.button></.form>`,
		"templates/comments/new.html": `<h1>On {{.post.title}}</h1><.form><.input field="body"/></.form>`,
	}
}

func blogApp(t *testing.T, database string) *app.App {
	t.Helper()
	return apptest.CompileIn(t, apptest.Folder(t, blogPages()), blog, database)
}

func TestPages(t *testing.T) {
	tests := []struct {
		name   string
		user   string
		visits []visit
	}{
		{"a post is written, changed and deleted", "", []visit{
			{"/posts", "", 200, "none", ""},
			{"/posts/new", "", 200, `<form method="post" action="/posts" enctype="multipart/form-data"> & name="stars" value="3"`, "_method"},
			{"/posts", "{token}&title=One&body=Hello&public=true&stars=", 303, "/posts/1", ""},
			{"/posts/1", "", 200, "<title>Post created successfully.</title> & <h1>One</h1>", ""},
			{"/posts/1", "", 200, "<title></title>", "successfully"},
			{"/posts/1/edit", "", 200, `<h1>Edit One</h1> & action="/posts/1" & name="_method" value="put" & value="One" & checked & value="3"`, ""},
			{"/posts/1", "{token}&_method=put&title=Two&public=false", 303, "/posts/1", ""},
			{"/posts", "", 200, "<title>Post updated successfully.</title> & >Two<", ""},
			{"/posts/1/edit", "", 200, "Hello", " checked"},
			{"/posts/1", "{token}&_method=delete", 303, "/posts", ""},
			{"/posts", "", 200, "<title>Post deleted successfully.</title>none", ""},
			{"/posts/1", "", 404, "404", ""},
			{"/posts/1/edit", "", 404, "404", ""},
			{"/posts/1", "{token}&_method=delete", 404, "404", ""},
			{"/posts/x/edit", "", 404, "404", ""},
		}},
		{"what is not valid is asked again, with what was sent", "", []visit{
			{"/posts/new", "", 200, "form", ""},
			{"/posts", "{token}&title=&body=kept+%3Cb%3E&stars=many&public=true", 422, `can&#39;t be blank & kept &lt;b&gt;</textarea> & is invalid & value="many" & checked & action="/posts"`, "_method"},
			{"/posts", "{token}&title=One", 303, "/posts/1", ""},
			{"/posts/new", "", 200, "<title>Post created", ""},
			{"/posts", "{token}&title=Two", 303, "/posts/2", ""},
			{"/posts/new", "", 200, "<title>Post created", ""},
			{"/posts", "{token}&title=One", 422, "has already been taken & <title></title>", "successfully"},
			{"/posts/2", "{token}&_method=put&title=One&body=b2", 422, `<h1>Edit Two</h1> & has already been taken & value="One" & b2 & name="_method" value="put" & action="/posts/2"`, ""},
			{"/posts/2", "{token}&_method=put&title=123456789012345678901", 422, "should be at most 20 character(s)", ""},
			{"/posts/2", "", 200, "<h1>Two</h1>", ""},
			{"/posts/9", "{token}&_method=put&title=", 404, "404", ""},
		}},
		{"only fields that a client may write are taken", "7", []visit{
			{"/posts/new", "", 200, "form", "name=\"secret\""},
			{"/posts", "{token}&title=One&secret=mine&id=50&nothing=x&slug=s1&note=hidden", 303, "/posts/1", ""},
			{"/posts/1", "{token}&_method=put&slug=s2&title=Uno", 303, "/posts/1", ""},
			{"/posts/1/edit", "", 200, `value="s1"`, "hidden-note"},
			{"/mine/new", "", 200, "form", ""},
			{"/mine", "{token}&title=Mine&user_id=9", 303, "/mine/2", ""},
			{"/mine", "", 200, ">Mine<", ">Uno<"},
			{"/mine/2", "{token}&_method=put&user_id=9&title=Mein", 303, "/mine/2", ""},
			{"/mine/2", "", 200, "Mein", ""},
		}},
		{"a request without the token is refused", "", []visit{
			{"/posts/new", "", 200, "form", ""},
			{"/posts", "title=One", 403, "403", ""},
			{"/posts", "_csrf_token=wrong&title=One", 403, "403", ""},
			{"/posts?_csrf_token=x", "title=One", 403, "403", ""},
			{"/posts", "", 200, "none", ""},
		}},
		{"the owner's rows are the only ones", "7", []visit{
			{"/mine/new", "", 200, "form", ""},
			{"/posts", "{token}&title=Other&user_id=8", 303, "/posts/1", ""},
			{"/mine/1", "", 404, "404", ""},
			{"/mine/1/edit", "", 404, "404", ""},
			{"/mine/1", "{token}&_method=put&title=Stolen", 404, "404", ""},
			{"/mine/1", "{token}&_method=put&title=", 404, "404", "can&#39;t be blank"},
			{"/mine/1", "{token}&_method=delete", 404, "404", ""},
			{"/mine", "{token}&title=Ours", 303, "/mine/2", ""},
			{"/mine/2", "{token}&_method=delete", 303, "/mine", ""},
			{"/mine", "", 200, "<title>Ours is gone.</title>none", ""},
		}},
		{"what was done stays done where the flash cannot be told", "7", []visit{
			{"/mine/new", "", 200, "form", ""},
			{"/mine", "{token}&title=One", 303, "/mine/1", ""},
			{"/mine", "", 200, "<title>Post created", ""},
			{"/mine/1", "{token}&_method=put&title=Nothing+to+tell", 303, "/mine/1", ""},
			{"/mine/1", "", 200, "<title></title><h1>Nothing to tell</h1>", ""},
			{"/mine/1", "{token}&_method=put&title=Too+much&body=" + strings.Repeat("x", 5000), 303, "/mine/1", ""},
			{"/mine/1", "", 200, "<title></title><h1>Too much</h1>", ""},
			{"/mine/1", "{token}&_method=put&body=Enough", 303, "/mine/1", ""},
			{"/mine/1", "", 200, "<title>Enough</title>", ""},
		}},
		{"the way on stays below the path of the scope", "", []visit{
			{"/of/a%20b/posts/new", "", 200, `action="/of/a%20b/posts"`, ""},
			{"/of/a%20b/posts", "{token}&title=One", 303, "/of/a%20b/posts/1", ""},
			{"/of/c/posts/1/edit", "", 200, `action="/of/c/posts/1"`, ""},
			{"/of/c/posts/1", "{token}&_method=delete", 303, "/of/c/posts", ""},
			{"/of/%2F%2Fevil.example/posts/new", "", 200, `action="/of/%2F%2Fevil.example/posts"`, ""},
		}},
		{"nobody owns nothing", "", []visit{
			{"/mine", "", 403, "403", ""},
			{"/mine/new", "", 403, "403", ""},
			{"/posts/new", "", 200, "form", ""},
			{"/mine", "{token}&title=Ours", 403, "403", ""},
			{"/mine/1/edit", "", 403, "403", ""},
		}},
		{"a rule decides over the page of its form too", "7", []visit{
			{"/ruled/new", "", 200, "form", ""},
			{"/ruled", "{token}&title=A&stars=9", 403, "403", ""},
			{"/ruled", "{token}&title=A&user_id=7&public=true", 303, "/ruled/1", ""},
			{"/ruled/1/edit", "", 200, "<title></title> & Edit A", ""},
			{"/ruled/1", "{token}&_method=put&public=true&user_id=8", 303, "/ruled/1", ""},
			{"/ruled/1/edit", "", 403, "403", ""},
			{"/ruled/1", "{token}&_method=put&title=B", 403, "403", ""},
			{"/ruled/1", "{token}&_method=delete", 403, "403", ""},
			{"/posts", "{token}&title=Hidden", 303, "/posts/2", ""},
			{"/ruled/2/edit", "", 404, "404", ""},
		}},
		{"who may not create gets no form", "", []visit{{"/ruled/new", "", 403, "403", "<form"}}},
		{"below a row", "", []visit{
			{"/posts/new", "", 200, "form", ""},
			{"/posts", "{token}&title=One", 303, "/posts/1", ""},
			{"/posts/1/comments/new", "", 200, `<h1>On One</h1> & action="/posts/1/comments"`, ""},
			{"/posts/1/comments", "{token}&body=", 422, "<h1>On One</h1> & can&#39;t be blank", ""},
			{"/posts/1/comments", "{token}&body=Hi+%3Ci%3E&post_id=2", 303, "/posts/1", ""},
			{"/posts/1", "", 200, "<title>Said: Hi &lt;i&gt;</title>", ""},
			{"/posts/1", "{token}&_method=delete", 409, "409", ""},
			{"/posts/9/comments/new", "", 404, "404", ""},
			{"/posts/1/comments/1", "{token}&_method=delete", 303, "/posts/1", ""},
			{"/posts/1", "", 200, "<title></title>", ""},
		}},
		{"what strangers write stays text", "", []visit{
			{"/posts/new", "", 200, "form", ""},
			{"/posts", "{token}&title=%3Cscript%3E&body=%22+onx%3D1%3E%3C/script%3E", 303, "/posts/1", ""},
			{"/posts/1", "", 200, `<h1>&lt;script&gt;</h1> & data-x="&#34; onx=1&gt;&lt;/script&gt;" & \u003c/script\u003e`, "</script>\"</script>"},
			{"/posts/1", "{token}&_method=put&body=javascript:alert(1)", 303, "/posts/1", ""},
			{"/posts/1", "", 200, `<a href="#ZgotmplZ">`, `href="javascript`},
			{"/posts", "", 200, ">&lt;script&gt;<", "<script>"},
			{"/posts", "{token}&title=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&stars=%22%3E%3Cb%3E", 422, `value="&#34;&gt;&lt;b&gt;"`, "<b>"},
			{"/posts/1/edit", "", 200, `<h1>Edit &lt;script&gt;</h1>`, "<script>"},
		}},
		{"odd requests", "", []visit{
			{"/posts?utm_source=x&limit=0", "", 200, "none", ""},
			{"/posts?limit=x", "", 400, "400", ""},
			{"/posts/new", "", 200, "form", ""},
			{"/posts", "{token}&title[a]=One", 422, "is invalid", ""},
			{"/posts", "{token}&title=One&title=Two", 303, "/posts/1", ""},
			{"/posts/1", "", 200, "Two", ""},
			{"/posts/1", "{token}&_method=put", 303, "/posts/1", ""},
			{"/posts", "{token}&%zz=1", 400, "400", ""},
			{"//posts//new", "", 404, "404", ""},
		}},
	}
	for _, tt := range tests {
		for _, db := range apptest.Databases() {
			t.Run(tt.name+" in "+db.Name, func(t *testing.T) {
				v := &visitor{app: blogApp(t, db.URL(t)), user: tt.user}
				v.follow(t, tt.visits)
			})
		}
	}
}

// The same routes answer a client of JSON in the dialect.
func TestPagesAnswerJSONToo(t *testing.T) {
	a := blogApp(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	v := &visitor{app: a}
	v.do(t, "GET", "/posts/new", "", "")
	var headers []string
	for _, c := range v.cookies {
		headers = []string{"Accept: application/json", "Cookie: " + c.Name + "=" + c.Value, "X-CSRF-Token: " + v.token}
	}
	run(t, a, []step{
		{"POST /posts", `{"title":"One"}`, headers, 201, "", "Location: /posts/1"},
		{"GET /posts/1", "", headers, 200, `~"title":"One"`, jsonList},
		{"GET /posts", "", headers, 200, `~[{"id":1`, ""},
		{"GET /posts?utm_source=x", "", headers, 400, `~failed to parse filter (x)`, ""},
		{"POST /posts", `{"title":""}`, headers, 422, `~"errors":{"title":["can't be blank"]}`, ""},
		{"POST /posts", `{"title":"x","secret":"y"}`, headers, 422, `~"errors":{"secret":["cannot be set"]}`, ""},
		{"POST /posts", `{"title":"x","cover":"../../etc/passwd"}`, headers, 422, `~"errors":{"cover":["is not a file"]}`, ""},
		{"PATCH /posts/1", `{"cover":null,"body":"b"}`, headers, 204, "", ""},
		{"GET /posts/new", "", headers, 404, "~not_found", ""},
		{"GET /posts/1/edit", "", headers, 404, "~not_found", ""},
		{"DELETE /posts/1", "", headers, 204, "", ""},
		{"DELETE /posts/1", "", []string{"Accept: application/json"}, 403, "~forbidden", ""},
	})
}

const pixel = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"

// A file that a form sends is kept when all else is valid, and its name is the field.
func TestUploadOfAPage(t *testing.T) {
	dir := apptest.Folder(t, blogPages())
	v := &visitor{app: apptest.CompileIn(t, dir, blog, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))}
	v.do(t, "GET", "/posts/new", "", "")
	name := regexp.MustCompile(`<i>([A-Za-z0-9_-]{22}\.png)</i>`)
	kept := func() string {
		t.Helper()
		m := name.FindStringSubmatch(v.do(t, "GET", "/posts/1", "", "").Body.String())
		if m == nil {
			t.Fatal("the post names no file")
		}
		return m[1]
	}
	tests := []struct {
		what, path, title, content string
		method                     string
		status                     int
		want                       string
		files                      int
	}{
		{"text that says it is a picture", "/posts", "One", "GIF or so", "", 422, "is not of a type that is taken", 0},
		{"too large", "/posts", "One", pixel + strings.Repeat("x", 2000), "", 422, "should be at most", 0},
		{"a form that is not valid keeps no file", "/posts", "", pixel, "", 422, "can&#39;t be blank", 0},
		{"a picture", "/posts", "One", pixel, "", 303, "", 1},
		{"no file is no change", "/posts/1", "Two", "", "put", 303, "", 1},
		{"another one", "/posts/1", "Two", pixel + "2", "put", 303, "", 2},
		{"the title is taken, so nothing changes", "/posts", "Two", pixel, "", 422, "has already been taken", 3},
	}
	last := ""
	for _, tt := range tests {
		w := v.upload(t, tt.path, map[string]string{"title": tt.title, "_method": tt.method}, tt.content)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Fatalf("%s: %d\n%s\nwant %d and %s", tt.what, w.Code, w.Body, tt.status, tt.want)
		}
		files, err := os.ReadDir(filepath.Join(dir, "uploads"))
		if err != nil || len(files) != tt.files {
			t.Fatalf("%s: %d files are kept (%v), want %d", tt.what, len(files), err, tt.files)
		}
		if w.Code != 303 {
			continue
		}
		if now := kept(); (now == last) != (tt.content == "") {
			t.Errorf("%s: the field was %q and is %q", tt.what, last, now)
		} else {
			last = now
		}
	}
	if w := v.send(t, "/posts/1", "{token}&_method=put&cover=../../../etc/passwd"); w.Code != 422 || !strings.Contains(w.Body.String(), "<form") {
		t.Errorf("a name for a file: %d, want the form again", w.Code)
	}
	if kept() != last {
		t.Error("a name that a client sent was taken")
	}
}

func (v *visitor) upload(t *testing.T, path string, fields map[string]string, content string) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	fields["_csrf_token"] = v.token
	for name, text := range fields { // before the file, as in a page
		if err := w.WriteField(name, text); err != nil {
			t.Fatal(err)
		}
	}
	filename := "photo.png"
	if content == "" {
		filename = ""
	}
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="cover"; filename="` + filename + `"`}, "Content-Type": {"image/png"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return v.do(t, "POST", path, body.String(), w.FormDataContentType())
}
