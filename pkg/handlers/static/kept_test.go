package static

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestPrecompressed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"app.js": "plain", "app.js.br": "BR", "app.js.gz": "GZ!", "only.css": "plain", "only.css.gz": "GZ", "none.txt": "plain", "gone.txt.br": "x"})
	tests := []struct {
		name, accept, fields string
		off                  bool
		body, encoding, vary string
		status               int
	}{
		{"app.js", "gzip, br", "", false, "BR", "br", "Accept-Encoding", 200},
		{"app.js", "br;q=0.1, gzip;q=0.9", "", false, "BR", "br", "Accept-Encoding", 200},
		{"app.js", "gzip", "", false, "GZ!", "gzip", "Accept-Encoding", 200},
		{"app.js", "br;q=0, gzip", "", false, "GZ!", "gzip", "Accept-Encoding", 200},
		{"app.js", "*", "", false, "BR", "br", "Accept-Encoding", 200},
		{"app.js", "", "", false, "plain", "", "Accept-Encoding", 200},
		{"app.js", "zstd", "", false, "plain", "", "Accept-Encoding", 200},
		{"only.css", "br, gzip", "", false, "GZ", "gzip", "Accept-Encoding", 200},
		{"none.txt", "br, gzip", "", false, "plain", "", "Accept-Encoding", 200},
		{"app.js", "br, gzip", "", true, "plain", "", "", 200},
		{"app.js", "br", "bytes=1-2", false, "la", "", "Accept-Encoding", 206},
		{"gone.txt", "br", "", false, "x", "br", "Accept-Encoding", 200},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.accept+tt.fields, func(t *testing.T) {
			f := opened(t, Options{Dir: dir, Precompressed: !tt.off})
			r := httptest.NewRequest("GET", "/"+tt.name, nil)
			if tt.accept != "" {
				r.Header.Set("Accept-Encoding", tt.accept)
			}
			if tt.fields != "" {
				r.Header.Set("Range", tt.fields)
			}
			w := httptest.NewRecorder()
			if served, err := f.Serve(w, r, tt.name); !served || err != nil {
				t.Fatal(served, err)
			}
			h := w.Header()
			if w.Code != tt.status || w.Body.String() != tt.body || h.Get("Content-Encoding") != tt.encoding || h.Get("Vary") != tt.vary {
				t.Errorf("%d %q %v, want %d %q %q", w.Code, w.Body, h, tt.status, tt.body, tt.encoding)
			}
			if want := strconv.Itoa(len(tt.body)); h.Get("Content-Length") != want || !strings.HasPrefix(h.Get("Content-Type"), contentType(tt.name)) {
				t.Errorf("fields %v, want the length %s and the type of %s", h, want, tt.name)
			}
		})
	}
}

func TestContentTypes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.foo": "x", "b.FOO": "x", "apple-app-site-association": "x", "c.txt": "x"})
	f := opened(t, Options{Dir: dir, Types: map[string]string{".foo": "text/foo", "apple-app-site-association": "application/json", ".txt": "text/x"}})
	for name, want := range map[string]string{"a.foo": "text/foo", "b.FOO": "text/foo", "apple-app-site-association": "application/json", "c.txt": "text/x"} {
		w := httptest.NewRecorder()
		if served, err := f.Serve(w, httptest.NewRequest("GET", "/", nil), name); !served || err != nil || w.Header().Get("Content-Type") != want {
			t.Errorf("%s: %q, want %q", name, w.Header().Get("Content-Type"), want)
		}
	}
}

// later has every file that is kept looked at again, as it is after a while.
func later(f *Files, names ...string) {
	for _, name := range names {
		if e, ok := f.kept.Get(name); ok {
			e.checked.Store(0)
		}
	}
}

