package channel

import (
	"bytes"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// replied is what reply and reply_error send.
type replied struct{ response *pipeline.Value }

// Reply describes the plug that answers with the status ok. In join it lets the member in.
func Reply() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "reply", Group: group,
		Doc:    "Answers the client's event with the status `ok` and ends the list; in join it lets the member in.",
		Places: pipeline.Join | pipeline.In, Answers: pipeline.Join | pipeline.In, Opens: pipeline.Join,
	}, func(s *pipeline.Settings, r *replied) {
		s.Whole(s.Value(&r.response, "response", "What the client gets, `{}` when it is left out."))
	}, func(r replied, b *pipeline.Build) pipeline.Plug { return r.plug("ok", b) })
}

// plug answers with a status. JSON's null stands for an empty response, which is {} on the
// wire.
func (r replied) plug(status string, b *pipeline.Build) pipeline.Plug {
	if b.Options.Null() {
		return func(c *pipeline.Context) (any, error) {
			c.Halt()
			return nil, c.Member.Reply(status, value.Payload{})
		}
	}
	return func(c *pipeline.Context) (any, error) {
		c.Halt()
		return nil, computed(c, r.response, func(response value.Payload) error {
			if !response.Binary && string(response.Bytes) == "null" {
				response.Bytes = nil
			}
			if c.Place == pipeline.Join { // sent when the list is over, and the buffer with it
				response.Bytes = bytes.Clone(response.Bytes)
			}
			return c.Member.Reply(status, response)
		})
	}
}
