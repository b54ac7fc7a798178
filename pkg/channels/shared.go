package channels

import (
	"bytes"
	"sync"

	"github.com/openmanifest/gateway/pkg/value"
)

// filtering is what the rules of one path say about one broadcast. It holds the rules until
// the broadcast is delivered.
type filtering struct {
	mount   *mount
	rules   *generation // nil where the path is gone
	sharing *sharing    // nil where members get the broadcast as it is
}

// filterOf asks the rules of a path once for a broadcast. Ones that panic keep the event
// back: the filter will panic too and end that membership, where passing it on would open
// what is closed.
func (h *Hub) filterOf(b *cast, m *mount) *filtering {
	for i := range b.filters {
		if b.filters[i].mount == m {
			return &b.filters[i]
		}
	}
	f := filtering{mount: m, rules: m.acquire()}
	if f.rules != nil {
		if filter, filtered := h.filter(f.rules, m, b.topic, b.event); filtered {
			f.sharing = &sharing{cast: b, rules: f.rules, filter: filter}
		}
	}
	if b.filters == nil {
		b.filters = b.room[:0]
	}
	b.filters = append(b.filters, f)
	return &b.filters[len(b.filters)-1]
}

func (h *Hub) filter(rules Rules, m *mount, topic, event string) (f Filter, filtered bool) {
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("channel rules panicked", "path", m.path, "topic", topic, "at", "filter", "panic", p)
			f, filtered = nil, true
		}
	}()
	f = rules.Filter(topic, event)
	return f, f != nil
}

// delivered gives the rules back.
func (b *cast) delivered() {
	for _, f := range b.filters {
		if f.rules != nil {
			f.rules.Release()
		}
	}
}

// A sharing holds what a filter made of one broadcast, by class of members. The goroutines
// of slots add to it after the broadcast was delivered.
type sharing struct {
	cast   *cast
	rules  *generation // by which the outcomes were made
	filter Filter      // nil where the rules panicked

	mu       sync.Mutex
	last     Class // the class asked for last: neighbours are often alike
	of       *outcome
	outcomes map[Class]*outcome
	whole    *pushed // the event as it came, which most filters push
}

// An outcome is what a filter made of a broadcast for the members of one class.
type outcome struct {
	pushes []*pushed
	stop   Reason
	room   [1]*pushed
}

// find gives what is known of a class, or nil.
func (s *sharing) find(class Class) *outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of != nil && class == s.last {
		return s.of
	}
	o := s.outcomes[class]
	if o != nil {
		s.last, s.of = class, o
	}
	return o
}

// add keeps an outcome. Where two slots made one at a time, either will do.
func (s *sharing) add(class Class, o *outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outcomes == nil {
		s.outcomes = map[Class]*outcome{}
	}
	s.outcomes[class] = o
	s.last, s.of = class, o
}

// push notes what a filter pushes. The payload is the caller's again.
func (s *sharing) push(o *outcome, event string, payload value.Payload) {
	b := s.cast
	if event == b.event && sameBytes(payload, b.payload) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.whole == nil {
			s.whole = &pushed{ref: b.ref, topic: b.topic, event: event, payload: b.payload}
		}
		o.pushes = append(o.pushes, s.whole)
		return
	}
	payload.Bytes = bytes.Clone(payload.Bytes)
	o.pushes = append(o.pushes, &pushed{ref: b.ref, topic: b.topic, event: event, payload: payload})
}

// sameBytes tells payloads that are one in memory.
func sameBytes(a, b value.Payload) bool {
	return a.Binary == b.Binary && len(a.Bytes) == len(b.Bytes) && (len(a.Bytes) == 0 || &a.Bytes[0] == &b.Bytes[0])
}

// outcome gives what the filter makes of a broadcast for a member, computed if its class was
// not met before; nil where the member has to be asked by itself. payload is what expressions
// see. Nothing else may be at work in the slot, and its rules are those of the sharing.
func (s *slot) outcome(m *Membership, sh *sharing, payload any) *outcome {
	class, shared := s.classOf(m, sh)
	if !shared {
		return nil
	}
	if o := sh.find(class); o != nil {
		return o
	}
	o := &outcome{}
	o.pushes = o.room[:0]
	b := sh.cast
	c := &Call{Membership: m, Event: b.event, Payload: b.payload, Ref: b.ref, slot: s, phase: phaseOut, value: payload, sharing: sh, outcome: o}
	s.guarded(c)
	o.stop = c.stop
	sh.add(class, o)
	return o
}

