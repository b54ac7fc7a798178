package respond_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
)

func TestRedirect(t *testing.T) {
	tests := []struct {
		to, a    string
		location string // "" refuses the value, or is an error of ours for nil
	}{
		{"/users", "", "/users"},
		{"/", "", "/"},
		{"/users?page=2#top", "", "/users?page=2#top"},
		{"/users/${params.a}", "7", "/users/7"},
		{"/users/${params.a}/edit", "a b/ü?#", "/users/a%20b%2F%C3%BC%3F%23/edit"},
		{"/users/${params.a}", "..", ""},
		{"/users/${params.a}", ".", ""},
		{"/users/${params.a}", "", ""},
		{"/${params.a}", "/evil.example", "/%2Fevil.example"},
		{"/${params.a}", `\evil.example`, "/%5Cevil.example"},
		{"/users/x${params.a}", "\r\nSet-Cookie: a=b", "/users/x%0D%0ASet-Cookie:%20a=b"},
		{"/users?q=${params.a}", "a b&c=d/é", "/users?q=a+b%26c%3Dd%2F%C3%A9"},
		{"/users?q=${params.a}&r=${params.a}", "?", "/users?q=%3F&r=%3F"},
		{"/users#${params.a}", "a b", "/users#a+b"},
		{"${params.a}", "/users/7?a=b", "/users/7?a=b"},
		{"${params.a}", "//evil.example", ""},
		{"${params.a}", `/\evil.example`, ""},
		{"${params.a}", "/\tevil", ""},
		{"${params.a}", "https://evil.example", ""},
		{"${params.a}", "evil", ""},
		{"${params.a}", "", ""},
		{"${params.a}", "/a/%2e%2E/b", ""},
		{"${params.a}", "/a\r\nSet-Cookie: x", ""},
		{"${params.a}/edit?q=${params.a}", "/users/7", "/users/7/edit?q=%2Fusers%2F7"},
		{"${params.none}", "", ""},
		{"${request.id}", "", ""},
		{"/users/${lower('..')}/${params.a}", "7", ""},
		{"${path('/users/:id', {id: params.a})}", "a/b", "/users/a%2Fb"},
		{"external: https://a.example/login?next=${params.a}", "/x?y", "https://a.example/login?next=%2Fx%3Fy"},
		{"external: https://a.example/${params.a}", "x/y", "https://a.example/x%2Fy"},
		{"external: https://${params.a}.example.com/", "shop-1", "https://shop-1.example.com/"},
		{"external: https://${params.a}.example.com/", "evil.test/", ""},
		{"external: https://${params.a}.example.com/", "a@evil.test", ""},
		{"external: https://${params.a}.example.com/", "evil.test#", ""},
		{"external: ${params.a}", "https://a.example/x?y=1", "https://a.example/x?y=1"},
		{"external: ${params.a}", "javascript:alert(1)", ""},
		{"external: ${params.a}", "//a.example", ""},
		{"external: ${params.a}", "https:///x", ""},
		{"${params.a}", "/%09/evil.example", ""},
		{"${params.a}", "/x/%09/evil.example", ""},
		{"/${params.a}", "\t/evil.example", ""},
	}
	for _, tt := range tests {
		t.Run(tt.to+" "+tt.a, func(t *testing.T) {
			list := `- redirect: "` + tt.to + `"`
			if external, ok := strings.CutPrefix(tt.to, "external: "); ok {
				list = `- redirect: {external: "` + external + `"}`
			}
			c := pipetest.App{Defs: defs(), List: list + "\n"}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", "/?a="+url.QueryEscape(tt.a), nil))
			status := 302
			switch {
			case tt.to == "${request.id}", strings.Contains(tt.to, "'..'"): // no client sent it
				status = 500
			case tt.location == "":
				status = 400
			}
			if got.Status != status || got.Header.Get("Location") != tt.location {
				t.Errorf("%d %q (%v), want %d %q", got.Status, got.Header.Get("Location"), got.Err, status, tt.location)
			}
		})
	}
}

