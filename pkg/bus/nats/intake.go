package nats

import (
	"sync"

	client "github.com/nats-io/nats.go"
)

// An intake holds what arrived and waits to be handled, in order. The driver's own channel
// bounds messages alone, which may be a megabyte each.
type intake struct {
	mu      sync.Mutex
	waiting []*client.Msg
	count   int // waiting, or of the batch that is being handled
	bytes   int
	refused int           // since it was asked last
	wake    chan struct{} // holds one when something waits
}

func newIntake() intake { return intake{wake: make(chan struct{}, 1)} }

// put adds a message, and tells whether it found a place. One always does.
func (q *intake) put(m *client.Msg) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count >= MaxUnhandled || q.count > 0 && q.bytes+weight(m) > MaxUnhandledBytes {
		q.refused++
		return false
	}
	q.waiting = append(q.waiting, m)
	q.count++
	q.bytes += weight(m)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

// take gives what waits, and leaves it spare to fill.
func (q *intake) take(spare []*client.Msg) []*client.Msg {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := q.waiting
	q.waiting = spare[:0]
	return batch
}

// handled gives up the place of a message.
func (q *intake) handled(m *client.Msg) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count--
	q.bytes -= weight(m)
}

// lost counts the messages that found no place since it was asked last.
func (q *intake) lost() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.refused
	q.refused = 0
	return n
}

// weight is what a message holds in memory, roughly.
func weight(m *client.Msg) int { return overhead + len(m.Subject) + len(m.Reply) + len(m.Data) }
