package request

import (
	"time"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type timeout struct {
	after   time.Duration
	streams bool
}

// Timeout ends what waits on the way to the answer: for services behind, for the body, for a
// connection of a store. A statement that runs is let finish: nobody would know what it did.
func Timeout() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "timeout", Group: group, Places: pipeline.HTTP,
		Doc: "Bounds the time that the answer may take: then the client gets 503 with the reason `timeout`, from a `proxy` 504, and an answer that was begun is broken off.",
	}, func(s *pipeline.Settings, o *timeout) {
		s.Main(s.Duration(&o.after, "after", "60s", "How long it may take, from this plug on."))
		s.Bool(&o.streams, "streams", false, "Websockets and streams of events are ended too.")
		s.After(func(d *spec.Decoder, n *source.Node) {
			if o.after <= 0 {
				d.Problems.Add(n.At, "wrong-value", "a timeout of nothing would end every request").Suggest("write a time such as 30s")
			}
		})
	}, func(o timeout, _ *pipeline.Build) pipeline.Plug {
		return func(c *pipeline.Context) (any, error) {
			c.LimitTime(o.after, o.streams)
			return nil, nil
		}
	})
}
