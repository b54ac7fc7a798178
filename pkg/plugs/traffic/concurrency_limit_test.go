package traffic_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/traffic"
)

// hold lets a request in that stays until it is let go.
func hold(t *testing.T, app pipetest.App, target string) (letGo func()) {
	t.Helper()
	c := app.Compile(t)
	got := c.Serve(from("10.0.0.1", target))
	if got.Status != 200 {
		t.Fatalf("the first request: %d, %v", got.Status, got.Err)
	}
	return got.Ctx.Reset
}

func TestConcurrencyLimit(t *testing.T) {
	tests := []struct {
		name, list, first, second string
		status                    int // of the second, while the first is under way
	}{
		{"one place", "- concurrency_limit: 1\n", "/", "/", 503},
		{"two places", "- concurrency_limit: 2\n", "/", "/", 200},
		{"a queue in which nobody leaves in time", "- concurrency_limit: {max: 1, queue: 1, wait: 1ms}\n", "/", "/", 503},
		{"one place for each key", "- concurrency_limit: {max: 1, key: \"${params.user}\"}\n", "/?user=ann", "/?user=bob", 200},
		{"one place for one key", "- concurrency_limit: {max: 1, key: \"${params.user}\"}\n", "/?user=ann", "/?user=ann", 503},
		{"a key that is nil", "- concurrency_limit: {max: 5, key: \"${params?.user}\"}\n", "/?user=ann", "/", 503},
		{"a key that is not there", "- concurrency_limit: {max: 5, key: \"${params.user}\"}\n", "/?user=ann", "/", 503},
		{"a key that is a list", "- concurrency_limit: {max: 5, key: \"${params.user}\"}\n", "/?user=ann", "/?user[]=ann", 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := pipetest.App{Defs: traffic.All(), List: tt.list + "- show: 1\n", Shared: &pipeline.Shared{}}
			letGo := hold(t, app, tt.first)
			got := app.Compile(t).Serve(from("10.0.0.2", tt.second))
			if got.Status != tt.status {
				t.Errorf("%d (%v), want %d", got.Status, got.Err, tt.status)
			}
			if refusal := got.Refusal(); tt.status == 503 && (refusal == nil || refusal.Reason != "busy") {
				t.Errorf("refused with %v, want busy", got.Err)
			}
			got.Ctx.Reset()
			letGo()
			if again := app.Compile(t).Serve(from("10.0.0.2", tt.first)); again.Status != 200 {
				t.Errorf("when the first has left: %d, want 200", again.Status)
			}
		})
	}
}

func TestConcurrencyLimitSaysWhenToComeBack(t *testing.T) {
	app := pipetest.App{Defs: traffic.All(), Shared: &pipeline.Shared{},
		List: "- concurrency_limit: {max: 1, queue: 0, wait: 1500ms}\n  else: {show: \"${failure.reason}\"}\n- show: 1\n"}
	defer hold(t, app, "/")()
	got := app.Compile(t).Serve(from("10.0.0.2", "/"))
	if got.Status != 503 || got.Body != `"busy"` || got.Header.Get("Retry-After") != "2" {
		t.Errorf("%d %s, Retry-After %q; want the else with 503 after 2", got.Status, got.Body, got.Header.Get("Retry-After"))
	}
}

// A place is given back when the list ends in a refusal, an error, or a client that left.
func TestConcurrencyLimitGivesBackInAnyCase(t *testing.T) {
	tests := []struct{ name, target string }{
		{"refused behind it", "/?a=refuse"},
		{"an error behind it", "/?a=fail"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := "- concurrency_limit: 1\n- rate_limit: {rate: 1/h, key: \"${params.none}\"}\n  when: params.a == 'refuse'\n- show: \"${int(params.a)}\"\n"
			c := pipetest.App{Defs: traffic.All(), List: list}.Compile(t)
			if got := c.Serve(from("10.0.0.1", tt.target)); got.Status < 400 {
				t.Fatalf("%d, want it to fail", got.Status)
			}
			if got := c.Serve(from("10.0.0.1", "/?a=1")); got.Status != 200 {
				t.Errorf("the next one: %d, want 200", got.Status)
			}
		})
	}
	t.Run("the client left while it waited", func(t *testing.T) {
		app := pipetest.App{Defs: traffic.All(), List: "- concurrency_limit: {max: 1, queue: 1, wait: 1m}\n- show: 1\n", Shared: &pipeline.Shared{}}
		letGo := hold(t, app, "/")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got := app.Compile(t).Serve(httptest.NewRequest("GET", "/", nil).WithContext(ctx))
		if got.Refusal() != nil || got.Err == nil {
			t.Errorf("%v, want no refusal: nobody reads it", got.Err)
		}
		letGo()
		if got := app.Compile(t).Serve(from("10.0.0.1", "/")); got.Status != 200 {
			t.Errorf("the next one: %d, want 200", got.Status)
		}
	})
}

func TestConcurrencyOutlivesAReload(t *testing.T) {
	shared := &pipeline.Shared{}
	app := func(list string) pipetest.App {
		return pipetest.App{Defs: traffic.All(), List: list + "- show: 1\n", Shared: shared}
	}
	defer hold(t, app("- concurrency_limit: 1\n"), "/")()
	for _, tt := range []struct {
		name, list string
		status     int
	}{
		{"nothing changed", "- concurrency_limit: 1\n", 503},
		{"an edit elsewhere", "- rate_limit: 100/s\n- concurrency_limit: 1\n", 503},
		{"one place more", "- concurrency_limit: 2\n", 200},
	} {
		if got := app(tt.list).Compile(t).Serve(from("10.0.0.1", "/")); got.Status != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, got.Status, tt.status)
		}
	}
}
