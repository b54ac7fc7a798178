package routes

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// declare reads routes written as "GET /posts/:id" or "GET,POST api.example.com/posts";
// each stands on a line of its own in app.yaml, from 1.
func declare(tb testing.TB, lines ...string) []Route {
	tb.Helper()
	var rs []Route
	for i, line := range lines {
		methods, target, _ := strings.Cut(line, " ")
		slashAt := strings.IndexByte(target, '/')
		host, err := ParseHost(target[:slashAt])
		if err != nil {
			tb.Fatalf("%s: %v", line, err)
		}
		r := Route{Host: host, Pattern: mustPattern(tb, target[slashAt:]), At: diag.Pos{File: "app.yaml", Line: i + 1, Column: 9}}
		if methods != "any" {
			r.Methods = strings.Split(methods, ",")
		}
		rs = append(rs, r)
	}
	return rs
}

func build(tb testing.TB, lines ...string) *Table {
	tb.Helper()
	var ps diag.Problems
	t := Build(declare(tb, lines...), &ps)
	for _, p := range ps.All() {
		tb.Fatal(p)
	}
	return t
}

// target splits "host/path".
func target(s string) (host, path string) {
	i := strings.IndexByte(s, '/')
	return s[:i], s[i:]
}

func TestPrecedence(t *testing.T) {
	tests := []struct {
		name   string
		routes []string
		method string
		target string
		want   string // the line of the route
		params []string
	}{
		{"static over param", []string{"GET /posts/:id", "GET /posts/new"}, "GET", "/posts/new", "GET /posts/new", nil},
		{"param takes the others", []string{"GET /posts/:id", "GET /posts/new"}, "GET", "/posts/newer", "GET /posts/:id", []string{"newer"}},
		{"static over rest", []string{"GET /*all", "GET /posts"}, "GET", "/posts", "GET /posts", nil},
		{"param over rest", []string{"GET /*all", "GET /:x"}, "GET", "/posts", "GET /:x", []string{"posts"}},
		{"rest takes the deeper", []string{"GET /*all", "GET /:x"}, "GET", "/posts/1", "GET /*all", []string{"posts/1"}},
		{"leftmost segment decides", []string{"GET /:a/b/c", "GET /a/*rest"}, "GET", "/a/b/c", "GET /a/*rest", []string{"b/c"}},
		{"leftmost static over later static", []string{"GET /:a/new", "GET /a/:b"}, "GET", "/a/new", "GET /a/:b", []string{"new"}},
		{"goes back for another", []string{"GET /a/:b/c", "GET /:a/x/d"}, "GET", "/a/x/d", "GET /:a/x/d", []string{"a"}},
		{"goes back from a deep static", []string{"GET /a/b/c/d", "GET /a/:x/c/e", "GET /*r"}, "GET", "/a/b/c/e", "GET /a/:x/c/e", []string{"b"}},
		{"goes back to the rest", []string{"GET /a/b/c/d", "GET /a/:x/c/e", "GET /*r"}, "GET", "/a/b/c/f", "GET /*r", []string{"a/b/c/f"}},
		{"names may differ by branch", []string{"GET /users/:id", "GET /users/:user/posts/:post"}, "GET", "/users/1/posts/2", "GET /users/:user/posts/:post", []string{"1", "2"}},
		{"param beside many static", []string{"GET /:slug", "GET /a/b", "GET /ab", "GET /abc/:x"}, "GET", "/abc", "GET /:slug", []string{"abc"}},
		{"root", []string{"GET /", "GET /*rest"}, "GET", "/", "GET /", nil},
		{"empty path is the root", []string{"GET x.example/"}, "GET", "x.example/", "GET x.example/", nil},
		{"rest at the root is empty", []string{"GET /*rest"}, "GET", "/", "GET /*rest", []string{""}},
		{"end over empty rest", []string{"GET /files/*rest", "GET /files"}, "GET", "/files", "GET /files", nil},
		{"empty rest without slash", []string{"GET /files/*rest"}, "GET", "/files", "GET /files/*rest", []string{""}},
		{"empty rest with slash", []string{"GET /files/*rest"}, "GET", "/files/", "GET /files/*rest", []string{""}},
		{"empty rest with slash beside the end", []string{"GET /files/*rest", "GET /files"}, "GET", "/files/", "GET /files/*rest", []string{""}},
		{"rest keeps its slashes", []string{"GET /files/*rest"}, "GET", "/files/a/b/", "GET /files/*rest", []string{"a/b/"}},
		{"longer rest", []string{"GET /*r", "GET /files/*rest"}, "GET", "/files/a", "GET /files/*rest", []string{"a"}},
		{"case as written", []string{"GET /Posts", "GET /:x"}, "GET", "/posts", "GET /:x", []string{"posts"}},
		{"parts of a segment are no segment", []string{"GET /post/:id", "GET /*r"}, "GET", "/posts/1", "GET /*r", []string{"posts/1"}},
		{"method is part of the match", []string{"GET /posts/new", "DELETE /posts/:id"}, "DELETE", "/posts/new", "DELETE /posts/:id", []string{"new"}},
		{"written method over any", []string{"any /x", "GET /x"}, "GET", "/x", "GET /x", nil},
		{"any takes the others", []string{"any /x", "GET /x"}, "PUT", "/x", "any /x", nil},
		{"any takes unknown methods", []string{"any /x"}, "PURGE", "/x", "any /x", nil},
		{"path before method", []string{"any /x", "GET /:y"}, "GET", "/x", "any /x", nil},
		{"OPTIONS route", []string{"GET /x", "OPTIONS /x"}, "OPTIONS", "/x", "OPTIONS /x", nil},
		{"OPTIONS by any", []string{"GET /x", "any /*rest"}, "OPTIONS", "/x", "any /*rest", []string{"x"}},
		{"several methods", []string{"PUT,PATCH /x/:id"}, "PATCH", "/x/1", "PUT,PATCH /x/:id", []string{"1"}},
		{"exact host over wildcard", []string{"GET *.example.com/x", "GET api.example.com/x", "GET /x"}, "GET", "api.example.com/x", "GET api.example.com/x", nil},
		{"wildcard over none", []string{"GET /x", "GET *.example.com/x"}, "GET", "b.example.com/x", "GET *.example.com/x", nil},
		{"capture of the host", []string{"GET {tenant}.example.com/:id"}, "GET", "acme.example.com/7", "GET {tenant}.example.com/:id", []string{"acme", "7"}},
		{"host in small letters", []string{"GET {tenant}.Example.com/"}, "GET", "ACME.EXAMPLE.COM.:8080/", "GET {tenant}.Example.com/", []string{"acme"}},
		{"two labels", []string{"GET {app}.{tenant}.example.com/", "GET *.example.com/"}, "GET", "web.acme.example.com/", "GET {app}.{tenant}.example.com/", []string{"web", "acme"}},
		{"one label only", []string{"GET *.example.com/x", "GET /x"}, "GET", "a.b.example.com/x", "GET /x", nil},
		{"no empty label", []string{"GET *.example.com/x", "GET /x"}, "GET", ".example.com/x", "GET /x", nil},
		{"the domain itself is no label", []string{"GET *.example.com/x", "GET /x"}, "GET", "example.com/x", "GET /x", nil},
		{"fewer open labels win", []string{"GET *.*.com/x", "GET *.b.com/x"}, "GET", "a.b.com/x", "GET *.b.com/x", nil},
		{"port is cut", []string{"GET example.com/x"}, "GET", "example.com:4000/x", "GET example.com/x", nil},
		{"numeric host", []string{"GET 127.0.0.1/x"}, "GET", "127.0.0.1:4000/x", "GET 127.0.0.1/x", nil},
		{"host without the path gives way", []string{"GET api.example.com/y", "GET *.example.com/z", "GET /x"}, "GET", "api.example.com/x", "GET /x", nil},
		{"host without the method gives way", []string{"POST api.example.com/x", "GET /x"}, "GET", "api.example.com/x", "GET /x", nil},
		{"host before path", []string{"GET api.example.com/*rest", "GET /x"}, "GET", "api.example.com/x", "GET api.example.com/*rest", []string{"x"}},
		{"star and capture share a shape", []string{"GET *.example.com/a", "GET {t}.example.com/b"}, "GET", "q.example.com/b", "GET {t}.example.com/b", []string{"q"}},
	}
	for _, tt := range tests {
		for _, lines := range [][]string{tt.routes, reversed(tt.routes)} {
			host, path := target(tt.target)
			if tt.name == "empty path is the root" {
				path = ""
			}
			var m Match
			build(t, lines...).Lookup(tt.method, host, path, &m)
			if m.Status != 200 || lines[m.Route] != tt.want || !slices.Equal(m.Params, tt.params) {
				t.Errorf("%s: %s %s: status %d, route %d of %q, params %q; want %s, %q", tt.name, tt.method, tt.target, m.Status, m.Route, lines, m.Params, tt.want, tt.params)
			}
		}
	}
}

