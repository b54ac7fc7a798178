package static

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// site is a folder with the files of these tests, all of the same age.
func site(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "public")
	write(t, dir, map[string]string{
		"a.txt": "0123456789", "app.js": "js", "index.html": "home", "docs/index.html": "docs", "docs/b.txt": "b",
		".env": "secret", ".git/config": "secret", ".well-known/x": "known", "docs/.hidden": "secret",
		"robots.txt": "r", "a b.txt": "blank", "é.txt": "acute", "x:y.txt": "colon", "empty.css": "", "noext": "?", "UP.HTML": "up",
	})
	outside := filepath.Join(filepath.Dir(dir), "outside.txt")
	write(t, filepath.Dir(dir), map[string]string{"outside.txt": "secret"})
	for name, to := range map[string]string{"inside": "a.txt", "out": "../outside.txt", "abs": outside, "up": "..", "dangling": "nowhere", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
}

var changed = time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)

func opened(t *testing.T, o Options) *Files {
	t.Helper()
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func TestWhatIsThere(t *testing.T) {
	dir := site(t)
	const absent = -1
	tests := []struct {
		name string
		o    Options
		rel  string
		want int
		body string
	}{
		{"a file", Options{}, "/a.txt", 200, "0123456789"},
		{"no slash before it", Options{}, "a.txt", 200, "0123456789"},
		{"in a folder", Options{}, "/docs/b.txt", 200, "b"},
		{"a blank", Options{}, "/a b.txt", 200, "blank"},
		{"beyond ASCII", Options{}, "/é.txt", 200, "acute"},
		{"empty", Options{}, "/empty.css", 200, ""},
		{"a link that stays inside", Options{}, "/inside", 200, "0123456789"},
		{"missing", Options{}, "/nope.txt", absent, ""},
		{"a file taken for a folder", Options{}, "/a.txt/b", absent, ""},
		{"a very long name", Options{}, "/" + strings.Repeat("x", 5000), absent, ""},
		{"a link out", Options{}, "/out", absent, ""},
		{"an absolute link out", Options{}, "/abs", absent, ""},
		{"through a link out", Options{}, "/up/outside.txt", absent, ""},
		{"a link to nowhere", Options{}, "/dangling", absent, ""},
		{"a link to itself", Options{}, "/loop", absent, ""},
		{"a pipe", Options{}, "/pipe", absent, ""},
		{"a folder", Options{}, "/docs", absent, ""},
		{"a folder with a slash", Options{}, "/docs/", absent, ""},
		{"the root", Options{}, "/", absent, ""},
		{"nothing", Options{}, "", absent, ""},
		{"a file with a slash", Options{}, "/a.txt/", absent, ""},
		{"the root's index", Options{Index: "index.html"}, "/", 200, "home"},
		{"a folder's index", Options{Index: "index.html"}, "/docs/", 200, "docs"},
		{"a folder without a slash", Options{Index: "index.html"}, "/docs", 301, ""},
		{"a folder without an index", Options{Index: "none.html"}, "/docs", absent, ""},
		{"a dotfile", Options{}, "/.env", absent, ""},
		{"in a dot folder", Options{}, "/.git/config", absent, ""},
		{"a dotfile below", Options{}, "/docs/.hidden", absent, ""},
		{"a dot folder that is not listed", Options{}, "/.well-known/x", absent, ""},
		{"a dot folder that is listed", Options{Only: []string{".well-known"}}, "/.well-known/x", 200, "known"},
		{"listed by a beginning only", Options{OnlyMatching: []string{".well"}}, "/.well-known/x", absent, ""},
		{"a dotfile in a listed folder", Options{Only: []string{"docs"}}, "/docs/.hidden", absent, ""},
		{"only: listed", Options{Only: []string{"a.txt", "docs"}}, "/docs/b.txt", 200, "b"},
		{"only: not listed", Options{Only: []string{"a.txt", "docs"}}, "/robots.txt", absent, ""},
		{"only: no beginnings", Options{Only: []string{"a"}}, "/a.txt", absent, ""},
		{"only_matching", Options{OnlyMatching: []string{"rob"}}, "/robots.txt", 200, "r"},
		{"only_matching: of the first segment", Options{OnlyMatching: []string{"b"}}, "/docs/b.txt", absent, ""},
		{"either list", Options{Only: []string{"a.txt"}, OnlyMatching: []string{"rob"}}, "/robots.txt", 200, "r"},
		{"dot dot", Options{}, "/../outside.txt", 400, ""},
		{"dot dot inside", Options{}, "/docs/../a.txt", 400, ""},
		{"dot dot at the end", Options{}, "/docs/..", 400, ""},
		{"dot", Options{}, "/./a.txt", 400, ""},
		{"a backslash", Options{}, `/docs\b.txt`, 400, ""},
		{"NUL", Options{}, "/a.txt\x00.png", 400, ""},
		{"an empty segment", Options{}, "/docs//b.txt", absent, ""},
		{"two slashes before it", Options{}, "//a.txt", absent, ""},
		{"a colon", Options{}, "/x:y.txt", absent, ""},
		{"what is not listed is not looked at", Options{Only: []string{"docs"}}, `/a\b`, absent, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Dir = dir
			f := opened(t, tt.o)
			w := httptest.NewRecorder()
			served, err := f.Serve(w, httptest.NewRequest("GET", "/x", nil), tt.rel)
			var refusal *Refusal
			got := w.Code
			switch {
			case errors.As(err, &refusal) && !served:
				got = refusal.Status
			case err != nil:
				t.Fatalf("Serve(%q) = %v, %v", tt.rel, served, err)
			case !served:
				got = absent
			}
			if got != tt.want || w.Body.String() != tt.body {
				t.Errorf("Serve(%q) = %d %q, want %d %q", tt.rel, got, w.Body, tt.want, tt.body)
			}
			if !served && len(w.Header()) > 0 {
				t.Errorf("Serve(%q) leaves %v behind", tt.rel, w.Header())
			}
		})
	}
}

