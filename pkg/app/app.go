// Package app compiles a manifest into what runs: an immutable App with its routing
// table, step lists and sockets.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/openapi"
	"github.com/openmanifest/gateway/pkg/handlers/resource"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/routes"
	"github.com/openmanifest/gateway/pkg/value"
)

// An App is one compiled manifest. It never changes after Compile; Open gives it what it
// needs opened, and Close lets go of that.
type App struct {
	Manifest *config.Manifest
	Env      *pipeline.Env
	Table    *routes.Table
	Routes   []Route
	Sockets  []*Socket

	endpoint      *pipeline.Steps
	endpointFirst *pipeline.Steps        // those of them that a preflight passes
	neighbours    map[string]*neighbours // by the path above them
	deepest       int                    // the longest of these paths, in bytes
	slots         int
	contexts      sync.Pool
	lease         *pipeline.Lease
	bus           bus.Bus // nil: this process is alone
	log           *slog.Logger
	pages         errorPages
	process       *observe.Process // nil: nothing is counted
	refs          atomic.Int64     // one for being current, one for each run under way; 0 is closed
}

// A Route is one line of the routing table.
type Route struct {
	routes.Route
	Pipelines []string
	Handler   string // the plug that answers, for the table
	Steps     *pipeline.Steps

	Fingerprint uint64 // of what is written: the same for a route that was not edited

	first      *pipeline.Steps // those that a preflight passes
	names      []string        // of the captures, in order
	usesParams bool
	socket     *Socket // whose connections it takes; nil for all other routes
	longpoll   bool    // it takes polls of the socket, else its websockets
	rows       *openapi.Rows
	dialect    bool // it speaks PostgREST's dialect
}

// Deps is what the process gives to every App.
type Deps struct {
	Log     *slog.Logger
	Now     func() time.Time
	Random  io.Reader
	Getenv  func(string) (string, bool)
	Hub     Hub
	Hasher  *password.Hasher
	Lenient bool // what belongs to the machine is a warning
	Dev     bool
	Observe *observe.Process // nil: nothing is counted
	// Reload asks for the manifest to be read again, soon; nil: nobody can.
	Reload func(reason string)
}

// Hub is what channels give to plugs and expressions.
type Hub interface {
	pipeline.Broadcaster
	// BroadcastLocal is Broadcast to the members on this node alone, for what every node of a
	// cluster hears by itself.
	BroadcastLocal(topic, event string, payload value.Payload) error
	PresenceList(topic string) any
	PresenceCount(topic string) int
	// ServeWebsocket answers a request to the websocket of the socket at path.
	ServeWebsocket(w http.ResponseWriter, r *http.Request, path string, params map[string]any)
	// ServeLongpoll answers a poll or post of that socket.
	ServeLongpoll(w http.ResponseWriter, r *http.Request, path string, params map[string]any)
}

// Compile turns m into an App, or explains why it cannot: every problem is added to ps. It
// never gives an App together with errors.
func Compile(m *config.Manifest, d Deps, ps *diag.Problems) *App {
	env := newEnv(m, d)
	declareStores(env, d.Dev, ps)
	declareObserve(env, d.Observe)
	c := pipeline.NewCompiler(env, Plugs(), ps)
	a := &App{Manifest: m, Env: env, log: d.Log, process: d.Observe, neighbours: map[string]*neighbours{}}
	a.refs.Store(1)
	a.declareBus()
	endpoint, after := c.Endpoint(endpointPlugs(m))
	a.endpoint, a.endpointFirst = endpoint, endpoint.First()
	b := &builder{app: a, c: c, ps: ps, after: after, entries: resource.NewEntries(env, ps), places: map[*config.Scope]*resource.Place{}, unknown: map[string]bool{}}
	b.index(m.Scopes, nil)
	b.scopes(m.Scopes, base{})
	b.follow(append(b.entries.Read(), b.called...), d.Reload)
	b.sockets(m.Sockets)
	c.Unused()
	a.pages = compileErrorPages(env, ps)
	a.Table = b.table()
	b.verifyPaths()
	checkSchemas(env, ps)
	b.describeRoutes()
	a.slots = c.Slots()
	a.contexts.New = func() any { return pipeline.NewContext(a.slots) }
	if ps.Failed() {
		return nil
	}
	return a
}

func newEnv(m *config.Manifest, d Deps) *pipeline.Env {
	f := &expr.Functions{Now: d.Now, Random: d.Random, BaseURL: m.BaseURL(), Env: d.Getenv}
	env := &pipeline.Env{Manifest: m, Functions: f, Hub: d.Hub, Now: d.Now, Log: d.Log, Hasher: d.Hasher, Lenient: d.Lenient}
	f.File = func(path string) (string, error) {
		env.Files.Add(env.Path(path))
		return readText(env.Path(path))
	}
	if d.Hasher != nil {
		f.HashPassword = func(s string) (string, error) { return d.Hasher.Hash(context.Background(), s) }
	}
	if d.Hub != nil {
		f.PresenceList, f.PresenceCount = d.Hub.PresenceList, d.Hub.PresenceCount
	}
	return env
}

// endpointPlugs is endpoint.plugs, or its default.
func endpointPlugs(m *config.Manifest) *source.Node {
	if m.Endpoint.Plugs != nil {
		return m.Endpoint.Plugs
	}
	at := m.Document.Root.At
	var items []*source.Node
	for _, name := range []string{"request_id", "parsers", "method_override"} {
		items = append(items, source.NewScalar(at, name))
	}
	return source.NewList(at, items...)
}

// Open opens what the App needs. On an error nothing stays open.
func (a *App) Open(shared *pipeline.Shared) error {
	a.lease = shared.Lease()
	if err := errors.Join(a.Env.Open(a.lease), a.openObserve(a.process)); err != nil {
		a.lease.Release()
		return err
	}
	return nil
}

// Acquire notes a run. False means that the App was replaced and has closed.
func (a *App) Acquire() bool {
	for {
		n := a.refs.Load()
		if n == 0 {
			return false
		}
		if a.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release ends a run, or the App's time as the current one. The last one closes what Open
// opened.
func (a *App) Release() {
	if a.refs.Add(-1) == 0 && a.lease != nil {
		a.lease.Release()
	}
}

// Context takes a context from the App's pool.
func (a *App) Context() *pipeline.Context {
	c := a.contexts.Get().(*pipeline.Context)
	c.Log, c.Now = a.log, a.Env.Now
	return c
}

// Done gives a context back.
func (a *App) Done(c *pipeline.Context) {
	c.Reset()
	a.contexts.Put(c)
}

// checkSchemas looks at what schemas say of each other, and compiles those too that
// nothing uses.
func checkSchemas(env *pipeline.Env, ps *diag.Problems) {
	m := env.Manifest
	names := spec.NamesOf(m.Schemas)
	for _, s := range m.Schemas {
		records.SetOf(env, s.Name, ps)
		for _, f := range s.Value.Fields {
			ref := f.Value.Refers
			if ref.Name != "" && spec.Find(m.Schemas, ref.Name) == nil {
				p := ps.Add(ref.At, "unknown-schema", "there is no schema %q", ref.Name)
				p.Hint = diag.DidYouMean(ref.Name, names)
			}
		}
	}
}

// String names the App in logs.
func (a *App) String() string {
	return fmt.Sprintf("%s: %d routes, %d sockets", a.Manifest, len(a.Routes), len(a.Sockets))
}
