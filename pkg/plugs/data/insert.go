package data

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/openapi"
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
		Name: "insert", Group: "data", Doc: "Inserts a row of a schema, or a list of them, with its validations, and gives it back.",
		Places: places, Fails: []pipeline.Reason{unfit(), conflict()}, Result: "the row, or the rows of a list",
	}, func(s *pipeline.Settings, c *insertSettings) {
		describeSchema(s, &c.schema)
		s.Value(&c.values, "values", "The values by field: written out, any field; from a whole map such as ${params}, the fields that a client may write. A list inserts each.").Require()
		describeStore(s, &c.store)
	}, buildInsert)
}

func buildInsert(c insertSettings, b *pipeline.Build) pipeline.Plug {
	t := tableOf(c.schema, c.store, b)
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
	if c.values.Node.Value == "${params}" {
		openapi.Of(b.Env).Takes(b.At, t.Set)
	}
	return (&insert{writer{t, c.values}}).run
}

type insert struct{ writer }

func (x *insert) run(c *pipeline.Context) (any, error) {
	v, err := x.eval(c)
	if err != nil {
		return nil, err
	}
	if list, ok := v.([]any); ok {
		return x.all(c, list)
	}
	changes, err := x.cast(c, v, x.values.Node)
	if err != nil {
		return nil, err
	}
	row, err := x.table.Insert(c.Context(), c.On(x.table.Store), changes)
	if err != nil {
		return nil, x.failed(c, err, []*changeset.Changes{changes})
	}
	return row, nil
}

// cast checks the values of one row; written is where they stand.
func (x *insert) cast(c *pipeline.Context, v any, written *source.Node) (*changeset.Changes, error) {
	return x.checked(c, changeset.Input{Mode: changeset.Create, Keys: keysOf(written)}, v, nil)
}

// maxRows bounds what one insert of a list may write.
const maxRows = 1000

// all inserts each, all or none. What is wrong with any is told for all: a field of a row is
// named INDEX.FIELD.
func (x *insert) all(c *pipeline.Context, list []any) (any, error) {
	if len(list) > maxRows {
		return nil, pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "more than %d rows", maxRows)
	}
	changes := make([]*changeset.Changes, len(list))
	wrong := map[string][]string{}
	for i, v := range list {
		written := x.values.Node
		if written.Kind == source.List {
			written = written.Items[i]
		}
		var err error
		changes[i], err = x.cast(c, v, written)
		var refusal *pipeline.Refusal
		switch {
		case errors.As(err, &refusal) && len(refusal.Errors) > 0:
			for field, messages := range refusal.Errors {
				wrong[changeset.InRow(i, field)] = messages
			}
		case errors.As(err, &refusal) && refusal.Status == http.StatusUnprocessableEntity:
			wrong[strconv.Itoa(i)] = []string{changeset.IsInvalid}
		case err != nil:
			return nil, err
		}
	}
	if len(wrong) > 0 {
		return nil, pipeline.Invalid(wrong)
	}
	return x.write(c, changes)
}

func (x *insert) write(c *pipeline.Context, changes []*changeset.Changes) (any, error) {
	var tx store.Querier
	if c.InTransaction() {
		tx = c.On(x.table.Store)
	}
	rows, err := x.table.InsertAll(c.Context(), tx, changes, records.Conflict{})
	if err != nil {
		return nil, x.failed(c, err, changes)
	}
	out := make([]any, len(rows))
	for i, row := range rows {
		out[i] = row
	}
	return out, nil
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
