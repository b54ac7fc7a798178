package channels

import (
	"bytes"
	"runtime/debug"

	"github.com/openmanifest/gateway/pkg/value"
)

// join runs the rules for a new membership. A duplicate join first ends the old one; on
// the wire the new reply comes before the old one's phx_close.
func (s *slot) join(w *work) {
	old := s.member
	s.end()
	farewell := func() {
		if old != nil {
			s.send(s.conn.form.over(old, eventClose))
		}
	}
	if s.conn.isClosing() || !s.find() {
		return
	}
	rules := s.rules
	defer rules.Release()
	if s.channel == nil {
		s.decided()
		s.conn.unmatched(w.ref, s.topic)
		farewell()
		return
	}
	m := &Membership{Topic: s.topic, slot: s, joinRef: bytes.Clone(w.joinRef)} // the whole message would stay with a part of it
	if m.joinRef == nil {
		m.joinRef, m.anyRef = bytes.Clone(w.ref), true
	}
	s.setMember(m)
	w.payload = paramsOf(w.payload)
	c := s.call(phaseJoin, w)
	s.guarded(c)
	s.decided()
	if c.stop != 0 {
		c.status, c.response = "error", value.JSON([]byte(`{"reason":"join crashed"}`))
	}
	reply := func() { s.reply(m.joinRef, w.ref, c.joinStatus(), c.response) }
	if c.joinStatus() != "ok" {
		s.conn.hub.stats.refused.Add(1)
		m.ended.Store(true)
		s.setMember(nil)
		s.rules, s.channel = nil, nil
		reply()
		farewell()
		return
	}
	s.conn.hub.stats.joins.Add(1)
	// The reply precedes every broadcast, and no broadcast after the reply is missed.
	back := s.comesBack(w.payload)
	joined := s.conn.hub.subscribe(m, func() {
		missed := s.welcome(c, back)
		reply()
		farewell()
		s.replay(m, missed)
	})
	if !joined {
		return // the connection ended meanwhile; the rules for leaving come next
	}
	s.setTicks()
	after := s.call(phaseAfterJoin, w)
	after.Payload = c.Payload
	s.guarded(after)
	s.settle(m, after.stop)
}

// paramsOf gives the params of a join. Clients that have none may send null for them.
func paramsOf(sent value.Payload) value.Payload {
	if !sent.Binary && string(sent.Bytes) == "null" {
		return value.JSON([]byte("{}"))
	}
	return sent
}

// decided notes that a join is in or refused, before its client is told.
func (s *slot) decided() {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.joins--
}

func (s *slot) setMember(m *Membership) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.member = m
	if m != nil && s.conn.closing {
		m.ended.Store(true)
	}
}

// guarded runs the rules that belong to the call's phase. A panic stops this membership
// and is logged; others notice nothing.
func (s *slot) guarded(c *Call) (declared bool) {
	defer func() {
		c.over()
		if p := recover(); p != nil {
			s.report(c.phase.String(), p)
			c.stop, declared = StopError, true
		}
	}()
	switch c.phase {
	case phaseJoin:
		s.channel.Join(c)
	case phaseAfterJoin:
		s.channel.AfterJoin(c)
	case phaseIn:
		return s.channel.In(c)
	case phaseOut:
		s.channel.Out(c)
	case phaseLeave:
		s.channel.Leave(c)
	case phaseEvery:
		s.channel.Every(c)
	}
	return true
}

// match asks the rules for the topic's channel; one that panics has none.
func (s *slot) match() (channel Channel, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			s.report("match", p)
			channel, ok = nil, false
		}
	}()
	return s.rules.Channel(s.topic)
}

// fits asks whether a membership can go on; rules that panic cannot take it.
func (s *slot) fits(m *Membership) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			s.report("fits", p)
			ok = false
		}
	}()
	return s.channel.Fits(m)
}

func (s *slot) report(where string, p any) {
	s.conn.hub.log.Error("channel rules panicked", "path", s.conn.mount.path, "topic", s.topic,
		"at", where, "panic", p, "stack", string(debug.Stack()))
}
