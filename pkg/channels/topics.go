package channels

import (
	"hash/maphash"
	"sync"

	"github.com/openmanifest/gateway/pkg/value"
)

// topicShards keeps topics from waiting for each other. A power of two.
const topicShards = 64

type topicShard struct {
	mu     sync.RWMutex
	topics map[string][]*Membership
}

func (h *Hub) shard(topic string) *topicShard {
	return &h.shards[maphash.String(h.seed, topic)&(topicShards-1)]
}

// subscribe enters a member. first runs before any broadcast can reach it. False means
// that the membership has ended already.
func (h *Hub) subscribe(m *Membership, first func()) bool {
	s := h.shard(m.Topic)
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.Ended() {
		return false
	}
	members := s.topics[m.Topic]
	m.place = len(members)
	s.topics[m.Topic] = append(members, m)
	first()
	return true
}

// unsubscribe takes a member out; one that never was in stays out.
func (h *Hub) unsubscribe(m *Membership) {
	s := h.shard(m.Topic)
	s.mu.Lock()
	defer s.mu.Unlock()
	members := s.topics[m.Topic]
	if m.place >= len(members) || members[m.place] != m {
		return
	}
	last := len(members) - 1
	members[m.place] = members[last]
	members[m.place].place = m.place
	members[last] = nil
	if last == 0 {
		delete(s.topics, m.Topic)
		return
	}
	s.topics[m.Topic] = members[:last]
}

// Broadcast sends an event to every member of a topic. The topic may be a connection's
// id: the event `disconnect` then closes it. No bytes stand for {}; they must not change
// afterwards.
func (h *Hub) Broadcast(topic, event string, payload value.Payload) error {
	return h.BroadcastFrom(topic, event, payload, nil)
}

// BroadcastFrom leaves out one membership.
func (h *Hub) BroadcastFrom(topic, event string, payload value.Payload, except *Membership) error {
	if reserved(event) {
		return ErrReserved
	}
	h.deliver(&cast{topic: topic, event: event, payload: payload}, except)
	if event == "disconnect" {
		h.Disconnect(topic)
	}
	return nil
}

// BroadcastLocal is Broadcast for what the other nodes hear of by themselves.
func (h *Hub) BroadcastLocal(topic, event string, payload value.Payload) error {
	if reserved(event) {
		return ErrReserved
	}
	h.deliver(&cast{topic: topic, event: event, payload: payload}, nil)
	return nil
}

// A cast is an event on its way to the members of a topic: encoded once for each form that
// one of them has, and shared.
type cast struct {
	topic, event string
	payload      value.Payload
	ref          []byte // its place in the topic's history, or nil
	frames       [formCount][]byte
	encoded      [formCount]bool
}

// frame is nil where the form cannot say it.
func (b *cast) frame(f form) []byte {
	if !b.encoded[f] {
		b.frames[f], b.encoded[f] = f.broadcast(b.ref, b.topic, b.event, b.payload), true
	}
	return b.frames[f]
}

// deliver gives the same bytes to all members of this node, but for those that filter the
// event: they get it as a push, made by their rules.
func (h *Hub) deliver(b *cast, except *Membership) {
	h.stats.broadcasts.Add(1)
	s := h.shard(b.topic)
	s.mu.RLock()
	defer s.mu.RUnlock()
	members := s.topics[b.topic]
	h.stats.delivered.Add(uint64(len(members)))
	var asked *mount
	filtered := false
	for _, m := range members {
		if m == except {
			continue
		}
		c := m.slot.conn
		if c.mount != asked {
			asked, filtered = c.mount, h.intercepts(c.mount, b.topic, b.event)
		}
		if filtered {
			m.slot.offer(work{kind: workOut, member: m, event: b.event, payload: b.payload})
			continue
		}
		frame := b.frame(c.form)
		if frame != nil && m.slot.outs.Load() > 0 { // it must not overtake what the filter still has
			m.slot.offer(work{kind: workPass, member: m, payload: value.Payload{Bytes: frame}})
			continue
		}
		c.send(frame)
	}
}

// intercepts asks the rules of a path. Ones that panic keep the event back: the filter
// will panic too and end that membership, where passing it on would open what is closed.
func (h *Hub) intercepts(m *mount, topic, event string) (yes bool) {
	rules := m.acquire()
	if rules == nil {
		return false
	}
	defer rules.Release()
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("channel rules panicked", "path", m.path, "topic", topic, "at", "intercepts", "panic", p)
			yes = true
		}
	}()
	return rules.Intercepts(topic, event)
}
