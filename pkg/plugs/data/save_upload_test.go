package data_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"mime/multipart"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/data"
	"github.com/openmanifest/gateway/pkg/plugs/request"
)

const (
	png  = "\x89PNG\r\n\x1a\nrest of it"
	jpeg = "\xff\xd8\xffrest of it"
)

// sent is a file as a client sends it.
type sent struct{ filename, kind, content string }

func (s sent) request(t *testing.T) (body *bytes.Buffer, kind string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	if s.filename != "" {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="avatar"; filename=%q`, s.filename)}, "Content-Type": {s.kind}}
		part, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		part.Write([]byte(s.content))
	} else if err := w.WriteField("avatar", s.content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

// saved runs save_upload with these settings for one file. dir is the manifest's folder.
func saved(t *testing.T, settings string, s sent, prepare func(dir string)) (got pipetest.Result, dir string) {
	t.Helper()
	dir = t.TempDir()
	list := "- parsers\n- save_upload: {from: \"${params.avatar}\", to: " + filepath.Join(dir, "uploads") + ", " + settings + "}\n  as: kept\n- show: ${kept}\n"
	c := pipetest.App{Defs: append(data.All(), request.Parsers()), List: list}.Compile(t)
	t.Setenv("TMPDIR", t.TempDir())
	if prepare != nil {
		prepare(filepath.Join(dir, "uploads"))
	}
	body, kind := s.request(t)
	r := httptest.NewRequest("POST", "/?name=n1", body)
	r.Header.Set("Content-Type", kind)
	return c.Serve(r), dir
}

// tree lists the files below a folder.
func tree(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSaveUploadTypes(t *testing.T) {
	html := "<html><script>alert(1)</script></html>"
	tests := []struct {
		name, types string
		file        sent
		ext, kind   string // of what is kept; "" when it is refused
	}{
		{"png", "[image/png, image/jpeg]", sent{"a.png", "image/png", png}, ".png", "image/png"},
		{"what the client says does not count", "[image/png, image/jpeg]", sent{"a.exe", "text/html", jpeg}, ".jpg", "image/jpeg"},
		{"a wildcard", "image/*", sent{"a", "x/y", png}, ".png", "image/png"},
		{"another type", "[image/png]", sent{"a.png", "image/png", jpeg}, "", ""},
		{"html as png", "[image/png]", sent{"a.png", "image/png", html}, "", ""},
		{"html as csv", "[text/csv]", sent{"a.csv", "text/csv", html}, "", ""},
		{"csv", "[text/plain, text/csv]", sent{"a.csv", "application/octet-stream", "a,b"}, ".csv", "text/csv"},
		{"text", "[text/plain, text/csv]", sent{"notes", "application/octet-stream", "a,b"}, ".txt", "text/plain"},
		{"json", "application/json", sent{"a.json", "application/json", `{"a":1}`}, ".json", "application/json"},
		{"text that nobody says is json", "application/json", sent{"a", "text/plain", `{"a":1}`}, "", ""},
		{"a document in a zip", "[application/vnd.openxmlformats-officedocument.wordprocessingml.document]", sent{"a.docx", "", "PK\x03\x04x"}, ".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"a zip that is no document", "[application/vnd.openxmlformats-officedocument.wordprocessingml.document]", sent{"a.zip", "application/zip", "PK\x03\x04x"}, "", ""},
		{"svg is not among images", "image/*", sent{"a.svg", "image/svg+xml", "<svg></svg>"}, "", ""},
		{"xml is not among texts", "text/*", sent{"a.xml", "text/xml", `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>1</script></html>`}, "", ""},
		{"unless it is written", "text/xml", sent{"a.xml", "text/xml", `<?xml version="1.0"?><a/>`}, ".xml", "text/xml"},
		{"svg where it is written", "image/svg+xml", sent{"a.svg", "image/svg+xml", "<svg></svg>"}, ".svg", "image/svg+xml"},
		{"an empty file", "[image/png]", sent{"a.png", "image/png", ""}, "", ""},
		{"any", "any", sent{"a.bin", "x/y", "\x00\x01\x02"}, "", "application/octet-stream"},
		{"any that is known", "any", sent{"a", "x/y", png}, ".png", "image/png"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, dir := saved(t, "types: "+tt.types, tt.file, nil)
			files := tree(t, dir)
			if tt.kind == "" {
				if got.Status != 422 || !strings.Contains(got.Body, `"errors":{"avatar":["is not of a type that is taken"]}`) || len(files) != 0 {
					t.Errorf("%d %s, files %q, want 422 and none", got.Status, got.Body, files)
				}
				return
			}
			if got.Status != 200 || len(files) != 1 || filepath.Ext(files[0]) != tt.ext || !strings.Contains(got.Body, `"content_type":"`+tt.kind+`"`) {
				t.Fatalf("%d %s, files %q, want one %s of %s", got.Status, got.Body, files, tt.ext, tt.kind)
			}
			name := filepath.Base(files[0])
			if len(strings.TrimSuffix(name, tt.ext)) != 22 || !strings.Contains(got.Body, `"name":"`+name+`"`) || !strings.Contains(got.Body, `/uploads/`+name+`"`) {
				t.Errorf("%s for the file %q", got.Body, name)
			}
			info, err := os.Stat(filepath.Join(dir, files[0]))
			content, _ := os.ReadFile(filepath.Join(dir, files[0]))
			if err != nil || info.Mode().Perm()&^0o640 != 0 || string(content) != tt.file.content {
				t.Errorf("kept as %v with %d bytes (%v), want 0640 and the %d that came", info.Mode(), len(content), err, len(tt.file.content))
			}
		})
	}
}

