package channel

import (
	"maps"
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

type updatePresence struct {
	key         *pipeline.Text
	meta, merge *pipeline.Value
}

// UpdatePresence describes the plug that changes what others see of this member.
func UpdatePresence() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "update_presence", Group: group,
		Doc:    "Changes the meta that this member tracks: `meta` replaces it as Phoenix does, `merge` changes some of it.",
		Places: pipeline.AfterJoin | pipeline.In | pipeline.Every,
		Fails:  []pipeline.Reason{{Name: "not_found", Status: http.StatusNotFound}, {Name: "invalid", Status: http.StatusUnprocessableEntity}},
	}, func(s *pipeline.Settings, u *updatePresence) {
		s.Text(&u.key, "key", "The key that was tracked. Default: the one that this member tracks.")
		s.Value(&u.meta, "meta", "The map that replaces the meta.")
		s.Value(&u.merge, "merge", "A map whose members are set in the meta; the others stay.")
	}, updatePresence.build)
}

func (u updatePresence) build(b *pipeline.Build) pipeline.Plug {
	if given(b, "meta") == given(b, "merge") {
		b.Problem(b.At, "meta-or-merge", "`update_presence` takes one of `meta` and `merge`").Suggest("`meta` replaces the whole meta, `merge` changes some of it")
	}
	mustBeMap(b, u.meta, "meta")
	mustBeMap(b, u.merge, "merge")
	return func(c *pipeline.Context) (any, error) {
		key, err := keyOf(c, u.key)
		if err != nil {
			return nil, err
		}
		if u.merge != nil {
			return nil, u.merged(c, key)
		}
		return nil, encoded(c, u.meta, func(json []byte) error { return c.Member.UpdatePresence(key, json) })
	}
}

// merged lays some members over the meta that is tracked.
func (u updatePresence) merged(c *pipeline.Context, key string) error {
	meta, ok := c.Member.Meta(key)
	if !ok {
		return pipeline.Refuse(http.StatusNotFound, "not_found", "this member is not tracked")
	}
	old, err := value.DecodeJSON(meta)
	if err != nil {
		return err
	}
	v, err := u.merge.Eval(c.Frame)
	if err != nil {
		return err
	}
	all, ok1 := old.(map[string]any)
	changed, ok2 := value.Plain(v).(map[string]any)
	if !ok1 || !ok2 {
		return pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "a presence meta is a map")
	}
	maps.Copy(all, changed)
	buf, err := value.AppendJSON(c.Scratch(), all)
	if err == nil {
		err = c.Member.UpdatePresence(key, buf)
	}
	c.Lend(buf)
	return err
}
