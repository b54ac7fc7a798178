package sqlite

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// lookEvery is how often Err is asked before it looks at the clock again.
	lookEvery = 8
	// shareTime is how long a statement computes before it counts as long, how long a long
	// one computes at a time, and how long it then rests while others are run.
	shareTime = time.Millisecond
)

// turns are what the long statements of all connections go by. They compute while they have
// a share, of which there is one for each processor but one: where all of them compute, the
// runtime looks only every ten milliseconds whether a request has come (sysmon). And as long
// as other statements begin, a share rests as long as it computes, or the server, its
// clients and a long statement would wait for each other's processors in the system's
// turns, which are longer than most requests.
type turns struct {
	shares chan struct{} // holds an entry for each long statement that has one
	begun  atomic.Uint64 // statements so far
}

func newTurns() *turns {
	return &turns{shares: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}
}

// watchdog ends a statement that takes too long: the engine asks its Err at each step and
// after each thousand of its instructions. It belongs to the goroutine that has the
// connection, and looks at the clock, which costs less than a timer for each statement.
type watchdog struct {
	context.Context
	turns        *turns
	begun        uint64    // of turns, when the share began
	shared       bool      // one of the shares is ours
	share, until time.Time // until zero: nothing runs
	asked        uint
	expired      bool
}

func (w *watchdog) begin(bound time.Duration) {
	now := time.Now()
	w.begun = w.turns.begun.Add(1)
	w.share, w.until, w.asked, w.expired = now.Add(shareTime), now.Add(bound), 0, false
}

func (w *watchdog) end() {
	w.giveUp()
	w.until, w.expired = time.Time{}, false
}

func (w *watchdog) giveUp() {
	if w.shared {
		<-w.turns.shares
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
		if now.After(w.share) {
			w.nextShare()
			now = time.Now()
			w.share = now.Add(shareTime)
		}
		w.expired = now.After(w.until)
	}
	if w.expired {
		return context.DeadlineExceeded
	}
	return nil
}

// nextShare waits for a turn, at most one rest for each long statement that runs.
func (w *watchdog) nextShare() {
	if begun := w.turns.begun.Load(); begun != w.begun {
		w.begun = begun
		time.Sleep(shareTime)
	}
	w.giveUp() // who has waited longest has it now
	w.turns.shares <- struct{}{}
	w.shared = true
}
