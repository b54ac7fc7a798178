package app

import (
	"errors"
	"net/http"

	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

var (
	_ channels.Rules   = (*Socket)(nil)
	_ channels.Channel = (*topicRules)(nil)
)

// A connection is what connect bound. It never changes, and the goroutines of all topics
// read it.
type connection struct {
	bound
	socket any // what expressions see as `socket`, in the form that slots hold
}

// A socketObject is what expressions see as `socket`.
type socketObject struct{ id string }

// Member implements value.Object.
func (s socketObject) Member(name string) (any, bool) {
	switch name {
	case "id":
		if s.id == "" {
			return nil, true
		}
		return s.id, true
	case "transport":
		return "websocket", true
	}
	return nil, false
}

// Names implements value.Object.
func (socketObject) Names() []string { return []string{"id", "transport"} }

// A membership is what join bound and what was tracked since.
type membership struct {
	bound
	tracked []string // keys
}

// Acquire implements channels.Rules.
func (s *Socket) Acquire() bool { return s.app.Acquire() }

// Release implements channels.Rules.
func (s *Socket) Release() { s.app.Release() }

// Settings implements channels.Rules.
func (s *Socket) Settings() channels.Settings { return s.settings }

// Connect implements channels.Rules.
func (s *Socket) Connect(h *channels.Handshake) (*channels.Identity, error) {
	c := s.app.Context()
	defer s.app.Done(c)
	c.Start(nil, h.Request) // the hub writes the answer
	c.Place = pipeline.Connect
	c.Request.Trusted = s.app.Manifest.Endpoint.TrustedProxies
	from, routed := h.Request.Context().Value(originKey{}).(origin)
	if routed {
		c.Request.ID, c.Log = from.id, from.log
	}
	c.Slots[pipeline.SlotParams] = h.Params
	if err := s.connect.Run(c); err != nil {
		return nil, connectError(err)
	}
	id, err := s.identify(c)
	if err != nil {
		return nil, connectError(pipeline.RefuseSent(err))
	}
	names := take(s.names, c.Slots)
	settleAll(names.values)
	who := &channels.Identity{ID: id, Names: &connection{names, socketObject{id}}, Gone: c.HandOver()}
	if routed {
		who.Gone = both(who.Gone, from.handOver())
	}
	return who, nil
}

// both calls two functions, each of which may be nil.
func both(a, b func()) func() {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func() { a(); b() }
}

// identify computes `id`. An expression that gives nil gives none.
func (s *Socket) identify(c *pipeline.Context) (string, error) {
	if s.id == nil {
		return "", nil
	}
	if whole := s.id.Whole(); whole != nil {
		v, err := whole.Eval(c.Frame)
		if v == nil || err != nil {
			return "", err
		}
		text, err := value.AppendText(nil, v)
		if err != nil {
			return "", whole.Misfit(c.Frame, v, err)
		}
		return string(text), nil
	}
	return s.id.String(c)
}

// sentStatus is the reason of a refusal by send_resp, which chose its status.
const sentStatus = "refused"

// connectError turns a refusal into the hub's, with the status of the answer.
func connectError(err error) error {
	var refusal *pipeline.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	status := http.StatusForbidden
	if refusal.Reason == sentStatus {
		status = refusal.Status
	}
	return &channels.Refusal{Status: status, Reason: refusal.Error()}
}

// Fits implements channels.Rules.
func (s *Socket) Fits(id *channels.Identity) bool {
	names, ok := id.Names.(*connection)
	return ok && names.has(s.needs)
}

// Channel implements channels.Rules.
func (s *Socket) Channel(topic string) (channels.Channel, bool) {
	var room [8]string
	for _, c := range s.Channels {
		captures, ok := c.pattern.Match(topic, room[:0])
		if !ok {
			continue
		}
		params := make(map[string]any, len(captures))
		for i, name := range c.pattern.Names() {
			params[name] = captures[i]
		}
		return &topicRules{c, topic, params}, true
	}
	return nil, false
}

// Intercepts implements channels.Rules.
func (s *Socket) Intercepts(topic, event string) bool {
	if !s.outs[event] {
		return false
	}
	var room [8]string
	for _, c := range s.Channels {
		if _, ok := c.pattern.Match(topic, room[:0]); ok {
			_, filtered := c.out[event]
			return filtered
		}
	}
	return false
}

// topicRules are a channel's rules for one topic.
type topicRules struct {
	*Channel
	topic  any // a string, kept in the form that slots hold
	params map[string]any
}

// Fits implements channels.Channel.
func (t *topicRules) Fits(m *channels.Membership) bool {
	names, ok := m.Names.(*membership)
	return ok && names.has(t.needs)
}

// Join implements channels.Channel.
func (t *topicRules) Join(call *channels.Call) {
	names := &membership{}
	call.Membership.Names = names
	c := t.start(pipeline.Join, call, joinEvent)
	defer t.done(c)
	err := t.join.Run(c)
	if err == nil {
		names.bound = take(t.names, c.Slots)
		return
	}
	t.failed(c, call, err)
}

// AfterJoin implements channels.Channel.
func (t *topicRules) AfterJoin(call *channels.Call) {
	t.run(pipeline.AfterJoin, call, eventRules{joinEvent, t.afterJoin})
}

// In implements channels.Channel.
func (t *topicRules) In(call *channels.Call) bool {
	rules, ok := t.in[call.Event]
	if !ok {
		if rules, ok = t.in[otherEvents]; !ok {
			return false
		}
		rules.name = call.Event
	}
	t.run(pipeline.In, call, rules)
	return true
}

// Out implements channels.Channel.
func (t *topicRules) Out(call *channels.Call) { t.run(pipeline.Out, call, t.out[call.Event]) }

// Leave implements channels.Channel.
func (t *topicRules) Leave(call *channels.Call) {
	t.run(pipeline.Leave, call, eventRules{"", t.leave})
}

// joinEvent is the event of a join, in the form that slots hold.
const joinEvent = "phx_join"

// run runs a list for a member.
func (t *topicRules) run(place pipeline.Place, call *channels.Call, e eventRules) {
	if e.steps.Empty() {
		return
	}
	c := t.start(place, call, e.name)
	defer t.done(c)
	names := call.Membership.Names.(*membership)
	names.lay(t.names, c.Slots)
	err := e.steps.Run(c)
	names.keep(t.names, c.Slots)
	if err != nil {
		t.failed(c, call, err)
	}
}

// start takes a context and lays out all that a list sees but for the names of join.
func (t *topicRules) start(place pipeline.Place, call *channels.Call, event any) *pipeline.Context {
	c := t.socket.app.Context()
	c.Place = place
	c.Member = member{call}
	c.SetContext(callContext{call})
	who := call.Membership.Identity().Names.(*connection)
	who.lay(t.socket.names, c.Slots)
	c.Slots[pipeline.SlotSocket] = who.socket
	c.Slots[pipeline.SlotTopic] = t.topic
	c.Slots[pipeline.SlotEvent] = event
	if payload := call.Value(); payload != nil {
		c.Slots[pipeline.SlotPayload] = payload
	}
	c.Slots[pipeline.SlotParams] = t.params
	return c
}

func (t *topicRules) done(c *pipeline.Context) { t.socket.app.Done(c) }
