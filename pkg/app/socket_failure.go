package app

import (
	"errors"
	"net/http"

	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// failed deals with a list that ended in a refusal without `else`, or in an error of ours.
// The caller is told of a refusal where there is an event to answer. An error ends the
// membership with `phx_error` (a join: `join crashed`), and is logged with its place.
func (t *topicRules) failed(c *pipeline.Context, call *channels.Call, err error) {
	var refusal *pipeline.Refusal
	if !errors.As(err, &refusal) {
		c.Log.Error("channel rules failed", "topic", t.topic, "in", c.Place.String(), "event", call.Event, "error", err)
		call.Stop(channels.StopError)
		return
	}
	switch c.Place {
	case pipeline.Join, pipeline.In:
		if err := call.Reply("error", value.JSON(refusalJSON(refusal))); err != nil {
			c.Log.Error("channel rules refused after their reply", "topic", t.topic, "in", c.Place.String(), "event", call.Event, "error", refusal)
		}
	case pipeline.Out: // a member that may not see the event
	default:
		c.Log.Warn("channel rules refused", "topic", t.topic, "in", c.Place.String(), "error", refusal)
	}
}

// refusalJSON is the response of an error reply: the reason as channels know it, and the
// messages by field.
func refusalJSON(r *pipeline.Refusal) []byte {
	b := value.AppendJSONString([]byte(`{"reason":`), channelReason(r))
	if len(r.Errors) > 0 {
		errs, _ := r.Member("errors")
		b, _ = value.AppendJSON(append(b, `,"errors":`...), errs) // lists of texts always have a form
	}
	return append(b, '}')
}

// channelReason gives the words of a channel's client: who may not is `unauthorized`
// whatever the proof that is missing, and a service behind us that fails is `bad_gateway`.
func channelReason(r *pipeline.Refusal) string {
	switch r.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "unauthorized"
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return "bad_gateway"
	}
	if r.Reason == "" {
		return "refused"
	}
	return r.Reason
}
