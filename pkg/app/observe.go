package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"

	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/outbound"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/redact"
	"github.com/openmanifest/gateway/pkg/store"
)

// declareObserve gives plugs what they show of the application's health and counters.
func declareObserve(env *pipeline.Env, process *observe.Process) {
	env.Observe = observe.NewApp(process)
	for _, s := range env.Stores() {
		env.Observe.Health().Add("stores", s.Name, func(ctx context.Context) error { return s.Ping(ctx) })
		env.Observe.AddStore(s.Name, func() store.Stats { return s.Stats() }) // it is opened later
	}
	for _, u := range env.Manifest.Upstreams {
		if target := u.Value.Target; target != nil { // else reported where it is declared
			env.Observe.Health().Add("upstreams", u.Name, func(ctx context.Context) error { return outbound.Reach(ctx, target) })
		}
	}
}

// openObserve makes the application count, log and trace its requests.
func (a *App) openObserve(process *observe.Process) error {
	if process == nil {
		return nil
	}
	e := &a.Manifest.Endpoint
	o := observe.Options{Sample: e.Log.Sample}
	if e.Log.Access {
		o.Log = a.log
	}
	for _, f := range e.Log.Fields {
		o.Fields = append(o.Fields, slog.String(f.Name, f.Value))
	}
	tracer, err := a.tracer(process.Version)
	if err != nil {
		return err
	}
	o.Tracer = tracer
	routes := make([]observe.Route, len(a.Routes))
	for i := range a.Routes {
		r := &a.Routes[i]
		routes[i] = observe.Route{Label: r.Host.String() + r.Pattern.String(), Secret: slices.ContainsFunc(r.names, redact.Name)}
	}
	a.Env.Observe.Open(routes, o)
	return nil
}

// tracer gives what sends traces, nil where nothing does. It outlives a reload that does not
// change its settings.
func (a *App) tracer(version string) (*observe.Tracer, error) {
	t := &a.Manifest.Endpoint.Traces
	if t.URL == "" {
		return nil, nil
	}
	o := observe.TracerOptions{URL: t.URL, Service: t.Service, Version: version, Sample: t.Sample, Headers: map[string]string{}, Log: a.log}
	if o.Service == "" {
		o.Service = a.Manifest.Name
	}
	if o.Service == "" {
		o.Service = "gateway"
	}
	for _, h := range t.Headers {
		o.Headers[h.Name] = string(h.Value)
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s|%q|%q|%v|%v", o.URL, o.Service, o.Version, o.Sample, o.Headers)) // headers may hold secrets
	return pipeline.Get(a.lease, "traces|"+hex.EncodeToString(key[:]), func() (*observe.Tracer, func(), error) {
		tracer, err := observe.NewTracer(o)
		if err != nil {
			return nil, nil, err
		}
		return tracer, tracer.Close, nil
	})
}

// observed notes what became of a request.
func (a *App) observed(c *pipeline.Context, run *observe.Run, broken bool) {
	if !run.On() {
		return
	}
	x := observe.Answer{
		Route: c.Match.Route, Routed: c.Match.Status != 0, Method: c.Method, Status: c.Status(), Bytes: c.BytesSent(),
		Broken: broken, RequestID: c.Request.ID, Request: c.R,
	}
	if run.Detailed() {
		x.IP, x.Scheme = c.Request.IP(), c.Request.Scheme()
	}
	run.End(&x)
}

// shownPath is the path for a line of the log: of one that holds a secret only the pattern.
func (a *App) shownPath(c *pipeline.Context) string {
	if i := c.Match.Route; i >= 0 && i < len(a.Routes) && slices.ContainsFunc(a.Routes[i].names, redact.Name) {
		return a.Routes[i].Pattern.String()
	}
	return c.R.URL.Path
}
