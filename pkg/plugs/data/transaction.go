package data

import (
	"errors"
	"net/http"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// Transaction runs plugs of which all writes are kept, or none.
func Transaction() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "transaction", Group: "data", Places: places, Fails: []pipeline.Reason{unfit(), notFound(), conflict()},
		Doc: "Runs plugs of which all writes are kept, or none: any failure inside undoes them. What tells others (`broadcast`, `push`, `disconnect`) happens when they are kept.",
	}, func(s *pipeline.Settings, list **source.Node) {
		s.Whole(s.Node(list, "plugs", "list of plugs", "The plugs. They use one store, and none of them answers but in its `else`.", spec.NotNothing(spec.Definition("pipeline"))))
	}, func(list *source.Node, b *pipeline.Build) pipeline.Plug {
		steps, st := b.Transaction(list)
		if steps == nil {
			return nil
		}
		return func(c *pipeline.Context) (any, error) {
			own, err := c.Transact(st, steps)
			if own != nil || err == nil {
				return nil, own
			}
			return nil, judged(st, err)
		}
	})
}

// judged tells whose doing an error is that the store had with a transaction as a whole,
// such as a constraint that it looks at last.
func judged(st *pipeline.Store, err error) error {
	var broken *store.Conflict
	var unfit *store.Invalid
	switch {
	case errors.As(err, &broken):
		return constraint(broken)
	case errors.As(err, &unfit):
		return pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "a value is not one that its column can hold")
	}
	return ours(st, err)
}
