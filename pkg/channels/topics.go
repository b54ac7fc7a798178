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

func (h *Hub) shard(topic string) *topicShard { return &h.shards[h.shardOf(topic)] }

func (h *Hub) shardOf(topic string) uint64 { return maphash.String(h.seed, topic) & (topicShards - 1) }

// subscribe enters a member. first runs before any broadcast can reach it. False means
// that the membership has ended already. It may wait for other nodes.
func (h *Hub) subscribe(m *Membership, first func()) bool {
	listening := h.entering(m.Topic)
	defer h.entered(m.Topic, listening)
	m.heard = listening.heard()
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

// Broadcast sends an event to every member of a topic on all nodes. The topic may be a
// connection's id: the event `disconnect` then closes it. No bytes stand for {}; they must
// not change afterwards. The error is ErrReserved, or ErrNotCrossed when this node's members
// alone got it.
func (h *Hub) Broadcast(topic, event string, payload value.Payload) error {
	return h.BroadcastFrom(topic, event, payload, nil)
}

// BroadcastFrom leaves out one membership.
func (h *Hub) BroadcastFrom(topic, event string, payload value.Payload, except *Membership) error {
	if reserved(event) {
		return ErrReserved
	}
	h.deliver(&cast{topic: topic, event: event, payload: payload}, except)
	err := h.cross(topic, event, payload)
	if event == "disconnect" {
		if _, lost := h.Disconnect(topic); err == nil {
			err = lost
		}
	}
	return err
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
// one of them has, deflated once for those that take that, and shared.
type cast struct {
	topic, event string
	payload      value.Payload
	passing      bool        // it is of no history: who comes back gets the state anew
	ref          []byte      // its place in the topic's history, or nil
	seen         any         // what expressions see of the payload, for the goroutine that delivers
	filters      []filtering // by path
	room         [1]filtering
	frames       [formCount][]byte
	encoded      [formCount]bool
}

// frame is nil where the form cannot say it.
func (b *cast) frame(f form) []byte {
	switch {
	case b.encoded[f]:
		return b.frames[f]
	case f&deflating != 0:
		b.frames[f] = f.packed(b.frame(f &^ deflating))
	default:
		b.frames[f] = f.broadcast(b.ref, b.topic, b.event, b.payload)
	}
	b.encoded[f] = true
	return b.frames[f]
}

// deliver gives the same bytes to all members of this node, but for those that filter the
// event: they get it as a push, made by their rules.
func (h *Hub) deliver(b *cast, except *Membership) {
	h.stats.broadcasts.Add(1)
	s := h.shard(b.topic)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := h.record(b); r != nil {
		defer r.mu.Unlock() // until all have it: their order is the history's
	}
	members := s.topics[b.topic]
	h.stats.delivered.Add(uint64(len(members)))
	defer b.delivered()
	reached := h.flushers.begin()
	defer h.flushers.add(reached)
	var f *filtering
	for _, m := range members {
		if m == except {
			continue
		}
		c := m.slot.conn
		if f == nil || f.mount != c.mount {
			f = h.filterOf(b, c.mount)
		}
		if f.sharing != nil {
			m.slot.filtered(m, f.sharing, reached)
			continue
		}
		m.slot.plain(m, b.frame(c.form), reached)
	}
}

// plain sends a broadcast as it is. It must not overtake what the filter still has.
func (s *slot) plain(m *Membership, frame []byte, w *wave) {
	if frame != nil && s.outs.Load() > 0 {
		s.offer(work{kind: workPass, member: m, payload: value.Payload{Bytes: frame}})
		return
	}
	s.conn.put(frame, w, false)
}
