package channels

import (
	"bytes"
	"time"

	"github.com/gorilla/websocket"
)

// What may wait for the rules. A connection that sends faster than its events are handled
// is not read until there is room, and closed when there is none for too long; so is a
// member whose filter is slower than its topic, for a topic waits for nobody.
const (
	slotQueue  = 1024    // events of one topic on one connection
	slotsBytes = 4 << 20 // of client messages on one connection; at least two messages fit
	keepQueue  = 4       // events whose room an idle topic keeps
	roomWait   = 5 * time.Second

	// Broadcasts that members have yet to filter. They are more, so that who fills its queue
	// with messages that are broadcast has room for what comes back of them.
	slotOuts    = 4 * slotQueue
	filterBytes = 4 * slotsBytes // on one connection; one always fits
)

// A slot is one topic on one connection: the membership, if there is one, and the work
// that waits for it. All that changes a membership is done here, one after the other.
type slot struct {
	conn  *conn
	topic string

	// Under conn.mu.
	queue   []work
	running bool
	event   string // that came last: clients repeat themselves

	// Written by the slot's goroutine under conn.mu; it may read it without.
	member *Membership

	// The slot's goroutine's alone: what the rules said last.
	rules   *generation
	channel Channel
}

type workKind uint8

const (
	workIn    workKind = iota // a message of the client
	workOut                   // a broadcast that the member filters
	workCheck                 // the rules were replaced
	workEnd                   // the connection has ended
)

type work struct {
	kind         workKind
	member       *Membership // of workOut: who was in the topic when it was sent
	joinRef, ref []byte
	event        string
	payload      []byte
}

// size is what a client's message holds in memory.
func (w *work) size() int { return len(w.joinRef) + len(w.ref) + len(w.payload) }

// enqueue hands a message to the slot of its topic, which is fresh where there is none; the
// reader's. taken is false when there is neither. slots counts those of the connection.
func (c *conn) enqueue(f frame, fresh *slot) (slots int, taken bool) {
	var late <-chan time.Time
	for {
		room, slots, taken := c.tryEnqueue(f, fresh)
		if room == nil {
			return slots, taken
		}
		if late == nil {
			late = time.After(roomWait)
		}
		select {
		case <-room:
		case <-late:
			c.close(websocket.ClosePolicyViolation, "too many messages at once")
			return slots, true
		}
	}
}

// tryEnqueue gives what to wait for when there is no room.
func (c *conn) tryEnqueue(f frame, fresh *slot) (room <-chan struct{}, slots int, taken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.slots[string(f.topic)]
	if s == nil && fresh != nil {
		if c.slots == nil {
			c.slots = make(map[string]*slot)
		}
		s = fresh
		c.slots[s.topic] = s
	}
	if s != nil && !c.offerLocked(s, f) {
		c.room = make(chan struct{})
		return c.room, 0, false
	}
	return nil, len(c.slots), s != nil
}

// roomLocked wakes the reader.
func (c *conn) roomLocked() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// offerLocked queues a copy of a client's message; false means that there is no room.
func (c *conn) offerLocked(s *slot, f frame) bool {
	if c.closing {
		return true
	}
	size := len(f.joinRef) + len(f.ref) + len(f.payload)
	if len(s.queue) >= slotQueue || c.pending+size > max(slotsBytes, 2*int(c.maxFrame)) {
		return false
	}
	c.pending += size
	own := make([]byte, 0, size)
	cut := func(part []byte) []byte {
		if part == nil {
			return nil
		}
		from := len(own)
		own = append(own, part...)
		return own[from:len(own):len(own)]
	}
	if string(f.event) != s.event {
		s.event = string(f.event)
	}
	s.addLocked(work{kind: workIn, joinRef: cut(f.joinRef), ref: cut(f.ref), event: s.event, payload: cut(f.payload)})
	return true
}

// offer queues a broadcast for the member's filter.
func (s *slot) offer(w work) {
	c := s.conn
	c.mu.Lock()
	full := len(s.queue) >= slotOuts || c.filtering > 0 && c.filtering+len(w.payload) > filterBytes
	if !full && !c.closing {
		c.filtering += len(w.payload)
		s.addLocked(w)
	}
	c.mu.Unlock()
	if full {
		c.drop(websocket.CloseInternalServerErr, "too many events at once")
	}
}

func (s *slot) addLocked(w work) {
	s.queue = append(s.queue, w)
	if !s.running {
		s.running = true
		s.conn.users++
		go s.run()
	}
}

// run works until the queue is empty. A slot without membership and work is forgotten.
func (s *slot) run() {
	c := s.conn
	defer c.leave()
	var batch []work
	for {
		c.mu.Lock()
		clear(batch)
		spare := batch[:0]
		if batch = s.queue; len(batch) == 0 {
			s.running = false
			if s.queue = spare; cap(spare) > keepQueue {
				s.queue = nil
			}
			if s.member == nil {
				delete(c.slots, s.topic)
			}
			c.mu.Unlock()
			return
		}
		s.queue = spare
		c.roomLocked()
		c.mu.Unlock()
		for i := range batch {
			s.do(&batch[i])
		}
	}
}

