package sqlite

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

// patience is how long who waits for a connection lets those pass who come just when one is
// free. They need no change of goroutines, which is why most of the time they may.
const patience = time.Millisecond

// pool lends the connections that read. They are opened when first needed.
type pool struct {
	open func() (*conn, error)
	max  int
	line line

	mu      sync.Mutex
	idle    []*conn // the one used last at the end
	lent    int
	waiters []*waiter // the one that has waited longest first
	closed  bool
	spare   sync.Pool // of *waiter
}

// waiter is one who waits for a connection.
type waiter struct {
	since time.Time
	wake  chan struct{} // there may be one now
	conn  *conn         // given to this one, which has waited too long
	timer *time.Timer
}

func newPool(options store.Options, open func() (*conn, error)) *pool {
	p := &pool{open: open, line: line{wait: options.Wait}, max: options.Pool}
	p.spare.New = func() any {
		w := &waiter{wake: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
		w.timer.Stop()
		return w
	}
	return p
}

// acquire lends a connection, which release takes back.
func (p *pool) acquire(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, &store.Unavailable{Message: "waiting for a connection", Err: err}
	}
	p.mu.Lock()
	c, ok, err := p.take()
	if err == nil && !ok {
		c, err = p.wait(ctx)
	}
	p.mu.Unlock()
	if err != nil || c != nil {
		return c, err
	}
	if c, err = p.open(); err != nil {
		p.mu.Lock()
		p.lent--
		p.next()
		p.mu.Unlock()
	}
	return c, err
}

// take gives a connection, or nil where one may be opened; ok tells that there is one of
// either kind. The caller holds mu.
func (p *pool) take() (c *conn, ok bool, err error) {
	n := len(p.idle)
	switch {
	case p.closed:
		return nil, false, &store.Unavailable{Message: "it is closed"}
	case n > 0:
		c = p.idle[n-1]
		p.idle = p.idle[:n-1]
	case p.lent >= p.max:
		return nil, false, nil
	}
	p.lent++
	return c, true, nil
}

// wait is take with patience. The caller holds mu, which is free while this waits.
func (p *pool) wait(ctx context.Context) (*conn, error) {
	w := p.spare.Get().(*waiter)
	w.since, w.conn = time.Now(), nil
	p.waiters = append(p.waiters, w)
	w.timer.Reset(p.line.wait)
	defer p.leave(w)
	p.line.waits.Add(1)
	for {
		p.mu.Unlock()
		var late error
		select {
		case <-w.wake:
		case <-ctx.Done():
			late = &store.Unavailable{Message: "waiting for a connection", Err: ctx.Err()}
		case <-w.timer.C:
			late = &store.Unavailable{Message: "no free connection", Err: context.DeadlineExceeded}
		}
		p.mu.Lock()
		if w.conn != nil {
			return w.conn, nil
		}
		if c, ok, err := p.take(); ok || err != nil {
			return c, err
		}
		if late != nil {
			return nil, late
		}
	}
}

// leave ends the waiting of w. The caller holds mu.
func (p *pool) leave(w *waiter) {
	if i := slices.Index(p.waiters, w); i >= 0 {
		p.waiters = slices.Delete(p.waiters, i, i+1)
	}
	p.line.waited.Add(int64(time.Since(w.since)))
	w.timer.Stop()
	select {
	case <-w.wake:
	default:
	}
	p.spare.Put(w)
	p.next()
}

// next wakes who has waited longest, when there may be a connection. The caller holds mu.
func (p *pool) next() {
	if len(p.waiters) > 0 && (len(p.idle) > 0 || p.lent < p.max || p.closed) {
		p.waiters[0].notify()
	}
}

func (w *waiter) notify() {
	select {
	case w.wake <- struct{}{}:
	default: // it was told already
	}
}

func (p *pool) release(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.lent--
		c.close()
		return
	}
	if len(p.waiters) > 0 && time.Since(p.waiters[0].since) > patience {
		w := p.waiters[0]
		p.waiters = slices.Delete(p.waiters, 0, 1)
		w.conn = c
		w.notify()
		return
	}
	p.lent--
	p.idle = append(p.idle, c)
	p.next()
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
	for _, w := range p.waiters {
		w.notify()
	}
}

// A line is where callers wait for a connection, as long as wait at most.
type line struct {
	wait          time.Duration
	waits, waited atomic.Int64 // of who found none free; waited in nanoseconds
}

// waiting notes that somebody waits; the end of that is noted by what it returns.
func (l *line) waiting() (over func()) {
	l.waits.Add(1)
	began := time.Now()
	return func() { l.waited.Add(int64(time.Since(began))) }
}

// take gets a place in slots, or says why there is none in time.
func (l *line) take(ctx context.Context, slots chan<- struct{}) error {
	if err := ctx.Err(); err != nil {
		return &store.Unavailable{Message: "waiting for a connection", Err: err}
	}
	select {
	case slots <- struct{}{}:
		return nil
	default:
	}
	defer l.waiting()()
	timer := time.NewTimer(l.wait)
	defer timer.Stop()
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &store.Unavailable{Message: "waiting for a connection", Err: ctx.Err()}
	case <-timer.C:
		return &store.Unavailable{Message: "no free connection", Err: context.DeadlineExceeded}
	}
}
