package observe

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

type noExporter struct{}

func (noExporter) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return nil }
func (noExporter) Shutdown(context.Context) error                        { return nil }

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent  = "00-" + traceID + "-00f067aa0ba902b7-01"
)

// kept gives a tracer that keeps its spans; the function gives them.
func kept(t *testing.T, sample float64) (*Tracer, func() tracetest.SpanStubs) {
	exporter := tracetest.NewInMemoryExporter()
	tracer := newTracer(TracerOptions{Service: "shop", Sample: sample}, exporter)
	t.Cleanup(tracer.Close)
	return tracer, func() tracetest.SpanStubs {
		if err := tracer.provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
		return exporter.GetSpans()
	}
}

func TestSpans(t *testing.T) {
	tests := []struct {
		name, method, target string
		answer               Answer
		span, key, want      string
	}{
		{"route", "GET", "/posts/1", Answer{Route: 0, Status: 200}, "GET /posts/:id", "http.route", "/posts/:id"},
		{"path", "GET", "/posts/1", Answer{Route: 0, Status: 200}, "GET /posts/:id", "url.path", "/posts/1"},
		{"a path that holds a token", "GET", "/reset/abc", Answer{Route: 1, Status: 200}, "GET /reset/:token", "url.path", "/reset/:token"},
		{"status", "POST", "/posts/1", Answer{Route: 0, Status: 422}, "POST /posts/:id", "http.response.status_code", "422"},
		{"no route", "GET", "/x", Answer{Route: -1, Status: 404}, "GET (unmatched)", "http.request.method", "GET"},
		{"a method that is made up", "BREW", "/x", Answer{Route: -1, Status: 405}, "HTTP (unmatched)", "http.request.method", "_OTHER"},
		{"host", "GET", "http://shop.example:8080/x", Answer{Route: -1, Status: 200}, "GET (unmatched)", "server.address", "shop.example"},
		{"port", "GET", "http://shop.example:8080/x", Answer{Route: -1, Status: 200}, "GET (unmatched)", "server.port", "8080"},
		{"client", "GET", "/", Answer{Route: -1, Status: 200, IP: "10.0.0.1"}, "GET (unmatched)", "client.address", "10.0.0.1"},
		{"a failure", "GET", "/", Answer{Route: -1, Status: 503}, "GET (unmatched)", "error.type", "503"},
		{"the caller's fault is none of ours", "GET", "/", Answer{Route: -1, Status: 404}, "GET (unmatched)", "error.type", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tracer, spans := kept(t, 1)
			tt.answer.Routed = true
			answer(watched(NewProcess(time.Now, ""), Options{Tracer: tracer}), httptest.NewRequest(tt.method, tt.target, nil), tt.answer)
			got := spans()
			if len(got) != 1 || got[0].Name != tt.span {
				t.Fatalf("spans %v, want %s", got, tt.span)
			}
			value := ""
			for _, a := range got[0].Attributes {
				if string(a.Key) == tt.key {
					value = a.Value.Emit()
				}
				if strings.Contains(a.Value.Emit(), "abc") {
					t.Errorf("%s holds the token", a.Key)
				}
			}
			if value != tt.want {
				t.Errorf("%s is %q, want %q", tt.key, value, tt.want)
			}
		})
	}
}

func TestWhoDecidesWhatIsTraced(t *testing.T) {
	tests := []struct {
		name, parent string
		sample       float64
		traced, same bool
	}{
		{"all", "", 1, true, false},
		{"none", "", 0, false, false},
		{"the client's trace goes on", parent, 1, true, true},
		{"a client cannot have itself traced", parent, 0, false, true},
		{"a client that is not traced", strings.TrimSuffix(parent, "01") + "00", 1, false, true},
		{"a header that is none", "00-zz-zz-01", 1, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tracer, spans := kept(t, tt.sample)
			a := watched(NewProcess(time.Now, ""), Options{Tracer: tracer})
			r := httptest.NewRequest("GET", "/", nil)
			if tt.parent != "" {
				r.Header.Set("Traceparent", tt.parent)
			}
			run, ctx := a.Begin(r)
			out := http.Header{}
			Inject(ctx, out)
			run.End(&Answer{Route: -1, Method: "GET", Status: 200, Request: r})
			if got := len(spans()) == 1; got != tt.traced {
				t.Errorf("traced %v, want %v", got, tt.traced)
			}
			if got := out.Get("Traceparent"); strings.Contains(got, traceID) != tt.same || strings.Contains(got, "00f067aa0ba902b7") {
				t.Errorf("passed on %q", got)
			}
		})
	}
}

func TestNothingIsInjectedWhereNothingIsTraced(t *testing.T) {
	h := http.Header{"Traceparent": {parent}}
	Inject(t.Context(), h)
	if got := h.Get("Traceparent"); got != parent {
		t.Errorf("the client's header became %q", got)
	}
}

func TestErrorsAreRecorded(t *testing.T) {
	tracer, spans := kept(t, 1)
	r := httptest.NewRequest("GET", "/", nil)
	run, ctx := watched(NewProcess(time.Now, ""), Options{Tracer: tracer}).Begin(r)
	Failed(ctx, errors.New("app.yaml:4:5: query: no such table"))
	run.End(&Answer{Route: -1, Method: "GET", Status: 500, Request: r})
	got := spans()
	if len(got) != 1 || len(got[0].Events) != 1 || got[0].Status.Code.String() != "Error" {
		t.Errorf("%+v, want one error", got)
	}
}

func TestACollectorThatIsDown(t *testing.T) {
	var fails atomic.Bool
	fails.Store(true)
	var bodies atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/traces" || r.Header.Get("X-Key") != "hunter2" || fails.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		bodies.Add(1)
	}))
	defer collector.Close()
	var out bytes.Buffer
	tracer, err := NewTracer(TracerOptions{URL: collector.URL, Service: "shop", Sample: 1, Headers: map[string]string{"X-Key": "hunter2"}, Log: slog.New(slog.NewTextHandler(&out, nil))})
	if err != nil {
		t.Fatal(err)
	}
	a := watched(NewProcess(time.Now, ""), Options{Tracer: tracer})
	send := func() {
		answer(a, httptest.NewRequest("GET", "/", nil), Answer{Route: 0, Status: 200})
		if err := tracer.provider.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	send()
	send()
	fails.Store(false)
	send()
	tracer.Close()
	text := out.String()
	if strings.Count(text, "traces are not taken") != 1 || strings.Count(text, "traces are taken again") != 1 || strings.Contains(text, "hunter2") {
		t.Errorf("logged\n%s", text)
	}
	if bodies.Load() != 1 {
		t.Errorf("%d batches taken, want 1", bodies.Load())
	}
}

// A collector that takes the connection and never answers costs requests nothing, and the
// end of the process no more than its deadline.
func TestRequestsDoNotWaitForTheCollector(t *testing.T) {
	stuck := make(chan struct{})
	tracer := newTracer(TracerOptions{Sample: 1}, stuckExporter{stuck})
	a := watched(NewProcess(time.Now, ""), Options{Tracer: tracer})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 3 * traceQueue {
			answer(a, httptest.NewRequest("GET", "/", nil), Answer{Route: 0, Status: 200})
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("requests wait for the collector")
	}
	close(stuck)
	tracer.Close()
}

type stuckExporter struct{ free chan struct{} }

func (e stuckExporter) ExportSpans(ctx context.Context, _ []sdk.ReadOnlySpan) error {
	<-e.free
	return ctx.Err()
}

func (stuckExporter) Shutdown(context.Context) error { return nil }
