package channels

import (
	"bytes"
	"sync/atomic"

	"github.com/openmanifest/gateway/pkg/value"
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
	joins   int    // that are not decided
	leaves  int    // that are not done

	outs atomic.Int32 // broadcasts that the queue holds

	// Written by the slot's goroutine under conn.mu; it may read it without.
	member *Membership

	// The slot's goroutine's alone: whether frames are held, and what the rules said last.
	holds   bool
	rules   *generation
	channel Channel
}

// run works until the queue is empty. A slot without membership and work is forgotten.
func (s *slot) run() {
	c := s.conn
	defer c.leave()
	var batch []work
	for {
		c.mu.Lock()
		if len(s.queue) == 0 && s.holds {
			c.mu.Unlock()
			s.flush()
			c.mu.Lock()
		}
		clear(batch)
		spare := batch[:0]
		if batch = s.queue; len(batch) == 0 {
			s.running = false
			if s.queue = spare; cap(spare) > keepQueue || !c.lively {
				s.queue = nil
			}
			if s.member == nil {
				c.slots.remove(s)
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

// send queues a frame that is held until the slot has nothing else to do; its goroutine's.
func (s *slot) send(frame []byte) {
	s.holds = true
	s.conn.put(frame, nil, true)
}

func (s *slot) reply(joinRef, ref []byte, status string, response value.Payload) {
	s.send(s.conn.answer(joinRef, ref, s.topic, status, response))
}

// flush has what is held written.
func (s *slot) flush() {
	if s.holds {
		s.holds = false
		s.conn.link.flush()
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
		if w.event == eventLeave {
			c.mu.Lock()
			s.leaves--
			c.mu.Unlock()
		}
	case workOut, workPass:
		c := s.conn
		c.mu.Lock()
		c.filtering -= len(w.payload.Bytes)
		c.mu.Unlock()
		s.filter(w)
		s.outs.Add(-1)
	case workTick:
		s.tick(w)
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
		s.reply(w.joinRef, w.ref, "ok", value.Payload{})
	case m == nil:
		s.conn.unmatched(w.ref, s.topic)
	case !m.accepts(w.joinRef): // of an earlier membership
	case w.event == eventLeave:
		m.end()
		s.reply(m.joinRef, w.ref, "ok", value.Payload{})
		s.send(s.conn.form.over(m, eventClose))
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
		c.Reply("error", value.JSON([]byte(`{"reason":"unmatched event"}`)))
	}
	s.settle(m, c.stop)
}

// filter runs the rules for a broadcast before it is sent to this member.
func (s *slot) filter(w *work) {
	m := w.member
	if m != s.member || m.Ended() {
		return
	}
	if w.kind == workPass {
		s.send(w.payload.Bytes)
		return
	}
	if !s.enter() {
		return
	}
	defer s.rules.Release()
	if w.sharing != nil && w.sharing.rules == s.rules {
		if o := s.outcome(m, w.sharing, asValue(w.payload)); o != nil {
			o.send(m)
			s.settle(m, o.stop)
			return
		}
	} else if _, still := s.conn.hub.filter(s.rules, s.conn.mount, s.topic, w.event); !still {
		s.send(s.conn.form.filtered(m.joinRef, w.ref, s.topic, w.event, w.payload))
		return
	}
	c := s.call(phaseOut, w)
	s.guarded(c)
	s.settle(m, c.stop)
}

// settle ends a membership that its rules stopped.
func (s *slot) settle(m *Membership, stop Reason) {
	switch stop {
	case StopNormal:
		s.expel(m, eventClose)
	case StopError:
		s.expel(m, eventError)
	}
}

// expel ends the membership and tells the client with phx_close or phx_error.
func (s *slot) expel(m *Membership, event string) {
	m.end()
	s.send(s.conn.form.over(m, event))
	s.end()
}

// end runs the rules for leaving and clears the slot.
func (s *slot) end() {
	m := s.member
	if m == nil {
		return
	}
	m.end()
	s.stopTicks()
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
		s.setTicks()
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
	return &Call{Membership: s.member, Event: w.event, Payload: w.payload, Ref: w.ref, slot: s, phase: p}
}
