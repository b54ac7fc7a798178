package sqlite

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

// pool lends the connections that read. They are opened when first needed.
type pool struct {
	open  func() (*conn, error)
	slots chan struct{} // holds one entry for each connection lent
	line  line

	mu     sync.Mutex
	idle   []*conn // the one used last at the end
	closed bool
}

func newPool(options store.Options, open func() (*conn, error)) *pool {
	return &pool{open: open, line: line{wait: options.Wait}, slots: make(chan struct{}, options.Pool)}
}

// acquire lends a connection, which release takes back.
func (p *pool) acquire(ctx context.Context) (*conn, error) {
	if err := p.line.take(ctx, p.slots); err != nil {
		return nil, err
	}
	c, err := p.reuse()
	if err == nil && c == nil {
		c, err = p.open()
	}
	if err != nil {
		<-p.slots
		return nil, err
	}
	return c, nil
}

func (p *pool) reuse() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, &store.Unavailable{Message: "it is closed"}
	}
	n := len(p.idle)
	if n == 0 {
		return nil, nil
	}
	c := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return c, nil
}

func (p *pool) release(c *conn) {
	p.mu.Lock()
	if p.closed {
		c.close()
	} else {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	<-p.slots
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
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
