package data

import (
	"errors"
	"net/http"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

type insertSettings struct {
	schema spec.Ref
	values *pipeline.Value
	store  spec.Ref
}

// Insert writes rows of a schema, with its validations.
func Insert() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "insert", Group: "data", Doc: "Inserts a row of a schema, with its validations, and gives it back.",
		Places: places, Fails: []pipeline.Reason{unfit(), conflict()}, Result: "the row, or the rows of a list",
	}, func(s *pipeline.Settings, c *insertSettings) {
		s.Declared(&c.schema, "schema", "schema", "The schema of the row.", pipeline.SchemaNames).Require()
		s.Value(&c.values, "values", "The values by field: written out, any field; from a whole map such as ${params}, the fields that a client may write. A list inserts each.").Require()
		describeStore(s, &c.store)
	}, buildInsert)
}

func buildInsert(c insertSettings, b *pipeline.Build) pipeline.Plug {
	t := records.Of(b.Env, c.schema, c.store.Name, b.Problems)
	if t == nil {
		return nil
	}
	record := t.Set.RecordType()
	if c.values.Node.Kind == source.List || c.values.Type.IsList() {
		b.Result(expr.List(record))
	} else if c.values.Node.Kind == source.Map {
		b.Result(record)
	}
	checkKeys(t.Set, c.values.Node, b)
	return (&insert{table: t, values: c.values, node: c.values.Node}).run
}

// checkKeys reports keys written out that are no fields.
func checkKeys(set *changeset.Set, n *source.Node, b *pipeline.Build) {
	for _, item := range spec.Items(n) {
		for _, e := range item.Entries {
			if set.Index(e.Key.Value) < 0 {
				b.Problem(e.Key.At, "unknown-field", "%q is not a field of the schema", e.Key.Value).Hint = set.Suggest(e.Key.Value)
			}
		}
		if item.Kind == source.Scalar && item.Value == "" {
			b.Problem(item.At, "wrong-type", "`values` takes a map of fields")
		}
	}
}

type insert struct {
	table  *records.Table
	values *pipeline.Value
	node   *source.Node
}

func (x *insert) run(c *pipeline.Context) (any, error) {
	v, err := x.values.Eval(c.Frame)
	if err != nil {
		return nil, err
	}
	if raw, ok := v.(*value.Raw); ok {
		if v, err = raw.Value(); err != nil {
			return nil, pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "the values are not JSON")
		}
	}
	list, ok := v.([]any)
	if !ok {
		changes, err := x.cast(c, v, x.node)
		if err != nil {
			return nil, err
		}
		row, err := x.table.Insert(c.Context(), x.table.Store, changes)
		if err != nil {
			return nil, x.failed(c, err, changes)
		}
		return row, nil
	}
	return x.all(c, list)
}

// maxRows bounds what one insert of a list may write.
const maxRows = 1000

// all inserts each, all or none.
func (x *insert) all(c *pipeline.Context, list []any) (any, error) {
	if len(list) > maxRows {
		return nil, pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "more than %d rows", maxRows)
	}
	changes := make([]*changeset.Changes, len(list))
	for i, v := range list {
		item := x.node
		if x.node.Kind == source.List {
			item = x.node.Items[i]
		}
		var err error
		if changes[i], err = x.cast(c, v, item); err != nil {
			return nil, err
		}
	}
	rows := make([]any, len(list))
	at := 0
	err := x.table.Store.Tx(c.Context(), func(tx store.Tx) error {
		for i, one := range changes {
			at = i
			row, err := x.table.Insert(c.Context(), tx, one)
			if err != nil {
				return err
			}
			rows[i] = row
		}
		return nil
	})
	if err != nil {
		return nil, x.failed(c, err, changes[at])
	}
	return rows, nil
}

// cast checks the values of one row. written is where they come from: keys that stand in
// the manifest may be any field, a whole map gives those that a client may write.
func (x *insert) cast(c *pipeline.Context, v any, written *source.Node) (*changeset.Changes, error) {
	in := changeset.Input{Keys: changeset.Loose}
	if written.Kind == source.Map {
		in.Keys = changeset.Trusted
	}
	var ok bool
	if in.Given, ok = fieldsOf(v); !ok {
		return nil, pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "expected values by field, found %s", value.Describe(v))
	}
	changes, err := x.table.Cast(in, nil, c.Now())
	var bad *changeset.Invalid
	if errors.As(err, &bad) {
		return nil, pipeline.Invalid(bad.Errors)
	}
	return changes, records.Busy(err)
}

// fieldsOf reads what values can be: nothing sent is no fields.
func fieldsOf(v any) (map[string]any, bool) {
	if raw, ok := v.(*value.Raw); ok {
		v, _ = raw.Value() // what is no JSON is no map either
	}
	switch x := v.(type) {
	case nil:
		return nil, true
	case map[string]any:
		return x, true
	case value.Claims:
		return x, true
	case value.Object:
		m, ok := value.Plain(x).(map[string]any)
		return m, ok
	}
	return nil, false
}

// failed makes errors by field of constraints that the database keeps.
func (x *insert) failed(c *pipeline.Context, err error, changes *changeset.Changes) error {
	b := x.table.Broken(c.Context(), err, changes)
	if b == nil {
		return records.Ours(x.table.Store.Name, err)
	}
	for field := range b.Errors {
		if x.table.Set.Index(field) < 0 {
			b.Errors = nil
			break
		}
	}
	switch {
	case len(b.Errors) > 0:
		return pipeline.Invalid(b.Errors)
	case b.Kind == "":
		return pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "a value is not one that its column can hold")
	}
	return pipeline.Refuse(http.StatusConflict, "conflict", "a rule of the database is broken: %s", b.Kind)
}
