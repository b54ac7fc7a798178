package channels

import (
	"bytes"
	"errors"
	"io"
	"runtime/debug"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

const heartbeatTopic = "phoenix"

// A conn is one websocket. Its reader goroutine lives as long as it does; a writer and one
// goroutine per topic are borrowed while they have work.
type conn struct {
	hub      *Hub
	mount    *mount
	identity *Identity
	ws       *websocket.Conn
	wire     *wire
	maxFrame int64
	writeBy  time.Time // the write deadline that is set; the writer's

	mu         sync.Mutex
	slots      map[string]*slot
	pending    int           // bytes of client messages that wait in slots
	filtering  int           // bytes of broadcasts that wait in slots
	room       chan struct{} // closed when there may be room again; nil unless the reader waits for it
	out        outbox
	users      int // goroutines at work for this connection
	closing    bool
	over       bool // nothing is left of it
	readerDone bool
}

// read takes messages until the connection ends, whoever ends it.
func (c *conn) read() {
	defer c.leave()
	err := c.readAll()
	c.lost(err)
	c.mu.Lock()
	c.readerDone = true
	writing := c.out.writing
	c.mu.Unlock()
	if !writing {
		c.wire.Close()
	}
}

func (c *conn) readAll() (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.hub.log.Error("socket rules panicked", "path", c.mount.path, "panic", p, "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	for {
		kind, r, err := c.ws.NextReader()
		if err != nil {
			return err
		}
		if err := c.readMessage(kind, r); err != nil {
			return err
		}
	}
}

func (c *conn) readMessage(kind int, r io.Reader) error {
	buffer := c.hub.messages.Get().(*bytes.Buffer)
	defer func() {
		if buffer.Cap() <= keepMessage {
			buffer.Reset()
			c.hub.messages.Put(buffer)
		}
	}()
	if _, err := buffer.ReadFrom(r); err != nil {
		return err
	}
	text := buffer.Bytes()
	switch {
	case c.wire.closing.Load() != nil: // only the close frame is awaited
		return nil
	case kind != websocket.TextMessage:
		return errMalformed
	case !utf8.Valid(text):
		return errUTF8
	}
	f, err := decode(text)
	if err != nil {
		return err
	}
	c.route(f)
	return nil
}

// keepMessage is the largest read buffer, in bytes, that is used again.
const keepMessage = 64 << 10

var (
	errUTF8  = errors.New("text that is not UTF-8")
	errPanic = errors.New("internal error")
)

// lost closes with the code that fits the reason why the reader ended.
func (c *conn) lost(err error) {
	var closed *websocket.CloseError
	switch {
	case c.wire.gorillaClose != nil: // 1002, 1009
		code := int(c.wire.gorillaClose[0])<<8 | int(c.wire.gorillaClose[1])
		c.finish(closeFrame(code, string(c.wire.gorillaClose[2:])), false)
		c.wire.discard()
	case errors.Is(err, errMalformed), errors.Is(err, errPanic):
		c.closeAndDiscard(websocket.CloseInternalServerErr, err)
	case errors.Is(err, websocket.ErrReadLimit): // a length that is no length
		c.closeAndDiscard(websocket.CloseMessageTooBig, err)
	case errors.Is(err, errUTF8):
		c.closeAndDiscard(websocket.CloseInvalidFramePayloadData, err)
	case errors.Is(err, errFragments), errors.Is(err, errControls):
		c.closeAndDiscard(websocket.ClosePolicyViolation, err)
	case errors.Is(err, errIdle):
		c.closeAndDiscard(websocket.CloseGoingAway, err)
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
		c.finish(closeFrame(closed.Code, ""), false)
	default: // the network is gone, or the peer did not answer our close
		c.finish(nil, true)
		c.wire.Close()
	}
}

func (c *conn) closeAndDiscard(code int, reason error) {
	c.close(code, reason.Error())
	c.wire.discard()
}

// close ends the connection after what is queued; the peer is told the code.
func (c *conn) close(code int, reason string) { c.finish(closeFrame(code, reason), false) }

// drop ends the connection and gives up what is queued.
func (c *conn) drop(code int, reason string) { c.finish(closeFrame(code, reason), true) }

// finish begins the end, once. It may be called under the hub's locks: memberships are
// ended by a goroutine of their own.
func (c *conn) finish(last []byte, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	c.closing = true
	c.roomLocked()
	c.wire.closeBy(time.Now().Add(closeWait))
	if cut {
		c.out.cut = true
		c.out.frames = nil
	}
	if last != nil {
		c.queueLocked(last)
	}
	c.out.last = true
	c.users++
	go c.end()
}

// end takes the connection out of the hub, then its memberships, then lets each topic run
// its rules for leaving.
func (c *conn) end() {
	defer c.leave()
	c.hub.unregister(c)
	c.mu.Lock()
	members := make([]*Membership, 0, len(c.slots))
	for _, s := range c.slots {
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
	for _, s := range c.slots {
		s.addLocked(work{kind: workEnd})
	}
}

// leave ends a goroutine's use of the connection. After the last one nothing is left of it.
func (c *conn) leave() {
	c.mu.Lock()
	c.users--
	last := c.users == 0 && c.closing && !c.over
	c.over = c.over || last
	c.mu.Unlock()
	if last {
		c.identity.gone()
		c.hub.gone(c)
	}
}

// route does what belongs to no membership and hands the rest to the topic's slot.
// The order of cases is that of the protocol.
func (c *conn) route(f frame) {
	if string(f.topic) == heartbeatTopic {
		if string(f.event) == "heartbeat" {
			c.send(replyFrame(nil, f.ref, heartbeatTopic, "ok", nil))
		} else {
			c.unmatched(f.ref, heartbeatTopic)
		}
		return
	}
	joined, taken := c.enqueue(f, nil)
	if taken {
		return
	}
	topic := string(f.topic)
	switch string(f.event) {
	case eventJoin:
		c.routeJoin(f, topic, joined)
	case eventLeave:
		c.send(replyFrame(f.joinRef, f.ref, topic, "ok", nil))
	default:
		c.unmatched(f.ref, topic)
	}
}

// routeJoin makes a slot for a topic that the rules know. Only the reader makes slots.
func (c *conn) routeJoin(f frame, topic string, joined int) {
	known, most := c.admits(topic)
	switch {
	case !known:
		c.unmatched(f.ref, topic)
	case joined >= most:
		c.send(replyFrame(f.joinRef, f.ref, topic, "error", []byte(`{"reason":"too many channels joined"}`)))
	default:
		c.enqueue(f, &slot{conn: c, topic: topic})
	}
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

func (c *conn) unmatched(ref []byte, topic string) {
	c.send(replyFrame(nil, ref, topic, "error", []byte(`{"reason":"unmatched topic"}`)))
}
