package channels

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// The outbox of a connection: what waits to be written. A reader slower than this is
// dropped, so that it cannot hold back the others. One frame always fits.
const (
	outboxFrames = 4096
	outboxBytes  = 4 << 20
	// writeWait is the longest time that one write may take; at least half of it.
	writeWait = 10 * time.Second
	// closeWait is how long the peer has to answer a close frame.
	closeWait = 5 * time.Second
	// gather is how many bytes of small frames go into one write.
	gather = 16 << 10
	// keepFrames is the room that an idle outbox keeps.
	keepFrames = 8
)

type outbox struct {
	frames  [][]byte
	spare   [][]byte // the room of the last batch
	bytes   int      // of frames and of the batch under way
	writing bool     // a writer goroutine lives
	last    bool     // the close frame is in; nothing is added after it
	cut     bool     // the batch under way is to be given up at the next frame boundary
}

// send queues a whole frame. It never waits: a connection that is closing drops it, one
// whose peer does not read is closed. The bytes may be shared.
func (c *conn) send(frame []byte) {
	c.mu.Lock()
	o := &c.out
	if o.last {
		c.mu.Unlock()
		return
	}
	if o.bytes > 0 && (o.bytes+len(frame) > outboxBytes || len(o.frames) >= outboxFrames) {
		c.mu.Unlock()
		c.drop(websocket.ClosePolicyViolation, "too slow to read")
		return
	}
	c.queueLocked(frame)
	c.mu.Unlock()
}

func (c *conn) queueLocked(frame []byte) {
	o := &c.out
	o.frames = append(o.frames, frame)
	o.bytes += len(frame)
	if !o.writing {
		o.writing = true
		c.users++
		go c.write()
	}
}

// write runs while there is something to write, then ends.
func (c *conn) write() {
	buffer := c.hub.buffers.Get().(*[]byte)
	for batch, size := c.take(); batch != nil; batch, size = c.take() {
		err := c.writeBatch(batch, *buffer)
		if err != nil {
			c.wire.Close() // wakes the reader, which ends the connection
		}
		c.written(batch, size, err)
	}
	c.hub.buffers.Put(buffer)
	c.leave()
}

// take gives all that waits, and its bytes. With nothing left the writer is over.
func (c *conn) take() (batch [][]byte, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &c.out
	if len(o.frames) == 0 {
		if o.writing = false; c.readerDone {
			c.wire.Close()
		}
		return nil, 0
	}
	batch, size = o.frames, o.bytes
	o.frames, o.spare = o.spare[:0], nil
	return batch, size
}

func (c *conn) written(batch [][]byte, size int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &c.out
	if o.bytes -= size; err != nil {
		o.frames, o.bytes, o.last = nil, 0, true
	}
	if clear(batch); cap(batch) <= keepFrames {
		o.spare = batch
	}
}

// writeBatch puts small frames together into few writes.
func (c *conn) writeBatch(batch [][]byte, buffer []byte) error {
	if len(batch) == 1 {
		return c.writeNow(batch[0])
	}
	buffer = buffer[:0]
	for _, frame := range batch {
		if len(buffer)+len(frame) > cap(buffer) {
			if err := c.writeNow(buffer); err != nil || c.isCut() {
				return err
			}
			buffer = buffer[:0]
		}
		if len(frame) > cap(buffer) {
			if err := c.writeNow(frame); err != nil {
				return err
			}
			continue
		}
		buffer = append(buffer, frame...)
	}
	return c.writeNow(buffer)
}

func (c *conn) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.cut
}

// writeNow writes with a deadline between half and all of writeWait. Moving it each time
// would cost a good part of the write.
func (c *conn) writeNow(p []byte) error {
	if now := time.Now(); c.writeBy.Sub(now) < writeWait/2 {
		c.writeBy = now.Add(writeWait)
		c.wire.Conn.SetWriteDeadline(c.writeBy)
	}
	if len(p) == 0 {
		return nil
	}
	_, err := c.wire.Conn.Write(p)
	return err
}

// closeFrame makes a close frame. Code 1005 stands for a frame without one.
func closeFrame(code int, reason string) []byte {
	if code == websocket.CloseNoStatusReceived {
		return controlFrame(websocket.CloseMessage, nil)
	}
	return controlFrame(websocket.CloseMessage, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

func newBuffers() *sync.Pool {
	return &sync.Pool{New: func() any {
		b := make([]byte, 0, gather)
		return &b
	}}
}
