package traffic_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// What a service answers is kept and encoded on its way through a whole application.
func TestThroughAnApplication(t *testing.T) {
	var calls atomic.Int32
	var down atomic.Bool
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := calls.Add(1)
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Etag", `"v1"`)
		switch r.URL.Path {
		case "/private":
			w.Header().Set("Cache-Control", "private")
		case "/old":
			w.Header().Set("Cache-Control", "max-age=0, stale-if-error=60")
		}
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprintf(w, "%d %s", n, strings.Repeat("x", 3000))
	}))
	defer service.Close()
	a := apptest.Compile(t, `version: 1
endpoint: {plugs: [request_id, compress]}
upstreams: {service: {targets: ["`+service.URL+`"]}}
scopes:
  - routes:
      - any: /api/*rest
        do:
          - cache: 1m
          - proxy: {to: service, strip_prefix: /api}
`, "")
	type want struct {
		status          int
		cache, encoding string
		body            string // how it begins
		calls           int32
	}
	steps := []struct {
		method, path, headers string
		want                  want
	}{
		{"GET", "/api/a", "Accept-Encoding: gzip", want{200, "miss", "gzip", "1 xxx", 1}},
		{"GET", "/api/a", "Accept-Encoding: gzip", want{200, "hit", "gzip", "1 xxx", 1}},
		{"GET", "/api/a", "", want{200, "hit", "", "1 xxx", 1}},
		{"HEAD", "/api/a", "", want{200, "hit", "", "", 1}},
		{"GET", "/api/a", "If-None-Match: W/\"v1\"", want{304, "hit", "", "", 1}},
		{"GET", "/api/a", "Cookie: a=b", want{200, "miss", "", "2 xxx", 2}},
		{"GET", "/api/private", "", want{200, "miss", "", "3 xxx", 3}},
		{"GET", "/api/private", "", want{200, "miss", "", "4 xxx", 4}},
		{"GET", "/api/old", "", want{200, "miss", "", "5 xxx", 5}},
		{"GET", "/api/old", "", want{200, "hit", "", "5 xxx", 6}}, // the service says that nothing changed
		{"POST", "/api/a", "", want{200, "", "", "7 xxx", 7}},
		{"GET", "/api/a", "", want{200, "miss", "", "8 xxx", 8}},
		{"DOWN", "", "", want{}},
		{"GET", "/api/a", "", want{200, "hit", "", "8 xxx", 8}},
		{"GET", "/api/old", "", want{200, "stale", "", "5 xxx", 9}},
		{"GET", "/api/b", "", want{502, "miss", "", "", 10}},
	}
	for i, s := range steps {
		if s.method == "DOWN" {
			down.Store(true)
			continue
		}
		headers := slices.DeleteFunc([]string{s.headers}, func(h string) bool { return h == "" })
		w := apptest.Request(a, s.method, s.path, "", headers...)
		body := w.Body.String()
		if w.Header().Get("Content-Encoding") == "gzip" {
			body = unzipped(t, body)
		}
		if s.method == "HEAD" {
			body = ""
		}
		got := want{w.Code, w.Header().Get("X-Cache"), w.Header().Get("Content-Encoding"), body[:min(len(body), len(s.want.body))], calls.Load()}
		if got != s.want {
			t.Errorf("step %d, %s %s %s: %+v, want %+v", i+1, s.method, s.path, s.headers, got, s.want)
		}
	}
}

// Ids, and what else belongs to one request, are not those of the one that was kept.
func TestAHitHasItsOwnID(t *testing.T) {
	a := apptest.Compile(t, `version: 1
endpoint: {plugs: [request_id]}
scopes:
  - routes:
      - get: /a
        do:
          - put_secure_browser_headers
          - cache: 1m
          - json: {id: "${request.path}"}
`, "")
	first, second := apptest.Request(a, "GET", "/a", ""), apptest.Request(a, "GET", "/a", "")
	if second.Header().Get("X-Cache") != "hit" || first.Body.String() != second.Body.String() {
		t.Fatalf("%v %s", second.Header(), second.Body)
	}
	one, two := first.Header().Get("X-Request-Id"), second.Header().Get("X-Request-Id")
	if one == "" || two == "" || one == two {
		t.Errorf("ids %q, %q", one, two)
	}
	if got := second.Header().Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("the headers of plugs before the cache: %v", second.Header())
	}
}

