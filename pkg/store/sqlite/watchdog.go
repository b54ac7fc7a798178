package sqlite

import (
	"context"
	"runtime"
	"time"
)

const (
	// lookEvery is how often Err is asked before it looks at the clock again.
	lookEvery = 8
	// shareTime is how long a statement computes before it counts as long, and how long a
	// long one computes at a time when others wait to.
	shareTime = time.Millisecond
)

// newShares makes the shares of long statements: one for each processor but one, so that
// there is one for what is quick. Where all of them compute, the runtime looks only every
// ten milliseconds whether a request has come (sysmon).
func newShares() chan struct{} { return make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)) }

// watchdog ends a statement that takes too long: the engine asks its Err at each step and
// after each thousand of its instructions. It belongs to the goroutine that has the
// connection, and looks at the clock, which costs less than a timer for each statement. A
// long statement computes while it has a share.
type watchdog struct {
	context.Context
	shares       chan struct{} // holds an entry for each long statement that computes; nil: no bound
	shared       bool          // one of them is ours
	share, until time.Time     // until zero: nothing runs
	asked        uint
	expired      bool
}

func (w *watchdog) begin(bound time.Duration) {
	now := time.Now()
	w.share, w.until, w.asked, w.expired = now.Add(shareTime), now.Add(bound), 0, false
}

func (w *watchdog) end() {
	w.giveUp()
	w.until, w.expired = time.Time{}, false
}

func (w *watchdog) giveUp() {
	if w.shared {
		<-w.shares
		w.shared = false
	}
}

// Err is DeadlineExceeded once the time is up.
func (w *watchdog) Err() error {
	if w.until.IsZero() {
		return nil
	}
	if w.asked++; w.asked%lookEvery == 0 && !w.expired {
		now := time.Now()
		if w.shares != nil && now.After(w.share) {
			w.giveUp() // who has waited longest has it now
			w.shares <- struct{}{}
			now = time.Now()
			w.shared, w.share = true, now.Add(shareTime)
		}
		w.expired = now.After(w.until)
	}
	if w.expired {
		return context.DeadlineExceeded
	}
	return nil
}
