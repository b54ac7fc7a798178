package channels

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// A Membership is one connection in one topic, from an accepted join to its end. It is its
// own owner of presences.
type Membership struct {
	Topic string
	// Names belongs to the rules: what Join bound. The rules of a membership run one at a
	// time, so it needs no lock.
	Names any

	slot    *slot
	joinRef []byte
	anyRef  bool // the join had no join_ref: every one is accepted
	ended   atomic.Bool
	once    sync.Once
	ticks   []*tick // the slot's goroutine's
	heard   hearing // since when other nodes are heard of without a gap
	place   int     // among the topic's members; under the shard's lock
}

// Identity is what Connect found out about the connection.
func (m *Membership) Identity() *Identity { return m.slot.conn.identity }

// Ended tells whether the membership is over. What it sends then goes nowhere.
func (m *Membership) Ended() bool { return m.ended.Load() }

// end takes the member out of the topic and lets its presences leave.
func (m *Membership) end() {
	m.ended.Store(true)
	m.once.Do(func() {
		hub := m.slot.conn.hub
		hub.unsubscribe(m)
		hub.presence.Leave(m.Topic, m)
	})
}

// What a Call refuses to do.
var (
	ErrEnded    = errors.New("the membership has ended")
	ErrJoining  = errors.New("not possible before the join is answered")
	ErrReserved = errors.New("events that begin with phx_ belong to the protocol")
	ErrNoReply  = errors.New("there is nothing to reply to, or it has its reply")
)

// eventTimeout bounds what the rules may wait for in one run, by way of Context.
const eventTimeout = 60 * time.Second

type phase uint8

const (
	phaseJoin phase = iota
	phaseAfterJoin
	phaseIn
	phaseOut
	phaseLeave
	phaseEvery
)

func (p phase) String() string {
	return [...]string{"join", "after_join", "in", "out", "leave", "every"}[p]
}

// A Call is one event that the rules handle for one membership. It is theirs until the
// method that got it returns, and is not for other goroutines. The payload may be kept.
type Call struct {
	Membership *Membership
	Event      string        // phx_join in Join and AfterJoin, "" in Leave and Every
	Payload    value.Payload // what the client sent, or the broadcast; no bytes in Leave and Every
	Ref        []byte        // the client's ref as JSON; nil where it sent null. In Out the event's place in the topic's history
	Interval   time.Duration // in Every, which one

	slot     *slot
	phase    phase
	replied  bool
	status   string // of the answer to a join
	response value.Payload
	stop     Reason
	ctx      context.Context
	cancel   context.CancelFunc
	value    any // of the payload, or nil where it is yet to be made

	// In an Out for a class of members, where its pushes go.
	sharing *sharing
	outcome *outcome
}

// Context ends after a minute, when the method returns, or when the server gives up
// draining. It does not end with the connection: what was sent is handled.
func (c *Call) Context() context.Context {
	c.slot.flush() // who asks is about to wait
	if c.ctx == nil {
		c.ctx, c.cancel = context.WithTimeout(c.slot.conn.hub.context, eventTimeout)
	}
	return c.ctx
}

func (c *Call) over() {
	if c.cancel != nil {
		c.cancel()
	}
}

// Reply answers the client's event, once. In Join the status "ok" lets the member in with
// this response and any other refuses it. An empty response is {}.
func (c *Call) Reply(status string, response value.Payload) error {
	if c.replied || c.phase != phaseJoin && c.phase != phaseIn {
		return ErrNoReply
	}
	c.replied = true
	if c.phase == phaseJoin {
		c.status, c.response = status, response
		return nil
	}
	c.slot.reply(c.Membership.joinRef, c.Ref, status, response)
	return nil
}

// Value is the payload as expressions see it: JSON that is decoded when it is read, bytes,
// or nil where nothing was sent.
func (c *Call) Value() any {
	if c.value != nil {
		return c.value
	}
	return asValue(c.Payload)
}

func (c *Call) joinStatus() string {
	if c.status == "" {
		return "ok"
	}
	return c.status
}

// Push sends an event to this member alone.
func (c *Call) Push(event string, payload value.Payload) error {
	if err := c.maySend(event); err != nil {
		return err
	}
	if c.outcome != nil {
		c.sharing.push(c.outcome, event, payload)
		return nil
	}
	conn := c.slot.conn
	var ref []byte
	if c.phase == phaseOut {
		ref = c.Ref
	}
	c.slot.send(conn.form.filtered(c.Membership.joinRef, ref, c.slot.topic, event, payload))
	return nil
}

// Broadcast sends an event to every member of a topic, this one included if it is its own.
func (c *Call) Broadcast(topic, event string, payload value.Payload) error {
	return c.broadcast(topic, event, payload, nil)
}

// BroadcastFrom leaves this membership out; the same user's others do get it.
func (c *Call) BroadcastFrom(topic, event string, payload value.Payload) error {
	return c.broadcast(topic, event, payload, c.Membership)
}

// broadcast also works when the member has just left: its last words are for others.
func (c *Call) broadcast(topic, event string, payload value.Payload, except *Membership) error {
	if c.phase == phaseJoin {
		return ErrJoining
	}
	return c.slot.conn.hub.BroadcastFrom(topic, event, payload, except)
}

func (c *Call) maySend(event string) error {
	switch {
	case c.phase == phaseJoin:
		return ErrJoining
	case reserved(event):
		return ErrReserved
	case c.outcome == nil && c.Membership.Ended(): // an outcome is for others of its class too
		return ErrEnded
	}
	return nil
}

// Track makes this member present under key, tells all members, and pushes the whole
// `presence_state` to this one. meta is a JSON object.
func (c *Call) Track(key string, meta []byte) error {
	if c.phase == phaseJoin {
		return ErrJoining
	}
	m := c.Membership
	return c.slot.conn.hub.presence.Track(m.Topic, key, m, meta, func(state []byte) {
		c.slot.send(c.slot.conn.form.push(m.joinRef, m.Topic, "presence_state", value.JSON(state)))
	})
}

// UpdatePresence replaces the meta that this member has under key.
func (c *Call) UpdatePresence(key string, meta []byte) error {
	return c.slot.conn.hub.presence.Update(c.Membership.Topic, key, c.Membership, meta)
}

// Meta gives the meta that this member has under key, without its refs.
func (c *Call) Meta(key string) ([]byte, bool) {
	return c.slot.conn.hub.presence.Meta(c.Membership.Topic, key, c.Membership)
}

// Untrack ends this member's presence under key, if there is one.
func (c *Call) Untrack(key string) {
	c.slot.conn.hub.presence.Untrack(c.Membership.Topic, key, c.Membership)
}

// Stop ends the membership when the method returns; a Reply made before it is kept. In
// Join any reason answers `join crashed`. The last Stop counts.
func (c *Call) Stop(reason Reason) { c.stop = reason }
