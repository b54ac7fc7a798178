package data

import (
	"errors"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

type updateSettings struct {
	findSettings
	values *pipeline.Value
}

// Update changes one row of a schema, with its validations.
func Update() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "update", Group: "data", Doc: "Changes a row of a schema, with its validations, and gives it back.",
		Places: places, Fails: []pipeline.Reason{unfit(), notFound(), conflict()}, Result: "the row as it is then",
	}, func(s *pipeline.Settings, c *updateSettings) {
		describeFind(s, &c.findSettings)
		s.Value(&c.values, "values", "The new values by field: written out, any field; from a whole map such as ${params}, the fields that a client may write. Fields that are not there stay.").Require()
	}, func(c updateSettings, b *pipeline.Build) pipeline.Plug {
		f := c.find(b)
		if f == nil {
			return nil
		}
		if c.values.Node.Kind == source.List {
			b.Problem(c.values.Node.At, "wrong-type", "`values` of `update` are those of one row")
			return nil
		}
		checkKeys(f.table.Set, c.values.Node, b)
		b.Result(f.table.Set.RecordType())
		return (&update{writer: writer{f.table, c.values}, finder: f, byID: []int{f.table.Set.Index(changeset.ID)}}).run
	})
}

type update struct {
	writer
	*finder
	byID    []int
	direct  records.Shapes // finds the row itself
	located records.Shapes // by the id of a row that was read
}

func (x *update) run(c *pipeline.Context) (any, error) {
	where, err := x.args(c)
	if err != nil {
		return nil, err
	}
	v, err := x.eval(c)
	if err != nil {
		return nil, err
	}
	u := &updating{update: x, values: v}
	if x.single && !x.writer.table.Set.NeedsRow() {
		u.find, u.where, u.shapes = x.fields, where, &x.direct
		err = u.write(c, c.On(x.writer.table.Store), nil)
	} else {
		err = x.within(c, func(q store.Querier) error {
			row, err := x.locked(c, q, where)
			if err != nil {
				return u.refuse(err)
			}
			u.find, u.where, u.shapes = x.byID, []any{idOf(row)}, &x.located
			return u.write(c, q, row)
		})
	}
	switch {
	case u.refused != nil:
		return nil, u.refused
	case err != nil:
		return nil, x.failed(c, err, u.changes)
	}
	return u.row, nil
}

// updating is one update under way.
type updating struct {
	*update
	values any
	find   []int
	where  []any
	shapes *records.Shapes

	changes []*changeset.Changes
	row     *value.Row
	refused error // decided here, in distinction to an error of the store
}

// refuse keeps what was decided here, and gives all errors on, so that a transaction is
// undone.
func (u *updating) refuse(err error) error {
	var refusal *pipeline.Refusal
	if errors.As(err, &refusal) {
		u.refused = err
	}
	return err
}

// write checks the values and changes the row. row is the row as it was, nil where no rule
// asks for it.
func (u *updating) write(c *pipeline.Context, q store.Querier, row *value.Row) error {
	var record value.Object
	if row != nil {
		record = row
	}
	changes, err := u.checked(c, changeset.Input{Mode: changeset.Update, Keys: keysOf(u.writer.values.Node)}, u.values, record)
	if err != nil {
		u.refused = err // ours as well: it has nothing to do with the store
		return err
	}
	u.changes = []*changeset.Changes{changes}
	t := u.writer.table
	st, args := u.lock, u.where
	switch {
	case t.Writes(changes):
		given := changes.Given()
		st = u.shapes.Get(given, func() *store.Statement { return t.UpdateSQL(given, t.Having(u.find), t.All()) })
		if args, err = t.Args(nil, changes); err != nil {
			u.refused = err
			return err
		}
		args = append(args, u.where...)
	case row != nil: // nothing of it is stored
		u.row = row
		return nil
	}
	if u.row, err = records.One(q.Query(c.Context(), st, args, 2)); err != nil {
		return err
	}
	if u.row == nil {
		return u.refuse(noRow())
	}
	return nil
}
