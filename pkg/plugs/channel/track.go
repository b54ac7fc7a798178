package channel

import (
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type track struct {
	key  *pipeline.Text
	meta *pipeline.Value
}

// Track describes the plug that makes this member present.
func Track() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "track", Group: group,
		Doc:    "Makes this member present under a key: all members get `presence_diff`, and this one the whole `presence_state`.",
		Places: pipeline.AfterJoin | pipeline.In | pipeline.Every,
		Fails:  []pipeline.Reason{{Name: "conflict", Status: http.StatusConflict}, {Name: "invalid", Status: http.StatusUnprocessableEntity}},
	}, func(s *pipeline.Settings, t *track) {
		s.Text(&t.key, "key", "Who is present, such as `${user_id}`.").Require()
		s.Value(&t.meta, "meta", "A map of what the others see of this member. Default: {}.")
	}, track.build)
}

func (t track) build(b *pipeline.Build) pipeline.Plug {
	mustBeMap(b, t.meta, "meta")
	return func(c *pipeline.Context) (any, error) {
		key, err := keyOf(c, t.key)
		if err != nil {
			return nil, err
		}
		if t.meta == nil {
			return nil, c.Member.Track(key, []byte("{}"))
		}
		return nil, encoded(c, t.meta, func(json []byte) error { return c.Member.Track(key, json) })
	}
}

// mustBeMap reports a value that is known not to be a map.
func mustBeMap(b *pipeline.Build, v *pipeline.Value, name string) {
	if v == nil || v.Node.Kind == source.Map || v.Node.Kind == source.Scalar && strings.Contains(v.Node.Value, "${") {
		return
	}
	b.Problem(v.Node.At, "not-a-map", "`%s` is a map", name)
}
