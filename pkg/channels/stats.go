package channels

import "sync/atomic"

// stats count what happens to a hub's connections since its start.
type stats struct {
	joins, refused        atomic.Uint64
	received, sent        atomic.Uint64 // messages of clients, frames to them
	slow, flooded         atomic.Uint64 // connections closed: do not read, send faster than is handled
	malformed, limited    atomic.Uint64 // connections closed for what they sent, and for how much
	unsayable             atomic.Uint64 // messages that the client's form cannot carry
	broadcasts, delivered atomic.Uint64 // events to topics, and to members
	polling               atomic.Int64  // polls that wait for messages
}

// Stats are counts since the start, and what there is now.
type Stats struct {
	Websockets, Polls     int // connections that are not wholly gone
	PollsWaiting          int // requests that wait for messages of a session
	Members, Topics       int
	Joins, Refused        uint64
	Received, Sent        uint64
	Slow, Flooded         uint64
	Malformed, Limited    uint64
	Unsayable             uint64
	Broadcasts, Delivered uint64
	Cluster               ClusterStats
}

// Stats reads the counters.
func (h *Hub) Stats() Stats {
	s := &h.stats
	out := Stats{
		Joins: s.joins.Load(), Refused: s.refused.Load(), Received: s.received.Load(), Sent: s.sent.Load(),
		Slow: s.slow.Load(), Flooded: s.flooded.Load(), Malformed: s.malformed.Load(), Limited: s.limited.Load(),
		Unsayable:  s.unsayable.Load(),
		Broadcasts: s.broadcasts.Load(), Delivered: s.delivered.Load(),
		Cluster: h.clusterStats(),
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
	out.Polls = len(h.sessions)
	out.PollsWaiting = int(s.polling.Load())
	out.Websockets = len(h.conns) - out.Polls
	return out
}