func TestRedirectWithAnotherStatus(t *testing.T) {
	c := pipetest.App{Defs: defs(), List: "- redirect: /users\n  status: 303\n"}.Compile(t)
	if got := c.Serve(httptest.NewRequest("GET", "/", nil)); got.Status != 303 || got.Header.Get("Location") != "/users" {
		t.Errorf("%d %q, want 303 /users", got.Status, got.Header.Get("Location"))
	}
}

func TestRedirectsAreVerified(t *testing.T) {
	tests := []struct{ to, want string }{
		{"/users", "/users"},
		{"/users?page=${params.a}", "/users"},
		{"/users/${params.a}/posts/p${params.a}#x", "/users/:_/posts/:_"},
		{"/", "/"},
		{"${params.a}", ""},
		{"${path('/users/:id', {id: params.a})}", "/users/:id"},
	}
	for _, tt := range tests {
		t.Run(tt.to, func(t *testing.T) {
			c := pipetest.App{Defs: defs(), List: `- redirect: "` + tt.to + "\"\n"}.Compile(t)
			checks := c.Env.Paths.All()
			switch {
			case tt.want == "" && len(checks) != 0:
				t.Errorf("verifies %v, want nothing", checks)
			case tt.want != "" && (len(checks) != 1 || checks[0].Pattern != tt.want || checks[0].At.Line != 1):
				t.Errorf("verifies %v, want %s", checks, tt.want)
			}
		})
	}
}

func TestRedirectHosts(t *testing.T) {
	c := pipetest.App{Defs: defs(), List: "- redirect: {external: '${params.a}', hosts: [a.example, '*.b.example', D.example]}\n"}.Compile(t)
	for to, status := range map[string]int{
		"https://a.example/x?y": 302, "http://A.Example:8443/": 302, "https://x.b.example": 302, "https://x.y.b.example/": 302, "https://d.example": 302,
		"https://b.example/": 400, "https://evilb.example/": 400, "https://c.example/": 400, "https://a.example.evil.test/": 400,
		"https://a.example@evil.test/": 400, "https://evil.test/?https://a.example": 400, "https://evil.test#.b.example": 400, "//a.example": 400, "javascript:alert(1)": 400,
		"https://evil.test\uff0f.b.example/": 400, "https://evil.test\u3002.b.example/": 400,
	} {
		got := c.Serve(httptest.NewRequest("GET", "/?a="+url.QueryEscape(to), nil))
		if got.Status != status || (status == 302) != (got.Header.Get("Location") == to) {
			t.Errorf("%s: %d %q, want %d", to, got.Status, got.Header.Get("Location"), status)
		}
	}
}

// The rest of a path keeps its slashes, where the redirect stands in the route itself.
func TestRedirectWithTheRest(t *testing.T) {
	a := apptest.Compile(t, `version: 1
scopes:
  - routes:
      - get: /old/*rest
        redirect: /new/${params.rest}
      - get: /bare/*rest
        redirect: /${ params.rest }
      - get: /query/*rest
        redirect: /new/x?from=${params.rest}
      - get: /other/:rest
        redirect: /new/${params.rest}
      - get: /new/*path
        text: OK
      - get: /:name
        text: OK
`, "")
	for path, want := range map[string]string{
		"/old/a/b": "/new/a/b", "/old/a%20b/c%3Fd": "/new/a%20b/c%3Fd", "/old/": "/new/", "/old/a/%2e%2e/b": "", "/old/..%2f..%2fadmin": "",
		"/bare/a/b": "/a/b", "/bare/%2F/evil.example": "", "/bare/%5Cevil.example": "",
		"/query/a/b": "/new/x?from=a%2Fb", "/other/a%2Fb": "/new/a%2Fb",
	} {
		w := apptest.Request(a, "GET", path, "")
		status := 302
		if want == "" {
			status = 400
		}
		if w.Code != status || w.Header().Get("Location") != want {
			t.Errorf("%s: %d %q, want %d %q", path, w.Code, w.Header().Get("Location"), status, want)
		}
	}
}
