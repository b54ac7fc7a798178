package ops_test

import (
	"fmt"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/handlers/ops"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
)

func TestHealth(t *testing.T) {
	here, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	upstreams := fmt.Sprintf("upstreams: {here: {targets: ['http://%s']}, gone: {targets: ['http://%s']}}\n", here.Addr(), gone.Addr())
	tests := []struct {
		name, plug string
		closed     bool // the second store is away
		status     int
		want       string
	}{
		{"nothing asked", "health", true, 200, `{"status":"ok"}`},
		{"stores", "health: stores", false, 200, `{"status":"ok","stores":{"main":"ok","other":"ok"}}`},
		{"as a list", "health: {checks: [stores]}", false, 200, `{"status":"ok","stores":{"main":"ok","other":"ok"}}`},
		{"a store is away", "health: {checks: [stores]}", true, 503, `{"status":"unavailable","stores":{"main":"ok","other":"unavailable"}}`},
		{"upstreams", "health: {checks: [stores, upstreams]}", false, 503, `{"status":"unavailable","stores":{"main":"ok","other":"ok"},"upstreams":{"here":"ok","gone":"unavailable"}}`},
		{"with a status of its own", "{health: stores, status: 202}", false, 202, `{"status":"ok","stores":{"main":"ok","other":"ok"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := apptest.Compile(t, "version: 1\n"+upstreams+`
stores: {main: {url: "sqlite::memory:"}, other: {url: "sqlite::memory:"}}
scopes:
  - routes:
      - get: /health
        do: [`+tt.plug+`]
`, "")
			if tt.closed {
				a.Env.Store("other").Close()
			}
			got := apptest.Request(a, "GET", "/health", "")
			if got.Code != tt.status || got.Body.String() != tt.want || got.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d %s %v, want %d %s", got.Code, got.Body, got.Header(), tt.status, tt.want)
			}
		})
	}
}

func TestMetricsWhereNothingIsCounted(t *testing.T) {
	c := pipetest.App{Defs: ops.All(), List: "- metrics\n"}.Compile(t)
	got := c.Serve(httptest.NewRequest("GET", "/", nil))
	if got.Status != 200 || got.Body != "" || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("%d %q %v", got.Status, got.Body, got.Header)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct{ list, want string }{
		{"- health: {checks: [store]}", `1:21: "store" cannot be checked (did you mean "stores"?)`},
		{"- health: disk", `1:11: "disk" cannot be checked (what can be is stores or upstreams)`},
		{"- health: {every: 5s}", "1:12: unknown setting \"every\" of `health` (its settings are checks)"},
		{"- metrics: {path: /x}", "1:13: unknown setting \"path\" of `metrics` (it has none)"},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			got := pipetest.App{Defs: ops.All(), List: tt.list + "\n"}.Problems(t)
			if !slices.Equal(got, []string{tt.want}) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, ops.All()) }
