package static_test

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/handlers/static"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
)

func files() map[string]string {
	return map[string]string{
		"public/robots.txt": "robots", "public/assets/app.css": "css", "public/assets/deep/a.txt": "deep", "public/.secret": "no", "a-file": "x",
	}
}

func TestStaticInTheEndpoint(t *testing.T) {
	tests := []struct {
		plug, method, path string
		status             int // 0: passed on
		body               string
	}{
		{"{from: public}", "GET", "/robots.txt", 200, "robots"},
		{"public", "GET", "/robots.txt", 200, "robots"},
		{"{at: /, from: public}", "GET", "/assets/deep/a.txt", 200, "deep"},
		{"{from: public}", "HEAD", "/robots.txt", 200, ""},
		{"{from: public}", "POST", "/robots.txt", 0, ""},
		{"{from: public}", "GET", "/none.txt", 0, ""},
		{"{from: public}", "GET", "/assets", 0, ""},
		{"{from: public}", "GET", "/.secret", 0, ""},
		{"{from: public}", "GET", "/a/../b", 400, ""},
		{"{at: /files, from: public}", "GET", "/files/robots.txt", 200, "robots"},
		{"{at: /files/, from: public}", "GET", "/files/robots.txt", 200, "robots"},
		{"{at: /files, from: public}", "GET", "/filesrobots.txt", 0, ""},
		{"{at: /files, from: public}", "GET", "/robots.txt", 0, ""},
		{"{from: public, only: [assets]}", "GET", "/robots.txt", 0, ""},
		{"{from: public, only: [assets]}", "GET", "/assets/app.css", 200, "css"},
		{"{from: public, only_matching: [robo]}", "GET", "/robots.txt", 200, "robots"},
		{"{from: public, only_matching: [robo]}", "GET", "/assets/app.css", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.plug+" "+tt.method+" "+tt.path, func(t *testing.T) {
			c := pipetest.App{Defs: static.All(), Place: pipeline.Endpoint, Files: files(), List: "- static: " + tt.plug + "\n"}.Compile(t)
			r := httptest.NewRequest(tt.method, "/", nil)
			r.URL.Path = tt.path
			got := c.Serve(r)
			if got.Status != tt.status || tt.status == 200 && got.Body != tt.body || got.Halted != (tt.status == 200) {
				t.Errorf("%d %q halted %v (%v), want %d %q", got.Status, got.Body, got.Halted, got.Err, tt.status, tt.body)
			}
			if refusal := got.Refusal(); tt.status == 400 && (refusal == nil || refusal.Reason != "malformed") {
				t.Errorf("refused with %v, want malformed", got.Err)
			}
		})
	}
}