// A route that was edited does not answer with what it kept before; one beside it does.
func TestAnEditPurges(t *testing.T) {
	const manifest = `version: 1
pipelines: {cached: [cache: 1h]}
scopes:
  - pipe_through: cached
    routes:
      - get: /a
        text: %s
      - get: /b
        text: B
`
	dir := t.TempDir()
	shared := &pipeline.Shared{}
	ask := func(text string) (a, b string) {
		app := apptest.LoadIn(t, dir, fmt.Sprintf(manifest, text), "").App
		if err := app.Open(shared); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(app.Release)
		x, y := apptest.Request(app, "GET", "/a", ""), apptest.Request(app, "GET", "/b", "")
		return x.Header().Get("X-Cache") + " " + x.Body.String(), y.Header().Get("X-Cache") + " " + y.Body.String()
	}
	steps := []struct{ text, a, b string }{{"A", "miss A", "miss B"}, {"A", "hit A", "hit B"}, {"C", "miss C", "hit B"}}
	for i, s := range steps {
		if a, b := ask(s.text); a != s.a || b != s.b {
			t.Errorf("step %d: %q, %q, want %q, %q", i+1, a, b, s.a, s.b)
		}
	}
}

// What one route keeps another one changes, when both go through the same cache.
func TestAnotherRouteForgets(t *testing.T) {
	a := apptest.Compile(t, `version: 1
pipelines: {cached: [cache: 1h]}
scopes:
  - pipe_through: cached
    routes:
      - get: /a
        text: A
      - put: /a
        do:
          - send_resp: 409
            when: params.bad == '1'
          - send_resp: 204
`, "")
	for i, s := range []struct{ method, path, cache string }{
		{"GET", "/a", "miss"}, {"GET", "/a", "hit"}, {"PUT", "/a?bad=1", ""}, {"PUT", "/a", ""}, {"GET", "/a", "miss"}, {"GET", "/a", "hit"},
	} {
		if got := apptest.Request(a, s.method, s.path, "").Header().Get("X-Cache"); got != s.cache {
			t.Errorf("step %d, %s %s: %q, want %q", i+1, s.method, s.path, got, s.cache)
		}
	}
}

// Files go out whole and in parts through every writer that stands around the server's.
func TestFilesThroughWriters(t *testing.T) {
	picture := bytes.Repeat([]byte("0123456789abcdef"), 70_000)
	dir := apptest.Folder(t, map[string]string{"public/a.png": string(picture), "public/a.css": strings.Repeat("a{} ", 50_000)})
	a := apptest.CompileIn(t, dir, `version: 1
endpoint: {plugs: [request_id, compress, static: {from: public}]}
scopes: [{routes: [{get: /api, text: ok}]}]
`, "")
	s := httptest.NewServer(a)
	defer s.Close()
	tests := []struct {
		path, accept, wanted string
		status, length       int
		encoding             string
	}{
		{"/a.png", "gzip", "", 200, len(picture), ""},
		{"/a.png", "gzip", "bytes=16-31", 206, 16, ""},
		{"/a.css", "identity", "", 200, 200_000, ""},
		{"/a.css", "gzip", "", 200, 200_000, "gzip"},
		{"/a.css", "gzip", "bytes=0-3", 206, 4, ""},
	}
	for _, tt := range tests {
		r, err := http.NewRequest("GET", s.URL+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", tt.accept)
		if tt.wanted != "" {
			r.Header.Set("Range", tt.wanted)
		}
		answer, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		encoding := answer.Header.Get("Content-Encoding")
		if encoding == "gzip" {
			body = []byte(unzipped(t, string(body)))
		}
		if answer.StatusCode != tt.status || len(body) != tt.length || encoding != tt.encoding {
			t.Errorf("%+v: %d, %d bytes, %q", tt, answer.StatusCode, len(body), encoding)
		}
	}
}
