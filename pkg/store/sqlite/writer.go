package sqlite

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/store"
)

const (
	// queueMax bounds the writes that wait; those past it wait to join the queue.
	queueMax = 1024
	// batchMax bounds the writes that share one transaction, and so one wait for the disk.
	batchMax = 64
)

// writer has the one connection that writes. Who holds the turn runs what is queued, its
// own write and those of others, in one transaction; so waiting writes cost one commit.
type writer struct {
	conn   *conn
	line   line
	turn   chan struct{} // holds one entry while the connection is in use
	queue  chan *write
	closed bool // for who holds the turn
	batch  []*write
}

// write is one statement on its way through the writer.
type write struct {
	st   *store.Statement
	args []any
	out  output

	taken atomic.Bool // by the batch that runs it, or by its owner who gives up
	done  chan struct{}
	err   error
}

func newWriter(c *conn, options store.Options) *writer {
	return &writer{conn: c, line: line{wait: options.Wait}, turn: make(chan struct{}, 1), queue: make(chan *write, queueMax)}
}

// lock waits for the turn; unlock passes it on.
func (w *writer) lock(ctx context.Context) error {
	if err := w.line.take(ctx, w.turn); err != nil {
		return err
	}
	if w.closed {
		w.unlock()
		return &store.Unavailable{Message: "it is closed"}
	}
	return nil
}

func (w *writer) unlock() { <-w.turn }

func (w *writer) close() {
	w.turn <- struct{}{} // the longest a turn lasts is bounded by the time of its statements
	if !w.closed {
		w.closed = true
		w.conn.close()
	}
	w.unlock()
}

// run gets j done, by this goroutine or by one that is writing already.
func (w *writer) run(ctx context.Context, j *write) error {
	if err := ctx.Err(); err != nil {
		return &store.Unavailable{Message: "waiting to write", Err: err}
	}
	j.done = make(chan struct{})
	timer := time.NewTimer(w.line.wait)
	defer timer.Stop()
	select {
	case w.queue <- j:
	case <-ctx.Done():
		return &store.Unavailable{Message: "waiting to write", Err: ctx.Err()}
	case <-timer.C:
		return &store.Unavailable{Message: "too many writes wait", Err: context.DeadlineExceeded}
	}
	return w.settle(ctx, j, timer)
}

// settle waits until j is done or given up, and takes a turn at writing when it comes.
func (w *writer) settle(ctx context.Context, j *write, timer *time.Timer) error {
	if len(w.turn) > 0 {
		defer w.line.waiting()()
	}
	for {
		select {
		case <-j.done:
			return j.err
		case w.turn <- struct{}{}:
			w.lead()
		case <-ctx.Done():
			if !j.taken.Swap(true) {
				return &store.Unavailable{Message: "waiting to write", Err: ctx.Err()}
			}
			<-j.done
		case <-timer.C:
			if !j.taken.Swap(true) {
				return &store.Unavailable{Message: "the writer is busy", Err: context.DeadlineExceeded}
			}
			<-j.done
		}
	}
}

// lead runs one batch for who has the turn, and ends the turn.
func (w *writer) lead() {
	defer w.unlock()
	runtime.Gosched() // who is about to write joins; it costs nothing where nobody is
	w.drain()
}

// drain runs one batch of what is queued. Where the engine panics, as it does without
// memory, the others of the batch do not wait for ever.
func (w *writer) drain() {
	w.batch = w.batch[:0]
	for len(w.batch) < batchMax {
		select {
		case j := <-w.queue:
			if !j.taken.Swap(true) {
				w.batch = append(w.batch, j)
			}
			continue
		default:
		}
		break
	}
	whole := false
	defer func() {
		if !whole {
			w.conn.rollback()
			refuse(w.batch, &store.Unavailable{Message: "the engine broke off", Unknown: true})
		}
		for i, j := range w.batch {
			close(j.done)
			w.batch[i] = nil
		}
	}()
	w.runAll(w.batch)
	whole = true
}

func (w *writer) runAll(batch []*write) {
	if w.closed {
		refuse(batch, &store.Unavailable{Message: "it is closed"})
		return
	}
	if len(batch) > 1 && w.together(batch) {
		return
	}
	for i, j := range batch {
		w.alone(j)
		if busy(j.err) { // the others would wait as long for the same
			refuse(batch[i:], j.err)
			return
		}
	}
}

func refuse(batch []*write, err error) {
	for _, j := range batch {
		j.err = err
	}
}

// busy tells that another process had the file until the time was up.
func busy(err error) bool {
	return errors.Is(err, sqlite3.BUSY) || errors.Is(err, sqlite3.LOCKED)
}

// together runs the batch in one transaction. A statement that breaks a constraint is
// undone by itself. False: nothing was kept, and each is to run alone.
func (w *writer) together(batch []*write) bool {
	for _, j := range batch {
		if p, err := w.conn.prepare(j.st); err != nil || !p.joins {
			return false
		}
	}
	if err := w.conn.simple("BEGIN IMMEDIATE"); err != nil {
		return refused(batch, err)
	}
	for _, j := range batch {
		p, err := w.conn.prepare(j.st)
		if err == nil {
			err = w.conn.run(p, j.args, j.out)
		}
		j.err = err
		if w.conn.db.GetAutocommit() {
			return false // an error of the disk or of memory has ended the transaction
		}
	}
	if err := w.conn.simple("COMMIT"); err != nil {
		w.conn.rollback()
		return refused(batch, err)
	}
	return true
}

// refused ends a batch that kept nothing, if to try it again is of no use.
func refused(batch []*write, err error) bool {
	if !busy(err) {
		return false
	}
	refuse(batch, err)
	return true
}

func (w *writer) alone(j *write) {
	p, err := w.conn.prepare(j.st)
	if err != nil {
		j.err = err
		return
	}
	j.err = w.conn.run(p, j.args, j.out)
}
