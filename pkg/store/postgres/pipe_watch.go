package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// watch looks after a pipe that makes no progress: others are told not to wait for it, and
// what holds up those sent behind it is cancelled.
type watch struct {
	pipes *pipes
	timer *time.Timer

	left       atomic.Int32 // calls that were sent and not answered
	cancelled  atomic.Bool
	cancelling atomic.Bool // the server is being asked

	mu     sync.Mutex
	conn   *pgconn.PgConn // of the batch that runs; nil when none does
	stuck  bool
	before int32 // left, when it was looked at last
}

func newWatch(p *pipes) *watch {
	w := &watch{pipes: p}
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Stop()
	return w
}

func (w *watch) begin(conn *pgconn.PgConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn, w.stuck, w.before = conn, false, 0
	w.left.Store(0)
	w.cancelled.Store(false)
	w.timer.Reset(stuckAfter)
}

func (w *watch) sent(n int) { w.left.Store(int32(n)) }

func (w *watch) answered() { w.left.Add(-1) }

// end tells whether something was cancelled.
func (w *watch) end() bool {
	w.timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = nil
	return w.cancelled.Load()
}

// look runs when a batch takes long, again and again until it is over.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn == nil {
		return
	}
	if !w.stuck {
		w.stuck, w.before = true, w.left.Load()
		w.pipes.passOver()
		w.timer.Reset(cancelAfter - stuckAfter)
		return
	}
	left := w.left.Load()
	if left > 1 && left == w.before {
		w.cancel()
	}
	w.before = left
	w.timer.Reset(cancelAfter)
}

// cancel asks once at a time.
func (w *watch) cancel() {
	if !w.cancelling.CompareAndSwap(false, true) {
		return
	}
	w.cancelled.Store(true)
	conn := w.conn
	go func() {
		cancel(conn)
		w.cancelling.Store(false)
	}()
}

// cancel asks the server to end what the connection runs. When it has nothing to run any
// more, it is closed anyway.
func cancel(conn *pgconn.PgConn) {
	ctx, stop := context.WithTimeout(context.Background(), graceMax)
	defer stop()
	_ = conn.CancelRequest(ctx)
}
