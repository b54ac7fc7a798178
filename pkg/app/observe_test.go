package app_test

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// observed compiles a manifest whose requests are counted and logged to out.
func observed(t testing.TB, yaml string, out *bytes.Buffer) (*app.App, *observe.Process) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.yaml")
	if err := os.WriteFile(path, []byte("version: 1\n"+yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	process := observe.NewProcess(time.Now, "1.0")
	l := app.Load(path, "test", app.Deps{
		Log: slog.New(slog.NewTextHandler(out, nil)), Now: time.Now, Random: rand.Reader, Hub: app.NoHub{}, Hasher: password.NewHasher(2),
		Getenv: func(string) (string, bool) { return "", false }, Observe: process,
	})
	for _, p := range l.Problems {
		t.Errorf("compile: %v", p)
	}
	if l.App == nil {
		t.FailNow()
	}
	if err := l.App.Open(&pipeline.Shared{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.App.Release)
	return l.App, process
}

const watchedRoutes = `
scopes:
  - host: api.example.com
    routes:
      - get: /posts/:id
        text: post
  - routes:
      - get: /posts/:id
        text: post
      - post: /posts
        send_resp: 201
      - get: /reset/:token
        text: "${int(request.method)}"
      - get: /fails
        text: "${int(request.method)}"
      - get: /limited
        do: [rate_limit: {rate: 1/h, key: nobody}, text: yes]
`

func TestWhatIsObserved(t *testing.T) {
	tests := []struct {
		name, method, target string
		counted, logged      string
		missing              string // in the log
	}{
		{"a route", "GET", "/posts/1", `method="GET",route="/posts/:id",status="200"} 1`, "msg=request method=GET path=/posts/1 status=200 bytes=4", ""},
		{"a route of a host", "GET", "http://api.example.com/posts/1", `method="GET",route="api.example.com/posts/:id",status="200"} 1`, "route=api.example.com/posts/:id", ""},
		{"HEAD", "HEAD", "/posts/1", `method="HEAD",route="/posts/:id",status="200"} 1`, "method=HEAD", ""},
		{"a redirect", "GET", "/posts/1/", `method="GET",route="(unmatched)",status="301"} 1`, "status=301", ""},
		{"no route", "GET", "/nobody", `method="GET",route="(unmatched)",status="404"} 1`, "status=404", ""},
		{"no route for the method", "DELETE", "/posts", `method="DELETE",route="(unmatched)",status="405"} 1`, "status=405", ""},
		{"a method that was overridden", "POST", "/posts/1?_method=delete", `method="POST",route="(unmatched)",status="405"} 1`, "status=405", ""},
		{"a failure of ours", "GET", "/fails", `route="/fails",status="500"} 1`, `level=WARN msg=request method=GET path=/fails status=500`, ""},
		{"a failure where a secret is in the path", "GET", "/reset/hunter2", `route="/reset/:token",status="500"} 1`, `msg="request failed" method=GET path=/reset/:token`, "hunter2"},
		{"a secret in the query", "GET", "/posts/1?token=hunter2", `route="/posts/:id",status="200"} 1`, `path="/posts/1?token=[redacted]"`, "hunter2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			a, process := observed(t, watchedRoutes, &out)
			a.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/posts/9", nil)) // what it leaves in the pool is not taken for this one
			before := string(process.Metrics(nil))
			out.Reset()
			a.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(tt.method, tt.target, nil))
			text := string(process.Metrics(nil))
			want := tt.counted
			if strings.Contains(before, want) {
				want = strings.TrimSuffix(want, "1") + "2"
			}
			if !strings.Contains(text, want+"\n") {
				t.Errorf("no line with %s in\n%s", want, text[:strings.Index(text, "# HELP gateway_http_request_duration")])
			}
			if !strings.Contains(out.String(), tt.logged) || tt.missing != "" && strings.Contains(out.String(), tt.missing) {
				t.Errorf("logged\n%swant %s", out.String(), tt.logged)
			}
		})
	}
}

func TestAPlugOfTheEndpointAnswers(t *testing.T) {
	var out bytes.Buffer
	a, process := observed(t, "endpoint: {log: {access: false}, plugs: [rate_limit: {rate: 1/h, key: all}]}"+watchedRoutes, &out)
	for range 3 {
		a.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/posts/1", nil))
	}
	if text := string(process.Metrics(nil)); !strings.Contains(text, `route="(endpoint)",status="429"} 2`) || out.Len() > 0 {
		t.Errorf("logged %q, counted\n%s", out.String(), text)
	}
}

func BenchmarkObserved(b *testing.B) {
	for _, access := range []string{"false", "true"} {
		b.Run("access "+access, func(b *testing.B) {
			var out bytes.Buffer
			a, _ := observed(b, "endpoint: {log: {access: "+access+"}, plugs: []}"+watchedRoutes, &out)
			r, w := httptest.NewRequest("GET", "/posts/1", nil), httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				w.Body.Reset()
				out.Reset()
				a.ServeHTTP(w, r)
			}
		})
	}
}
