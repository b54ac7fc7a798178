package app_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

func TestPagesOfErrors(t *testing.T) {
	const routes = `
scopes:
  - routes:
      - get: /own
        do: [{require: "false"}, {text: ok}]
      - post: /create
        do: [{validate: {fields: {title: {type: string, required: true}}}}, {text: ok}]
      - get: /broken
        text: "${int(request.method)}"
`
	files := map[string]string{
		"errors/404.html": `<h1>Nothing at all: {{.status}} {{.title}}</h1>`, "errors/422.html": `{{range $f, $m := .errors}}{{$f}}: {{index $m 0}}{{end}}`,
		"errors/default.html": `{{.status}} {{.reason}} {{.message}}{{if .request_id}}#{{end}}`, "layout.html": `<html>{{.inner_content}}</html>`,
		"fails.html": `{{index .errors.none 5}}`,
	}
	tests := []struct{ name, errors, method, path, accept, want string }{
		{"a page of a folder", "{html: errors}", "GET", "/none", "text/html", "404 <h1>Nothing at all: 404 Not Found</h1>"},
		{"the page of all others", "{html: errors}", "GET", "/own", "text/html", "403 403 forbidden this is not allowed#"},
		{"errors by field", "{html: errors}", "POST", "/create", "text/html", "422 title: can&#39;t be blank"},
		{"an error of ours tells nothing", "{html: errors}", "GET", "/broken", "text/html", "500 500 internal #"},
		{"a page by status, in a layout", "{html: {404: errors/404.html, layout: layout.html}}", "GET", "/none", "text/html", "404 <html><h1>Nothing at all: 404 Not Found</h1></html>"},
		{"no page of this status", "{html: {500: errors/default.html}}", "GET", "/none", "text/html", "404 <!doctype html>"},
		{"a page that fails", "{html: {default: fails.html}}", "GET", "/none", "text/html", "404 <!doctype html>"},
		{"others get problem+json", "{html: errors}", "GET", "/none", "application/json", `404 {"type":"about:blank","title":"Not Found","status":404,"reason":"not_found"}`},
		{"or what Phoenix sends", "{json: phoenix}", "GET", "/none", "application/json", `404 {"errors":{"detail":"Not Found"}}`},
		{"with errors by field", "{json: phoenix}", "POST", "/create", "application/json", `422 {"errors":{"title":["can't be blank"]}}`},
		{"and nothing of an error of ours", "{json: phoenix}", "GET", "/broken", "", `500 {"errors":{"detail":"Internal Server Error"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := laidOut(t, "version: 1\nendpoint: {render_errors: "+tt.errors+"}"+routes, files)
			loaded := checked(path, "prod", nil)
			for _, p := range loaded.Problems {
				if p.Severity == diag.Error {
					t.Fatal(p)
				}
			}
			if err := loaded.App.Open(&pipeline.Shared{}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(loaded.App.Release)
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.Header.Set("Accept", tt.accept)
			w := httptest.NewRecorder()
			loaded.App.ServeHTTP(w, r)
			got := strings.TrimSpace(strings.SplitN(w.Result().Status, " ", 2)[0] + " " + w.Body.String())
			if got != tt.want && !(strings.HasSuffix(tt.want, "<!doctype html>") && strings.HasPrefix(got, tt.want)) {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

// laidOut writes a manifest and its templates into a folder of the test.
func laidOut(t *testing.T, manifest string, templates map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"app.yaml": manifest}
	for name, text := range templates {
		files["templates/"+name] = text
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "app.yaml")
}