func (s *slot) do(w *work) {
	switch w.kind {
	case workIn:
		c := s.conn
		c.mu.Lock()
		c.pending -= w.size()
		c.roomLocked()
		c.mu.Unlock()
		s.receive(w)
	case workOut:
		c := s.conn
		c.mu.Lock()
		c.filtering -= len(w.payload)
		c.mu.Unlock()
		s.filter(w)
	case workCheck:
		if s.member != nil && s.enter() {
			s.rules.Release()
		}
	case workEnd:
		s.end()
	}
}

// receive is what the protocol says about a message of the client, first match wins.
func (s *slot) receive(w *work) {
	m := s.member
	switch {
	case w.event == eventJoin:
		s.join(w)
	case m == nil && w.event == eventLeave:
		s.conn.send(replyFrame(w.joinRef, w.ref, s.topic, "ok", nil))
	case m == nil:
		s.conn.unmatched(w.ref, s.topic)
	case !m.accepts(w.joinRef): // of an earlier membership
	case w.event == eventLeave:
		m.end()
		s.conn.send(replyFrame(m.joinRef, w.ref, s.topic, "ok", nil))
		s.conn.send(messageFrame(m.joinRef, m.joinRef, s.topic, eventClose, nil))
		s.end()
	default:
		s.handle(w)
	}
}

func (m *Membership) accepts(joinRef []byte) bool {
	return joinRef == nil || m.anyRef || bytes.Equal(joinRef, m.joinRef)
}

// handle runs the rules for an event of a member.
func (s *slot) handle(w *work) {
	if !s.enter() {
		return
	}
	defer s.rules.Release()
	m := s.member
	c := s.call(phaseIn, w)
	declared := false
	if !reserved(w.event) {
		declared = s.guarded(c)
	}
	if !declared && !c.replied && c.stop == 0 {
		c.Reply("error", []byte(`{"reason":"unmatched event"}`))
	}
	s.settle(m, c)
}

// filter runs the rules for a broadcast before it is sent to this member.
func (s *slot) filter(w *work) {
	m := w.member
	if m != s.member || m.Ended() || !s.enter() {
		return
	}
	defer s.rules.Release()
	if !s.rules.Intercepts(s.topic, w.event) { // no longer
		s.conn.send(messageFrame(m.joinRef, nil, s.topic, w.event, w.payload))
		return
	}
	c := s.call(phaseOut, w)
	s.guarded(c)
	s.settle(m, c)
}

// settle ends a membership that its rules stopped.
func (s *slot) settle(m *Membership, c *Call) {
	switch c.stop {
	case StopNormal:
		s.expel(m, eventClose)
	case StopError:
		s.expel(m, eventError)
	}
}

// expel ends the membership and tells the client with phx_close or phx_error.
func (s *slot) expel(m *Membership, event string) {
	m.end()
	s.conn.send(messageFrame(m.joinRef, m.joinRef, s.topic, event, nil))
	s.end()
}

// end runs the rules for leaving and clears the slot.
func (s *slot) end() {
	m := s.member
	if m == nil {
		return
	}
	m.end()
	if s.find() {
		if s.channel != nil && s.fits(m) {
			s.guarded(s.call(phaseLeave, &work{}))
		}
		s.rules.Release()
	}
	s.conn.mu.Lock()
	s.member = nil
	s.conn.mu.Unlock()
	s.rules, s.channel = nil, nil
}

// find takes the current rules, to be released, and the channel that they have for the
// topic, nil for none. False means that the path itself is gone.
func (s *slot) find() bool {
	rules := s.conn.mount.acquire()
	if rules == nil {
		return false
	}
	if rules != s.rules {
		s.rules, s.channel = rules, nil
		if channel, ok := s.match(); ok {
			s.channel = channel
		}
	}
	return true
}

// enter is find for a member that stays only where the rules still have a place for it.
func (s *slot) enter() bool {
	before := s.rules
	if !s.find() {
		return false
	}
	if s.rules == before {
		return true
	}
	event := ""
	switch {
	case s.channel == nil:
		event = eventClose
	case !s.fits(s.member):
		event = eventError
	default:
		return true
	}
	rules := s.rules
	s.expel(s.member, event)
	rules.Release()
	return false
}

// call makes what the rules get. The payload lives on in what they bind, so it is fresh,
// and the call with it.
func (s *slot) call(p phase, w *work) *Call {
	c := &Call{Membership: s.member, Event: w.event, Ref: w.ref, slot: s, phase: p}
	c.payload.Bytes = w.payload
	c.Payload = &c.payload
	return c
}
