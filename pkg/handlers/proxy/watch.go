package proxy

import (
	"sync"
	"time"
)

// What an exchange waits for.
type phase int

const (
	upstreamAnswers phase = iota // the head of the answer
	upstreamReads                // the upstream is to take a piece of the body
	upstreamSends                // a piece of the answer's body
)

// A watch bounds each wait for the upstream. The request's body and the answer's may
// be on their way at once; once the answer has begun it alone is watched.
type watch struct {
	mu        sync.Mutex
	timer     *time.Timer
	phase     phase
	answering bool
}

// start begins to wait for an answer; expire is told when a wait takes too long.
func (w *watch) start(firstByte time.Duration, expire func(reason error)) {
	w.timer = time.AfterFunc(firstByte, func() {
		w.mu.Lock()
		reason := errIdle
		if w.phase == upstreamAnswers {
			reason = errFirstByte
		}
		w.mu.Unlock()
		expire(reason)
	})
}

// waitFor gives the upstream time to read or to answer.
func (w *watch) waitFor(p phase, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.answering {
		w.phase = p
		w.timer.Reset(d)
	}
}

// pause stops the clock while the client is to send.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.answering {
		w.timer.Stop()
	}
}

// waitForBody gives the upstream time for the next piece of its answer.
func (w *watch) waitForBody(d time.Duration) {
	w.mu.Lock()
	w.answering, w.phase = true, upstreamSends
	w.timer.Reset(d)
	w.mu.Unlock()
}

// stop stops the clock for good, or until the next waitForBody.
func (w *watch) stop() {
	w.mu.Lock()
	w.answering = true
	w.timer.Stop()
	w.mu.Unlock()
}
