package channel

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

type push struct {
	event   *pipeline.Text
	payload *pipeline.Value
}

// Push describes the plug that sends an event to this member alone. In handle_out it lets
// the broadcast through, changed or not.
func Push() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "push", Group: group,
		Doc:    "Sends an event to this member alone; in handle_out it lets the broadcast through.",
		Places: pipeline.AfterJoin | pipeline.In | pipeline.Out | pipeline.Every, Pure: true,
		Fails: []pipeline.Reason{{Name: "forbidden", Status: http.StatusForbidden}},
	}, func(s *pipeline.Settings, p *push) {
		s.Text(&p.event, "event", "Name of the event. Default: the one being handled.")
		s.Value(&p.payload, "payload", "What is sent. Default: the payload being handled.")
	}, push.build)
}

func (p push) build(b *pipeline.Build) pipeline.Plug {
	if b.Place&(pipeline.AfterJoin|pipeline.Every) != 0 && !given(b, "event") {
		b.Problem(b.At, "missing-key", "`push` in %s needs `event`", b.Place).Suggest("%s", nothingHandled(b.Place))
	}
	if p.event != nil {
		if event, constant := p.event.Constant(); constant && reserved(event) {
			b.Problem(p.event.Node.At, "reserved-event", "the event %q belongs to the protocol", event).Suggest("choose a name that does not begin with phx_")
		}
	}
	return func(c *pipeline.Context) (any, error) {
		event, err := p.eventOf(c)
		if err != nil {
			return nil, err
		}
		if p.payload == nil {
			return nil, c.Member.Push(event, handled(c))
		}
		return nil, computed(c, p.payload, func(payload value.Payload) error { return c.Member.Push(event, payload) })
	}
}

func (p push) eventOf(c *pipeline.Context) (string, error) {
	if p.event == nil {
		event, _ := c.Slots[pipeline.SlotEvent].(string)
		return event, nil
	}
	event, err := p.event.String(c)
	if err == nil && reserved(event) {
		err = pipeline.Refuse(http.StatusForbidden, "forbidden", "events that begin with phx_ belong to the protocol")
	}
	return event, err
}

// nothingHandled says why there is no event to pass on.
func nothingHandled(p pipeline.Place) string {
	if p == pipeline.AfterJoin {
		return "the event being handled there is the join itself"
	}
	return "no event is being handled there"
}
