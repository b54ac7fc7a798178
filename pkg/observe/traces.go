package observe

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otel "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// How spans go out: from a queue that drops what does not fit, so that a collector that is
// slow or gone costs requests nothing.
const (
	traceQueue   = 2048
	traceBatch   = 512
	traceDelay   = 2 * time.Second
	traceExport  = 5 * time.Second // for one batch
	traceGoodbye = 5 * time.Second // for what is left when the process ends
)

// TracerOptions say where traces go.
type TracerOptions struct {
	URL     string // without a path: that of OTLP is added
	Service string
	Version string
	Sample  float64
	Headers map[string]string
	Log     *slog.Logger
}

// A Tracer makes a span of each request and sends it to a collector.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	format   propagation.TraceContext
}

// NewTracer prepares to send; the collector need not be there.
func NewTracer(o TracerOptions) (*Tracer, error) {
	to, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	if strings.Trim(to.Path, "/") == "" {
		to.Path = "/v1/traces"
	}
	exporter, err := otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(to.String()), otlptracehttp.WithHeaders(o.Headers), otlptracehttp.WithTimeout(traceExport),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	return newTracer(o, &quietExporter{to: exporter, log: o.Log}), nil
}

func newTracer(o TracerOptions, exporter sdk.SpanExporter) *Tracer {
	part := sdk.TraceIDRatioBased(o.Sample)
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter, sdk.WithMaxQueueSize(traceQueue), sdk.WithMaxExportBatchSize(traceBatch), sdk.WithBatchTimeout(traceDelay), sdk.WithExportTimeout(traceExport)),
		// A stranger may say that a request is to be traced; how many are is not his to say.
		sdk.WithSampler(sdk.ParentBased(part, sdk.WithRemoteParentSampled(part))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", o.Service), attribute.String("service.version", o.Version),
			attribute.String("telemetry.sdk.language", "go"), attribute.String("telemetry.sdk.name", "opentelemetry"))),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("github.com/openmanifest/gateway")}
}

// Close sends what is left, within a deadline.
func (t *Tracer) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), traceGoodbye)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the exporter has logged why
}

// A quietExporter logs once that the collector is gone, and once that it is back.
type quietExporter struct {
	to   sdk.SpanExporter
	log  *slog.Logger
	gone atomic.Bool
}

// ExportSpans implements the exporter of the SDK.
func (e *quietExporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.to.ExportSpans(ctx, spans)
	switch {
	case err != nil && !e.gone.Swap(true):
		e.log.Warn("traces are not taken and get lost", "error", err)
	case err == nil && e.gone.Swap(false):
		e.log.Info("traces are taken again")
	}
	return nil
}

// Shutdown implements the exporter of the SDK.
func (e *quietExporter) Shutdown(ctx context.Context) error { return e.to.Shutdown(ctx) }

// A span is that of one request. The zero one is none.
type span struct{ trace.Span }

func (s span) on() bool { return s.Span != nil }

func (s span) traceID() string { return s.SpanContext().TraceID().String() }

// begin starts the span of a request, as a child of what the client says.
func (t *Tracer) begin(r *http.Request) (span, context.Context) {
	ctx := t.format.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, s := t.tracer.Start(ctx, knownMethod(r.Method), trace.WithSpanKind(trace.SpanKindServer))
	return span{s}, ctx
}

func knownMethod(method string) string {
	if methodIndex(method) == 0 {
		return "HTTP"
	}
	return method
}

// conventional is the method as the conventions have it: one of theirs, or _OTHER.
func conventional(method string) string {
	if methodIndex(method) == 0 {
		return "_OTHER"
	}
	return method
}

// end completes the span, with the names of OpenTelemetry's conventions for HTTP.
func (s span) end(label, path string, x *Answer) {
	defer s.End()
	if !s.IsRecording() {
		return
	}
	r := x.Request
	s.SetName(knownMethod(x.Method) + " " + label)
	host, port := r.Host, ""
	if h, p, err := net.SplitHostPort(r.Host); err == nil {
		host, port = h, p
	}
	attrs := []attribute.KeyValue{
		attribute.String("http.request.method", conventional(x.Method)),
		attribute.String("http.route", label),
		attribute.Int("http.response.status_code", x.Status),
		attribute.Int64("http.response.body.size", x.Bytes),
		attribute.String("url.scheme", x.Scheme),
		attribute.String("url.path", path),
		attribute.String("server.address", host),
		attribute.String("client.address", x.IP),
		attribute.String("network.protocol.version", strconv.Itoa(r.ProtoMajor)+"."+strconv.Itoa(r.ProtoMinor)),
	}
	if n, err := strconv.Atoi(port); err == nil {
		attrs = append(attrs, attribute.Int("server.port", n))
	}
	if agent := r.Header.Get("User-Agent"); agent != "" {
		attrs = append(attrs, attribute.String("user_agent.original", agent[:min(len(agent), maxAgent)]))
	}
	if x.RequestID != "" {
		attrs = append(attrs, attribute.String("gateway.request_id", x.RequestID))
	}
	if x.Status >= http.StatusInternalServerError || x.Broken {
		attrs = append(attrs, attribute.String("error.type", strconv.Itoa(x.Status)))
		s.SetStatus(otel.Error, "")
	}
	s.SetAttributes(attrs...)
}

func recordError(ctx context.Context, err error) {
	if s := trace.SpanFromContext(ctx); s.IsRecording() {
		s.RecordError(err)
	}
}

// Inject puts the trace of a run into the headers of a request that it makes. Where nothing
// is traced they stay as they are.
func Inject(ctx context.Context, h http.Header) {
	if trace.SpanContextFromContext(ctx).IsValid() {
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(h))
	}
}
