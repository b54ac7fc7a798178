package data

import (
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// Execute runs a statement for its effect.
func Execute() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "execute", Group: "data", Doc: "Runs SQL for its effect and gives the number of rows that it changed.",
		Places: places, Fails: []pipeline.Reason{invalid(), conflict()}, Result: "the number of rows changed",
	}, describe, func(c settings, b *pipeline.Build) pipeline.Plug {
		b.Result(expr.Int)
		s := compile(c, b)
		if s == nil {
			return nil
		}
		return func(c *pipeline.Context) (any, error) {
			r, err := s.execute(c)
			if err != nil {
				return nil, err
			}
			return r.Affected, nil
		}
	})
}