func TestStaticInARoute(t *testing.T) {
	tests := []struct {
		plug, path string
		params     []string
		body       string // "": passed on
	}{
		{"public", "/assets/assets/app.css", []string{"rest", "assets/app.css"}, "css"},
		{"public", "/u/7/robots.txt", []string{"id", "7", "rest", "robots.txt"}, "robots"},
		{"public", "/assets/", []string{"rest", ""}, ""},
		{"public", "/robots.txt", nil, "robots"},
		{"{at: /x, from: public}", "/x/robots.txt", []string{"rest", "none"}, "robots"},
		{"public", "/assets/none", []string{"rest", "none"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.plug+" "+tt.path, func(t *testing.T) {
			c := pipetest.App{Defs: static.All(), Files: files(), List: "- static: " + tt.plug + "\n"}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", tt.path, nil), tt.params...)
			if got.Err != nil || got.Body != tt.body || got.Halted != (tt.body != "") {
				t.Errorf("%d %q (%v), want %q", got.Status, got.Body, got.Err, tt.body)
			}
		})
	}
}

func TestHeadersAreOfTheFileAlone(t *testing.T) {
	list := "- static: public\n  headers: {cache-control: no-store, x-a: b}\n  status: 203\n"
	c := pipetest.App{Defs: static.All(), Place: pipeline.Endpoint, Files: files(), List: list}.Compile(t)
	got := c.Serve(httptest.NewRequest("GET", "/robots.txt", nil))
	if got.Status != 203 || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("X-A") != "b" || got.Body != "robots" {
		t.Errorf("%d %v %q, want 203 with no-store", got.Status, got.Header, got.Body)
	}
	if got := c.Serve(httptest.NewRequest("GET", "/none", nil)); len(got.Header) != 0 {
		t.Errorf("what is passed on has %v", got.Header)
	}
}

// private sets the header that reading a session sets.
func private() *pipeline.Def {
	type nothing struct{}
	return pipeline.Define(pipeline.Traits{Name: "private", Group: "values", Doc: "Sets cache-control.", Places: pipeline.HTTP},
		func(*pipeline.Settings, *nothing) {}, func(nothing, *pipeline.Build) pipeline.Plug {
			return func(c *pipeline.Context) (any, error) {
				c.W.Header().Set("Cache-Control", "private")
				return nil, nil
			}
		})
}

// A file behind a session is its owner's alone, whatever the query says.
func TestWhatWasPrivateStaysPrivate(t *testing.T) {
	tests := []struct{ settings, url, want string }{
		{"{from: public}", "/robots.txt", "private"},
		{"{from: public}", "/robots.txt?vsn=d", "private"},
		{"{from: public, cache_control: no-cache}", "/robots.txt", "no-cache"},
		{"{from: public, cache_control: no-cache}", "/robots.txt?vsn=d", "private"},
		{"{from: public, versioned_cache_control: public}", "/robots.txt", "private"},
		{"{from: public, versioned_cache_control: public}", "/robots.txt?vsn=d", "public"},
	}
	for _, tt := range tests {
		c := pipetest.App{Defs: append(static.All(), private()), Place: pipeline.Endpoint, Files: files(), List: "- private\n- static: " + tt.settings + "\n"}.Compile(t)
		for range 2 { // from the folder and from memory
			if got := c.Serve(httptest.NewRequest("GET", tt.url, nil)); got.Body != "robots" || got.Header.Get("Cache-Control") != tt.want {
				t.Errorf("%s %s: %q %q, want %q", tt.settings, tt.url, got.Body, got.Header.Get("Cache-Control"), tt.want)
			}
		}
	}
}

func TestHeadersThatCannotBeComputed(t *testing.T) {
	list := "- static: public\n  headers: {x-a: 'a${request.id}'}\n"
	c := pipetest.App{Defs: static.All(), Place: pipeline.Endpoint, Files: files(), List: list}.Compile(t)
	if got := c.Serve(httptest.NewRequest("GET", "/robots.txt", nil)); got.Status != 500 || got.Body != "" || got.Ctx.Answered() {
		t.Errorf("%d %q (%v), want an empty 500", got.Status, got.Body, got.Err)
	}
}

func TestPlugProblems(t *testing.T) {
	tests := []struct {
		plug string
		want []string
	}{
		{"{from: none}", []string{`warning: 1:18: there is no folder "none" (files are served as soon as it is there)`}},
		{"{from: a-file}", []string{`1:18: "a-file" is not a folder`}},
		{"{at: /}", []string{"1:3: `static` needs \"from\" (The folder, relative to the manifest.)"}},
		{"{at: files, from: public}", []string{`1:16: this is not the beginning of a path (such as / or /assets)`}},
		{"{at: '/*rest', from: public}", []string{`1:16: this is not the beginning of a path (such as / or /assets)`}},
		{"{from: public, index: a/b.html}", []string{`1:33: this is not the name of a file (such as index.html)`}},
		{"{from: public, cache_control: \"a\\r\\nb\"}", []string{`1:41: a header cannot hold a line break`}},
		{"{from: public, content_types: {.a: text}}", []string{`1:46: this is not a content type (such as text/plain)`}},
		{"{from: public, content_types: [a]}", []string{`1:41: expected a map of endings to content types`}},
		{"{from: public, gzip: true}", []string{"1:26: unknown setting \"gzip\" of `static` (its settings are from, at, only, only_matching, index, fallback, precompressed, cache_control, versioned_cache_control or content_types)"}},
	}
	for _, tt := range tests {
		t.Run(tt.plug, func(t *testing.T) {
			got := pipetest.App{Defs: static.All(), Files: files(), List: "- static: " + tt.plug + "\n"}.Problems(t)
			if !slices.Equal(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFallbackStandsInRoutes(t *testing.T) {
	list := "- static: {from: public, fallback: index.html}\n"
	want := []string{"1:36: in endpoint.plugs a fallback would answer for every route (write a route such as `get: /*path` with `static: {from: ..., fallback: ...}`)"}
	if got := (pipetest.App{Defs: static.All(), Place: pipeline.Endpoint, Files: files(), List: list}).Problems(t); !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q", got, want)
	}
}

func TestFallback(t *testing.T) {
	all := files()
	all["public/index.html"] = "page"
	c := pipetest.App{Defs: static.All(), Files: all, List: "- static: {from: public, fallback: index.html}\n"}.Compile(t)
	tests := []struct {
		method, path string
		status       int // 0: passed on
		body, cache  string
	}{
		{"GET", "", 200, "page", "no-cache"},
		{"GET", "users/7", 200, "page", "no-cache"},
		{"GET", "users/ann@a.example", 200, "page", "no-cache"},
		{"HEAD", "users/7", 200, "", "no-cache"},
		{"GET", "robots.txt", 200, "robots", "public"},
		{"GET", "index.html", 200, "page", "public"},
		{"GET", "assets/gone.js", 0, "", ""},
		{"GET", "gone.png", 0, "", ""},
		{"POST", "users/7", 0, "", ""},
		{"GET", "../a-file", 400, "", ""},
		{"GET", ".secret", 200, "page", "no-cache"},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			got := c.Serve(httptest.NewRequest(tt.method, "/x", nil), "path", tt.path)
			if got.Status != tt.status || tt.status == 200 && (got.Body != tt.body || got.Header.Get("Cache-Control") != tt.cache) {
				t.Errorf("%d %q %v (%v), want %d %q", got.Status, got.Body, got.Header, got.Err, tt.status, tt.body)
			}
		})
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, static.All()) }
