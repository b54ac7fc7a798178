package pipetest

import (
	"errors"
	"net/http"
	"net/http/httptest"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// Compiled is a list that can be run.
type Compiled struct {
	Env   *pipeline.Env
	Steps *pipeline.Steps

	place pipeline.Place
	slots int
	shown []string
	ctx   *pipeline.Context // used again for each run, as a server does
}

func (c *Compiled) compile(compiler *pipeline.Compiler, a App, list *source.Node) {
	place := a.Place
	if place == 0 {
		place = pipeline.Route
	}
	c.place = place
	switch place {
	case pipeline.Endpoint:
		c.Steps, _ = compiler.Endpoint(list)
	case pipeline.Route:
		_, after := compiler.Endpoint(nil)
		c.Steps = compiler.Route(pipeline.RouteSource{Path: "GET /", At: list.At, After: after, List: list, Unsafe: a.Unsafe})
	case pipeline.Connect:
		c.Steps, _ = compiler.Connect(list, "/socket", pipeline.ConnectSocketType(nil))
	default:
		_, connect := compiler.Connect(source.NewList(diag.Pos{}), "/socket", pipeline.ConnectSocketType(nil))
		if place == pipeline.Join {
			c.Steps, _ = compiler.Join(list, connect, "room:*")
			break
		}
		_, join := compiler.Join(source.NewList(diag.Pos{}), connect, "room:*")
		c.Steps = compiler.Event(place, list, join, "room:*/"+place.Key())
	}
	c.slots = compiler.Slots()
}

// A Result is what a run did.
type Result struct {
	Status int // of the answer; 0 when there was none
	Header http.Header
	Body   string
	Err    error             // what the list ended with
	Shown  []string          // JSON of what `show` was given outside of HTTP
	Halted bool              // the list ended before its end
	ID     string            // of the request
	Method string            // as routed
	Ctx    *pipeline.Context // of the run, until the next one
}

// Refusal gives the refusal that the list ended with, or nil.
func (r Result) Refusal() *pipeline.Refusal {
	var refusal *pipeline.Refusal
	if errors.As(r.Err, &refusal) {
		return refusal
	}
	return nil
}

// Serve runs the list for a request. params are the captures of its path. A refusal
// becomes problem+json, any other error an empty 500.
func (c *Compiled) Serve(r *http.Request, params ...string) Result {
	w := httptest.NewRecorder()
	ctx := c.context()
	ctx.Start(w, r)
	err := c.setParams(ctx, params)
	if err == nil {
		err = c.Steps.Run(ctx)
	}
	out := c.result(ctx, err)
	switch {
	case err == nil || ctx.Answered():
	case out.Refusal() != nil:
		refuse(ctx.W, out.Refusal())
	default:
		w.WriteHeader(http.StatusInternalServerError)
	}
	if fault := ctx.Finish(); out.Err == nil {
		out.Err = fault
	}
	if err != nil || ctx.Answered() {
		out.Status, out.Body = w.Code, w.Body.String()
	}
	out.Header = w.Header()
	return out
}

func (c *Compiled) setParams(ctx *pipeline.Context, params []string) error {
	if c.place == pipeline.Endpoint {
		return nil
	}
	var names, captures []string
	for i := 0; i+1 < len(params); i += 2 {
		names, captures = append(names, params[i]), append(captures, params[i+1])
	}
	ctx.Match.Params = captures
	return ctx.SetParams(names, captures)
}

func refuse(w http.ResponseWriter, refusal *pipeline.Refusal) {
	for name, values := range refusal.Headers {
		w.Header()[name] = values
	}
	if refusal.Body != nil {
		w.WriteHeader(refusal.Status)
		_, _ = w.Write(refusal.Body)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(refusal.Status)
	_, _ = w.Write(pipeline.ProblemJSON(nil, refusal))
}

// An Event is what a channel's list is run for.
type Event struct {
	Member                pipeline.Member
	Topic, Event, Payload string // the payload is JSON; "" is none
	SocketID              any
	Params                map[string]any
}

type socket struct{ id any }

func (s socket) Member(name string) (any, bool) {
	switch name {
	case "id":
		return s.id, true
	case "transport":
		return "websocket", true
	}
	return nil, false
}

func (s socket) Names() []string { return []string{"id", "transport"} }

// Handle runs the list for an event of a channel.
func (c *Compiled) Handle(e Event) Result {
	ctx := c.context()
	ctx.Member = e.Member
	ctx.Slots[pipeline.SlotTopic] = e.Topic
	ctx.Slots[pipeline.SlotEvent] = e.Event
	ctx.Slots[pipeline.SlotSocket] = socket{e.SocketID}
	ctx.Slots[pipeline.SlotParams] = e.Params
	if e.Payload != "" {
		ctx.Slots[pipeline.SlotPayload] = &value.Raw{Bytes: []byte(e.Payload)}
	}
	return c.result(ctx, c.Steps.Run(ctx))
}

func (c *Compiled) context() *pipeline.Context {
	if c.ctx == nil {
		c.ctx = pipeline.NewContext(c.slots)
	}
	ctx := c.ctx
	ctx.Reset()
	ctx.Log, ctx.Now, ctx.Place = c.Env.Log, c.Env.Now, c.place
	c.shown = nil
	return ctx
}

func (c *Compiled) result(ctx *pipeline.Context, err error) Result {
	return Result{Err: err, Shown: c.shown, Halted: ctx.Halted(), ID: ctx.Request.ID, Method: ctx.Method, Ctx: ctx}
}

// show is the plug that lets a test see a value.
func (c *Compiled) show() *pipeline.Def {
	type settings struct{ value *pipeline.Value }
	return pipeline.Define(pipeline.Traits{Name: "show", Group: "test", Doc: "Shows a value.", Places: pipeline.Anywhere, Answers: pipeline.HTTP},
		func(s *pipeline.Settings, o *settings) { s.Whole(s.Value(&o.value, "value", "What to show.")) },
		func(o settings, b *pipeline.Build) pipeline.Plug {
			return func(ctx *pipeline.Context) (any, error) {
				if b.Place&pipeline.HTTP != 0 {
					return nil, ctx.AnswerJSON(http.StatusOK, o.value)
				}
				text, err := o.value.Append(nil, ctx.Frame)
				c.shown = append(c.shown, string(text))
				return nil, err
			}
		})
}