func reversed(s []string) []string {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

func TestStatus(t *testing.T) {
	table := build(t,
		"GET /", "GET /posts", "POST /posts", "GET /posts/new", "PATCH,PUT /posts/:id", "DELETE /posts/:id",
		"GET /files/*path", "any /proxy/*rest", "POST /jobs", "OPTIONS /own", "PUT api.example.com/posts",
		"HEAD /posts/:id/size", "GET /posts/:id/size")
	tests := []struct {
		method, target  string
		status          int
		allow, location string
		head            bool
	}{
		{method: "GET", target: "/none", status: 404},
		{method: "OPTIONS", target: "/none", status: 404},
		{method: "GET", target: "/posts/1/2/3", status: 404},
		{method: "GET", target: "/posts//new", status: 404},
		{method: "GET", target: "//", status: 404},
		{method: "GET", target: "//posts", status: 404},
		{method: "GET", target: "/posts//", status: 404},
		{method: "GET", target: "/files/a//b", status: 404},
		{method: "GET", target: "/POSTS", status: 404},
		{method: "DELETE", target: "/", status: 405, allow: "GET, HEAD, OPTIONS"},
		{method: "DELETE", target: "/posts", status: 405, allow: "GET, HEAD, OPTIONS, POST"},
		{method: "DELETE", target: "api.example.com/posts", status: 405, allow: "GET, HEAD, OPTIONS, POST, PUT"},
		{method: "GET", target: "/posts/1", status: 405, allow: "DELETE, OPTIONS, PATCH, PUT"},
		{method: "POST", target: "/posts/new", status: 405, allow: "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"},
		{method: "HEAD", target: "/jobs", status: 405, allow: "OPTIONS, POST"},
		{method: "GET", target: "/own", status: 405, allow: "OPTIONS"},
		{method: "CONNECT", target: "/posts", status: 405, allow: "GET, HEAD, OPTIONS, POST"},
		{method: "TRACE", target: "/proxy/x", status: 405, allow: "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"},
		{method: "TRACE", target: "/none", status: 405},
		{method: "TRACE", target: "//", status: 405},
		{method: "OPTIONS", target: "/posts", status: 204, allow: "GET, HEAD, OPTIONS, POST"},
		{method: "OPTIONS", target: "/posts/", status: 204, allow: "GET, HEAD, OPTIONS, POST"},
		{method: "HEAD", target: "/posts", status: 200, head: true},
		{method: "HEAD", target: "/proxy/x", status: 200},
		{method: "HEAD", target: "/posts/1/size", status: 200},
		{method: "GET", target: "/posts/", status: 301, location: "/posts"},
		{method: "HEAD", target: "/posts/new/", status: 301, location: "/posts/new"},
		{method: "POST", target: "/posts/", status: 308, location: "/posts"},
		{method: "PUT", target: "/posts/a%20%3fb/", status: 308, location: "/posts/a%20%3fb"},
		{method: "PUT", target: "/posts/%2Fevil.example/", status: 308, location: "/posts/%2Fevil.example"},
		{method: "GET", target: "/files/", status: 200},
		{method: "GET", target: "/files/a/", status: 200},
	}
	var m Match
	for _, tt := range tests {
		host, path := target(tt.target)
		table.Lookup(tt.method, host, path, &m)
		if m.Status != tt.status || m.Allow != tt.allow || m.Location != tt.location || m.Head != tt.head || (m.Route >= 0) != (tt.status == 200) {
			t.Errorf("%s %s: %d, Allow %q, Location %q, Head %v, Route %d; want %+v", tt.method, tt.target, m.Status, m.Allow, m.Location, m.Head, m.Route, tt)
		}
	}
}

func TestRedirectIsAsSpecificAsItsRoute(t *testing.T) {
	table := build(t, "GET /posts", "GET /:slug/edit", "GET /*page", "GET /files", "GET /files/*rest", "POST /*page")
	tests := []struct {
		method, path string
		status       int
		params       []string
	}{
		{"GET", "/posts/", 301, nil},
		{"GET", "/x/edit/", 301, nil},
		{"GET", "/x/show/", 200, []string{"x/show/"}},
		{"GET", "/files/", 200, []string{""}},
		{"POST", "/posts/", 200, []string{"posts/"}},
		{"GET", "/", 200, []string{""}},
	}
	for _, tt := range tests {
		var m Match
		table.Lookup(tt.method, "", tt.path, &m)
		if m.Status != tt.status || !slices.Equal(m.Params, tt.params) {
			t.Errorf("%s %s: %d %q, want %d %q", tt.method, tt.path, m.Status, m.Params, tt.status, tt.params)
		}
	}
}

// A redirect never names another host, whatever takes the path.
func TestLocationStaysOnTheHost(t *testing.T) {
	table := build(t, "GET /:a", "GET /:a/:b", "GET /")
	var m Match
	for _, path := range []string{"//evil.example/", "//evil.example/x/", "/\\evil.example/", "/%5Cevil.example/", "/%5c/evil.example/",
		"/\t/evil.example/", "/%2Fevil.example/", "/%2F/evil.example/", "///", "//"} {
		table.Lookup("GET", "", path, &m)
		if strings.HasPrefix(m.Location, "//") || strings.HasPrefix(m.Location, `/\`) {
			t.Errorf("%q: Location %q", path, m.Location)
		}
		if escaped := strings.HasPrefix(path, "/%2F"); (m.Status == 301) != escaped {
			t.Errorf("%q: status %d", path, m.Status)
		}
	}
}

func TestEncoding(t *testing.T) {
	lines := []string{"GET /posts", "GET /posts/:id", "GET /café/:x/menu", "GET /files/*path", "GET /a+b", "GET /-/:x/tail"}
	table := build(t, lines...)
	tests := []struct {
		path   string
		status int
		route  string
		params []string
	}{
		{"/%70osts", 200, "GET /posts", nil},
		{"/posts/a%2Fb", 200, "GET /posts/:id", []string{"a/b"}},
		{"/posts%2Fb", 404, "", nil},
		{"/posts/a%252Fb", 200, "GET /posts/:id", []string{"a%2Fb"}},
		{"/posts/a+b", 200, "GET /posts/:id", []string{"a+b"}},
		{"/posts/room:lobby*", 200, "GET /posts/:id", []string{"room:lobby*"}},
		{"/posts/:id", 200, "GET /posts/:id", []string{":id"}},
		{"/posts/%3Aid", 200, "GET /posts/:id", []string{":id"}},
		{"/a+b", 200, "GET /a+b", nil},
		{"/a%2bb", 200, "GET /a+b", nil},
		{"/a%20b", 404, "", nil},
		{"/caf%C3%A9/%C3%A9/menu", 200, "GET /café/:x/menu", []string{"é"}},
		{"/caf%c3%a9/x%2Fy/m%65nu", 200, "GET /café/:x/menu", []string{"x/y"}},
		{"/-/%01/tail", 200, "GET /-/:x/tail", []string{"\x01"}},
		{"/%01", 404, "", nil},
		{"/files/a%2Fb/c%20d/", 200, "GET /files/*path", []string{"a/b/c d/"}},
		{"/files/%2Fetc", 200, "GET /files/*path", []string{"/etc"}},
		{"/f%69les", 200, "GET /files/*path", []string{""}},
		{"/files/...", 200, "GET /files/*path", []string{"..."}},
		{"/files/.hidden", 200, "GET /files/*path", []string{".hidden"}},
		{"/posts/%", 400, "", nil},
		{"/posts/%4", 400, "", nil},
		{"/posts/%zz", 400, "", nil},
		{"/posts/a%00b", 400, "", nil},
		{"/posts/a\x00b", 400, "", nil},
		{"/posts/a%5Cb", 400, "", nil},
		{"/posts/a\\b", 400, "", nil},
		{"/posts/a b", 400, "", nil},
		{"/posts/a\x7f", 400, "", nil},
		{"/posts/..", 400, "", nil},
		{"/posts/.", 400, "", nil},
		{"/files/../posts", 400, "", nil},
		{"/files/%2e%2E/posts", 400, "", nil},
		{"/files/.%2e", 400, "", nil},
		{"/files/a%2F..%2Fb", 400, "", nil},
		{"/posts/a%2F.", 400, "", nil},
		{"posts", 400, "", nil},
		{"*", 400, "", nil},
		{"/files/" + strings.Repeat("a", MaxPath-7), 200, "GET /files/*path", []string{strings.Repeat("a", MaxPath-7)}},
		{"/files/" + strings.Repeat("a", MaxPath-6), 400, "", nil},
		{"/files" + strings.Repeat("/a", 1000), 200, "GET /files/*path", []string{"a" + strings.Repeat("/a", 999)}},
	}
	var m Match
	for _, tt := range tests {
		table.Lookup("GET", "", tt.path, &m)
		route := ""
		if m.Route >= 0 {
			route = lines[m.Route]
		}
		if m.Status != tt.status || route != tt.route || !slices.Equal(m.Params, tt.params) {
			t.Errorf("%.40q: %d %s %.40q, want %d %s %.40q", tt.path, m.Status, route, m.Params, tt.status, tt.route, tt.params)
		}
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	table := build(t, "GET /", "GET /:slug", "GET /posts/new", "GET /posts/:id", "GET {tenant}.example.com/posts/:id/:x", "any /billing/*rest")
	for _, at := range []string{"/", "/posts/new", "/posts/4711", "acme.example.com:4000/posts/1/2", "/hello", "/billing/a/b", "/posts/new/"} {
		host, path := target(at)
		var m Match
		table.Lookup("GET", host, path, &m)
		if n := testing.AllocsPerRun(100, func() { table.Lookup("GET", host, path, &m) }); n != 0 {
			t.Errorf("%s: %v allocations", at, n)
		}
	}
}

// What one request took does not stay with the next.
func TestMatchIsUsedAgain(t *testing.T) {
	deep := ""
	for i := range 2 * keptSegments {
		deep += fmt.Sprintf("/:p%d", i)
	}
	table := build(t, "GET /a/:x/*y", "GET /b", "POST /c", "GET "+deep)
	var m Match
	table.Lookup("GET", "", strings.Repeat("/z", 2*keptSegments), &m)
	if len(m.Params) != 2*keptSegments || cap(m.captured) > keptSegments {
		t.Errorf("%d parameters left memory for %d", len(m.Params), cap(m.captured))
	}
	table.Lookup("GET", "", "/a/1"+strings.Repeat("/z", 500), &m)
	if cap(m.path.ends) > keptSegments {
		t.Errorf("a long path left memory for %d segments", cap(m.path.ends))
	}
	table.Lookup("GET", "", "/c", &m)
	if m.Status != 405 || len(m.Params) != 0 {
		t.Errorf("/c: %+v", m)
	}
	table.Lookup("HEAD", "", "/b", &m)
	if m.Status != 200 || m.Route != 1 || !m.Head || m.Allow != "" || len(m.Params) != 0 {
		t.Errorf("/b: %+v", m)
	}
	table.Lookup("GET", "", "/b/", &m)
	table.Lookup("GET", "", "/%6", &m)
	if m.Status != 400 || m.Route != -1 || m.Head || m.Location != "" {
		t.Errorf("/%%6: %+v", m)
	}
	table.Lookup("GET", "", "/a/1/2", &m)
	if m.slot != (slot{}) || slices.ContainsFunc(m.trees[:cap(m.trees)], func(n *node) bool { return n != nil }) {
		t.Error("a kept Match holds on to the table")
	}
}

func TestManyGoroutinesUseOneTable(t *testing.T) {
	table := build(t, "GET /posts/:id", "GET /posts/new", "GET {tenant}.example.com/:x", "any /proxy/*rest")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var m Match
			for range 200 {
				table.Lookup("GET", "acme.example.com", "/7", &m)
				if !slices.Equal(m.Params, []string{"acme", "7"}) {
					t.Errorf("params %q", m.Params)
				}
				if table.Lookup("GET", "", "/posts/a%20b", &m); m.Params[0] != "a b" {
					t.Errorf("params %q", m.Params)
				}
			}
		})
	}
	all.Wait()
}
