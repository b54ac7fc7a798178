package data

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// QueryOne gives the first row of a statement.
func QueryOne() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "query_one", Group: "data", Doc: "Runs SQL and gives its first row; none is the failure not_found.",
		Places: places, Fails: []pipeline.Reason{notFound(), invalid(), conflict()}, Result: "the row",
	}, describe, func(c settings, b *pipeline.Build) pipeline.Plug {
		s := compile(c, b)
		if s == nil {
			return nil
		}
		return func(c *pipeline.Context) (any, error) {
			r, err := s.query(c, 0)
			if err != nil {
				return nil, err
			}
			if len(r.Rows) == 0 {
				return nil, pipeline.Refuse(http.StatusNotFound, "not_found", "there is no such row")
			}
			return r.Row(0), nil
		}
	})
}
