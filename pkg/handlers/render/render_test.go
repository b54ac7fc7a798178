package render_test

import (
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/handlers/render"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/browser"
	"github.com/openmanifest/gateway/pkg/plugs/values"
)

func defs() []*pipeline.Def { return slices.Concat(render.All(), browser.All(), values.All()) }

// templates are files of the folder templates, by name.
func templates(files map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		out["templates/"+name] = text
	}
	return out
}

func TestPages(t *testing.T) {
	const users = `- assign: {users: [{id: 1, name: Ann}, {id: 2, name: "<Bob>"}], title: Users}` + "\n"
	tests := []struct {
		name, list string
		files      map[string]string
		body       string
	}{
		{"plain", "- render: a.html", map[string]string{"a.html": "<p>hello</p>"}, "<p>hello</p>"},
		{"a name, escaped", "- assign: {a: '<b>'}\n- render: a.html", map[string]string{"a.html": "<p>{{.a}}</p>"}, "<p>&lt;b&gt;</p>"},
		{"escaped for its place", "- assign: {a: '\"x\" y'}\n- render: a.html", map[string]string{"a.html": `<a href="/s?q={{.a}}">x</a>`}, `<a href="/s?q=%22x%22%20y">x</a>`},
		{"a list", users + "- render: users/index.html", map[string]string{"users/index.html": `{{range .users}}{{.id}} {{.name}} of {{$.title}};{{end}}`}, "1 Ann of Users;2 &lt;Bob&gt; of Users;"},
		{"params", "- render: a.html", map[string]string{"a.html": "{{.params.q}}{{.params.none}}"}, "hi"},
		{"the request", "- render: a.html", map[string]string{"a.html": "{{.request.path}}"}, "/page"},
		{"assigns", "- render: {template: a.html, assigns: {a: '${params.q}!'}}", map[string]string{"a.html": "{{.a}}"}, "hi!"},
		{"assigns before names", "- assign: {a: one}\n- render: {template: a.html, assigns: {a: two}}", map[string]string{"a.html": "{{.a}}"}, "two"},
		{"conditions", "- assign: {a: true}\n- render: a.html", map[string]string{"a.html": "{{if .a}}yes{{else}}{{.params.q}}{{end}}"}, "yes"},
		{"a partial", users + "- render: users/index.html", map[string]string{
			"users/index.html": `{{range .users}}{{template "users/_row.html" .}}{{end}}{{template "empty.html" .}}`, "users/_row.html": "<li>{{.name}}", "empty.html": "",
		}, "<li>Ann<li>&lt;Bob&gt;"},
		{"a block of the same file", users + "- render: a.html", map[string]string{"a.html": `{{define "t"}}[{{.title}}]{{end}}{{template "t" .}}`}, "[Users]"},
		{"a layout", "- put_root_layout: root.html\n" + users + "- render: a.html", map[string]string{
			"root.html": "<title>{{.title}}</title>{{.inner_content}}", "a.html": "<p>{{len .users}}</p>",
		}, "<title>Users</title><p>2</p>"},
		{"the layout set last", "- put_root_layout: one.html\n- put_root_layout: two.html\n- render: a.html", map[string]string{
			"one.html": "1{{.inner_content}}", "two.html": "2{{.inner_content}}", "a.html": "a",
		}, "2a"},
		{"a layout in a branch", "- put_root_layout: one.html\n- put_root_layout: two.html\n  when: params.q == 'hi'\n- render: a.html", map[string]string{
			"one.html": "1{{.inner_content}}", "two.html": "2{{.inner_content}}", "a.html": "a",
		}, "2a"},
		{"a layout that was skipped", "- put_root_layout: one.html\n  when: params.q == 'no'\n- render: a.html", map[string]string{
			"one.html": "1{{.inner_content}}", "a.html": "a",
		}, "a"},
		{"a layout inside of the root layout", "- put_root_layout: root.html\n- put_layout: app.html\n- assign: {a: 1}\n- render: a.html", map[string]string{
			"root.html": "<html>{{.inner_content}}", "app.html": "<main>{{.a}}{{.inner_content}}</main>", "a.html": "<p>",
		}, "<html><main>1<p></main>"},
		{"a page without the layout", "- put_root_layout: root.html\n- put_layout: app.html\n- render: {template: a.html, layout: false}", map[string]string{
			"root.html": "<html>{{.inner_content}}", "app.html": "<main>{{.inner_content}}</main>", "a.html": "<p>",
		}, "<html><p>"},
		{"a page with a layout of its own", "- put_layout: app.html\n- render: {template: a.html, layout: other.html}", map[string]string{
			"app.html": "<main>{{.inner_content}}</main>", "other.html": "<div>{{.inner_content}}</div>", "a.html": "<p>",
		}, "<div><p></div>"},
		{"a root layout taken away", "- put_root_layout: root.html\n- put_root_layout: false\n- render: a.html", map[string]string{
			"root.html": "<html>{{.inner_content}}", "a.html": "<p>",
		}, "<p>"},
		{"layouts of two arms", "- when: params.q == 'hi'\n  do: {put_layout: one.html}\n  else: {put_layout: two.html}\n- render: a.html", map[string]string{
			"one.html": "1{{.inner_content}}", "two.html": "2{{.inner_content}}", "a.html": "a",
		}, "1a"},
		{"a name that need not be there", "- put_layout: app.html\n- render: a.html", map[string]string{"app.html": `{{or (index . "page_title") "App"}}{{.inner_content}}`, "a.html": "a"}, "Appa"},
		{"a name that is there", "- put_layout: app.html\n- assign: {page_title: Home}\n- render: a.html", map[string]string{"app.html": `{{or (index $ "page_title") "App"}}{{.inner_content}}`, "a.html": "a"}, "Homea"},
		{"all names at once", "- assign: {a: 1}\n- render: a.html", map[string]string{"a.html": `{{with .}}{{.a}}{{end}}{{index . "a"}}`}, "11"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: defs(), Files: templates(tt.files), List: tt.list + "\n"}.Compile(t)
			for range 2 {
				got := c.Serve(httptest.NewRequest("GET", "/page?q=hi", nil))
				if got.Status != 200 || got.Body != tt.body || got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
					t.Errorf("%d %q (%v), want %q", got.Status, got.Body, got.Err, tt.body)
				}
			}
			watched := c.Env.Files.All()
			for name := range templates(tt.files) {
				if !slices.Contains(watched, c.Env.Path(filepath.FromSlash(name))) {
					t.Errorf("%s is not watched: %q", name, watched)
				}
			}
		})
	}
}

