package channels

import (
	"bytes"
	"context"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/openmanifest/gateway/pkg/presence"
	"github.com/openmanifest/gateway/pkg/value"
)

// Options are what a Hub needs from outside.
type Options struct {
	Log  *slog.Logger
	Refs *presence.Refs
}

// A Hub joins sockets by topic. It outlives manifests: Apply gives it the rules of the
// next one while connections stay.
type Hub struct {
	log      *slog.Logger
	presence *presence.Table
	context  context.Context // of all rules; ends when a drain runs out of time
	cancel   context.CancelFunc
	seed     maphash.Seed
	shards   [topicShards]topicShard
	kept     histories

	writers  sync.Pool // gorilla's, for nothing but its handshake
	flushers flushers
	tools    *sync.Pool
	readers  *sync.Pool
	messages sync.Pool

	stats stats
	nodes nodes // the others

	mu       sync.Mutex
	mounts   map[string]*mount
	conns    map[*conn]struct{}  // until nothing of them is left
	sessions map[string]*session // those of conns that poll, by their own ids
	ids      map[string][]*conn
	draining bool
	empty    chan struct{} // closed when draining and no connection is left
}

// New makes a hub without sockets: Apply declares them.
func New(o Options) *Hub {
	h := &Hub{
		log:      o.Log,
		seed:     maphash.MakeSeed(),
		tools:    newTools(),
		readers:  newReaders(),
		mounts:   map[string]*mount{},
		conns:    map[*conn]struct{}{},
		sessions: map[string]*session{},
		ids:      map[string][]*conn{},
		empty:    make(chan struct{}),
	}
	h.context, h.cancel = context.WithCancel(context.Background())
	h.flushers.tools, h.flushers.most = h.tools, flusherCount()
	h.kept.sweep = time.AfterFunc(sweepRings, h.sweepHistories)
	h.kept.sweep.Stop()
	h.messages.New = func() any { return new(bytes.Buffer) }
	h.presence = presence.NewTable(presence.Options{Refs: o.Refs, Window: presence.DefaultWindow, Emit: func(topic string, diff []byte) {
		h.deliver(&cast{topic: topic, event: "presence_diff", payload: value.JSON(diff), passing: true}, nil)
	}})
	for i := range h.shards {
		h.shards[i].topics = map[string][]*Membership{}
	}
	return h
}

// Presence tells who is in which topic.
func (h *Hub) Presence() *presence.Table { return h.presence }

// A mount is one socket path. Connections hold on to it; its rules are swapped.
type mount struct {
	path    string
	current atomic.Pointer[generation]
}

// A generation is the rules between two Applies. The hub holds one use of them.
type generation struct{ Rules }

// acquire gives the current rules, to be released; nil when the path is gone.
func (m *mount) acquire() *generation {
	for {
		if g := m.current.Load(); g == nil || g.Acquire() {
			return g
		}
	}
}

// Apply makes rules, by socket path, the current ones. Memberships whose topic is no longer
// declared get phx_close, those that the new rules do not fit phx_error; connections of a
// path that is gone, or that the new rules do not fit, are closed with 1012. It does not
// wait for that. Rules must be acquirable when they are given.
func (h *Hub) Apply(rules map[string]Rules) {
	h.kept.replacing.Lock()
	defer h.kept.replacing.Unlock()
	h.mu.Lock()
	for path, m := range h.mounts {
		if _, ok := rules[path]; !ok {
			m.replace(nil)
			delete(h.mounts, path)
		}
	}
	for path, next := range rules {
		m := h.mounts[path]
		if m == nil {
			m = &mount{path: path}
			h.mounts[path] = m
		}
		next.Acquire()
		m.replace(&generation{next})
	}
	h.askForHistories()
	conns := make([]*conn, 0, len(h.conns))
	for c := range h.conns {
		conns = append(conns, c)
	}
	h.mu.Unlock()
	h.forgetHistories()
	for _, c := range conns {
		c.check()
	}
}

func (m *mount) replace(next *generation) {
	if old := m.current.Swap(next); old != nil {
		old.Release()
	}
}

// check closes a connection that the rules no longer take and has its topics checked.
func (c *conn) check() {
	rules := c.mount.acquire()
	if rules == nil {
		c.close(websocket.CloseServiceRestart, "this socket is gone")
		return
	}
	defer rules.Release()
	if !rules.Fits(c.identity) {
		c.close(websocket.CloseServiceRestart, "this socket has changed")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	for _, s := range c.slots.all {
		s.addLocked(work{kind: workCheck})
	}
}

// register enters a connection; false means that none is taken any more.
func (h *Hub) register(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return false
	}
	if s, ok := c.link.(*session); ok {
		if len(h.sessions) >= maxSessions {
			return false
		}
		h.sessions[s.id] = s
	}
	h.conns[c] = struct{}{}
	if id := c.identity.ID; id != "" {
		c.place = len(h.ids[id])
		h.ids[id] = append(h.ids[id], c)
	}
	return true
}

func (h *Hub) isDraining() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.draining
}

// unregister makes a connection unreachable by its id.
func (h *Hub) unregister(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := c.identity.ID
	same := h.ids[id]
	if c.place >= len(same) || same[c.place] != c {
		return
	}
	last := len(same) - 1
	same[c.place] = same[last]
	same[c.place].place = c.place
	same[last] = nil
	if last == 0 {
		delete(h.ids, id)
		return
	}
	h.ids[id] = same[:last]
}

// gone is called when no goroutine works for the connection any more.
func (h *Hub) gone(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
	if s, ok := c.link.(*session); ok {
		delete(h.sessions, s.id)
	}
	if h.draining && len(h.conns) == 0 {
		h.noneLeft()
	}
}

// noneLeft is called with the lock.
func (h *Hub) noneLeft() {
	select {
	case <-h.empty:
	default:
		close(h.empty)
	}
}

// Disconnect closes every connection with this id, on all nodes, with 1001, so that the
// client comes back and is asked anew who it is. It tells how many there were on this node.
// The error is ErrNotCrossed.
func (h *Hub) Disconnect(id string) (int, error) {
	return h.disconnect(id), h.crossDisconnect(id)
}

func (h *Hub) disconnect(id string) int {
	h.mu.Lock()
	conns := slices.Clone(h.ids[id])
	h.mu.Unlock()
	for _, c := range conns {
		c.close(websocket.CloseGoingAway, "disconnected")
	}
	return len(conns)
}

// Connections counts the connections that are not wholly gone.
func (h *Hub) Connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns)
}
