package channel

import "github.com/openmanifest/gateway/pkg/pipeline"

type untrack struct{ key *pipeline.Text }

// Untrack describes the plug that ends this member's presence.
func Untrack() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "untrack", Group: group,
		Doc:    "Ends this member's presence: all members get `presence_diff`.",
		Places: pipeline.AfterJoin | pipeline.In | pipeline.Every,
	}, func(s *pipeline.Settings, u *untrack) {
		s.Main(s.Text(&u.key, "key", "The key that was tracked. Default: all that this member tracks."))
	}, untrack.build)
}

func (u untrack) build(*pipeline.Build) pipeline.Plug {
	return func(c *pipeline.Context) (any, error) {
		key, err := keyOf(c, u.key)
		if err == nil {
			c.Member.Untrack(key)
		}
		return nil, err
	}
}