func TestSaveUploadNames(t *testing.T) {
	tests := []struct {
		name, setting string
		filename      string
		kept          string // "" when it is refused
	}{
		{"given", "me", "x.png", "me.png"},
		{"with its extension", "me.PNG", "x.png", "me.PNG"},
		{"with another extension", "me.html", "x.png", "me.html.png"},
		{"computed", "\"${params.name}\"", "x.png", "n1.png"},
		{"the client's", "\"${params.avatar.filename}\"", "x.png", "x.png"},
		{"the client's with folders", "\"${params.avatar.filename}\"", "../../etc/x.png", "x.png"},
		{"hidden", "\"${params.avatar.filename}\"", ".x.png", ""},
		{"in a folder", "\"a/${params.name}\"", "x.png", ""},
		{"out of the folder", "../me", "x.png", ""},
		{"a stream of Windows", "\"a:b\"", "x.png", ""},
		{"too long", strings.Repeat("a", 255), "x.png", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, dir := saved(t, "types: image/png, name: "+tt.setting, sent{tt.filename, "image/png", png}, nil)
			files := tree(t, dir)
			if tt.kept == "" && (got.Status != 422 || len(files) != 0) || tt.kept != "" && !slices.Equal(files, []string{"uploads/" + tt.kept}) {
				t.Errorf("%d %s, files %q, want %q", got.Status, got.Body, files, tt.kept)
			}
		})
	}
}

func TestSaveUploadRefuses(t *testing.T) {
	tests := []struct {
		name, settings string
		file           sent
		want           string
	}{
		{"no file", "types: any", sent{"", "", ""}, `{"avatar":["can't be blank"]}`},
		{"a text", "types: any", sent{"", "", "/etc/passwd"}, `{"avatar":["is not a file"]}`},
		{"too large", "types: any, max: 10B", sent{"a", "x/y", png}, `{"avatar":["should be at most 10 bytes"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, dir := saved(t, tt.settings, tt.file, nil)
			if files := tree(t, dir); got.Status != 422 || !strings.Contains(got.Body, tt.want) || len(files) != 0 {
				t.Errorf("%d %s, files %q, want 422 with %s", got.Status, got.Body, files, tt.want)
			}
		})
	}
}

// What is there already is replaced only where it is a file, and nothing is left of what
// could not be written.
func TestSaveUploadReplaces(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	tests := []struct {
		name    string
		prepare func(dir string) error
		status  int
	}{
		{"a file", func(dir string) error { return os.WriteFile(filepath.Join(dir, "me.png"), []byte("old"), 0o600) }, 200},
		{"a link", func(dir string) error { return os.Symlink(outside, filepath.Join(dir, "me.png")) }, 500},
		{"a folder", func(dir string) error { return os.Mkdir(filepath.Join(dir, "me.png"), 0o700) }, 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, dir := saved(t, "types: image/png, name: me", sent{"a.png", "image/png", png}, func(dir string) {
				if err := tt.prepare(dir); err != nil {
					t.Fatal(err)
				}
			})
			if got.Status != tt.status {
				t.Errorf("%d %s %v, want %d", got.Status, got.Body, got.Err, tt.status)
			}
			content, _ := os.ReadFile(filepath.Join(dir, "uploads", "me.png"))
			if whole := string(content) == png; whole != (tt.status == 200) {
				t.Errorf("it holds %q", content)
			}
			for _, f := range tree(t, dir) {
				if f != "uploads/me.png" {
					t.Errorf("left behind: %s", f)
				}
			}
			if _, err := os.Lstat(outside); err == nil {
				t.Error("the link was followed")
			}
		})
	}
}

func TestSaveUploadProblems(t *testing.T) {
	tests := []struct{ settings, want string }{
		{"{to: u, types: any}", "1:3: `save_upload` needs \"from\" (The file: `${params.avatar}`.)"},
		{"{from: \"${params.a}\", types: any}", "1:3: `save_upload` needs \"to\" (The folder, relative to the manifest; it is made where it is not there.)"},
		{"{from: \"${params.a}\", to: u}", "1:3: `save_upload` needs \"types\" (Types that are kept: `image/png`, `image/*`; `any` keeps everything.)"},
		{"{from: \"${params.a}\", to: u, types: []}", "1:52: `types` without a type keeps nothing (such as [image/png, image/jpeg])"},
		{"{from: \"${params.a}\", to: u, types: [image/pgn]}", `1:53: "image/pgn" is no type that a file's content tells (did you mean "image/png"?)`},
		{"{from: \"${params.a}\", to: u, types: any, max: 5}", `1:62: expected a size, found "5" (write a unit: 512B, 64KB, 8MB or 1GiB (KB is 1000))`},
	}
	for _, tt := range tests {
		list := "- save_upload: " + tt.settings + "\n- show: 1\n"
		if got := (pipetest.App{Defs: data.All(), List: list}).Problems(t); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%s: problems %q, want %q", tt.settings, got, tt.want)
		}
	}
}

// The result is known by its members at load.
func TestSaveUploadResult(t *testing.T) {
	list := "- save_upload: {from: \"${params.a}\", to: u, types: any}\n  as: f\n- show: ${f.pth}\n"
	got := pipetest.App{Defs: data.All(), Place: pipeline.Route, List: list}.Problems(t)
	if len(got) != 1 || !strings.HasPrefix(got[0], "3:13: ") || !strings.Contains(got[0], `did you mean "path"?`) {
		t.Errorf("problems %q, want that pth is misspelt", got)
	}
}
