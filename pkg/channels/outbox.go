package channels

import "github.com/gorilla/websocket"

// The outbox of a connection: what waits to be sent. A client that takes less than comes is
// dropped, so that it cannot hold back the others. One frame always fits.
const (
	outboxFrames = 4096
	outboxBytes  = 4 << 20
	// keepFrames is the room that an idle outbox keeps.
	keepFrames = 8
)

type outbox struct {
	frames [][]byte
	spare  [][]byte // the room of the last batch
	bytes  int      // of frames and of the batch under way
	last   bool     // nothing is added any more
	cut    bool     // the batch under way is to be given up at the next frame boundary
}

// send queues a whole frame; nil is one that the client's form cannot say, and is counted.
// It never waits: a connection that is closing drops it, one whose peer does not read is
// closed. The bytes may be shared.
func (c *conn) send(frame []byte) {
	if frame == nil {
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
	c.queueLocked(frame)
	c.mu.Unlock()
}

// slow drops a client that does not keep up.
func (c *conn) slow() {
	c.hub.stats.slow.Add(1)
	c.drop(websocket.ClosePolicyViolation, "too slow to read")
}

func (c *conn) queueLocked(frame []byte) {
	o := &c.out
	o.frames = append(o.frames, frame)
	o.bytes += len(frame)
	if len(o.frames) == 1 {
		c.link.wake()
	}
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
	o := &c.out
	if o.bytes -= size; err != nil {
		o.frames, o.bytes, o.last = nil, 0, true
	}
	c.hub.stats.sent.Add(uint64(len(batch)))
	if clear(batch); cap(batch) <= keepFrames {
		o.spare = batch
	}
}

func (c *conn) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.cut
}