func TestStatusOfAPage(t *testing.T) {
	c := pipetest.App{Defs: defs(), Files: templates(map[string]string{"a.html": "gone"}), List: "- render: a.html\n  status: 404\n"}.Compile(t)
	if got := c.Serve(httptest.NewRequest("GET", "/", nil)); got.Status != 404 || got.Body != "gone" {
		t.Errorf("%d %q, want 404", got.Status, got.Body)
	}
}

// A page is sent when it is whole: an error in it is ours and leaves nothing sent.
func TestErrorsOfAPageAreOurs(t *testing.T) {
	c := pipetest.App{Defs: defs(), Files: templates(map[string]string{"a.html": `<p>{{index .params.q 5}}</p>`}), List: "- render: a.html\n"}.Compile(t)
	if got := c.Serve(httptest.NewRequest("GET", "/?q=hi", nil)); got.Status != 500 || got.Body != "" || got.Refusal() != nil {
		t.Errorf("%d %q (%v), want an empty 500", got.Status, got.Body, got.Err)
	}
}

func TestProblems(t *testing.T) {
	page := func(text string) map[string]string { return map[string]string{"a.html": text} }
	bind := func(name string) string {
		return " (bind it before `render`, with `as: " + name + "` or `assign`, or give it in `assigns: {" + name + ": …}`)"
	}
	tests := []struct {
		name, list string
		files      map[string]string
		want       []string
	}{
		{"a missing file", "- render: ab.html", page(""), []string{`1:11: there is no template "ab.html" (did you mean "a.html"?)`}},
		{"a missing file like no other", "- render: users/show.html", nil, []string{`1:11: there is no template "users/show.html" (create templates/users/show.html beside the manifest)`}},
		{"outside of the folder", "- render: ../a.html", nil, []string{`1:11: "../a.html" is not inside the folder templates`}},
		{"a computed name", "- render: ${params.a}", nil, []string{"1:11: the name of a template cannot be computed: templates are checked when the manifest is loaded (render one or the other with `when:`)"}},
		{"an unknown name", "- render: a.html", page("<p>\n  {{.nope}}"), []string{`templates/a.html:2:5: there is no name "nope" here` + bind("nope")}},
		{"did you mean", "- assign: {users: 1}\n- render: a.html", page("{{.usres}}"), []string{`templates/a.html:1:3: there is no name "usres" here (did you mean "users"?)`}},
		{"of a member", "- render: a.html", page("ä {{.nope.name.first}}"), []string{`templates/a.html:1:5: there is no name "nope" here` + bind("nope")}},
		{"by $", "- assign: {a: [1]}\n- render: a.html", page("{{range .a}}{{.x}}{{$.nope}}{{end}}"), []string{`templates/a.html:1:21: there is no name "nope" here` + bind("nope")}},
		{"in an argument", "- render: a.html", page(`{{if eq (len .nope) 1}}x{{end}}`), []string{`templates/a.html:1:14: there is no name "nope" here` + bind("nope")}},
		{"in a partial that gets all", "- render: a.html", map[string]string{"a.html": `{{template "b.html" .}}`, "b.html": "{{.nope}}"}, []string{`templates/b.html:1:3: there is no name "nope" here` + bind("nope")}},
		{"in a layout", "- put_root_layout: root.html\n- render: a.html", map[string]string{"a.html": "a", "root.html": "{{.title}}{{.inner_content}}"}, []string{`templates/root.html:1:3: there is no name "title" here (a layout sees the names of the page: bind it there too, or read it with {{index $ "title"}}, which may be nothing)`}},
		{"a page has no inner_content", "- render: a.html", page("{{.inner_content}}"), []string{`templates/a.html:1:3: there is no name "inner_content" here` + bind("inner_content")}},
		{"the name of the layout is not for pages", "- put_root_layout: root.html\n- render: a.html", map[string]string{"a.html": "{{._root_layout}}", "root.html": "{{.inner_content}}"}, []string{`templates/a.html:1:3: there is no name "_root_layout" here` + bind("_root_layout")}},
		{"a missing partial", "- render: a.html", map[string]string{"a.html": "<p>\n{{template \"users/_rows.html\" .}}", "users/_row.html": "x"}, []string{`templates/a.html:2:12: there is no template "users/_rows.html" (did you mean "users/_row.html"?)`}},
		{"not closed", "- render: a.html", page("<p>\n{{if .params}}"), []string{"templates/a.html:2:1: unexpected EOF"}},
		{"an unknown function", "- render: a.html", page("<p>\n\n{{upper .params.a}}"), []string{"templates/a.html:3:3: there is no function \"upper\" in templates (compute it in the manifest, with `assign` or in `assigns`, and read it as a name)"}},
		{"a value where none can be safe", "- render: a.html", page("<p>\n<a href=\"{{.params.a}}"), []string{"templates/a.html:1:1: the template ends inside a tag, an attribute, a script or a style"}},
		{"arms that differ", "- render: a.html", page("<a {{if .params.a}}href='{{end}}x'>"), []string{"templates/a.html:1:9: the arms of this branch end in different places: one inside a tag, attribute, script or style, the other not"}},
		{"twice the same fault", "- when: params.a == '1'\n  do: {render: a.html}\n- render: a.html", page("{{.nope}}"), []string{`templates/a.html:1:3: there is no name "nope" here` + bind("nope")}},
		{"a layout of another route", "- when: params.q == 'x'\n  do:\n    - put_layout: one.html\n    - render: a.html\n- put_layout: two.html\n- render: a.html", map[string]string{
			"one.html": "{{.params.q}}{{.inner_content}}", "two.html": "{{.nope}}{{.inner_content}}", "a.html": "a"}, []string{`templates/two.html:1:3: there is no name "nope" here (a layout sees the names of the page: bind it there too, or read it with {{index $ "nope"}}, which may be nothing)`}},
		{"a member that is not there", "- assign: {post: {title: a}}\n- render: a.html", page("{{.post.titel}}"), []string{`templates/a.html:1:8: there is no member "titel" here (did you mean "title"?)`}},
		{"a member by with and a variable", "- assign: {post: {author: {name: a}}}\n- render: a.html", page("{{with .post}}{{$a := .author}}{{$a.nam}}{{end}}"), []string{`templates/a.html:1:36: there is no member "nam" here (did you mean "name"?)`}},
		{"a member in a partial", "- assign: {post: {title: a}}\n- render: a.html", map[string]string{"a.html": `{{template "b.html" .post}}`, "b.html": "{{.titel}}"}, []string{`templates/b.html:1:3: there is no member "titel" here (did you mean "title"?)`}},
		{"a member of a list", "- assign: {a: '${[1, 2]}'}\n- render: a.html", page("{{.a.name}}"), []string{"templates/a.html:1:5: \"name\" is read of a list (read it of each item, in {{range}}, or of one: {{(index .list 0).name}})"}},
		{"a member of a text", "- assign: {a: x}\n- render: a.html", page("{{.a.name}}"), []string{"templates/a.html:1:5: \"name\" is read of text, which has no members"}},
		{"headers stay behind", "- render: a.html", page("{{.request.headers.cookie}}"), []string{"templates/a.html:1:11: there is no member \"headers\" here (it has host, id, ip, method, path, port, query or scheme)"}},
		{"names that no plug gave", "- render: a.html", page("{{.csrf_token}}"), []string{`templates/a.html:1:3: there is no name "csrf_token" here` + bind("csrf_token")}},
		{"a path without its param", "- render: a.html", page(`{{path "/posts/:id"}}`), []string{"templates/a.html:1:8: the path needs \"id\" (give it behind the pattern: \"id\" and its value)"}},
		{"a computed path", "- render: a.html", page(`{{path .params.q}}`), []string{"templates/a.html:1:3: the pattern of a path must be a constant text (write {{path \"/users/:id\" \"id\" .user.id}})"}},
		{"an attribute that is computed", "- render: a.html", page(`<i {{attr .params.q true}}>`), []string{"templates/a.html:1:6: `attr` takes the name of an attribute, written out, and a condition (write {{attr \"disabled\" .locked}})"}},
		{"a function nearly right", "- render: a.html", page(`{{truncat "a" 1}}`), []string{"templates/a.html:1:3: there is no function \"truncat\" in templates (did you mean \"truncate\"?)"}},
		{"layout true", "- put_layout: true\n- render: a.html", page("a"), []string{"1:15: expected the name of a template"}},
		{"defined twice", "- render: a.html", map[string]string{"a.html": `{{define "x"}}1{{end}}{{template "b.html"}}`, "b.html": `{{define "x"}}2{{end}}`}, []string{`templates/b.html:1:1: "x" is defined here and in a.html`}},
		{"unknown setting", "- render: {template: a.html, layuot: b}", page(""), []string{"1:30: unknown setting \"layuot\" of `render` (did you mean \"layout\"?)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := pipetest.App{Defs: defs(), Files: templates(tt.files), List: tt.list + "\n"}.Problems(t)
			for i := range got {
				got[i] = filepath.ToSlash(got[i])
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("problems\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// The layout is chosen in a pipeline that routes with other names share.
func TestLayoutOfAPipeline(t *testing.T) {
	app := pipetest.App{Defs: defs(), Sections: "pipelines: {browser: [put_root_layout: root.html]}",
		Files: templates(map[string]string{"root.html": "<{{.title}}>{{.inner_content}}", "a.html": "a"}),
		List:  "- pipe_through: browser\n- assign: {title: T}\n- render: a.html\n"}
	if got := app.Compile(t).Serve(httptest.NewRequest("GET", "/", nil)); got.Body != "<T>a" && got.Body != "&lt;T>a" {
		t.Errorf("%d %q (%v)", got.Status, got.Body, got.Err)
	}
}

func BenchmarkPage(b *testing.B) {
	c := pipetest.App{Defs: defs(), Files: templates(map[string]string{"root.html": "<title>{{.title}}</title>{{.inner_content}}", "a.html": "{{range .users}}<li>{{.name}}{{end}}"}),
		List: "- put_root_layout: root.html\n- assign: {title: T, users: [{name: Ann}, {name: Bob}]}\n- render: a.html\n"}.Compile(b)
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		if got := c.Serve(r); got.Status != 200 {
			b.Fatal(got.Err)
		}
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, render.All()) }
