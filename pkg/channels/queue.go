package channels

import (
	"time"

	"github.com/gorilla/websocket"
	"github.com/openmanifest/gateway/pkg/value"
)

// What may wait for the rules. A connection that sends faster than its events are handled
// is not read until there is room, and closed when there is none for too long; so is a
// member whose filter is slower than its topic, for a topic waits for nobody.
const (
	slotQueue  = 1024    // events of one topic on one connection
	slotsBytes = 4 << 20 // of client messages on one connection; at least two messages fit
	keepQueue  = 4       // events whose room an idle topic keeps
	roomWait   = 5 * time.Second

	// Broadcasts that members have yet to filter. They are more, so that who fills its queue
	// with messages that are broadcast has room for what comes back of them.
	slotOuts    = 4 * slotQueue
	filterBytes = 4 * slotsBytes // on one connection; one always fits
)

type workKind uint8

const (
	workIn    workKind = iota // a message of the client
	workOut                   // a broadcast that the member filters
	workPass                  // a broadcast, encoded, behind ones that the member filters
	workCheck                 // the rules were replaced
	workTick                  // an interval is over
	workEnd                   // the connection has ended
)

type work struct {
	kind         workKind
	member       *Membership // of workOut and workPass: who was in the topic when it was sent
	joinRef, ref []byte      // ref of workOut: the broadcast's place in the topic's history
	event        string
	payload      value.Payload // of workPass: the frame
	sharing      *sharing      // of workOut: what is known of other members; may be nil
	tick         *tick         // of workTick
}

// size is what a client's message holds in memory.
func (w *work) size() int { return len(w.joinRef) + len(w.ref) + len(w.payload.Bytes) }

// enqueue hands a message to the slot of its topic, which is fresh where there is none; the
// reader's. taken is false when there is neither. slots counts those of the connection.
func (c *conn) enqueue(m message, fresh *slot) (slots int, taken bool) {
	var late <-chan time.Time
	for {
		room, slots, taken := c.tryEnqueue(m, fresh)
		if room == nil {
			return slots, taken
		}
		if late == nil {
			late = time.After(roomWait)
		}
		select {
		case <-room:
		case <-late:
			c.hub.stats.flooded.Add(1)
			c.close(websocket.ClosePolicyViolation, "too many messages at once")
			return slots, true
		}
	}
}

// tryEnqueue gives what to wait for when there is no room.
func (c *conn) tryEnqueue(m message, fresh *slot) (room <-chan struct{}, slots int, taken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.slots.of(m.topic)
	if s == nil && fresh != nil {
		s = fresh
		c.slots.add(s)
	}
	if s != nil && !c.offerLocked(s, m) {
		c.room = make(chan struct{})
		return c.room, 0, false
	}
	return nil, len(c.slots.all), s != nil
}

// keepRoom says whether the topics keep some room for what comes.
func (c *conn) keepRoom(lively bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lively = lively; lively {
		return
	}
	for _, s := range c.slots.all {
		if !s.running {
			s.queue = nil
		}
	}
}

// roomLocked wakes the reader.
func (c *conn) roomLocked() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// offerLocked queues a copy of a client's message; false means that there is no room.
func (c *conn) offerLocked(s *slot, m message) bool {
	if c.closing {
		return true
	}
	size := len(m.joinRef) + len(m.ref) + len(m.payload.Bytes)
	if len(s.queue) >= slotQueue || c.pending+size > max(slotsBytes, 2*int(c.maxFrame)) {
		return false
	}
	c.pending += size
	own := make([]byte, 0, size)
	cut := func(part []byte) []byte {
		if part == nil {
			return nil
		}
		from := len(own)
		own = append(own, part...)
		return own[from:len(own):len(own)]
	}
	if string(m.event) != s.event {
		s.event = string(m.event)
	}
	if s.event == eventJoin {
		s.joins++
	} else if s.event == eventLeave {
		s.leaves++
	}
	s.addLocked(work{
		kind: workIn, joinRef: cut(m.joinRef), ref: cut(m.ref), event: s.event,
		payload: value.Payload{Bytes: cut(m.payload.Bytes), Binary: m.payload.Binary},
	})
	return true
}

// offer queues a broadcast for the member's filter.
func (s *slot) offer(w work) {
	c := s.conn
	c.mu.Lock()
	full := len(s.queue) >= slotOuts || c.filtering > 0 && c.filtering+len(w.payload.Bytes) > filterBytes
	if !full && !c.closing {
		c.filtering += len(w.payload.Bytes)
		s.outs.Add(1)
		s.addLocked(w)
	}
	c.mu.Unlock()
	if full {
		c.hub.stats.slow.Add(1)
		c.drop(websocket.CloseInternalServerErr, "too many events at once")
	}
}

func (s *slot) addLocked(w work) {
	s.queue = append(s.queue, w)
	if !s.running {
		s.running = true
		s.conn.users++
		go s.run()
	}
}
