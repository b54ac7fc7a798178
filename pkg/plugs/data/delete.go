package data

import (
	"errors"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// Delete removes one row of a schema.
func Delete() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "delete", Group: "data", Doc: "Deletes a row of a schema and gives it back as it was.",
		Places: places, Fails: []pipeline.Reason{notFound(), conflict()}, Result: "the row as it was",
	}, describeFind, func(c findSettings, b *pipeline.Build) pipeline.Plug {
		f := c.find(b)
		if f == nil {
			return nil
		}
		b.Result(f.table.Set.RecordType())
		t := f.table
		return (&remove{f, t.DeleteSQL(t.Having(f.fields), t.All()), t.DeleteSQL(t.Having([]int{t.Set.Index(changeset.ID)}), t.All())}).run
	})
}

type remove struct {
	*finder
	direct  *store.Statement // finds the row itself
	located *store.Statement // by the id of a row that was read
}

func (x *remove) run(c *pipeline.Context) (any, error) {
	where, err := x.args(c)
	if err != nil {
		return nil, err
	}
	var row *value.Row
	if x.single {
		row, err = records.One(c.On(x.table.Store).Query(c.Context(), x.direct, where, 2))
	} else {
		err = x.within(c, func(q store.Querier) error {
			found, err := x.locked(c, q, where)
			if err != nil {
				return err
			}
			row, err = records.One(q.Query(c.Context(), x.located, []any{idOf(found)}, 2))
			return err
		})
	}
	switch {
	case err != nil:
		return nil, x.failed(err)
	case row == nil:
		return nil, noRow()
	}
	return row, nil
}

// failed tells a row that others still refer to, and what was decided before, from errors of
// ours.
func (x *remove) failed(err error) error {
	var refusal *pipeline.Refusal
	var broken *store.Conflict
	switch {
	case errors.As(err, &refusal):
		return err
	case errors.As(err, &broken) && broken.Kind == store.ForeignKey:
		return pipeline.Refuse(409, "conflict", "other rows still refer to this one")
	}
	return judged(x.table.Store, err)
}
