package routes

import (
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

func TestConflicts(t *testing.T) {
	tests := []struct {
		name   string
		routes []string
		want   []string
	}{
		{"shape", []string{"GET /api/posts/:id", "GET /api/posts/:slug"}, []string{
			"app.yaml:2:9: GET /api/posts/:slug has the shape of GET /api/posts/:id at app.yaml:1:9 (both would answer /api/posts/1; rename one path or limit it with `host`)"}},
		{"the same path", []string{"GET /", "GET /"}, []string{
			"app.yaml:2:9: GET / has the shape of GET / at app.yaml:1:9 (both would answer /; rename one path or limit it with `host`)"}},
		{"rest", []string{"POST /files/*a", "GET /files/*a", "POST /files/*b"}, []string{
			"app.yaml:3:9: POST /files/*b has the shape of POST /files/*a at app.yaml:1:9 (both would answer /files/1; rename one path or limit it with `host`)"}},
		{"any and any", []string{"any /:a", "any /:b"}, []string{
			"app.yaml:2:9: any /:b has the shape of any /:a at app.yaml:1:9 (both would answer /1; rename one path or limit it with `host`)"}},
		{"one fault for several methods", []string{"GET,POST /x", "PUT,POST,GET /x"}, []string{
			"app.yaml:2:9: POST /x has the shape of POST /x at app.yaml:1:9 (both would answer /x; rename one path or limit it with `host`)"}},
		{"each with the first", []string{"GET /:a", "GET /:b", "GET /:c"}, []string{
			"app.yaml:2:9: GET /:b has the shape of GET /:a at app.yaml:1:9 (both would answer /1; rename one path or limit it with `host`)",
			"app.yaml:3:9: GET /:c has the shape of GET /:a at app.yaml:1:9 (both would answer /1; rename one path or limit it with `host`)"}},
		{"hosts of one shape", []string{"GET {t}.example.com/x", "GET *.example.com/x"}, []string{
			"app.yaml:2:9: GET /x on *.example.com has the shape of GET /x on {t}.example.com at app.yaml:1:9 (both would answer /x; rename one path or limit it with `host`)"}},
		{"names of host and path", []string{"GET {id}.example.com/:id"}, []string{
			"app.yaml:1:9: the name id is taken by the host {id}.example.com (rename the parameter of the path)"}},
		{"never routed", []string{"TRACE,GET /x"}, []string{
			"app.yaml:1:9: TRACE is never routed (requests with it are answered with 405)"}},
		{"a method twice", []string{"GET,GET /x"}, nil},
		{"other host", []string{"GET a.example/x", "GET b.example/x", "GET /x", "GET *.example/x", "GET *.*.example/x"}, nil},
		{"other method", []string{"GET /x", "POST /x", "HEAD /x", "OPTIONS /x", "any /x"}, nil},
		{"other shape", []string{"GET /x", "GET /:x", "GET /*x", "GET /x/*x", "GET /x/:x", "GET /:x/x", "GET /:x/:y"}, nil},
	}
	for _, tt := range tests {
		var ps diag.Problems
		Build(declare(t, tt.routes...), &ps)
		var got []string
		for _, p := range ps.All() {
			got = append(got, p.Error())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, strings.Join(got, "\n     "), strings.Join(tt.want, "\n     "))
		}
	}
}

func TestConflictWithoutAPlace(t *testing.T) {
	p := mustPattern(t, "/x")
	var ps diag.Problems
	Build([]Route{{Pattern: p}, {Pattern: p}}, &ps)
	if got := ps.All()[0].Message; got != "any /x has the shape of any /x" {
		t.Error(got)
	}
}

