// Package observe counts, logs and traces what an application answers. Counters belong to
// the process and outlive reloads; what an application needs of them is looked up once, when
// it opens.
package observe

import (
	"sync"
	"sync/atomic"
	"time"
)

// Sockets are the counts of the channels' hub: what there is now, and what there was since
// the start.
type Sockets struct {
	Websockets, Longpolls int // connections
	Members, Topics       int

	Joins, JoinsRefused    uint64
	Received, Sent         uint64 // messages of clients, and to them
	Broadcasts, Deliveries uint64 // events to topics, and to their members
	Unsayable              uint64 // messages that the client's form cannot carry

	// Connections that were closed: the client did not read, sent faster than is handled,
	// sent what is no message, or more often than the rate of its socket.
	Slow, Flooded, Malformed, RateLimited uint64

	Presences, RemotePresences int      // metas of this node's members, and of other nodes'
	Cluster                    *Cluster // nil: this node is alone
}

// A Cluster is what goes between this node and the others.
type Cluster struct {
	Up                              bool
	Nodes, Topics                   int // others that are known, topics that are listened to
	Published, Received, NotCrossed uint64
	Unconfirmed, Unreadable, Gaps   uint64 // joins, messages of others, what presences had to catch up with
}

// A Process is what the whole process counts.
type Process struct {
	Now     func() time.Time
	Version string
	Sockets func() Sockets // nil: there are no sockets

	started  time.Time
	inFlight atomic.Int64
	draining atomic.Bool

	mu        sync.Mutex
	routes    map[string]*route
	upstreams map[string]*Upstream
	pools     []pool // of the application that is served
	reloads   reloads

	refused *route
	current atomic.Pointer[App] // nil: none is served yet
}

// reloads is what is known of the manifest that is served.
type reloads struct {
	generation int
	good, bad  uint64
	lastGood   bool
	at         time.Time // of the last that went well
}

// NewProcess starts to count.
func NewProcess(now func() time.Time, version string) *Process {
	p := &Process{Now: now, Version: version, started: now(), routes: map[string]*route{}, upstreams: map[string]*Upstream{}}
	p.refused = p.route(labelRefused)
	return p
}

// Drain notes that the process takes no new work.
func (p *Process) Drain() { p.draining.Store(true) }

// Draining tells whether the process takes no new work.
func (p *Process) Draining() bool { return p.draining.Load() }

// Applied notes that a is served now, as this generation. What was counted for routes and
// upstreams that it lacks is forgotten: else each edit of a path would stay for ever.
func (p *Process) Applied(a *App, generation int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current.Store(a)
	p.pools = a.pools
	if generation > 1 {
		p.reloads.good++
	}
	p.reloads.generation, p.reloads.lastGood, p.reloads.at = generation, true, p.Now()
	kept := map[string]*route{labelRefused: p.refused}
	for _, r := range a.all() {
		kept[r.label] = r
	}
	p.routes = kept
	p.upstreams = make(map[string]*Upstream, len(a.upstreams))
	for _, u := range a.upstreams {
		p.upstreams[u.name] = u
	}
}

// ReloadRefused notes a reload that changed nothing.
func (p *Process) ReloadRefused() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reloads.bad++
	p.reloads.lastGood = false
}

// route gives the counts of a route, those from before a reload if there are any.
func (p *Process) route(label string) *route {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.routes[label]
	if r == nil {
		r = &route{label: label}
		p.routes[label] = r
	}
	return r
}

// Up is how long the process has run.
func (p *Process) Up() time.Duration { return p.Now().Sub(p.started) }

// Generation counts the manifests that were served.
func (p *Process) Generation() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reloads.generation
}
