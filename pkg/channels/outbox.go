package channels

import (
	"time"

	"github.com/gorilla/websocket"
)

// The outbox of a connection: what waits to be sent. A client that takes less than comes is
// dropped, so that it cannot hold back the others. One frame always fits.
const (
	outboxFrames = 4096
	outboxBytes  = 4 << 20
	// outboxAge is how long a frame may wait behind others before it is written. The write
	// itself may take writeWait besides.
	outboxAge = 10 * time.Second
	// keepFrames is the room that an idle outbox keeps.
	keepFrames = 8
)

type outbox struct {
	frames [][]byte
	spare  [][]byte // the room of the last batch
	bytes  int      // of frames and of the batch under way
	last   bool     // nothing is added any more
	cut    bool     // the batch under way is to be given up at the next frame boundary
	slow   bool     // the client did not keep up, and was counted
}

// send queues a whole frame and has it written.
func (c *conn) send(frame []byte) { c.put(frame, nil, false) }

// put queues a whole frame, and tells the link how it may wait; one that the client's form or
// transport cannot carry is counted. It never waits itself: a connection that is closing drops
// it, one whose peer does not read is closed. The bytes may be shared.
func (c *conn) put(frame []byte, w *wave, held bool) {
	if !c.carries(frame) {
		c.hub.stats.unsayable.Add(1)
		return
	}
	c.mu.Lock()
	o := &c.out
	if o.last {
		c.mu.Unlock()
		return
	}
	if o.bytes > 0 && (o.bytes+len(frame) > outboxBytes || len(o.frames) >= outboxFrames) {
		c.mu.Unlock()
		c.slow()
		return
	}
	c.queueLocked(frame, w, held)
	c.mu.Unlock()
}

// slow drops a client that does not keep up, and counts it once.
func (c *conn) slow() {
	c.mu.Lock()
	first := !c.out.slow && !c.closing
	c.out.slow = true
	c.mu.Unlock()
	if first {
		c.hub.stats.slow.Add(1)
	}
	c.drop(websocket.ClosePolicyViolation, "too slow to read")
}

func (c *conn) queueLocked(frame []byte, w *wave, held bool) {
	o := &c.out
	o.frames = append(o.frames, frame)
	o.bytes += len(frame)
	c.link.wake(w, held)
}

// takeLocked gives all that waits, and its bytes, until written is called.
func (o *outbox) takeLocked() (batch [][]byte, size int) {
	batch, size = o.frames, o.bytes
	o.frames, o.spare = o.spare[:0], nil
	return batch, size
}

// written takes a batch off. A link that failed takes no more.
func (c *conn) written(batch [][]byte, size int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writtenLocked(batch, size, err)
}

func (c *conn) writtenLocked(batch [][]byte, size int, err error) {
	o := &c.out
	if o.bytes -= size; err != nil {
		o.frames, o.bytes, o.last = nil, 0, true
	} else {
		c.hub.stats.sent.Add(uint64(len(batch)))
	}
	switch clear(batch); {
	case cap(batch) > keepFrames:
	case o.frames == nil:
		o.frames = batch[:0]
	default:
		o.spare = batch
	}
}

func (c *conn) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.cut
}