func TestExplain(t *testing.T) {
	lines := []string{
		"GET /posts/new", "GET /posts/:id", "POST /posts/:id", "GET /*page", "any /posts/new", "HEAD /posts/new", "GET /posts",
		"GET /posts/*rest", "GET api.example.com/posts/new", "GET *.example.com/:x/new", "GET other.com/posts/new", "GET /:a/new"}
	table := build(t, lines...)
	tests := []struct {
		request, winner string
		status          int
		losers          []string
	}{
		{"GET example.net/posts/new", "GET /posts/new", 200, []string{
			"any /posts/new: GET wins over any",
			"GET /posts/:id: the static segment new wins over :id",
			"GET /posts/*rest: the static segment new wins over *rest",
			"GET /:a/new: the static segment posts wins over :a",
			"GET /*page: the static segment posts wins over *page",
			"HEAD /posts/new: is for HEAD",
			"POST /posts/:id: is for POST",
			"GET api.example.com/posts/new: is for the host api.example.com",
			"GET other.com/posts/new: is for the host other.com",
			"GET *.example.com/:x/new: is for the host *.example.com"}},
		{"HEAD /posts/new", "HEAD /posts/new", 200, []string{
			"GET /posts/new: HEAD wins over GET", "any /posts/new: HEAD wins over any"}},
		{"GET /posts/7", "GET /posts/:id", 200, []string{
			"GET /posts/*rest: :id wins over *rest",
			"GET /*page: the static segment posts wins over *page",
			"POST /posts/:id: is for POST"}},
		{"GET /posts", "GET /posts", 200, []string{
			"GET /posts/*rest: a path that ends wins over the empty *rest",
			"GET /*page: the static segment posts wins over *page"}},
		{"GET /posts/", "GET /posts/*rest", 200, []string{
			"GET /posts: *rest wins over a redirect without the slash",
			"GET /*page: the static segment posts wins over *page"}},
		{"GET api.example.com/posts/new", "GET api.example.com/posts/new", 200, []string{
			"GET *.example.com/:x/new: the host api.example.com wins over *.example.com",
			"GET /posts/new: the host api.example.com wins over none"}},
		{"GET /posts/7/", "", 301, []string{"GET /posts/:id: is redirected to, without the slash"}},
		{"TRACE /posts/7", "", 405, []string{"GET /posts/:id: TRACE is never routed"}},
		{"DELETE /posts/7", "", 405, []string{"GET /posts/:id: is for GET", "POST /posts/:id: is for POST"}},
		{"DELETE /posts//7", "", 404, nil},
		{"GET /posts/..", "", 400, nil},
	}
	for _, tt := range tests {
		method, at, _ := strings.Cut(tt.request, " ")
		host, path := target(at)
		e := table.Explain(method, host, path)
		winner := ""
		if e.Match.Route >= 0 {
			winner = lines[e.Match.Route]
		}
		var losers []string
		for _, l := range e.Losers {
			losers = append(losers, lines[l.Route]+": "+l.Reason)
		}
		for _, want := range tt.losers {
			if !slices.Contains(losers, want) {
				t.Errorf("%s: no %q in\n%s", tt.request, want, strings.Join(losers, "\n"))
			}
		}
		if e.Match.Status != tt.status || winner != tt.winner || tt.losers == nil && losers != nil {
			t.Errorf("%s: %d %q %q", tt.request, e.Match.Status, winner, losers)
		}
		if tt.request == "GET example.net/posts/new" && !slices.Equal(losers, tt.losers) {
			t.Errorf("%s: order of losers:\n%s", tt.request, strings.Join(losers, "\n"))
		}
	}
}

func TestCovers(t *testing.T) {
	table := build(t, "GET /", "GET /users/:id", "GET /posts", "POST /posts/new", "any /proxy/*rest", "GET {t}.example.com/tenants/:id/edit", "GET /café", "HEAD /head")
	tests := []struct {
		method, path string
		want         bool
	}{
		{"GET", "/", true},
		{"GET", "", false},
		{"GET", "#top", false},
		{"GET", "?a=b", false},
		{"GET", "/?a=b", true},
		{"GET", "/posts", true},
		{"GET", "/posts/", true},
		{"GET", "/posts?page=:page#end", true},
		{"GET", "/posts#a/b", true},
		{"POST", "/posts", false},
		{"GET", "/posts/new", false},
		{"POST", "/posts/new", true},
		{"GET", "/users/new", true},
		{"GET", "/users/:_", true},
		{"GET", "/users/:user_id", true},
		{"GET", "/users/:_/", true},
		{"GET", "/users/*rest", false},
		{"GET", "/users", false},
		{"GET", "/:_", false},
		{"GET", "/:_/1", false},
		{"GET", "/users/:_/:_", false},
		{"GET", "/proxy", true},
		{"GET", "/proxy/", true},
		{"GET", "/proxy/a/:_/b", true},
		{"DELETE", "/proxy/*rest", true},
		{"DELETE", "/proxy/x/*rest", true},
		{"GET", "/*rest", false},
		{"GET", "/tenants/:_/edit", true},
		{"GET", "/café", true},
		{"GET", "/caf%C3%A9", true},
		{"GET", "//posts", false},
		{"GET", "//evil.example/users/1", false},
		{"GET", "/users/..", false},
		{"GET", "/users/%zz", false},
		{"GET", "posts", false},
		{"GET", "https://example.com/posts", false},
		{"GET", "/head", false},
		{"HEAD", "/posts", true},
		{"TRACE", "/proxy/x", false},
	}
	for _, tt := range tests {
		if got := table.Covers(tt.method, tt.path); got != tt.want {
			t.Errorf("%s %q: %v", tt.method, tt.path, got)
		}
	}
}

func TestNearest(t *testing.T) {
	table := build(t, "GET /", "GET /users/:id", "GET /posts", "POST /accounts", "GET /files/*path", "GET /users/:id/posts/:post_id")
	tests := []struct{ method, path, want string }{
		{"GET", "/user/:_", "/users/:id"},
		{"GET", "/usres/42", "/users/:id"},
		{"GET", "/post", "/posts"},
		{"GET", "/post/?a=b", "/posts"},
		{"GET", "/user/1/post/2", "/users/:id/posts/:post_id"},
		{"GET", "/file/a/b", "/files/*path"},
		{"GET", "/account", ""},
		{"POST", "/account", "/accounts"},
		{"GET", "/something-else", ""},
		{"GET", "", ""},
	}
	for _, tt := range tests {
		if got := table.Nearest(tt.method, tt.path); got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.method, tt.path, got, tt.want)
		}
	}
}

func TestEmptyTable(t *testing.T) {
	table := Build(nil, new(diag.Problems))
	var m Match
	table.Lookup("GET", "", "/", &m)
	if m.Status != 404 || m.Route != -1 || table.Covers("GET", "/") || table.Nearest("GET", "/x") != "" || table.Explain("GET", "", "/").Losers != nil {
		t.Errorf("%+v", m)
	}
}
