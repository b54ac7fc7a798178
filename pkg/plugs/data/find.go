package data

import (
	"net/http"
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// A finder finds the one row that `update` and `delete` are about.
type finder struct {
	table  *records.Table
	fields []int // whose values find it
	values []*pipeline.Value
	single bool // at most one row has these values
	lock   *store.Statement
}

type findSettings struct {
	schema spec.Ref
	id     *pipeline.Value
	where  []spec.Named[*pipeline.Value]
	store  spec.Ref
}

func describeFind(s *pipeline.Settings, c *findSettings) {
	describeSchema(s, &c.schema)
	s.Value(&c.id, "id", "The id of the row, such as `${params.id}`.")
	s.Values(&c.where, "where", "The values of columns that the row has. With `id`, both must fit; several rows that fit are a conflict.")
	describeStore(s, &c.store)
	s.Rule(spec.Schema{"anyOf": []any{spec.Schema{"required": []string{"id"}}, spec.Schema{"required": []string{"where"}}}})
	s.After(func(d *spec.Decoder, n *source.Node) {
		if !s.Given("id") && !s.Given("where") {
			d.Problems.Add(n.At, "missing-key", "which row is meant?").Suggest("say `id: ${params.id}`, or `where: {column: VALUE}`")
		}
	})
}

// find makes the finder, nil when a problem was reported.
func (c *findSettings) find(b *pipeline.Build) *finder {
	t := tableOf(c.schema, c.store, b)
	if t == nil {
		return nil
	}
	f := &finder{table: t}
	if c.id != nil && f.add(b, changeset.ID, c.id.Node.At, c.id) {
		return nil
	}
	for _, w := range c.where {
		if f.add(b, w.Name, w.At, w.Value) {
			return nil
		}
	}
	if len(f.fields) == 0 {
		b.Problem(b.At, "missing-key", "which row is meant?").Suggest("say `id: ${params.id}`, or `where: {column: VALUE}`")
		return nil
	}
	f.single = slices.ContainsFunc(t.Set.Uniques(), func(unique []int) bool {
		return !slices.ContainsFunc(unique, func(i int) bool { return !slices.Contains(f.fields, i) })
	})
	f.lock = t.LockSQL(t.Having(f.fields), 2)
	return f
}

// add adds a column with its value, and tells whether that was a problem.
func (f *finder) add(b *pipeline.Build, name string, at diag.Pos, v *pipeline.Value) (wrong bool) {
	i := f.table.Set.Index(name)
	switch {
	case i < 0:
		b.Problem(at, "unknown-field", "%q is not a field of the schema", name).Hint = f.table.Set.Suggest(name)
	case f.table.Set.Fields[i].Virtual:
		b.Problem(at, "wrong-value", "the field %q is virtual: no row has it", name)
	case slices.Contains(f.fields, i):
		b.Problem(at, "wrong-value", "`id` and `where` both name %s", name)
	default:
		f.fields, f.values = append(f.fields, i), append(f.values, v)
		return false
	}
	return true
}

// args computes the values that find the row. What its column cannot hold, and nil, is in no
// row.
func (f *finder) args(c *pipeline.Context) ([]any, error) {
	args := make([]any, 0, len(f.fields)+8)
	for k, i := range f.fields {
		field := &f.table.Set.Fields[i]
		v, err := f.values[k].Eval(c.Frame)
		if err != nil {
			return nil, records.Busy(err)
		}
		cast, ok := field.Cast(v)
		if !ok || cast == nil {
			return nil, noRow()
		}
		arg, err := field.Arg(cast)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	return args, nil
}

func noRow() *pipeline.Refusal {
	return pipeline.Refuse(http.StatusNotFound, "not_found", "there is no such row")
}

// locked reads the row and keeps it from changing until the transaction is over.
func (f *finder) locked(c *pipeline.Context, q store.Querier, args []any) (*value.Row, error) {
	r, err := q.Query(c.Context(), f.lock, args, 2)
	switch {
	case err != nil:
		return nil, err
	case len(r.Rows) == 0:
		return nil, noRow()
	case len(r.Rows) > 1:
		return nil, pipeline.Refuse(http.StatusConflict, "conflict", "several rows fit, and one is meant")
	}
	return r.Row(0), nil
}

// within runs do in the transaction of the run, or in one of its own.
func (f *finder) within(c *pipeline.Context, do func(store.Querier) error) error {
	if c.InTransaction() {
		return do(c.On(f.table.Store))
	}
	return f.table.Store.Tx(c.Context(), func(tx store.Tx) error { return do(tx) })
}

// idOf gives the id of a row as a statement takes it.
func idOf(row *value.Row) any {
	id, _ := row.Member(changeset.ID)
	return id
}
