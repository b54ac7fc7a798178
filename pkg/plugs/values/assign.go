package values

import (
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type assign struct {
	values []spec.Named[*pipeline.Value]
}

// Assign binds names. Its values see what was there before it, not each other.
func Assign() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "assign", Group: group, Places: pipeline.Anywhere,
		Doc: "Binds names to values; the values see what was bound before, not each other.",
	}, func(s *pipeline.Settings, o *assign) {
		s.Whole(s.Values(&o.values, "names", "Names and their values."))
	}, func(o assign, b *pipeline.Build) pipeline.Plug {
		slots := make([]int, len(o.values))
		for i, v := range o.values {
			slots[i] = b.Assign(v.Name, v.At, v.Value.Type)
		}
		if len(slots) == 1 {
			return one(slots[0], o.values[0].Value)
		}
		return func(c *pipeline.Context) (any, error) {
			var few [8]any
			results := few[:0]
			for _, v := range o.values {
				r, err := v.Value.Eval(c.Frame)
				if err != nil {
					return nil, err
				}
				results = append(results, r)
			}
			for i, slot := range slots {
				c.Slots[slot] = results[i]
			}
			return nil, nil
		}
	})
}

func one(slot int, v *pipeline.Value) pipeline.Plug {
	return func(c *pipeline.Context) (any, error) {
		r, err := v.Eval(c.Frame)
		if err == nil {
			c.Slots[slot] = r
		}
		return nil, err
	}
}
