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

// A membership is what join bound and what was tracked since.
type membership struct {
	bound
	tracked []string      // keys
	classes []memberClass // by handle_out list
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
	seen := &socketObject{transport: h.Transport, opening: true, info: s.info.of(c, h)}
	c.Slots[pipeline.SlotSocket] = seen
	if err := s.connect.Run(c); err != nil {
		return nil, connectError(err)
	}
	id, err := s.identify(c)
	if err != nil {
		return nil, connectError(pipeline.RefuseSent(err))
	}
	names := take(s.names, c.Slots)
	settleAll(names.values)
	who := &channels.Identity{ID: id, Names: &connection{names, seen.known(id, s.shown)}, Gone: c.HandOver()}
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
	return ok && names.has(s.needs) && names.socket.(*socketObject).knows(s.shown)
}

// Channel implements channels.Rules.
func (s *Socket) Channel(topic string) (channels.Channel, bool) {
	if c := s.channel(topic); c != nil {
		return &topicRules{Channel: c, topic: topic}, true
	}
	return nil, false
}

// topicRules are a channel's rules for one topic, of one membership.
type topicRules struct {
	*Channel
	topic    any            // a string, kept in the form that slots hold
	captured map[string]any // of the topic; nil until an event needs it
}

// params gives what the pattern captured of the topic. It is kept for members with whom
// something happens: one that joined and is quiet is not to pay for it.
func (t *topicRules) params(place pipeline.Place) map[string]any {
	if t.captured != nil {
		return t.captured
	}
	var room [8]string
	captures, _ := t.pattern.Match(t.topic.(string), room[:0])
	params := make(map[string]any, len(captures))
	for i, name := range t.pattern.Names() {
		params[name] = captures[i]
	}
	if place != pipeline.Join && place != pipeline.AfterJoin {
		t.captured = params
	}
	return params
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
	c := t.start(pipeline.Join, call, newEventRules(joinEvent, t.join))
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
	t.run(pipeline.AfterJoin, call, newEventRules(joinEvent, t.afterJoin))
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

// Leave implements channels.Channel.
func (t *topicRules) Leave(call *channels.Call) {
	t.run(pipeline.Leave, call, newEventRules("", t.leave))
}

// joinEvent is the event of a join, in the form that slots hold.
const joinEvent = "phx_join"

// run runs a list for a member.
func (t *topicRules) run(place pipeline.Place, call *channels.Call, e eventRules) {
	if e.steps.Empty() {
		return
	}
	c := t.start(place, call, e)
	defer t.done(c)
	names := call.Membership.Names.(*membership)
	names.lay(t.names, c.Slots)
	err := e.steps.Run(c)
	if e.sets {
		names.keep(t.names, c.Slots)
		names.classes = nil
	}
	if err != nil {
		t.failed(c, call, err)
	}
}

// start takes a context and lays out all that a list sees but for the names of join.
func (t *topicRules) start(place pipeline.Place, call *channels.Call, e eventRules) *pipeline.Context {
	c := t.socket.app.Context()
	c.Place = place
	c.Member = member{call}
	c.SetContext(callContext{call})
	who := call.Membership.Identity().Names.(*connection)
	who.lay(t.socket.names, c.Slots)
	c.Slots[pipeline.SlotSocket] = who.socket
	c.Slots[pipeline.SlotTopic] = t.topic
	c.Slots[pipeline.SlotEvent] = e.name
	if payload := call.Value(); payload != nil {
		c.Slots[pipeline.SlotPayload] = payload
	}
	if e.params {
		c.Slots[pipeline.SlotParams] = t.params(place)
	}
	return c
}

func (t *topicRules) done(c *pipeline.Context) { t.socket.app.Done(c) }
