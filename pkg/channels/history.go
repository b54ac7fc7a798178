package channels

import (
	"container/list"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// What is kept for members that come back, besides the Size and TTL of each History. Where
// there is no room the topics go that were used least lately.
const (
	ringBytes  = 1 << 20                 // of one topic
	shardRings = 16_384 / topicShards    // topics, in one shard
	shardBytes = 256 << 20 / topicShards // of all topics in one shard
	entryBytes = 64                      // what an entry takes beside its payload and event
	sweepRings = 10 * time.Second        // how often what is too old is looked for
)

// A ring is what is kept of the broadcasts to a topic. They are counted from 1. The epoch
// tells it from another ring of the topic, before or after, here or on another node.
type ring struct {
	topic string
	epoch string
	place *list.Element // in the shard's order of use; under the shard's lock

	// mu is held while a broadcast is delivered, so that all members get them in the order
	// of their numbers. It comes after the locks of the topic's shards; who has the lock of
	// rings may only try it.
	mu      sync.Mutex
	history History
	heard   hearing
	last    uint64  // the number of the last broadcast
	entries []entry // without a gap up to the last one
	bytes   int
	used    time.Time // last broadcast or join, or when there last was a member
	gone    bool      // it is not the topic's any more
}

// A hearing is since when this node has heard of a topic from the others without a gap. A
// ring that began with another one may lack broadcasts. The zero hearing is that of a node
// that is alone, and of a topic that nobody has joined yet.
type hearing struct {
	listening *listening
	link      uint64
}

func (l *listening) heard() hearing {
	if l == nil {
		return hearing{}
	}
	return hearing{l, l.cluster.links.Load()}
}

type entry struct {
	at      time.Time
	event   string
	payload value.Payload
}

func (e *entry) size() int { return entryBytes + len(e.event) + len(e.payload.Bytes) }

// histories are what a hub keeps.
type histories struct {
	shards [topicShards]rings
	asked  atomic.Pointer[[]*mount] // whose rules have a history; nil: none
	sweep  *time.Timer
	armed  atomic.Bool

	replacing sync.Mutex // one Apply at a time
}

// historyOf gives the largest bounds that the rules of a path have for a topic.
func (h *Hub) historyOf(topic string) (all History) {
	mounts := h.kept.asked.Load()
	if mounts == nil {
		return History{}
	}
	for _, m := range *mounts {
		if rules := m.acquire(); rules != nil {
			one := h.askHistory(rules, m, topic)
			rules.Release()
			if one.Size > 0 {
				all.Size, all.TTL = max(all.Size, one.Size), max(all.TTL, one.TTL)
			}
		}
	}
	return all
}

// askHistory asks the rules of a path; ones that panic keep nothing.
func (h *Hub) askHistory(rules Rules, m *mount, topic string) (one History) {
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("channel rules panicked", "path", m.path, "topic", topic, "at", "history", "panic", p)
			one = History{}
		}
	}()
	return rules.History(topic)
}

// askForHistories notes which paths have a history. Called with the hub's lock.
func (h *Hub) askForHistories() {
	var asked []*mount
	for _, m := range h.mounts {
		rules := m.acquire()
		if rules == nil {
			continue
		}
		if rules.Settings().History {
			asked = append(asked, m)
		}
		rules.Release()
	}
	if len(asked) == 0 {
		h.kept.asked.Store(nil)
	} else {
		h.kept.asked.Store(&asked)
	}
}

// forgetHistories is called when rules were replaced. What belongs to topics that keep
// nothing any more is forgotten at once: were it found later, broadcasts would be missing in
// it.
func (h *Hub) forgetHistories() {
	for i := range h.kept.shards {
		s := &h.kept.shards[i]
		for _, r := range s.all() {
			if h.historyOf(r.topic).Size == 0 {
				r.mu.Lock()
				s.forget(r)
				r.mu.Unlock()
			}
		}
	}
}

// record numbers a broadcast and keeps it, where the topic has a history. The ring is locked.
// Called with the lock of the topic's shard, so that a member that joined under rules with a
// history misses none.
func (h *Hub) record(b *cast) *ring {
	if b.passing || h.kept.asked.Load() == nil {
		return nil
	}
	history := h.historyOf(b.topic)
	if history.Size == 0 {
		return nil
	}
	r := h.ring(b.topic, history)
	b.ref = r.add(b.event, b.payload, r.used, &h.kept.shards[h.shardOf(b.topic)])
	return r
}

// ring gives the ring of a topic, locked, and makes it where there is none.
func (h *Hub) ring(topic string, history History) *ring {
	s := &h.kept.shards[h.shardOf(topic)]
	now := time.Now()
	for {
		r, fresh := s.use(topic, now)
		if fresh {
			h.armSweep()
		}
		r.mu.Lock()
		if !r.gone {
			r.history, r.used = history, now
			r.trim(now, s)
			return r
		}
		r.mu.Unlock()
	}
}

// add keeps a broadcast and gives its number as frames have it.
func (r *ring) add(event string, payload value.Payload, now time.Time, s *rings) []byte {
	r.last++
	e := entry{now, event, payload}
	r.entries = append(r.entries, e)
	r.bytes += e.size()
	s.bytes.Add(int64(e.size()))
	r.trim(now, s)
	if s.bytes.Load() > shardBytes {
		s.mu.Lock() // others only try the lock of a ring with this one held
		s.makeRoom()
		s.mu.Unlock()
	}
	return historyRef(r.last)
}

// trim drops what is too much or too old.
func (r *ring) trim(now time.Time, s *rings) {
	n, size := 0, 0
	for n < len(r.entries) {
		e := &r.entries[n]
		if len(r.entries)-n <= r.history.Size && r.bytes-size <= ringBytes && now.Sub(e.at) <= r.history.TTL {
			break
		}
		size += e.size()
		n++
	}
	if n == 0 {
		return
	}
	clear(r.entries[:n])
	r.entries = r.entries[n:]
	r.bytes -= size
	s.bytes.Add(-int64(size))
	if len(r.entries) == 0 {
		r.entries = nil
	}
}

// historyRef is the number of a broadcast as the `ref` of its frames: a text that no client
// makes for a message of its own, for those are numbers.
func historyRef(n uint64) []byte {
	b := append(make([]byte, 0, 24), `"h`...)
	return append(strconv.AppendUint(b, n, 10), '"')
}

// since gives what was broadcast after a number. ok is false where some of it is not kept.
func (r *ring) since(p point) (missed []entry, ok bool) {
	if p.epoch != r.epoch || p.offset > r.last || r.last-p.offset > uint64(len(r.entries)) {
		return nil, false
	}
	return slices.Clone(r.entries[len(r.entries)-int(r.last-p.offset):]), true
}
