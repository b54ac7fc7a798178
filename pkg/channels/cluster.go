package channels

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/presence"
	"github.com/openmanifest/gateway/pkg/value"
)

// ErrNotCrossed means that the members on this node got an event, or were disconnected, and
// the other nodes know nothing of it. It comes with its cause, bus.ErrDown or
// bus.ErrTooLarge.
var ErrNotCrossed = errors.New("the other nodes could not be told")

// nodes are a hub's tie to other nodes, and what is counted of all that it had.
type nodes struct {
	current atomic.Pointer[cluster] // nil: this process is alone
	moving  sync.Mutex              // one UseBus at a time
	heads   sync.Pool               // of *[]byte: messages being made

	published, crossed, notCrossed atomic.Uint64
	unconfirmed, unreadable        atomic.Uint64
	parts                          atomic.Uint64 // numbers for bodies and answers in parts
	complained                     atomic.Int64  // when the log was told of an unreadable message, in Unix seconds
}

// A cluster is the tie over one bus.
type cluster struct {
	hub    *Hub
	bus    bus.Bus
	shards [topicShards]listeningShard
	// links counts connections, from 1: a subscription is in force in the one in which it was
	// confirmed.
	links    atomic.Uint64
	presence atomic.Pointer[presence.Cluster] // nil where it could not begin

	ctx    context.Context // ends with close
	cancel context.CancelFunc
	own    []func() // what ends subscriptions of this node's own
	ended  sync.WaitGroup
}

// UseBus ties the hub to the nodes of a bus, in place of those of the one before; nil stands
// for no others. With the same bus nothing happens. Members notice nothing but that others'
// presences leave and come. It may wait for confirmWait where members have to move, and for
// what the presences say last. The bus stays the caller's, who must not close it before
// another was given.
func (h *Hub) UseBus(b bus.Bus) {
	h.nodes.moving.Lock()
	defer h.nodes.moving.Unlock()
	old := h.nodes.current.Load()
	if old == nil && b == nil || old != nil && old.bus == b {
		return
	}
	var next *cluster
	if b != nil {
		next = h.newCluster(b)
	}
	h.nodes.current.Store(next)
	if old != nil {
		old.close()
	}
	if next != nil {
		next.begin()
	}
}

// newCluster listens to all that this node has members of. Nothing is handled before it is
// the current one.
func (h *Hub) newCluster(b bus.Bus) *cluster {
	c := &cluster{hub: h, bus: b}
	c.links.Store(1)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for i := range c.shards {
		c.shards[i].topics = map[string]*listening{}
	}
	c.own = append(c.own, b.Watch(c.changed),
		c.subscribed(b.Subscribe(disconnectSubject, c.receiveDisconnect)),
		c.subscribed(b.Answer(pollSubject+b.Node(), c.answerPoll)))
	c.listenToMembers()
	c.confirm() // other nodes may ask for a session as soon as it has begun
	return c
}

// begin is called when the cluster is the current one.
func (c *cluster) begin() {
	c.listenToMembers() // those that came meanwhile
	tied, err := presence.NewCluster(c.hub.presence, presence.ClusterOptions{Bus: c.bus, Log: c.hub.log})
	if err != nil {
		c.hub.log.Error("presences are not shared with the other nodes", "error", err)
	} else {
		c.presence.Store(tied)
	}
	c.ended.Go(c.sweepIdle)
}

// close lets go of the bus, once this node has said that its presences are gone.
func (c *cluster) close() {
	c.cancel()
	if tied := c.presence.Load(); tied != nil {
		tied.Close()
	}
	for _, end := range c.own {
		end()
	}
	c.ended.Wait()
	for i := range c.shards {
		c.shards[i].close()
	}
}

// subscribed gives what ends a subscription of this node's own.
func (c *cluster) subscribed(sub bus.Subscription, err error) (end func()) {
	if err != nil { // the bus is closed, which its owner promised not to do
		c.hub.log.Error("messages of other nodes do not arrive", "error", err)
		return func() {}
	}
	return sub.Close
}

func (c *cluster) changed(up bool) {
	if !up {
		c.links.Add(1)
	}
}

