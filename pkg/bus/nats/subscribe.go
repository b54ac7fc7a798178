package nats

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/openmanifest/gateway/pkg/bus"
)

// A subscription has take called on the goroutine of dispatch.
type subscription struct {
	bus     *Bus
	subject string // whole
	queue   string // of those with the same queue one gets the message; "" for all
	take    func(*client.Msg)
	closed  atomic.Bool
	dropped int // as counted at the last loss; by dispatch alone
}

// Close implements bus.Subscription.
func (s *subscription) Close() {
	if !s.closed.Swap(true) {
		// An error says that the bus is closed, and the subscription with it.
		_ = s.bus.queue.change(s)
	}
}

// Subscribe implements bus.Bus.
func (b *Bus) Subscribe(subject string, handle func(data []byte)) (bus.Subscription, error) {
	return b.subscribe(subject, "", func(m *client.Msg) { handle(m.Data) })
}

// Answer implements bus.Bus.
func (b *Bus) Answer(subject string, handle func(ctx context.Context, data []byte) []byte) (bus.Subscription, error) {
	return b.subscribe(subject, "answer", func(m *client.Msg) { b.question(m, handle) })
}

func (b *Bus) subscribe(subject, queue string, take func(*client.Msg)) (bus.Subscription, error) {
	if !bus.IsSubject(subject) {
		return nil, bus.ErrSubject
	}
	s := &subscription{bus: b, subject: b.prefix + subject, queue: queue, take: take}
	if err := b.queue.change(s); err != nil {
		return nil, err
	}
	return s, nil
}

// apply makes or ends a subscription of the driver's. In an outage the driver keeps it for
// later.
func (b *Bus) apply(c *connection, s *subscription) {
	was := c.subs[s]
	switch {
	case s.closed.Load() && was != nil:
		delete(c.subs, s)
		b.handlers.remove(was)
		if err := was.Unsubscribe(); err != nil && !down(err) {
			b.log.Error("a subscription to other nodes was not ended", "subject", s.subject, "error", shown(err))
		}
	case !s.closed.Load() && was == nil:
		c.subs[s] = nil // wanted, also by the connection after this one
		made, err := c.make(s, b.arrived)
		if err != nil {
			if !down(err) {
				b.log.Error("a subscription to other nodes was not made", "subject", s.subject, "error", shown(err))
			}
			return
		}
		c.subs[s] = made
		b.handlers.add(made, s)
	}
}

func (c *connection) make(s *subscription, arrived chan *client.Msg) (*client.Subscription, error) {
	switch {
	case c.Conn == nil:
		return nil, client.ErrConnectionClosed
	case s.queue != "":
		return c.ChanQueueSubscribe(s.subject, s.queue, arrived)
	}
	return c.ChanSubscribe(s.subject, arrived)
}

// handlers finds the subscription that a message is for.
type handlers struct {
	mu sync.RWMutex
	of map[*client.Subscription]*subscription
}

func newHandlers() handlers { return handlers{of: map[*client.Subscription]*subscription{}} }

func (h *handlers) add(made *client.Subscription, s *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of[made] = s
}

func (h *handlers) remove(made *client.Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.of, made)
}

func (h *handlers) get(made *client.Subscription) *subscription {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.of[made]
}

// dropped counts the messages that found no place since it was asked last.
func (h *handlers) dropped() (lost int) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for made, s := range h.of {
		if n, err := made.Dropped(); err == nil {
			lost += n - s.dropped
			s.dropped = n
		}
	}
	return lost
}

// burst is how long losses are gathered before they are told: each makes others catch up.
const burst = time.Second

// receive takes over from the driver what arrives. It never waits for who handles it.
func (b *Bus) receive() {
	for {
		select {
		case m := <-b.arrived:
			if !b.intake.put(m) {
				b.spill()
			}
		case <-b.ctx.Done():
			return
		}
	}
}

// spill notes that a message found no place.
func (b *Bus) spill() {
	select {
	case b.spilt <- struct{}{}:
	default:
	}
}

// dispatch handles all that arrives, one at a time.
func (b *Bus) dispatch() {
	var tell <-chan time.Time
	var batch []*client.Msg
	for {
		select {
		case <-b.intake.wake:
			batch = b.intake.take(batch)
			b.handle(batch)
			clear(batch)
		case <-b.spilt:
			if tell == nil {
				tell = time.After(burst)
			}
		case <-tell:
			tell = nil
			b.tellLoss()
		case <-b.ctx.Done():
			return
		}
	}
}

func (b *Bus) handle(batch []*client.Msg) {
	for _, m := range batch {
		if b.ctx.Err() != nil {
			return
		}
		b.deliver(m)
		b.intake.handled(m)
	}
}

// deliver has a message handled. One that a handler cannot bear is not the end of the
// process.
func (b *Bus) deliver(m *client.Msg) {
	s := b.handlers.get(m.Sub)
	if s == nil || s.closed.Load() {
		return
	}
	defer b.survive(s.subject)
	s.take(m)
}

func (b *Bus) survive(subject string) {
	if p := recover(); p != nil {
		b.log.Error("handling a message of another node panicked", "subject", subject, "panic", p, "stack", string(debug.Stack()))
	}
}

// tellLoss has who watches catch up, as after an outage.
func (b *Bus) tellLoss() {
	b.log.Error("messages of other nodes were lost: this node handles them too slowly", "messages", b.handlers.dropped()+b.intake.lost())
	b.state.Lock()
	defer b.state.Unlock()
	if b.link.Load() != nil {
		b.watchers.Tell(false)
		b.watchers.Tell(true)
	}
}