func TestAChangeIsSeen(t *testing.T) {
	dir := t.TempDir()
	f := opened(t, Options{Dir: dir})
	path := filepath.Join(dir, "a")
	touch := func(text string, at time.Time) {
		t.Helper()
		write(t, dir, map[string]string{"a": text})
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		name string
		do   func()
		want string
	}{
		{"missing", func() {}, "absent"},
		{"it appears", func() { touch("one", changed) }, "one"},
		{"nothing changed", func() {}, "one"},
		{"another time", func() { touch("two", changed.Add(time.Nanosecond)) }, "two"},
		{"another size", func() { touch("three", changed.Add(time.Nanosecond)) }, "three"},
		{"it is gone", func() { os.Remove(path) }, "absent"},
		{"it is a folder", func() { _ = os.Mkdir(path, 0o700) }, "absent"},
		{"it is a file again", func() { os.Remove(path); touch("four", changed) }, "four"},
		{"it grows beyond what is kept", func() { touch(strings.Repeat("x", small+1), changed) }, strings.Repeat("x", small+1)},
		{"and shrinks", func() { touch("five", changed) }, "five"},
	}
	for _, s := range steps {
		s.do()
		later(f, "a")
		if got := get(t, f, "a"); got != s.want {
			t.Fatalf("%s: %.20q, want %.20q", s.name, got, s.want)
		}
	}
}

// A file that was changed just now may be changed again within the same tick of the
// clock: it is not kept.
func TestAFileJustWrittenIsNotKept(t *testing.T) {
	dir := t.TempDir()
	f := opened(t, Options{Dir: dir})
	for _, text := range []string{"one", "two", "six"} {
		if err := os.WriteFile(filepath.Join(dir, "a"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := get(t, f, "a"); got != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	dir := t.TempDir()
	f := opened(t, Options{Dir: dir})
	for i := range 3000 {
		w := httptest.NewRecorder()
		if served, err := f.Serve(w, httptest.NewRequest("GET", "/", nil), strings.Repeat("n", 200)+strconv.Itoa(i)); served || err != nil {
			t.Fatal(served, err)
		}
	}
	if size := f.kept.Size(); size > maxKept || size == 0 {
		t.Errorf("%d bytes kept", size)
	}
	if served, err := f.Serve(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), strings.Repeat("n", maxName+1)); served || err != nil {
		t.Error(served, err)
	}
	if _, ok := f.kept.Get(strings.Repeat("n", maxName+1)); ok {
		t.Error("a very long name is kept")
	}
}

func TestIndexRedirect(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"docs/index.html": "docs", "a b?/index.html": "x"})
	f := opened(t, Options{Dir: dir, Index: "index.html"})
	for target, want := range map[string]string{"/docs": "./docs/", "/docs?a=b": "./docs/?a=b", "/a%20b%3F": "./a%20b%3F/"} {
		r := httptest.NewRequest("GET", target, nil)
		w := httptest.NewRecorder()
		served, err := f.Serve(w, r, r.URL.Path)
		if !served || err != nil || w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != want {
			t.Errorf("%s: %v %v %d %q, want %q", target, served, err, w.Code, w.Header().Get("Location"), want)
		}
	}
}

// The naive reference reads the grammar of RFC 9110 section 14.1.2 byte by byte.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"0-1", "-5", "5-", "9-3", "0-99999999999999999999", "+1-2", "1--2", " 1-2", "1-2,3-4", "", "-"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, spec string, size int64) {
		if size < 0 {
			return
		}
		got, ok := parseRange(spec, size)
		want, wantOK := naiveRange(spec, size)
		if ok != wantOK || got != want {
			t.Fatalf("parseRange(%q, %d) = %v, %v, want %v, %v", spec, size, got, ok, want, wantOK)
		}
		if ok && (got.start < 0 || got.length < 1 || got.start+got.length > size) {
			t.Fatalf("parseRange(%q, %d) = %v lies outside", spec, size, got)
		}
	})
}

func naiveRange(spec string, size int64) (byteRange, bool) {
	number := func(s string) (int64, bool) {
		n := int64(0)
		for _, c := range []byte(s) {
			if c < '0' || c > '9' || n > (1<<63-1-int64(c-'0'))/10 {
				return 0, false
			}
			n = n*10 + int64(c-'0')
		}
		return n, s != ""
	}
	dash := strings.IndexByte(spec, '-')
	if dash < 0 {
		return byteRange{}, false
	}
	first, last := spec[:dash], spec[dash+1:]
	a, aOK := number(first)
	b, bOK := number(last)
	switch {
	case first == "" && bOK && b > 0 && size > 0:
		start := size - b
		if start < 0 {
			start = 0
		}
		return byteRange{start, size - start}, true
	case first != "" && aOK && last == "" && a < size:
		return byteRange{a, size - a}, true
	case first != "" && aOK && bOK && a <= b && a < size:
		if b > size-1 {
			b = size - 1
		}
		return byteRange{a, b - a + 1}, true
	}
	return byteRange{}, false
}
