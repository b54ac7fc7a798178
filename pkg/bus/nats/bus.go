// Package nats carries messages between nodes over a NATS server, or a cluster of them.
//
// Callers never touch the driver: they add to a queue, from which one goroutine hands over to
// it. The driver holds its lock while it dials and shakes hands, seconds long when a server
// hangs, and a topic's members on this node must not wait for that.
package nats

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/openmanifest/gateway/pkg/bus"
)

const (
	// MaxUnsent bounds what waits to leave, in bytes.
	MaxUnsent = 32 << 20
	// MaxUnhandled bounds the messages that arrived and wait to be handled, and
	// MaxUnhandledBytes what they hold.
	MaxUnhandled      = 8192
	MaxUnhandledBytes = 32 << 20
	// closeTime is how long Close lets go out what was published.
	closeTime = time.Second
)

// Options say where the servers are, and whose messages go over them.
type Options struct {
	// URL is nats://host:4222 or tls://host:4222; several are separated by commas. It may
	// hold user and password, or a token in place of the user.
	URL string
	// Name is a token of subjects. All subjects of this application begin with it, so that
	// others on the same server do not meet them.
	Name   string
	Log    *slog.Logger
	Random io.Reader // nil: that of crypto/rand
}

// A Bus is a connection to NATS that comes back by itself. It is a bus.Bus.
type Bus struct {
	options  Options
	log      *slog.Logger
	prefix   string // of all subjects
	node     string
	inbox    string // of subjects on which answers come
	maxBytes atomic.Int64
	link     atomic.Pointer[link] // nil without a connection
	watchers bus.Watchers

	state  sync.Mutex // orders what changes link and what is told of it
	closed bool
	reason string // why there is no connection, as the log was told last

	queue   queue
	flusher flusher
	dialer  dialer
	tried   chan struct{} // closed when the first attempt to connect has ended
	try     sync.Once
	stop    chan struct{} // closed when what is in the queue is to leave, and nothing more
	stopped chan struct{} // closed when run has ended

	arrived  chan *client.Msg // emptied at once into the intake
	intake   intake
	spilt    chan struct{} // holds one when a message found no place
	handlers handlers
	pending  pending

	questions   atomic.Int64 // being answered
	overwhelmed atomic.Bool  // there were too many, and the log was told
	answering   sync.WaitGroup

	ctx           context.Context // ends with Close
	cancel        context.CancelFunc
	dispatching   sync.WaitGroup
	roundTripping sync.WaitGroup
	end           sync.Once
}

// A link is one time of being connected.
type link struct{ lost chan struct{} }

// Open connects, and returns when that succeeded or failed once, or ctx ends. Either way the
// bus goes on trying until Close: that no server is there is no error. An error says that the
// options are wrong, without repeating the URL.
func Open(ctx context.Context, o Options) (*Bus, error) {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if !bus.IsSubject(o.Name) {
		return nil, fmt.Errorf("open NATS: the name %q: %w", o.Name, bus.ErrSubject)
	}
	if _, err := servers(o.URL); err != nil {
		return nil, fmt.Errorf("open NATS: %w", err)
	}
	var id [16]byte
	if _, err := io.ReadFull(o.Random, id[:]); err != nil {
		return nil, fmt.Errorf("open NATS: name this node: %w", err)
	}
	b := &Bus{
		options: o, log: o.Log, prefix: o.Name + ".", node: hex.EncodeToString(id[:]),
		tried: make(chan struct{}), stop: make(chan struct{}), stopped: make(chan struct{}),
		arrived: make(chan *client.Msg, MaxUnhandled), intake: newIntake(), spilt: make(chan struct{}, 1),
		queue: newQueue(), flusher: newFlusher(), handlers: newHandlers(), pending: newPending(),
	}
	b.inbox = b.prefix + "$reply." + b.node + "."
	b.maxBytes.Store(defaultPayload - 1)
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.dialer.ctx = b.ctx
	if err := b.queue.change(&subscription{bus: b, subject: b.inbox + "*", take: b.answered}); err != nil {
		return nil, err
	}
	b.dispatching.Go(b.receive)
	b.dispatching.Go(b.dispatch)
	b.roundTripping.Go(func() { b.flusher.run(b.ctx) })
	go b.run()
	select {
	case <-b.tried:
	case <-ctx.Done():
	}
	return b, nil
}

// Node implements bus.Bus.
func (b *Bus) Node() string { return b.node }

// Up implements bus.Bus.
func (b *Bus) Up() bool { return b.link.Load() != nil }

// MaxBytes implements bus.Bus.
func (b *Bus) MaxBytes() int { return int(b.maxBytes.Load()) }

// Watch implements bus.Bus.
func (b *Bus) Watch(changed func(up bool)) (stop func()) { return b.watchers.Add(changed) }

// Publish implements bus.Bus.
func (b *Bus) Publish(subject string, data []byte) error {
	if err := b.fits(subject, data); err != nil {
		return err
	}
	if b.link.Load() == nil {
		return bus.ErrDown
	}
	return b.queue.publish(message{subject: b.prefix + subject}, data)
}

func (b *Bus) fits(subject string, data []byte) error {
	switch {
	case !bus.IsSubject(subject):
		return bus.ErrSubject
	case int64(len(data)) > b.maxBytes.Load():
		return bus.ErrTooLarge
	}
	return nil
}

// Confirm implements bus.Bus.
func (b *Bus) Confirm(ctx context.Context) error {
	link := b.link.Load()
	if link == nil {
		return bus.ErrDown
	}
	f := b.queue.flush()
	select {
	case <-f.done:
		return f.err
	case <-link.lost:
		return bus.ErrDown
	case <-ctx.Done():
		return fmt.Errorf("confirm subscriptions: %w", ctx.Err())
	}
}

// Close implements bus.Bus.
func (b *Bus) Close() { b.end.Do(b.close) }

func (b *Bus) close() {
	deadline := time.Now().Add(closeTime)
	// The driver waits for the server while it dials, shakes hands and writes: without its
	// connection it cannot.
	force := time.AfterFunc(closeTime, b.dialer.close)
	defer force.Stop()
	b.cancel()
	b.dispatching.Wait()
	b.answersLeave(deadline)
	b.gone()
	b.queue.close()
	close(b.stop)
	<-b.stopped
	b.dialer.close()
	b.roundTripping.Wait()
}

// answersLeave waits until the questions under way are answered, or the deadline.
func (b *Bus) answersLeave(deadline time.Time) {
	answered := make(chan struct{})
	go func() { b.answering.Wait(); close(answered) }() // ends with the last handle
	select {
	case <-answered:
	case <-time.After(time.Until(deadline)):
		b.log.Warn("questions of other nodes were still being answered at the end", "questions", b.questions.Load())
	}
}

// gone notes that the bus is closed.
func (b *Bus) gone() {
	b.state.Lock()
	defer b.state.Unlock()
	b.closed = true
	if link := b.link.Swap(nil); link != nil {
		close(link.lost)
	}
}

// down tells the driver's errors that mean that there is no connection.
func down(err error) bool {
	for _, known := range [...]error{client.ErrReconnectBufExceeded, client.ErrConnectionClosed, client.ErrDisconnected, client.ErrConnectionReconnecting} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
