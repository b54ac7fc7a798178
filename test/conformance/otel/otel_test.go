// Package otel lets the OpenTelemetry collector's own receiver take the gateway's traces.
package otel

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/openmanifest/gateway/internal/gatewaytest"
	"github.com/openmanifest/gateway/test/conformance/kit"
)

// collector takes OTLP over HTTP on an address of its own.
func collector(t *testing.T) (url string, sink *consumertest.TracesSink) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", gatewaytest.FreePort(t))
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig()
	conf := confmap.NewFromStringMap(map[string]any{"protocols": map[string]any{"http": map[string]any{"endpoint": address}}})
	if err := conf.Unmarshal(config); err != nil {
		t.Fatal(err)
	}
	sink = new(consumertest.TracesSink)
	r, err := factory.CreateTraces(t.Context(), receivertest.NewNopSettings(component.MustNewType("otlp")), config, sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return "http://" + address, sink
}

// spans gives what was taken, by name.
func spans(sink *consumertest.TracesSink) map[string]ptrace.Span {
	out := map[string]ptrace.Span{}
	for _, traces := range sink.AllTraces() {
		for _, resource := range traces.ResourceSpans().All() {
			service, _ := resource.Resource().Attributes().Get("service.name")
			for _, scope := range resource.ScopeSpans().All() {
				for _, s := range scope.Spans().All() {
					s.Attributes().PutStr("test.service", service.AsString())
					out[s.Name()] = s
				}
			}
		}
	}
	return out
}

const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"

func TestTraces(t *testing.T) {
	url, sink := collector(t)
	var seen []string
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Traceparent"))
	}))
	defer upstream.Close()
	g := kit.Start(t, t.TempDir(), `version: 1
name: shop
endpoint:
  listen: 127.0.0.1:0
  traces: {otlp: "`+url+`"}
upstreams:
  api: {targets: "`+upstream.URL+`"}
scopes:
  - routes:
      - get: /posts/:id
        text: post
      - get: /api/*rest
        proxy: api
      - get: /fails
        text: "${[1][params.x == nil ? 5 : 5]}"
`)
	for _, path := range []string{"/posts/1?token=hunter2", "/api/x", "/nobody", "/fails"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+g.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	began := time.Now()
	g.Stop() // what is left is sent before the end
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("the end took %v", took)
	}
	got := spans(sink)
	tests := []struct{ span, key, want string }{
		{"GET /posts/:id", "http.route", "/posts/:id"},
		{"GET /posts/:id", "url.path", "/posts/1"},
		{"GET /posts/:id", "http.response.status_code", "200"},
		{"GET /posts/:id", "test.service", "shop"},
		{"GET /api/*rest", "http.response.status_code", "200"},
		{"GET (unmatched)", "http.response.status_code", "404"},
		{"GET /fails", "http.response.status_code", "500"},
		{"GET /fails", "error.type", "500"},
	}
	for _, tt := range tests {
		s, ok := got[tt.span]
		if !ok {
			t.Errorf("no span %s among %d", tt.span, len(got))
			continue
		}
		if v, _ := s.Attributes().Get(tt.key); v.AsString() != tt.want {
			t.Errorf("%s of %s is %q, want %q", tt.key, tt.span, v.AsString(), tt.want)
		}
		if s.TraceID().String() != traceID || s.ParentSpanID().String() != "00f067aa0ba902b7" || s.Kind() != ptrace.SpanKindServer {
			t.Errorf("%s does not go on with the client's trace: %s %s", tt.span, s.TraceID(), s.ParentSpanID())
		}
		for key, v := range s.Attributes().All() {
			if strings.Contains(v.AsString(), "hunter2") {
				t.Errorf("%s of %s holds the token", key, tt.span)
			}
		}
	}
	if s, ok := got["GET /fails"]; ok && (s.Status().Code() != ptrace.StatusCodeError || s.Events().Len() != 1) {
		t.Errorf("the failure is not recorded: %v, %d events", s.Status().Code(), s.Events().Len())
	}
	if s, ok := got["GET /api/*rest"]; ok && (len(seen) != 1 || seen[0] != "00-"+traceID+"-"+s.SpanID().String()+"-01") {
		t.Errorf("the upstream saw %v, want the span %s", seen, s.SpanID())
	}
}
