package channels

import (
	"sync"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

const heartbeatTopic = "phoenix"

// A conn is one client, however it is connected: what it has joined, what waits for its
// rules, and what waits to be sent to it. What it sends is read by its link.
type conn struct {
	hub      *Hub
	mount    *mount
	identity *Identity
	form     form
	link     link
	maxFrame int64 // bytes of one message
	textOnly bool  // its link carries no binary messages
	place    int   // among those with the same id; under the hub's lock
	pace     *pace // how often it may send; nil: as it likes

	mu        sync.Mutex
	slots     slots
	pending   int           // bytes of client messages that wait in slots
	filtering int           // bytes of broadcasts that wait in slots
	room      chan struct{} // closed when there may be room again; nil unless the reader waits for it
	out       outbox
	users     int  // goroutines at work for this connection
	lively    bool // the client is at work
	closing   bool
	over      bool // nothing is left of it
}

// A link carries the frames of a conn to its client. The conn calls it with its lock held:
// it must not block.
type link interface {
	// wake says that a frame was queued. What is held waits for a flush, unless there is much
	// of it. Else, where nobody is about to take it, the link sees to it at once, or has w do
	// so if that is not nil.
	wake(w *wave, held bool)
	// ending begins the end: nothing is queued after what it queues itself. Code 0 says
	// nothing to the client.
	ending(code int, reason string)
	// sever gives the client up.
	sever()
	// flush takes what is held. It is called without the lock and does not wait either.
	flush()
}

// close ends the connection after what is queued; the client is told the code.
func (c *conn) close(code int, reason string) { c.finish(code, reason, false) }

// drop ends the connection and gives up what is queued.
func (c *conn) drop(code int, reason string) { c.finish(code, reason, true) }

// finish begins the end, once. It may be called under the hub's locks: memberships are
// ended by a goroutine of their own.
func (c *conn) finish(code int, reason string, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	c.closing = true
	c.roomLocked()
	if cut {
		c.out.cut = true
		c.out.frames = nil
	}
	c.link.ending(code, reason)
	c.out.last = true
	c.users++
	go c.end()
}

// sever gives up on a client that takes too long to go.
func (c *conn) sever() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link.sever()
}

// end takes the connection out of the hub, then its memberships, then lets each topic run
// its rules for leaving.
func (c *conn) end() {
	defer c.leave()
	c.hub.unregister(c)
	c.mu.Lock()
	members := make([]*Membership, 0, len(c.slots.all))
	for _, s := range c.slots.all {
		if s.member != nil {
			members = append(members, s.member)
		}
	}
	c.mu.Unlock()
	for _, m := range members {
		m.end()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.slots.all {
		s.addLocked(work{kind: workEnd})
	}
}

// leave ends a goroutine's use of the connection. After the last one nothing is left of it.
func (c *conn) leave() {
	c.mu.Lock()
	last := c.leaveLocked()
	c.mu.Unlock()
	c.goneAfter(last)
}

func (c *conn) leaveLocked() (last bool) {
	c.users--
	last = c.users == 0 && c.closing && !c.over
	c.over = c.over || last
	return last
}

func (c *conn) goneAfter(last bool) {
	if last {
		c.identity.gone()
		c.hub.gone(c)
	}
}

func (c *conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// receive reads one message of the client; one at a time. The error, errMalformed or
// errRate, is for the link to close the connection with.
func (c *conn) receive(text []byte, isBinary bool) error {
	if c.pace != nil && !c.pace.allow(time.Now()) {
		return errRate
	}
	m, err := c.form.decode(text, isBinary)
	if err != nil {
		return err
	}
	c.hub.stats.received.Add(1)
	c.route(m)
	return nil
}

// route does what belongs to no membership and hands the rest to the topic's slot.
// The order of cases is that of the protocol.
func (c *conn) route(m message) {
	if string(m.topic) == heartbeatTopic {
		if string(m.event) == "heartbeat" {
			c.reply(nil, m.ref, heartbeatTopic, "ok", value.Payload{})
		} else {
			c.unmatched(m.ref, heartbeatTopic)
		}
		return
	}
	joined, taken := c.enqueue(m, nil)
	if taken {
		return
	}
	topic := string(m.topic)
	switch string(m.event) {
	case eventJoin:
		c.routeJoin(m, topic, joined)
	case eventLeave:
		c.reply(m.joinRef, m.ref, topic, "ok", value.Payload{})
	default:
		c.unmatched(m.ref, topic)
	}
}

// routeJoin makes a slot for a topic that the rules know. Only the reader makes slots.
func (c *conn) routeJoin(m message, topic string, joined int) {
	known, most := c.admits(topic)
	switch {
	case !known:
		c.unmatched(m.ref, topic)
	case joined >= most && (joined >= 2*most || c.occupied() >= most):
		c.refuse(m.joinRef, m.ref, topic, "too many channels joined")
	default:
		c.enqueue(m, &slot{conn: c, topic: topic})
	}
}

// occupied counts the topics that are joined or about to be. Who has left one, or was told that
// a membership is over, may join another topic, while rules for leaving the first still run;
// there are not more of those than may be joined.
func (c *conn) occupied() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.slots.all {
		if s.joins > 0 || s.leaves == 0 && s.member != nil && !s.member.Ended() {
			n++
		}
	}
	return n
}

// admits asks the rules for a channel of that topic and for the limit of channels.
func (c *conn) admits(topic string) (known bool, most int) {
	rules := c.mount.acquire()
	if rules == nil {
		return false, 0 // the path is gone and the connection about to close
	}
	defer rules.Release()
	_, known = rules.Channel(topic)
	return known, rules.Settings().withDefaults().MaxChannels
}

func (c *conn) unmatched(ref []byte, topic string) { c.refuse(nil, ref, topic, "unmatched topic") }

func (c *conn) refuse(joinRef, ref []byte, topic, reason string) {
	c.reply(joinRef, ref, topic, "error", value.JSON([]byte(`{"reason":"`+reason+`"}`)))
}

// reply sends `phx_reply`.
func (c *conn) reply(joinRef, ref []byte, topic, status string, response value.Payload) {
	c.send(c.answer(joinRef, ref, topic, status, response))
}

// answer makes `phx_reply`. Bytes that this client's form or transport cannot carry become
// an error, so that it does not wait in vain.
func (c *conn) answer(joinRef, ref []byte, topic, status string, response value.Payload) []byte {
	frame := c.form.reply(joinRef, ref, topic, status, response)
	if !c.carries(frame) {
		c.hub.stats.unsayable.Add(1)
		frame = c.form.reply(joinRef, ref, topic, "error", value.JSON([]byte(`{"reason":"binary payload"}`)))
	}
	return frame
}

// carries tells whether a frame can be sent. nil is what the client's form cannot say.
func (c *conn) carries(frame []byte) bool {
	return frame != nil && !(c.textOnly && frame[0]&0xF == opBinary)
}
