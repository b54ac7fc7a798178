package pipeline

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/routes"
	"github.com/openmanifest/gateway/pkg/value"
)

// A Context is one run: a request, or an event of a channel. It is pooled; nothing may
// keep it after the run.
type Context struct {
	*expr.Frame
	run

	// What stays from run to run, emptied, so that it is not allocated again.
	Params   map[string]any // path over body over query
	Match    routes.Match
	scratch  []byte
	deferred []func()
	held     []func()
	before   []func(c *Context, status int)
	finish   []func() error
}

// run is all that belongs to one run alone. Reset forgets it as a whole: a field that was
// forgotten one by one could be left out, and then one request would see another's.
type run struct {
	Log   *slog.Logger
	Now   func() time.Time
	Place Place

	// Of HTTP.
	W       http.ResponseWriter // the context's own; a plug may put one of its own around it
	R       *http.Request
	Request Request
	Method  string // as routed: method_override may have changed it
	Parser  *BodyParser

	// Fingerprint is that of the route: it changes with what the route says.
	Fingerprint uint64

	// Preflight tells a CORS preflight for a method and path that a route takes: only plugs
	// that run first do run, and one of them may answer it.
	Preflight bool
	// OwnCORS tells that the answer says itself which pages may read it, and what they may send.
	OwnCORS bool

	// Of channels; nil in HTTP and in connect.
	Member Member

	ctx        context.Context
	pathParams []string
	halted     bool
	answered   bool
	tx         *transaction // nil outside of `transaction`
	failure    *Refusal
	modified   *modifiers
	body       body
	out        writer
	lazy       [2]lazyName
}

// A Member is one membership of a channel while one of its events is handled. Metas are
// JSON; an error says that the place does not allow it. What Reply and Push are given is
// the caller's again after the return, what is broadcast is not.
type Member interface {
	Reply(status string, response value.Payload) error
	Push(event string, payload value.Payload) error
	Broadcast(topic, event string, payload value.Payload) error
	BroadcastFrom(topic, event string, payload value.Payload) error
	Track(key string, meta []byte) error
	UpdatePresence(key string, meta []byte) error
	Meta(key string) (meta []byte, ok bool)
	Untrack(key string)
	// Stop ends the membership when the event is handled: normally (phx_close) or with an
	// error (phx_error).
	Stop(normal bool)
}

// Context gives the run's context, which ends with the request or the connection.
func (c *Context) Context() context.Context {
	if c.ctx == nil {
		return context.Background()
	}
	return c.ctx
}

// SetContext sets the run's context.
func (c *Context) SetContext(ctx context.Context) { c.ctx = ctx }

// Halt ends the list: nothing after this plug runs.
func (c *Context) Halt() { c.halted = true }

// Halted tells whether a plug ended the list.
func (c *Context) Halted() bool { return c.halted }

// Answered tells whether an HTTP answer was begun.
func (c *Context) Answered() bool { return c.answered }

// Defer runs f when the run is over, in reverse order.
func (c *Context) Defer(f func()) { c.deferred = append(c.deferred, f) }

// Hold runs release when what this run opens is over: the run itself, or a connection of a
// socket that was let in and outlives it.
func (c *Context) Hold(release func()) { c.held = append(c.held, release) }

// HandOver gives what is held to the connection that outlives this run. The function
// releases it, and is called once; it is nil when nothing is held.
func (c *Context) HandOver() (release func()) {
	if len(c.held) == 0 {
		return nil
	}
	held := slices.Clone(c.held)
	clear(c.held)
	c.held = c.held[:0]
	return func() { releaseAll(held) }
}

func releaseAll(held []func()) {
	for _, release := range slices.Backward(held) {
		release()
	}
}

// Scratch lends a buffer of the context; give it back with Lend.
func (c *Context) Scratch() []byte {
	b := c.scratch[:0]
	c.scratch = nil // lent: what is asked for meanwhile gets memory of its own
	return b
}

// Lend gives a buffer to the context, so that it grows only once. Large ones are let go.
func (c *Context) Lend(b []byte) {
	if cap(b) <= maxScratch && cap(b) > cap(c.scratch) {
		c.scratch = b[:0]
	}
}

// maxScratch bounds what a pooled context keeps.
const maxScratch = 64 << 10

// Reset makes the context ready for the next run. It first runs what was deferred and
// releases what is still held.
func (c *Context) Reset() {
	releaseAll(c.deferred)
	releaseAll(c.held)
	clear(c.deferred)
	clear(c.held)
	clear(c.before)
	clear(c.finish)
	c.deferred, c.held = c.deferred[:0], c.held[:0]
	c.before, c.finish = c.before[:0], c.finish[:0]
	c.Frame.Reset()
	clear(c.Params)
	c.run = run{}
}

// Start begins a request. w is nil where the run answers by a word of its own, as connect
// does.
func (c *Context) Start(w http.ResponseWriter, r *http.Request) {
	if w != nil {
		c.out.c, c.out.to = c, w
		c.W = &c.out
	}
	c.R, c.Method, c.ctx = r, r.Method, r.Context()
	c.Request.c = c
	c.Slots[SlotRequest] = &c.Request
}

// NewContext makes a context with room for slots.
func NewContext(slots int) *Context { return &Context{Frame: expr.NewFrame(slots)} }
