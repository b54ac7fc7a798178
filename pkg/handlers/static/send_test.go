package static

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestFields(t *testing.T) {
	f := opened(t, Options{Dir: site(t)})
	tests := []struct{ name, query, kind, length, cache, tag, modified string }{
		{"a.txt", "", "text/plain; charset=utf-8", "10", "public", `"a-`, "Wed, 04 Mar 2026 05:06:07 GMT"},
		{"app.js", "", "text/javascript; charset=utf-8", "2", "public", `"2-`, "Wed, 04 Mar 2026 05:06:07 GMT"},
		{"UP.HTML", "", "text/html; charset=utf-8", "2", "public", `"2-`, "Wed, 04 Mar 2026 05:06:07 GMT"},
		{"noext", "", "application/octet-stream", "1", "public", `"1-`, "Wed, 04 Mar 2026 05:06:07 GMT"},
		{"app.js", "?vsn=d", "text/javascript; charset=utf-8", "2", "public, max-age=31536000, immutable", "", ""},
		{"app.js", "?a=b&vsn=d", "text/javascript; charset=utf-8", "2", "public", `"2-`, "Wed, 04 Mar 2026 05:06:07 GMT"},
	}
	for _, tt := range tests {
		t.Run(tt.name+tt.query, func(t *testing.T) {
			w := httptest.NewRecorder()
			if served, err := f.Serve(w, httptest.NewRequest("GET", "/"+tt.name+tt.query, nil), tt.name); !served || err != nil {
				t.Fatal(served, err)
			}
			h := w.Header()
			for field, want := range map[string]string{"Content-Type": tt.kind, "Content-Length": tt.length, "Cache-Control": tt.cache,
				"Last-Modified": tt.modified, "X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes"} {
				if got := h.Get(field); got != want {
					t.Errorf("%s = %q, want %q", field, got, want)
				}
			}
			if tag := h.Get("Etag"); tt.tag == "" && tag != "" || !strings.HasPrefix(tag, tt.tag) {
				t.Errorf("Etag = %q, want %q...", tag, tt.tag)
			}
		})
	}
}

func TestTagChangesWithSizeAndTime(t *testing.T) {
	dir := t.TempDir()
	f := opened(t, Options{Dir: dir})
	tag := func(name string) string {
		w := httptest.NewRecorder()
		if served, err := f.Serve(w, httptest.NewRequest("GET", "/", nil), name); !served || err != nil {
			t.Fatal(served, err)
		}
		return w.Header().Get("Etag")
	}
	write(t, dir, map[string]string{"a": "x", "same": "y", "longer": "xx"})
	if tag("a") != tag("same") || tag("a") == tag("longer") {
		t.Errorf("tags %s %s %s", tag("a"), tag("same"), tag("longer"))
	}
}

