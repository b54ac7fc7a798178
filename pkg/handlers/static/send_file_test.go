package static_test

import (
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/handlers/static"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
)

func TestSendFile(t *testing.T) {
	all := map[string]string{"reports/7/a.txt": "report", "reports/b.html": "page", "reports/.secret": "no", "reports/übung.txt": "ü", "secret.txt": "no"}
	const plain = "{root: reports, path: '${params.a}'}"
	tests := []struct {
		name, plug, a string
		status        int
		body          string
		header, value string
	}{
		{"a file", plain, "7/a.txt", 200, "report", "Content-Type", "text/plain; charset=utf-8"},
		{"Plug's own cache-control", plain, "7/a.txt", 200, "report", "Cache-Control", "max-age=0, private, must-revalidate"},
		{"beyond ASCII", plain, "übung.txt", 200, "ü", "", ""},
		{"part of the path", "{root: reports, path: '7/${params.a}.txt'}", "a", 200, "report", "", ""},
		{"missing", plain, "none.txt", 404, "", "", ""},
		{"a folder", plain, "7", 404, "", "", ""},
		{"nothing", plain, "", 404, "", "", ""},
		{"dot dot", plain, "../secret.txt", 400, "", "", ""},
		{"dot dot inside", plain, "7/../../secret.txt", 400, "", "", ""},
		{"dot dot in a part", "{root: reports, path: '7/${params.a}.txt'}", "../../secret", 400, "", "", ""},
		{"a backslash", plain, `..\secret.txt`, 400, "", "", ""},
		{"NUL", plain, "b.html\x00.txt", 400, "", "", ""},
		{"absolute is below the folder", plain, "/7/a.txt", 200, "report", "", ""},
		{"absolute elsewhere", plain, "/etc/passwd", 404, "", "", ""},
		{"a dotfile", plain, ".secret", 404, "", "", ""},
		{"a param that is missing", "{root: reports, path: '${params.none}'}", "", 400, "", "", ""},
		{"a type", "{root: reports, path: b.html, content_type: text/plain}", "", 200, "page", "Content-Type", "text/plain"},
		{"a type with a line break", "{root: reports, path: b.html, content_type: '${params.a}'}", "a/b\r\nx: y", 400, "", "", ""},
		{"a download", "{root: reports, path: b.html, download: page.html}", "", 200, "page", "Content-Disposition", `attachment; filename="page.html"`},
		{"a download under its own name", "{root: reports, path: 7/a.txt, download: true}", "", 200, "report", "Content-Disposition", `attachment; filename="a.txt"`},
		{"a name with a line break", "{root: reports, path: b.html, download: '${params.a}'}", "a\r\nx: y", 200, "page", "Content-Disposition", `attachment; filename="ax: y"; filename*=UTF-8''ax%3A%20y`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: static.All(), Files: all, List: "- send_file: " + tt.plug + "\n"}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", "/?a="+url.QueryEscape(tt.a), nil))
			if got.Status != tt.status || tt.status == 200 && got.Body != tt.body || tt.header != "" && got.Header.Get(tt.header) != tt.value {
				t.Errorf("%d %q %v (%v), want %d %q %q", got.Status, got.Body, got.Header, got.Err, tt.status, tt.body, tt.value)
			}
		})
	}
}

func TestSendFileInParts(t *testing.T) {
	all := map[string]string{"reports/a.txt": "0123456789"}
	tests := []struct {
		name, plug, method, wanted string
		status                     int
		body, ranges               string
	}{
		{"a range", "{root: reports, path: a.txt}", "GET", "bytes=2-3", 206, "23", "bytes"},
		{"a bad range", "{root: reports, path: a.txt}", "GET", "bytes=12-13", 200, "0123456789", "bytes"},
		{"ranges are off", "{root: reports, path: a.txt, range: false}", "GET", "bytes=2-3", 200, "0123456789", ""},
		{"HEAD", "{root: reports, path: a.txt}", "HEAD", "", 200, "", "bytes"},
		{"POST", "{root: reports, path: a.txt}", "POST", "bytes=2-3", 200, "0123456789", "bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: static.All(), Files: all, Unsafe: true, List: "- send_file: " + tt.plug + "\n"}.Compile(t)
			r := httptest.NewRequest(tt.method, "/", nil)
			r.Header.Set("Range", tt.wanted)
			got := c.Serve(r)
			if got.Status != tt.status || got.Body != tt.body || got.Header.Get("Accept-Ranges") != tt.ranges {
				t.Errorf("%d %q %v, want %d %q", got.Status, got.Body, got.Header, tt.status, tt.body)
			}
		})
	}
}

// A page of an error has the status of the failure, and never that nothing changed.
func TestSendFileInElse(t *testing.T) {
	list := "- send_file: {root: pages, path: none}\n  else:\n    - send_file: {root: pages, path: 404.html}\n"
	c := pipetest.App{Defs: static.All(), Files: map[string]string{"pages/404.html": "gone"}, List: list}.Compile(t)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("If-None-Match", "*")
	r.Header.Set("Range", "bytes=0-0")
	if got := c.Serve(r); got.Status != 404 || got.Body != "gone" {
		t.Errorf("%d %q (%v), want 404 gone", got.Status, got.Body, got.Err)
	}
}

func TestAttachment(t *testing.T) {
	for name, want := range map[string]string{
		"a.txt":             `attachment; filename="a.txt"`,
		"a b.txt":           `attachment; filename="a b.txt"`,
		`a"b.txt`:           `attachment; filename="ab.txt"; filename*=UTF-8''a%22b.txt`,
		"übung.txt":         `attachment; filename="_bung.txt"; filename*=UTF-8''%C3%BCbung.txt`,
		"100%.txt":          `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`,
		"../../etc/passwd":  `attachment; filename="passwd"`,
		`..\..\win.ini`:     `attachment; filename="win.ini"`,
		"\xff.txt":          `attachment; filename="_.txt"; filename*=UTF-8''%EF%BF%BD.txt`,
		"a;b=c'd.txt":       `attachment; filename="a;b=c'd.txt"`,
		"a\x00\r\nb\x7f.go": `attachment; filename="ab.go"; filename*=UTF-8''ab.go`,
	} {
		if got := static.Attachment(name); got != want {
			t.Errorf("Attachment(%q) = %s, want %s", name, got, want)
		}
	}
}

func TestSendFileProblems(t *testing.T) {
	tests := []struct{ plug, want string }{
		{"{path: a}", "1:3: `send_file` needs \"root\" (The folder, relative to the manifest.)"},
		{"{root: public}", "1:3: `send_file` needs \"path\" (The file below the folder, such as ${params.name}.)"},
		{"{root: a-file, path: a}", `1:21: "a-file" is not a folder`},
		{"{root: ., path: a}", "1:21: this folder holds the manifest itself, and with it data and secrets (put the files into a folder of their own, such as public)"},
		{"{root: none, path: a}", `warning: 1:21: there is no folder "none" (files are served as soon as it is there)`},
		{"{root: public, path: [a]}", "1:35: expected a text, found a map or list"},
		{"{root: public, path: a, range: maybe}", `1:45: expected true or false, found "maybe"`},
	}
	for _, tt := range tests {
		t.Run(tt.plug, func(t *testing.T) {
			got := pipetest.App{Defs: static.All(), Files: files(), List: "- send_file: " + tt.plug + "\n"}.Problems(t)
			if !slices.Equal(got, []string{tt.want}) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}
