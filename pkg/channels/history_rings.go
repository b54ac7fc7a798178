package channels

import (
	"container/list"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"
)

// rings are those of the topics of one shard.
type rings struct {
	mu    sync.Mutex
	of    map[string]*ring
	order list.List // the one used last in front
	bytes atomic.Int64
}

// use finds or makes a ring and has it be the last to go.
func (s *rings) use(topic string, now time.Time) (r *ring, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.of[topic]; r != nil {
		s.order.MoveToFront(r.place)
		return r, false
	}
	r = &ring{topic: topic, epoch: rand.Text(), used: now}
	if s.of == nil {
		s.of = map[string]*ring{}
	}
	s.of[topic] = r
	r.place = s.order.PushFront(r)
	s.makeRoom()
	return r, true
}

func (s *rings) has(topic string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[topic] != nil
}

// makeRoom is called with the lock. A ring at work is passed over.
func (s *rings) makeRoom() {
	for e := s.order.Back(); e != nil && e != s.order.Front(); {
		if len(s.of) <= shardRings && s.bytes.Load() <= shardBytes {
			return
		}
		r := e.Value.(*ring)
		e = e.Prev()
		if r.mu.TryLock() {
			s.forgetLocked(r)
			r.mu.Unlock()
		}
	}
}

// forget is called with the ring's lock.
func (s *rings) forget(r *ring) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetLocked(r)
}

func (s *rings) forgetLocked(r *ring) {
	if r.gone {
		return
	}
	r.gone = true
	s.bytes.Add(-int64(r.bytes))
	r.entries, r.bytes = nil, 0
	s.order.Remove(r.place)
	delete(s.of, r.topic)
}

func (s *rings) all() []*ring {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*ring, 0, len(s.of))
	for _, r := range s.of {
		out = append(out, r)
	}
	return out
}

// armSweep has what is too old looked for in a while. No timer runs while nothing is kept.
func (h *Hub) armSweep() {
	if h.context.Err() == nil && h.kept.armed.CompareAndSwap(false, true) {
		h.kept.sweep.Reset(sweepRings)
	}
}

// sweepHistories drops what is too old, and the rings of topics that nobody was in and
// nothing was sent to for as long as broadcasts are kept.
func (h *Hub) sweepHistories() {
	h.kept.armed.Store(false) // before looking: a ring made meanwhile arms it again
	left := false
	for i := range h.kept.shards {
		s := &h.kept.shards[i]
		for _, r := range s.all() {
			left = true
			h.sweepRing(s, r)
		}
	}
	if left {
		h.armSweep()
	}
}

func (h *Hub) sweepRing(s *rings, r *ring) {
	members := h.shard(r.topic)
	members.mu.RLock()
	defer members.mu.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if len(members.topics[r.topic]) > 0 {
		r.used = now
	}
	r.trim(now, s)
	if now.Sub(r.used) > r.history.TTL {
		s.forget(r)
	}
}
