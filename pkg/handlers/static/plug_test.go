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
		{"{from: public, fallback: index.html}", []string{"1:26: `fallback` is not available in this version (remove it, or use a version that has it)"}},
		{"{from: public, gzip: true}", []string{"1:26: unknown setting \"gzip\" of `static` (its settings are from, at, only or only_matching)"}},
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

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, static.All()) }
