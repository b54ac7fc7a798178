package presence

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/openmanifest/gateway/pkg/bus"
)

// maxBatch bounds the changes in one message to all nodes, in bytes: room for the largest
// entry, and little enough that others' messages get their turn.
const maxBatch = 2 * maxEntry

// messageHead is the most that stands before the changes of a message or an answer.
const messageHead = 2 + lengthBytes + maxNode + 3*10

// An outlog is what this node tells the others: numbered batches, in the order in which
// things happened in each topic.
type outlog struct {
	limit atomic.Int64 // bytes of changes in one message

	mu    sync.Mutex // taken under the locks of topics
	next  packer
	ready [][]byte

	order  sync.Mutex // of messages; never taken under a lock of a topic
	seq    uint64     // of the last batch
	closed bool
}

// collect takes over what is pending in a topic, of this node's members.
func (c *Cluster) collect(at *topic) {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next.limit = int(o.limit.Load())
	for step := range at.steps + 1 {
		for _, p := range at.dirty {
			for _, op := range p.ops {
				if op.step == step && op.entry.owner != nil {
					c.pack(op)
				}
			}
		}
	}
}

// pack is called with out.mu.
func (c *Cluster) pack(op op) {
	o := &c.out
	switch {
	case o.next.tooLarge(op):
		c.tooLarge(op.entry)
	case !o.next.add(op):
		o.ready = append(o.ready, o.next.take())
		o.next.add(op)
	}
}

func (c *Cluster) tooLarge(e *entry) {
	c.log.Warn("a presence is too large for messages between nodes: others do not see it",
		"topic", e.at.topic.name, "key", e.at.key, "bytes", len(e.json))
}

// publish sends what was collected. A number is used up whether or not the message left, so
// that who did not get it finds out.
func (c *Cluster) publish() {
	o := &c.out
	o.order.Lock()
	defer o.order.Unlock()
	for _, body := range o.drain() {
		o.seq++
		c.send(message{kind: kindBatch, seq: o.seq, body: body})
	}
}

func (o *outlog) drain() [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	ready := o.ready
	o.ready = nil
	if body := o.next.take(); len(body) > 0 {
		ready = append(ready, body)
	}
	return ready
}

// say sends a message that is no batch.
func (c *Cluster) say(k kind) {
	c.out.order.Lock()
	defer c.out.order.Unlock()
	c.send(message{kind: k, seq: c.out.seq})
	c.out.closed = c.out.closed || k == kindBye
}

// send is called with out.order.
func (c *Cluster) send(m message) {
	if c.out.closed {
		return
	}
	m.node = c.bus.Node()
	err := c.bus.Publish(subjectAll, m.append(make([]byte, 0, messageHead+len(m.body))))
	if err == nil {
		return
	}
	c.unsent.Add(1)
	if !errors.Is(err, bus.ErrDown) { // the others ask when they hear from us again
		c.log.Warn("presence was not sent to the other nodes", "bytes", len(m.body), "error", err)
	}
}

func (c *Cluster) lastSeq() uint64 {
	c.out.order.Lock()
	defer c.out.order.Unlock()
	return c.out.seq
}

// measure asks the bus how large messages may be: that is known when it is connected.
func (c *Cluster) measure() {
	limit := maxBatch
	if most := c.bus.MaxBytes(); most > 0 {
		limit = min(limit, most-messageHead)
	}
	c.out.limit.Store(int64(limit))
}
