package pipeline

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// overdue is why the context of a run ended whose time was over.
type overdue struct{}

// Error implements error.
func (overdue) Error() string { return "the time for the answer is over" }

// Timeout tells a proxy that it was time that ended its exchange.
func (overdue) Timeout() bool { return true }

// LimitTime ends the run's context after d, so that all that waits by it is broken off, and
// no further step is begun. What the client must keep open, a websocket or a stream of
// events, goes on unless streams is true.
func (c *Context) LimitTime(d time.Duration, streams bool) {
	if !streams && strings.EqualFold(c.R.Header.Get("Upgrade"), "websocket") {
		return
	}
	ctx, cancel := context.WithCancelCause(c.Context())
	timer := time.AfterFunc(d, func() { cancel(overdue{}) })
	c.Defer(func() {
		timer.Stop()
		cancel(nil)
	})
	c.ctx, c.R = ctx, c.R.WithContext(ctx)
	if until := time.Now().Add(d); c.body.until.IsZero() || until.Before(c.body.until) {
		c.body.until = until
	}
	if streams {
		return
	}
	c.BeforeSend(func(c *Context, _ int) {
		if isEventStream(c.W.Header()) {
			timer.Stop()
		}
	})
}

// late tells whether no further step may begin, but for those of an `else`, which say what
// became of it. Most runs have no bound.
func (c *Context) late() bool { return !c.body.until.IsZero() && c.failure == nil && c.Overdue() }

func isEventStream(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
}

// Overdue tells whether the run was ended by LimitTime.
func (c *Context) Overdue() bool { return context.Cause(c.Context()) == overdue{} }
