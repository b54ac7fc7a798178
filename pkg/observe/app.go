package observe

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// A Route is one route of an application.
type Route struct {
	Label  string // host and pattern
	Secret bool   // its path holds a secret, such as a token: it is logged as the pattern
}

// Options say how one application is observed.
type Options struct {
	Log    *slog.Logger // of requests; nil: they are not logged
	Sample float64      // of the requests that went well, how many are logged
	Fields []slog.Attr  // in the line of each request
	Tracer *Tracer      // nil: nothing is traced
}

// An App observes one application. A nil one observes nothing.
type App struct {
	process *Process
	health  Health

	routes              []*route
	secret              []bool
	unmatched, endpoint *route
	upstreams           []*Upstream
	pools               []pool
	options             Options
}

// NewApp prepares an application; Open makes it count. process may be nil: then there is
// only its health.
func NewApp(process *Process) *App {
	a := &App{process: process}
	if process != nil {
		a.health.draining = process.Draining
	}
	return a
}

// Health asks the parts of the application how they are.
func (a *App) Health() *Health {
	if a == nil {
		return &Health{}
	}
	return &a.health
}

// Open finds the counters of the application's routes.
func (a *App) Open(routes []Route, o Options) {
	if a == nil || a.process == nil {
		return
	}
	a.options = o
	a.unmatched, a.endpoint = a.process.route(labelUnmatched), a.process.route(labelEndpoint)
	for _, r := range routes {
		a.routes = append(a.routes, a.process.route(r.Label))
		a.secret = append(a.secret, r.Secret)
	}
}

// all lists what the application counts in.
func (a *App) all() []*route {
	if a == nil || a.unmatched == nil {
		return nil
	}
	return append([]*route{a.unmatched, a.endpoint}, a.routes...)
}

// A Run is one request while it is answered. The zero one observes nothing.
type Run struct {
	app   *App
	began time.Time
	span  span
}

// Begin notes that a request came. The context, which carries its span, is the request's own
// where nothing is traced.
func (a *App) Begin(r *http.Request) (Run, context.Context) {
	if a == nil || a.unmatched == nil {
		return Run{}, r.Context()
	}
	a.process.inFlight.Add(1)
	run := Run{app: a, began: time.Now()}
	if a.options.Tracer == nil {
		return run, r.Context()
	}
	var ctx context.Context
	run.span, ctx = a.options.Tracer.begin(r)
	return run, ctx
}

// On tells whether the run is observed.
func (run *Run) On() bool { return run.app != nil }

// Detailed tells whether the run is logged or traced: then End wants to know all of it.
func (run *Run) Detailed() bool { return run.app.options.Log != nil || run.span.on() }

// Answer is what became of a request.
type Answer struct {
	Route     int  // -1: no route took it
	Routed    bool // it was looked for
	Method    string
	Status    int // 0: none was sent
	Bytes     int64
	Broken    bool // the answer was broken off, or there was none
	RequestID string
	IP        string
	Scheme    string
	Request   *http.Request
}

// End notes what became of it.
func (run *Run) End(x *Answer) {
	a := run.app
	if a == nil {
		return
	}
	a.process.inFlight.Add(-1)
	took := time.Since(run.began)
	if x.Status == 0 {
		x.Status = unsent(x)
	}
	r := a.route(x)
	r.of(x.Method).add(x.Status, took, x.Bytes)
	if run.span.on() {
		run.span.end(r.label, a.urlPath(r.label, x), x)
	}
	if a.options.Log != nil {
		a.access(r.label, x, took, run.span)
	}
}

// unsent is the status of an answer that did not go through the context's writer.
func unsent(x *Answer) int {
	switch {
	case x.Broken && x.Request.Context().Err() != nil:
		return clientLeft
	case x.Broken:
		return http.StatusInternalServerError
	case x.Request.Header["Upgrade"] != nil:
		return http.StatusSwitchingProtocols
	}
	return http.StatusOK // net/http sends it where a handler says nothing
}

func (a *App) route(x *Answer) *route {
	switch {
	case x.Route >= 0 && x.Route < len(a.routes):
		return a.routes[x.Route]
	case x.Routed:
		return a.unmatched
	}
	return a.endpoint
}

// Failed notes an error of ours in the request's span.
func Failed(ctx context.Context, err error) { recordError(ctx, err) }