func TestConditionsAndRanges(t *testing.T) {
	f := opened(t, Options{Dir: site(t)})
	w := httptest.NewRecorder()
	if served, err := f.Serve(w, httptest.NewRequest("GET", "/", nil), "a.txt"); !served || err != nil {
		t.Fatal(served, err)
	}
	tag := w.Header().Get("Etag")
	const then, before, after = "Wed, 04 Mar 2026 05:06:07 GMT", "Wed, 04 Mar 2026 05:06:06 GMT", "Wed, 04 Mar 2026 05:06:08 GMT"
	const all = "0123456789"
	tests := []struct {
		name, fields string
		status       int
		body, part   string
	}{
		{"none match", "If-None-Match: " + tag, 304, "", ""},
		{"none match, weakly", "If-None-Match: W/" + tag, 304, "", ""},
		{"none match, in a list", `If-None-Match: "x", ` + tag, 304, "", ""},
		{"none match star", "If-None-Match: *", 304, "", ""},
		{"none match another", `If-None-Match: "x"`, 200, all, ""},
		{"none match wins over a date", `If-None-Match: "x"|If-Modified-Since: ` + then, 200, all, ""},
		{"not modified", "If-Modified-Since: " + then, 304, "", ""},
		{"not modified, later", "If-Modified-Since: " + after, 304, "", ""},
		{"modified", "If-Modified-Since: " + before, 200, all, ""},
		{"not a date", "If-Modified-Since: yesterday", 200, all, ""},
		{"match", "If-Match: " + tag, 200, all, ""},
		{"match another", `If-Match: "x"`, 412, "", ""},
		{"match is strong", "If-Match: W/" + tag, 412, "", ""},
		{"unmodified", "If-Unmodified-Since: " + then, 200, all, ""},
		{"modified after all", "If-Unmodified-Since: " + before, 412, "", ""},
		{"a range", "Range: bytes=2-4", 206, "234", "bytes 2-4/10"},
		{"one byte", "Range: bytes=0-0", 206, "0", "bytes 0-0/10"},
		{"an open range", "Range: bytes=7-", 206, "789", "bytes 7-9/10"},
		{"the last ones", "Range: bytes=-3", 206, "789", "bytes 7-9/10"},
		{"more than there are", "Range: bytes=-30", 206, all, "bytes 0-9/10"},
		{"beyond the end", "Range: bytes=8-99", 206, "89", "bytes 8-9/10"},
		{"unit in capitals", "Range: BYTES=8-9", 206, "89", "bytes 8-9/10"},
		{"starts beyond the end", "Range: bytes=10-", 200, all, ""},
		{"backwards", "Range: bytes=4-2", 200, all, ""},
		{"no last bytes", "Range: bytes=-0", 200, all, ""},
		{"several", "Range: bytes=0-1,3-4", 200, all, ""},
		{"two fields", "Range: bytes=0-1|Range: bytes=3-4", 200, all, ""},
		{"another unit", "Range: lines=1-2", 200, all, ""},
		{"signed", "Range: bytes=+1-2", 200, all, ""},
		{"no numbers", "Range: bytes=a-b", 200, all, ""},
		{"nothing", "Range: bytes=-", 200, all, ""},
		{"too great a number", "Range: bytes=0-99999999999999999999", 200, all, ""},
		{"if it is this", "Range: bytes=8-|If-Range: " + tag, 206, "89", "bytes 8-9/10"},
		{"if it is another", `Range: bytes=8-|If-Range: "x"`, 200, all, ""},
		{"if it is that old", "Range: bytes=8-|If-Range: " + then, 206, "89", "bytes 8-9/10"},
		{"if it is not", "Range: bytes=8-|If-Range: " + after, 200, all, ""},
		{"not modified, though a range", "Range: bytes=8-|If-None-Match: " + tag, 304, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/a.txt", nil)
			for line := range strings.SplitSeq(tt.fields, "|") {
				name, value, _ := strings.Cut(line, ": ")
				r.Header.Add(name, value)
			}
			w := httptest.NewRecorder()
			if served, err := f.Serve(w, r, "a.txt"); !served || err != nil {
				t.Fatal(served, err)
			}
			if w.Code != tt.status || w.Body.String() != tt.body || w.Header().Get("Content-Range") != tt.part {
				t.Errorf("%s: %d %q %q, want %d %q %q", tt.fields, w.Code, w.Body, w.Header().Get("Content-Range"), tt.status, tt.body, tt.part)
			}
			if w.Header().Get("Etag") != tag || w.Header().Get("Cache-Control") != "public" {
				t.Errorf("%s: fields %v", tt.fields, w.Header())
			}
		})
	}
}

// A versioned URL is not revalidated, but may be read in parts.
func TestVersioned(t *testing.T) {
	f := opened(t, Options{Dir: site(t)})
	r := httptest.NewRequest("GET", "/a.txt?vsn=d", nil)
	r.Header.Set("If-None-Match", "*")
	r.Header.Set("Range", "bytes=2-3")
	w := httptest.NewRecorder()
	if served, err := f.Serve(w, r, "a.txt"); !served || err != nil || w.Code != 206 || w.Body.String() != "23" {
		t.Errorf("%v %v: %d %q", served, err, w.Code, w.Body)
	}
	if got := w.Header().Get("Cache-Control"); got != DefaultVersionedCacheControl {
		t.Errorf("Cache-Control %q", got)
	}
}

// readsFrom counts what is given to ReadFrom, by which net/http has the kernel send.
type readsFrom struct {
	*httptest.ResponseRecorder
	bytes     int64
	deadlines int
}

func (w *readsFrom) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseRecorder.Body, src)
	w.bytes += n
	return n, err
}

func (w *readsFrom) SetWriteDeadline(time.Time) error { w.deadlines++; return nil }

