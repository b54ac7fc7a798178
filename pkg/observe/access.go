package observe

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/openmanifest/gateway/pkg/redact"
)

// maxAgent bounds what a stranger puts into a line of the log by one header.
const maxAgent = 256

// access logs one request. One that failed is never left out.
func (a *App) access(label string, x *Answer, took time.Duration, s span) {
	level := slog.LevelInfo
	failed := x.Broken || x.Status >= http.StatusInternalServerError
	if failed {
		level = slog.LevelWarn
	}
	o := &a.options
	if !failed && o.Sample < 1 && rand.Float64() >= o.Sample {
		return
	}
	ctx := context.Background() // the line is written whether or not the client waits
	if !o.Log.Enabled(ctx, level) {
		return
	}
	var few [16]slog.Attr
	attrs := append(few[:0],
		slog.String("method", x.Request.Method),
		slog.String("path", a.path(label, x)),
		slog.Int("status", x.Status),
		slog.Int64("bytes", x.Bytes),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("route", label),
		slog.String("ip", x.IP))
	if x.RequestID != "" {
		attrs = append(attrs, slog.String("request_id", x.RequestID))
	}
	if agent := x.Request.Header.Get("User-Agent"); agent != "" {
		attrs = append(attrs, slog.String("user_agent", agent[:min(len(agent), maxAgent)]))
	}
	if s.on() {
		attrs = append(attrs, slog.String("trace_id", s.traceID()))
	}
	if x.Broken {
		attrs = append(attrs, slog.Bool("broken_off", true))
	}
	o.Log.LogAttrs(ctx, level, "request", append(attrs, o.Fields...)...)
}

// Refused counts and logs a request that was refused before an application saw it. Nothing
// of what the stranger sent is in the line but where from: reason is ours.
func (p *Process) Refused(method string, status int, reason, peer string) {
	p.refused.of(method).add(status, 0, 0)
	a := p.current.Load()
	if a == nil || a.options.Log == nil || a.options.Sample < 1 && rand.Float64() >= a.options.Sample {
		return
	}
	a.options.Log.LogAttrs(context.Background(), slog.LevelInfo, "request refused", append([]slog.Attr{
		slog.Int("status", status), slog.String("reason", reason), slog.String("route", labelRefused), slog.String("ip", peer),
	}, a.options.Fields...)...)
}

// urlPath is what is shown of a path: of one that holds a secret only its pattern.
func (a *App) urlPath(label string, x *Answer) string {
	if x.Route >= 0 && x.Route < len(a.secret) && a.secret[x.Route] {
		return label
	}
	return x.Request.URL.Path
}

// path is what the log shows of the URL, without secrets of the query.
func (a *App) path(label string, x *Answer) string {
	path := a.urlPath(label, x)
	if q := x.Request.URL.RawQuery; q != "" {
		return path + "?" + redact.Query(q)
	}
	return path
}