func TestMethods(t *testing.T) {
	f := opened(t, Options{Dir: site(t)})
	for method, want := range map[string]bool{"GET": true, "HEAD": true, "POST": false, "OPTIONS": false, "DELETE": false} {
		w := httptest.NewRecorder()
		served, err := f.Serve(w, httptest.NewRequest(method, "/a.txt", nil), "/a.txt")
		if served != want || err != nil {
			t.Errorf("%s: %v, %v, want %v", method, served, err, want)
		}
		if method == "HEAD" && (w.Body.Len() > 0 || w.Header().Get("Content-Length") != "10") {
			t.Errorf("HEAD sends %d bytes and says %v", w.Body.Len(), w.Header())
		}
	}
}

// A slash that was escaped is part of a name, and no file has such a name.
func TestEscapedSlash(t *testing.T) {
	f := opened(t, Options{Dir: site(t)})
	tests := map[string]int{
		"/docs/b.txt": 200, "/docs/%62.txt": 200, "/docs%2Fb.txt": 404, "/docs%2fb.txt": 404,
		"/..%2foutside.txt": 400, "/docs%2f..%2f..%2foutside.txt": 400, "/%2e%2e/outside.txt": 400, "/%2e%2e%2foutside.txt": 400,
		"/..%5coutside.txt": 400, "/a.txt%00": 400,
		"/%c0%ae%c0%ae/outside.txt": 404, "/%ef%bc%8e%ef%bc%8e/outside.txt": 404, "/%25%32%65%252e/outside.txt": 404,
		"/a.txt%0d%0aX: y": 404,
	}
	for target, want := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		w := httptest.NewRecorder()
		served, err := f.Serve(w, r, r.URL.Path)
		var refusal *Refusal
		got := w.Code
		switch {
		case errors.As(err, &refusal):
			got = refusal.Status
		case err != nil:
			t.Fatal(err)
		case !served:
			got = 404
		}
		if got != want {
			t.Errorf("%s: %d, want %d", target, got, want)
		}
	}
}

func TestNew(t *testing.T) {
	dir := site(t)
	tests := []struct {
		o       Options
		missing bool
		want    string
	}{
		{Options{Dir: dir}, false, ""},
		{Options{}, false, "no folder is named"},
		{Options{Dir: filepath.Join(dir, "a.txt")}, false, "not a directory"},
		{Options{Dir: dir, Index: "../x"}, false, "not a file name"},
		{Options{Dir: filepath.Join(dir, "later")}, true, "no such folder"},
	}
	for _, tt := range tests {
		f, err := New(tt.o)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("New(%+v) = %v, want %q", tt.o, err, tt.want)
		}
		if errors.Is(err, ErrMissing) != tt.missing || (f != nil) != (err == nil || tt.missing) {
			t.Errorf("New(%+v) = %v, %v", tt.o, f, err)
		}
		if f != nil {
			f.Close()
		}
	}
}

// get serves a file with the folder looked for again, as it is after a while.
func get(t *testing.T, f *Files, name string) string {
	t.Helper()
	f.folder.checked.Store(0)
	w := httptest.NewRecorder()
	served, err := f.Serve(w, httptest.NewRequest(http.MethodGet, "/x", nil), name)
	if err != nil {
		t.Fatal(err)
	}
	if !served {
		return "absent"
	}
	return w.Body.String()
}

func TestFolderComesGoesAndIsReplaced(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "current")
	f, err := New(Options{Dir: dir})
	if !errors.Is(err, ErrMissing) {
		t.Fatal(err)
	}
	defer f.Close()
	link := func(to string) {
		t.Helper()
		if err := errors.Join(os.Symlink(to, filepath.Join(base, "next")), os.Rename(filepath.Join(base, "next"), dir)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, base, map[string]string{"one/a": "1", "two/a": "2"})
	steps := []struct {
		do   func()
		want string
	}{
		{func() {}, "absent"},
		{func() { link("one") }, "1"},
		{func() { link("two") }, "2"},
		{func() { os.Remove(dir) }, "absent"},
		{func() { link("one") }, "1"},
		{func() { f.Close() }, "absent"},
	}
	for i, step := range steps {
		step.do()
		if got := get(t, f, "a"); got != step.want {
			t.Fatalf("step %d: %q, want %q", i, got, step.want)
		}
	}
}
