package channels

import (
	"hash/maphash"
	"sync"
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
// id: the event `disconnect` then closes it. payload is JSON, empty for {}, and must not
// change afterwards.
func (h *Hub) Broadcast(topic, event string, payload []byte) error {
	return h.BroadcastFrom(topic, event, payload, nil)
}

// BroadcastFrom leaves out one membership.
func (h *Hub) BroadcastFrom(topic, event string, payload []byte, except *Membership) error {
	if reserved(event) {
		return ErrReserved
	}
	h.publish(topic, event, payload, except)
	if event == "disconnect" {
		h.Disconnect(topic)
	}
	return nil
}

// publish encodes once and gives the same bytes to all, but for members that filter the
// event: they get it as a push, made by their rules.
func (h *Hub) publish(topic, event string, payload []byte, except *Membership) {
	s := h.shard(topic)
	s.mu.RLock()
	defer s.mu.RUnlock()
	members := s.topics[topic]
	if len(members) == 0 {
		return
	}
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	var frame []byte
	var asked *mount
	filtered := false
	for _, m := range members {
		if m == except {
			continue
		}
		c := m.slot.conn
		if c.mount != asked {
			asked, filtered = c.mount, h.intercepts(c.mount, topic, event)
		}
		if filtered {
			m.slot.offer(work{kind: workOut, member: m, event: event, payload: payload})
			continue
		}
		if frame == nil {
			frame = messageFrame(nil, nil, topic, event, payload)
		}
		if m.slot.outs.Load() > 0 { // it must not overtake what the filter still has
			m.slot.offer(work{kind: workPass, member: m, payload: frame})
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
