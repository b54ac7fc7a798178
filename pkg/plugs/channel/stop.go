package channel

import (
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

type stop struct {
	reason string
	reply  *pipeline.Value
}

// Stop describes the plug that ends the membership.
func Stop() *pipeline.Def {
	places := pipeline.Join | pipeline.AfterJoin | pipeline.In | pipeline.Out | pipeline.Every
	return pipeline.Define(pipeline.Traits{
		Name: "stop", Group: group,
		Doc:    "Ends the list and the membership: the client does not come back after `normal` and joins again after `error`; in join it is refused with `join crashed`.",
		Places: places, Answers: places,
	}, func(s *pipeline.Settings, p *stop) {
		s.Main(s.Enum(&p.reason, "reason", "normal", "`normal` closes the channel, `error` lets the client join again.", "normal", "error"))
		s.Value(&p.reply, "reply", "Answers the event of handle_in with `ok` before.")
	}, stop.build)
}

func (p stop) build(b *pipeline.Build) pipeline.Plug {
	if given(b, "reply") && b.Place != pipeline.In {
		b.Problem(b.At, "misplaced-key", "`reply` of `stop` stands in handle_in only").Suggest("in %s there is no event to reply to", b.Place)
	}
	normal := p.reason == "normal"
	return func(c *pipeline.Context) (any, error) {
		c.Halt()
		if p.reply != nil {
			if err := computed(c, p.reply, func(response value.Payload) error { return c.Member.Reply("ok", response) }); err != nil {
				return nil, err
			}
		}
		c.Member.Stop(normal)
		return nil, nil
	}
}
