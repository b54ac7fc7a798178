package channels

import (
	"bytes"
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"

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

	writers  sync.Pool // gorilla's, for nothing but its handshake
	buffers  *sync.Pool
	messages sync.Pool

	stats stats

	mu       sync.Mutex
	mounts   map[string]*mount
	conns    map[*conn]struct{} // until nothing of them is left
	ids      map[string]map[*conn]struct{}
	draining bool
	empty    chan struct{} // closed when draining and no connection is left
}

// New makes a hub without sockets: Apply declares them.
func New(o Options) *Hub {
	h := &Hub{
		log:     o.Log,
		seed:    maphash.MakeSeed(),
		buffers: newBuffers(),
		mounts:  map[string]*mount{},
		conns:   map[*conn]struct{}{},
		ids:     map[string]map[*conn]struct{}{},
		empty:   make(chan struct{}),
	}
	h.context, h.cancel = context.WithCancel(context.Background())
	h.messages.New = func() any { return new(bytes.Buffer) }
	h.presence = presence.New(o.Refs, func(topic string, diff []byte) {
		h.deliver(&cast{topic: topic, event: "presence_diff", payload: value.JSON(diff)}, nil)
	})
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
	conns := make([]*conn, 0, len(h.conns))
	for c := range h.conns {
		conns = append(conns, c)
	}
	h.mu.Unlock()
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
	for _, s := range c.slots {
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
	h.conns[c] = struct{}{}
	if id := c.identity.ID; id != "" {
		if h.ids[id] == nil {
			h.ids[id] = map[*conn]struct{}{}
		}
		h.ids[id][c] = struct{}{}
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
	if delete(h.ids[id], c); len(h.ids[id]) == 0 {
		delete(h.ids, id)
	}
}

// gone is called when no goroutine works for the connection any more.
func (h *Hub) gone(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
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

// Disconnect closes every connection with this id with 1001, so that the client comes
// back and is asked anew who it is. It tells how many there were.
func (h *Hub) Disconnect(id string) int {
	h.mu.Lock()
	conns := make([]*conn, 0, len(h.ids[id]))
	for c := range h.ids[id] {
		conns = append(conns, c)
	}
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