func TestSizes(t *testing.T) {
	dir := t.TempDir()
	f := opened(t, Options{Dir: dir})
	tests := []struct {
		size, kernel int64
		deadlines    int
	}{
		{atOnce, 0, 0}, {atOnce + 1, 0, 1}, {small, 0, 1},
		{small + 1, small + 1, 1}, {piece, piece, 1}, {3*piece + 1, 3*piece + 1, 4},
	}
	for _, tt := range tests {
		text := strings.Repeat("abcdefg", int(tt.size)/7+1)[:tt.size]
		name := strconv.FormatInt(tt.size, 10)
		write(t, dir, map[string]string{name: text})
		w := &readsFrom{ResponseRecorder: httptest.NewRecorder()}
		served, err := f.Serve(w, httptest.NewRequest("GET", "/f", nil), name)
		if !served || err != nil || w.Body.String() != text {
			t.Errorf("%d bytes: %v, %v, %d sent", tt.size, served, err, w.Body.Len())
		}
		if w.bytes != tt.kernel || w.deadlines != tt.deadlines {
			t.Errorf("%d bytes: %d by ReadFrom under %d deadlines, want %d, %d", tt.size, w.bytes, w.deadlines, tt.kernel, tt.deadlines)
		}
	}
}

func TestOverTheWire(t *testing.T) {
	dir := t.TempDir()
	big := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	write(t, dir, map[string]string{"big.bin": string(big)})
	f := opened(t, Options{Dir: dir})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served, err := f.Serve(w, r, r.URL.Path); !served || err != nil {
			t.Error(served, err)
		}
	}))
	defer s.Close()
	for _, part := range []string{"", "bytes=5-900004"} {
		r, err := http.NewRequest("GET", s.URL+"/big.bin", nil)
		if err != nil {
			t.Fatal(err)
		}
		want := big
		if part != "" {
			r.Header.Set("Range", part)
			want = big[5:900005]
		}
		answer, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !bytes.Equal(got, want) || answer.ContentLength != int64(len(want)) {
			t.Errorf("%q: %d bytes, %v, want %d", part, len(got), err, len(want))
		}
	}
}

func FuzzServe(f *testing.F) {
	for _, name := range []string{"a", "../x", ".git", "a/../../b", "a\x00", `a\b`, "//", "./", "..", "link/x"} {
		f.Add(name)
	}
	base := f.TempDir()
	write(f, base, map[string]string{"secret": "secret", "public/a": "a", "public/.dot": "secret", "public/docs/a": "a"})
	files, err := New(Options{Dir: filepath.Join(base, "public"), Index: "a"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(files.Close)
	f.Fuzz(func(t *testing.T, name string) {
		w := httptest.NewRecorder()
		served, err := files.Serve(w, httptest.NewRequest("GET", "/", nil), name)
		if served && (err != nil || w.Body.String() != "a") {
			t.Errorf("%q: %q, %v", name, w.Body, err)
		}
	})
}

func BenchmarkServe(b *testing.B) {
	dir := b.TempDir()
	write(b, dir, map[string]string{"1k.json": strings.Repeat("x", 1<<10), "100k.bin": strings.Repeat("x", 100<<10)})
	f, err := New(Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	plain := http.FileServer(http.Dir(dir))
	run := func(name, path string, serve func(w http.ResponseWriter, r *http.Request)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest("GET", path, nil)
			w := &discard{header: http.Header{}}
			for b.Loop() {
				clear(w.header)
				serve(w, r)
			}
		})
	}
	run("1k", "/1k.json", func(w http.ResponseWriter, r *http.Request) {
		if served, err := f.Serve(w, r, r.URL.Path); !served || err != nil {
			b.Fatal(served, err)
		}
	})
	run("absent", "/api/posts", func(w http.ResponseWriter, r *http.Request) {
		if served, err := f.Serve(w, r, r.URL.Path); served || err != nil {
			b.Fatal(served, err)
		}
	})
	run("FileServer", "/1k.json", plain.ServeHTTP)
	run("100k", "/100k.bin", func(w http.ResponseWriter, r *http.Request) {
		if served, err := f.Serve(w, r, r.URL.Path); !served || err != nil {
			b.Fatal(served, err)
		}
	})
	run("FileServer100k", "/100k.bin", plain.ServeHTTP)
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// ReadFrom takes nothing, as if the kernel had sent it.
func (d *discard) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		return limited.N, nil
	}
	return io.Copy(io.Discard, r)
}
