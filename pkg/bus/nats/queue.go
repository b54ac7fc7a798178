package nats

import (
	"context"
	"errors"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/openmanifest/gateway/pkg/bus"
)

// A message is an entry of the queue: data to be sent or, with sub, a subscription to be made
// or ended.
type message struct {
	subject string // whole
	reply   string // where the answer to a question goes; "" for none
	data    []byte
	sub     *subscription
}

// overhead is what a message costs beside its data, in bytes, roughly.
const overhead = 128

// chunkSize is what data is copied into at a time, in bytes: growing one piece would copy all
// that waits, while everybody else waits for that.
const chunkSize = 256 << 10

// spareMessages is for how many messages an empty batch keeps room.
const spareMessages = 8192

// A batch is what came in since the last one was taken.
type batch struct {
	messages []message
	chunk    []byte // the latest: data of messages, one behind the other
	size     int    // for MaxUnsent
	flush    *flush // nil: nobody waits
}

func (b *batch) reset() {
	clear(b.messages)
	b.messages, b.chunk, b.size, b.flush = b.messages[:0], b.chunk[:0], 0, nil
	if cap(b.messages) > spareMessages {
		b.messages = nil
	}
	if cap(b.chunk) > chunkSize {
		b.chunk = nil
	}
}

// keep copies pieces of data, size bytes in all, into one.
func (b *batch) keep(size int, pieces [][]byte) []byte {
	if len(b.chunk)+size > cap(b.chunk) {
		b.chunk = make([]byte, 0, max(size, chunkSize))
	}
	begin := len(b.chunk)
	for _, piece := range pieces {
		b.chunk = append(b.chunk, piece...)
	}
	return b.chunk[begin:len(b.chunk):len(b.chunk)]
}

// A queue holds, in the order of the calls, what the driver has not been handed yet.
type queue struct {
	mu     sync.Mutex
	batch  batch
	closed bool
	wake   chan struct{} // holds one when the batch is not empty
}

func newQueue() queue { return queue{wake: make(chan struct{}, 1)} }

// publish adds a message, copying data of one piece or more.
func (q *queue) publish(m message, data ...[]byte) error {
	size := 0
	for _, piece := range data {
		size += len(piece)
	}
	cost := overhead + len(m.subject) + size
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.batch.size+cost > MaxUnsent {
		return bus.ErrDown
	}
	q.batch.size += cost
	m.data = q.batch.keep(size, data)
	q.add(m)
	return nil
}

// change adds a subscription to be made or ended.
func (q *queue) change(s *subscription) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return bus.ErrDown
	}
	q.add(message{sub: s})
	return nil
}

func (q *queue) add(m message) {
	q.batch.messages = append(q.batch.messages, m)
	q.kick()
}

func (q *queue) kick() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// flush asks for a round trip after all that is in the queue. Who asks before the batch is
// taken shares it.
func (q *queue) flush() *flush {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.batch.flush == nil {
		q.batch.flush = &flush{done: make(chan struct{})}
		q.kick()
	}
	return q.batch.flush
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// take gives what is in the queue, and leaves it spare to fill.
func (q *queue) take(spare batch) batch {
	spare.reset()
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.batch
	q.batch = spare
	return taken
}

// run hands the queue over to the driver, until Close.
func (b *Bus) run() {
	defer close(b.stopped)
	var work batch
	c := b.connect()
	for {
		select {
		case <-b.queue.wake:
			work = b.queue.take(work)
			b.send(c, &work)
			if work.flush != nil {
				b.flusher.add(c, work.flush)
			}
		case <-c.ended:
			// The driver gives up at errors of the server that it does not know.
			if c = b.again(c); c == nil {
				return
			}
		case <-b.stop:
			work = b.queue.take(work)
			b.send(c, &work)
			b.finish(c)
			return
		}
	}
}

// again replaces a connection that ended for good; nil when the bus closes meanwhile.
func (b *Bus) again(old *connection) *connection {
	b.disconnected(nil, errors.New("the driver gave up"))
	select {
	case <-time.After(retryAfter + retryJitter):
	case <-b.stop:
		return nil
	}
	c := b.connect()
	for s, was := range old.subs {
		b.handlers.remove(was)
		b.apply(c, s)
	}
	return c
}

// send hands a batch over. What does not cross was published before the loss was known.
func (b *Bus) send(c *connection, work *batch) {
	if c.Conn == nil {
		return
	}
	for i := range work.messages {
		m := &work.messages[i]
		if m.sub != nil {
			b.apply(c, m.sub)
			continue
		}
		var err error
		if m.reply == "" {
			err = c.Publish(m.subject, m.data)
		} else {
			err = c.PublishRequest(m.subject, m.reply, m.data)
		}
		if err != nil && !down(err) {
			b.log.Error("a message to other nodes was not sent", "subject", m.subject, "error", shown(err))
		}
	}
}

// finish closes the connection when the server has what was sent, or Close has waited for
// long enough. A connection that is closed with something unread may lose what was written.
func (b *Bus) finish(c *connection) {
	if c.Conn == nil {
		return
	}
	if c.IsConnected() {
		if err := c.FlushTimeout(closeTime); err != nil {
			b.log.Warn("the last messages to other nodes may not have left", "error", shown(err))
		}
	}
	c.Close()
}

// A flush is one round trip to the server and back, for all who wait for it.
type flush struct {
	done chan struct{}
	err  error // set before done is closed
}

// flushTime bounds a round trip. Pings notice a dead server earlier.
const flushTime = 10 * time.Second

// A flusher does round trips, one at a time: who waits meanwhile shares the next.
type flusher struct {
	mu   sync.Mutex
	conn *connection
	list []*flush
	wake chan struct{}
}

func newFlusher() flusher { return flusher{wake: make(chan struct{}, 1)} }

func (f *flusher) add(c *connection, one *flush) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn, f.list = c, append(f.list, one)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *flusher) run(ctx context.Context) {
	for {
		select {
		case <-f.wake:
		case <-ctx.Done():
			return
		}
		f.mu.Lock()
		c, list := f.conn, f.list
		f.list = nil
		f.mu.Unlock()
		err := c.roundTrip()
		for _, one := range list {
			one.err = err
			close(one.done)
		}
	}
}

func (c *connection) roundTrip() error {
	if c.Conn == nil {
		return bus.ErrDown
	}
	err := c.FlushTimeout(flushTime)
	if err != nil && (down(err) || errors.Is(err, client.ErrTimeout)) {
		return bus.ErrDown
	}
	return err
}