func (s *slot) classOf(m *Membership, sh *sharing) (class Class, shared bool) {
	if sh.filter == nil {
		return class, false
	}
	defer func() {
		if p := recover(); p != nil {
			s.report("class", p)
			class, shared = Class{}, false
		}
	}()
	return sh.filter.Class(m)
}

// filtered gives a member what its filter makes of a broadcast: at once where nothing is at
// work in the slot and the outcome is shared, and else by the slot's goroutine. Called with
// the lock of the topic's shard, so that nothing follows the end of a membership.
func (s *slot) filtered(m *Membership, sh *sharing, w *wave) {
	c := s.conn
	c.mu.Lock()
	var o *outcome
	if !s.running && s.rules == sh.rules && s.member == m {
		o = s.outcome(m, sh, sh.cast.read())
	}
	c.mu.Unlock()
	if o == nil || o.stop != 0 { // a membership ends in its own goroutine
		b := sh.cast
		s.offer(work{kind: workOut, member: m, ref: b.ref, event: b.event, payload: b.payload, sharing: sh})
		return
	}
	for _, p := range o.pushes {
		c.put(p.frame(c.form, m.joinRef), w, false)
	}
}

// read is the payload as the expressions of this goroutine see it, decoded once.
func (b *cast) read() any {
	if b.seen == nil {
		b.seen = asValue(b.payload)
	}
	return b.seen
}

// send gives a member its pushes; its slot's goroutine's.
func (o *outcome) send(m *Membership) {
	for _, p := range o.pushes {
		m.slot.send(p.frame(m.slot.conn.form, m.joinRef))
	}
}

// A pushed is an event that goes to many members, each with its own join_ref.
type pushed struct {
	ref          []byte // the event's place in the topic's history, or nil
	topic, event string
	payload      value.Payload

	mu     sync.Mutex
	tail   []byte // of the text in V2: all behind the join_ref
	frames []addressed
}

// An addressed is a frame for those with the same join_ref: clients count alike.
type addressed struct {
	form    form
	joinRef []byte
	frame   []byte
}

// keepAddressed bounds how many frames of one event are kept for those with the same join_ref.
const keepAddressed = 4

// frame is nil where the form cannot say it.
func (p *pushed) frame(f form, joinRef []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.frames {
		if a := &p.frames[i]; a.form == f && (f.isV1() || bytes.Equal(a.joinRef, joinRef)) {
			return a.frame
		}
	}
	frame := p.encode(f, joinRef)
	if len(p.frames) < keepAddressed {
		p.frames = append(p.frames, addressed{f, joinRef, frame})
	}
	return frame
}

func (p *pushed) encode(f form, joinRef []byte) []byte {
	if p.payload.Binary || f.isV1() {
		return f.filtered(joinRef, p.ref, p.topic, p.event, p.payload)
	}
	if p.tail == nil {
		t := make([]byte, 0, len(p.ref)+len(p.topic)+len(p.event)+len(p.payload.Bytes)+16)
		t = append(appendRef(append(t, ','), p.ref), ',')
		t = append(appendString(t, p.topic), ',')
		t = append(appendString(t, p.event), ',')
		p.tail = append(appendPayload(t, p.payload.Bytes), ']')
	}
	b := textFrame(len("[null") + len(joinRef) + len(p.tail))
	b = append(appendRef(append(b, '['), joinRef), p.tail...)
	return f.packed(sealed(b, opText))
}

// filtered encodes what a filter lets through: a push that tells the event's place in the
// topic's history, if it has one.
func (f form) filtered(joinRef, ref []byte, topic, event string, payload value.Payload) []byte {
	if ref == nil || payload.Binary {
		return f.push(joinRef, topic, event, payload)
	}
	return f.json(joinRef, ref, topic, event, payload.Bytes)
}

// asValue is a payload as expressions see it: JSON that is decoded when it is read, bytes, or
// nil where nothing was sent.
func asValue(p value.Payload) any {
	switch {
	case p.Binary:
		return p.Bytes
	case len(p.Bytes) == 0:
		return nil
	}
	return &value.Raw{Bytes: p.Bytes}
}
