package channels

import "sync/atomic"

// stats count what happens to a hub's connections since its start.
type stats struct {
	joins, refused        atomic.Uint64
	received, sent        atomic.Uint64 // messages of clients, frames to them
	slow, flooded         atomic.Uint64 // connections closed: do not read, send faster than is handled
	malformed             atomic.Uint64 // connections closed for what they sent
	unsayable             atomic.Uint64 // messages that the client's form cannot carry
	broadcasts, delivered atomic.Uint64 // events to topics, and to members
}

// Stats are counts since the start, and what there is now.
type Stats struct {
	Websockets, Polls     int // connections that are not wholly gone
	Members, Topics       int
	Joins, Refused        uint64
	Received, Sent        uint64
	Slow, Flooded         uint64
	Malformed, Unsayable  uint64
	Broadcasts, Delivered uint64
}

// Stats reads the counters.
func (h *Hub) Stats() Stats {
	s := &h.stats
	out := Stats{
		Joins: s.joins.Load(), Refused: s.refused.Load(), Received: s.received.Load(), Sent: s.sent.Load(),
		Slow: s.slow.Load(), Flooded: s.flooded.Load(), Malformed: s.malformed.Load(), Unsayable: s.unsayable.Load(),
		Broadcasts: s.broadcasts.Load(), Delivered: s.delivered.Load(),
	}
	for i := range h.shards {
		shard := &h.shards[i]
		shard.mu.RLock()
		out.Topics += len(shard.topics)
		for _, members := range shard.topics {
			out.Members += len(members)
		}
		shard.mu.RUnlock()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out.Websockets = len(h.conns)
	return out
}