func (c *cluster) isCurrent() bool { return c.hub.nodes.current.Load() == c }

// cross sends an event to the members of a topic on other nodes.
func (h *Hub) cross(topic, event string, payload value.Payload) error {
	c := h.nodes.current.Load()
	if c == nil {
		return nil
	}
	buffer := h.nodes.buffer()
	defer h.nodes.keep(buffer)
	subject, said := subjectOf(topic)
	*buffer = crossing{said, event, payload}.append((*buffer)[:0])
	return c.publish(subject, *buffer)
}

// crossDisconnect has the other nodes close their connections with an id.
func (h *Hub) crossDisconnect(id string) error {
	c := h.nodes.current.Load()
	if c == nil {
		return nil
	}
	buffer := h.nodes.buffer()
	defer h.nodes.keep(buffer)
	*buffer = append(append((*buffer)[:0], crossingVersion), id...)
	return c.publish(disconnectSubject, *buffer)
}

func (c *cluster) publish(subject string, data []byte) error {
	n := &c.hub.nodes
	if err := c.bus.Publish(subject, data); err != nil {
		n.notCrossed.Add(1)
		return fmt.Errorf("%w: %w", ErrNotCrossed, err)
	}
	n.published.Add(1)
	return nil
}

// receive takes what another node published for a topic. said is the topic where the message
// has to say it, and else empty.
func (c *cluster) receive(topic, said string, data []byte) {
	if !c.isCurrent() {
		return
	}
	m, err := parseCrossing(data)
	if err == nil && m.topic != said {
		err = errCrossing
	}
	if err != nil {
		c.unreadable(err)
		return
	}
	c.hub.nodes.crossed.Add(1)
	c.hub.deliver(&cast{topic: topic, event: m.event, payload: m.payload}, nil)
}

func (c *cluster) receiveDisconnect(data []byte) {
	if len(data) == 0 || data[0] != crossingVersion {
		c.unreadable(errCrossing)
		return
	}
	c.hub.nodes.crossed.Add(1)
	c.hub.disconnect(string(data[1:]))
}

// complainEvery is how often the log is told of messages that cannot be read.
const complainEvery = time.Minute

func (c *cluster) unreadable(err error) {
	n := &c.hub.nodes
	count, now, last := n.unreadable.Add(1), time.Now().Unix(), n.complained.Load()
	if now-last >= int64(complainEvery/time.Second) && n.complained.CompareAndSwap(last, now) {
		c.hub.log.Warn("a message of another node cannot be read", "so far", count, "error", err)
	}
}

// keepBuffer bounds the room that a made message leaves for the next one, in bytes.
const keepBuffer = 64 << 10

func (n *nodes) buffer() *[]byte {
	if b, ok := n.heads.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

func (n *nodes) keep(b *[]byte) {
	if cap(*b) <= keepBuffer {
		n.heads.Put(b)
	}
}

// ClusterStats are counts since the start of what went between this node and others.
type ClusterStats struct {
	Tied, Up    bool           // there is a bus, and it has a connection
	Topics      int            // that this node listens to
	Published   uint64         // messages to other nodes
	Crossed     uint64         // messages of other nodes
	NotCrossed  uint64         // messages that the other nodes did not get
	Unconfirmed uint64         // joins that were answered before the other nodes' events were sure to arrive
	Unreadable  uint64         // messages of other nodes that could not be read
	Presence    presence.Stats // of the bus in use
}

func (h *Hub) clusterStats() ClusterStats {
	n := &h.nodes
	out := ClusterStats{
		Published: n.published.Load(), Crossed: n.crossed.Load(), NotCrossed: n.notCrossed.Load(),
		Unconfirmed: n.unconfirmed.Load(), Unreadable: n.unreadable.Load(),
	}
	if c := n.current.Load(); c != nil {
		out.Tied, out.Up = true, c.bus.Up()
		for i := range c.shards {
			out.Topics += c.shards[i].len()
		}
		if tied := c.presence.Load(); tied != nil {
			out.Presence = tied.Stats()
		}
	}
	return out
}
