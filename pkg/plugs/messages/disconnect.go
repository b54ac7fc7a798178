package messages

import (
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

const anID = "the id of a socket"

type disconnect struct{ id *pipeline.Value }

// Disconnect closes all connections with an id, as the broadcast of "disconnect" to a
// socket's id does in Phoenix.
func Disconnect() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "disconnect", Group: group, Places: pipeline.HTTP | pipeline.AfterJoin | pipeline.In | pipeline.Leave | pipeline.Every,
		Doc:   "Closes every connection with this socket id.",
		Fails: []pipeline.Reason{notCrossed()},
	}, func(s *pipeline.Settings, o *disconnect) {
		s.Main(s.Value(&o.id, "id", "The socket's `id`, or a list of them.").Require())
		s.After(func(d *spec.Decoder, _ *source.Node) { checkTexts(d, o.id, anID) })
	}, func(o disconnect, b *pipeline.Build) pipeline.Plug {
		hub := b.Env.Hub
		return func(c *pipeline.Context) (any, error) {
			v, err := o.id.Eval(c.Frame)
			if err != nil {
				return nil, err
			}
			ids, err := collect(nil, v, anID)
			if err != nil {
				return nil, o.id.Misfit(c.Frame, v, err)
			}
			disconnect := func() error {
				var err error
				for _, id := range ids {
					if failed := hub.Disconnect(id); err == nil {
						err = failed
					}
				}
				return err
			}
			if c.InTransaction() {
				c.AfterCommit(disconnect)
				return nil, nil
			}
			return nil, disconnect()
		}
	})
}
