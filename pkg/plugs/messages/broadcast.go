package messages

import (
	"errors"
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// channels are the places of a channel where something can be sent: joining is no
// membership yet, and handle_out is on its way to one member.
const channels = pipeline.AfterJoin | pipeline.In | pipeline.Leave | pipeline.Every

// Broadcast sends an event to the members of a topic.
func Broadcast() *pipeline.Def {
	return define("broadcast", "Sends an event to all members of a topic.", pipeline.HTTP|channels, false)
}

type broadcast struct {
	topic, payload *pipeline.Value
	event          *pipeline.Text
}

func define(name, doc string, places pipeline.Place, exceptSelf bool) *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: name, Group: group, Places: places, Doc: doc,
		Fails: []pipeline.Reason{{Name: "invalid", Status: http.StatusBadRequest}, notCrossed()},
	}, broadcastSettings, func(o broadcast, b *pipeline.Build) pipeline.Plug {
		if !o.complete(b, name) {
			return nil
		}
		send := sender(b, exceptSelf)
		return func(c *pipeline.Context) (any, error) {
			var one [1]string
			topics, event, payload, err := o.eval(c, one[:0])
			if err != nil {
				return nil, err
			}
			for _, topic := range topics {
				// One that does not reach other nodes keeps the next from nobody.
				if failed := send(c, topic, event, payload); err == nil {
					err = failed
				}
			}
			return nil, err
		}
	})
}

// notCrossed is the failure of what reached this node alone, while other nodes cannot be told.
func notCrossed() pipeline.Reason {
	return pipeline.Reason{Name: "unavailable", Status: http.StatusServiceUnavailable}
}

// sender sends through the membership that is handling an event, or from outside of all.
func sender(b *pipeline.Build, exceptSelf bool) func(c *pipeline.Context, topic, event string, payload value.Payload) error {
	hub := b.Env.Hub
	switch {
	case b.Place&pipeline.Channel == 0:
		return func(c *pipeline.Context, topic, event string, payload value.Payload) error {
			if c.InTransaction() {
				c.AfterCommit(func() error { return hub.Broadcast(topic, event, payload) })
				return nil
			}
			return hub.Broadcast(topic, event, payload)
		}
	case exceptSelf:
		return func(c *pipeline.Context, topic, event string, payload value.Payload) error {
			return c.Member.BroadcastFrom(topic, event, payload)
		}
	}
	return func(c *pipeline.Context, topic, event string, payload value.Payload) error {
		return c.Member.Broadcast(topic, event, payload)
	}
}

func broadcastSettings(s *pipeline.Settings, o *broadcast) {
	s.Value(&o.topic, "topic", "The topic, or a list of topics. Default in channels: the one that this channel is joined to.")
	s.Text(&o.event, "event", "The event. Default in handle_in: the one being handled. `phx_` events cannot be sent.")
	s.Value(&o.payload, "payload", "What is sent with it. Default in handle_in: the payload being handled, else {}.")
	s.After(func(d *spec.Decoder, _ *source.Node) {
		checkTexts(d, o.topic, aTopic)
		if o.event == nil {
			return
		}
		switch event, constant := o.event.Constant(); {
		case constant && event == "":
			d.Problems.Add(o.event.Node.At, "wrong-value", "the event is empty")
		case constant && isReserved(event):
			d.Problems.Add(o.event.Node.At, "reserved-event", "%q cannot be sent: events that begin with phx_ are the protocol's own", event).Suggest("choose another name")
		}
	})
}

const aTopic = "the topic"

var errEvent = errors.New("the event is empty")

// complete reports settings that have no default at this place. What a client sent with
// its join is never the default: it may hold a token.
func (o *broadcast) complete(b *pipeline.Build, name string) bool {
	ok := true
	need := func(missing bool, key, hint string) {
		if missing {
			b.Problem(b.At, "missing-key", "`%s` needs %q here", name, key).Suggest("%s", hint)
			ok = false
		}
	}
	need(o.topic == nil && b.Place&pipeline.HTTP != 0, "topic", "such as `topic: room:lobby`")
	need(o.event == nil && b.Place != pipeline.In, "event", "such as `event: new_msg`")
	return ok
}

func isReserved(event string) bool { return strings.HasPrefix(event, "phx_") }

func (o *broadcast) eval(c *pipeline.Context, topics []string) (_ []string, event string, payload value.Payload, err error) {
	topic := c.Slots[pipeline.SlotTopic]
	if o.topic != nil {
		if topic, err = o.topic.Eval(c.Frame); err != nil {
			return nil, "", value.Payload{}, err
		}
	}
	if topics, err = collect(topics, topic, aTopic); err != nil {
		if o.topic != nil {
			err = o.topic.Misfit(c.Frame, topic, err)
		}
		return nil, "", value.Payload{}, err
	}
	event, _ = c.Slots[pipeline.SlotEvent].(string)
	if o.event != nil {
		if event, err = o.event.String(c); err != nil {
			return nil, "", value.Payload{}, err
		}
	}
	switch {
	case event == "" && o.event != nil:
		return nil, "", value.Payload{}, o.event.Misfit(c.Frame, event, errEvent)
	case event == "":
		return nil, "", value.Payload{}, errEvent
	case isReserved(event):
		return nil, "", value.Payload{}, pipeline.Refuse(http.StatusBadRequest, "invalid", "events that begin with phx_ cannot be sent")
	}
	payload, err = o.payloadOf(c)
	return topics, event, payload, err
}

// payloadOf gives bytes that nobody changes: they are shared by all who receive them.
func (o *broadcast) payloadOf(c *pipeline.Context) (value.Payload, error) {
	if o.payload != nil {
		return o.payload.Payload(nil, c.Frame)
	}
	if c.Place == pipeline.In {
		switch handled := c.Slots[pipeline.SlotPayload].(type) {
		case []byte:
			return value.Payload{Bytes: handled, Binary: true}, nil
		case *value.Raw:
			return value.JSON(handled.Bytes), nil
		}
	}
	return value.JSON([]byte("{}")), nil
}
