package postgres

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	// batchMax bounds the statements that a pipe sends at once, batchBytes their values:
	// what fits into the buffers between us and the server never waits for it to read.
	batchMax   = 32
	batchBytes = 32 << 10
	// queueMax bounds the statements that wait for a pipe. Past it they go their own ways.
	queueMax = 1024
	// readingMax bounds the pipes for statements that read, as far as they make progress.
	readingMax = 6
	// lingerTime is how long a pipe that has nothing to do keeps its connection, as long as
	// nobody else wants it.
	lingerTime = 5 * time.Millisecond
	// stuckAfter is when others no longer wait for a pipe, cancelAfter when the statement
	// that holds up those sent behind it is made to start again by itself.
	stuckAfter  = 20 * time.Millisecond
	cancelAfter = 100 * time.Millisecond
)

// pipes run quick statements of many callers on few connections: each takes what waits,
// sends all of it, every statement a transaction of its own, and reads the answers in
// order. A pipe has a connection of the pool while there is work.
type pipes struct {
	store *Store
	max   int

	mu      sync.Mutex
	queue   []*call
	running int       // pipes that make progress, the idle ones too
	busy    int       // that wait for answers
	idle    int       // that linger
	wake    chan bool // for one that lingers: whether there is work
}

// newReading makes pipes for statements that read: few, since each statement that shares a
// connection is one less that costs a turn of its own.
// One more than there are processors keeps all of them busy while one waits.
func newReading(s *Store) *pipes {
	return newPipes(s, min(readingMax, runtime.GOMAXPROCS(0)+1, s.options.Pool))
}

// newWriting makes pipes for the others: as many as there are connections, since each
// statement waits for the disk, and what several connections commit at once is one wait.
func newWriting(s *Store) *pipes { return newPipes(s, s.options.Pool) }

func newPipes(s *Store, max int) *pipes {
	return &pipes{store: s, max: max, wake: make(chan bool, max)}
}

// run puts c into the queue and waits until it is over. It tells false when there is no
// place in the queue.
func (p *pipes) run(ctx context.Context, c *call) bool {
	p.mu.Lock()
	if len(p.queue) >= queueMax {
		p.mu.Unlock()
		return false
	}
	p.queue = append(p.queue, c)
	start := p.idle == 0 && p.running < p.max
	switch {
	case p.idle > 0:
		p.idle--
		p.wake <- true
	case start:
		p.running++
	}
	p.mu.Unlock()
	if start {
		go p.work()
	}
	p.wait(ctx, c)
	return true
}

// wait waits for the answer. Who still stands in the queue may leave it: when ctx ends, or
// when it has waited too long.
func (p *pipes) wait(ctx context.Context, c *call) {
	c.timer.Reset(p.store.options.Wait)
	defer c.timer.Stop()
	var why error
	select {
	case <-c.done:
		return
	case <-ctx.Done():
		why = ctx.Err()
	case <-c.timer.C:
		why = context.DeadlineExceeded
	}
	if p.leave(c) {
		c.err = unavailable(ctx, why)
		return
	}
	<-c.done
}

// leave takes c out of the queue, if it is still there.
func (p *pipes) leave(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, waiting := range p.queue {
		if waiting == c {
			p.queue = slices.Delete(p.queue, i, i+1)
			return true
		}
	}
	return false
}

// take moves a share of what waits into batch, so that every pipe that is free gets as
// much. When nothing waits, the pipe lingers.
func (p *pipes) take(batch []*call) []*call {
	p.mu.Lock()
	defer p.mu.Unlock()
	free := max(1, p.max-p.busy)
	n, bytes, share := 0, 0, min(batchMax, (len(p.queue)+free-1)/free)
	for n < share && bytes <= batchBytes {
		bytes += len(p.queue[n].text)
		n++
	}
	if bytes > batchBytes && n > 1 {
		n-- // the last one goes with the next batch
	}
	batch = append(batch[:0], p.queue[:n]...)
	p.queue = slices.Delete(p.queue, 0, n)
	if n > 0 {
		p.busy++
	} else {
		p.idle++
	}
	return batch
}

func (p *pipes) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
}

// linger waits for work, and tells whether there is some; else the pipe is at its end.
func (p *pipes) linger(timer *time.Timer) bool {
	p.store.lingers(1)
	defer p.store.lingers(-1)
	timer.Reset(lingerTime)
	defer timer.Stop()
	work := false
	select {
	case work = <-p.wake:
	case <-timer.C:
		if !p.bored() {
			work = <-p.wake
		}
	}
	return work || !p.leaveOff()
}

// leaveOff ends a pipe that nobody called, unless something waits by now: who came while it
// was about to end found it still counted, and started no other.
func (p *pipes) leaveOff() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 {
		return false
	}
	p.running--
	return true
}

// bored ends the lingering of one pipe, unless all that linger were called.
func (p *pipes) bored() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.idle == 0 {
		return false
	}
	p.idle--
	return true
}

// letGo has those that linger give their connections back.
func (p *pipes) letGo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ; p.idle > 0; p.idle-- {
		p.wake <- false
	}
}

// work is one pipe, from the first statement that waits until none does.
func (p *pipes) work() {
	conn, session, err := p.store.acquire(context.Background())
	if err != nil {
		p.refuse(err)
		return
	}
	w := newPipe(p)
	for conn != nil {
		if w.batch = p.take(w.batch); len(w.batch) == 0 {
			if !p.linger(w.idle) {
				break
			}
			continue
		}
		w.run(session)
		p.answered()
		switch {
		case w.watch.stuck && !p.goOn():
			p.store.release(conn)
			return
		case session.conn.IsClosed() || p.store.claims.Load() > int64(p.store.options.Pool):
			p.store.release(conn) // others wait for one, too
			if conn, session, err = p.store.acquire(context.Background()); err != nil {
				p.refuse(err)
				return
			}
		}
	}
	p.store.release(conn)
}

// refuse ends the pipe, and with it all that waits: there is no connection.
func (p *pipes) refuse(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	for _, c := range p.queue {
		c.over(err)
	}
	clear(p.queue)
	p.queue = p.queue[:0]
}

// passOver no longer counts a pipe that is stuck, so that another one takes what waits.
func (p *pipes) passOver() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running--; len(p.queue) > 0 {
		p.running++
		go p.work()
	}
}

// goOn tells whether a pipe that was stuck is wanted again.
func (p *pipes) goOn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running >= p.max {
		return false
	}
	p.running++
	return true
}
