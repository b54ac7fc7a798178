package data

import (
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// Query gives the rows of a statement.
func Query() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "query", Group: "data", Doc: "Runs SQL and gives its rows.",
		Places: places, Fails: []pipeline.Reason{invalid(), conflict()}, Result: "the rows, a list",
	}, describe, func(c settings, b *pipeline.Build) pipeline.Plug {
		b.Result(expr.List(expr.Any))
		s := compile(c, b)
		if s == nil {
			return nil
		}
		return func(c *pipeline.Context) (any, error) {
			r, err := s.query(c, 0)
			if err != nil {
				return nil, err
			}
			return rowsOf(r), nil
		}
	})
}

// rowsOf gives the rows as a list of expressions' making.
func rowsOf(r *store.Result) []any {
	rows := make([]value.Row, len(r.Rows))
	list := make([]any, len(r.Rows))
	for i, values := range r.Rows {
		rows[i] = value.Row{Columns: r.Columns, Values: values}
		list[i] = &rows[i]
	}
	return list
}
