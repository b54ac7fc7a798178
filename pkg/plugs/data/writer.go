package data

import (
	"errors"
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// A writer is what the plugs that write rows of a schema have in common.
type writer struct {
	table  *records.Table
	values *pipeline.Value
}

func describeSchema(s *pipeline.Settings, p *spec.Ref) {
	s.Declared(p, "schema", "schema", "The schema of the row.", pipeline.SchemaNames).Require()
}

// tableOf gives the table of a schema on a store, nil when a problem was reported.
func tableOf(schema, on spec.Ref, b *pipeline.Build) *records.Table {
	t := records.Of(b.Env, schema, on.Name, b.Problems)
	if t == nil {
		return nil
	}
	at := on.At
	if at.IsZero() {
		at = b.At
	}
	b.UsesStore(t.Store, at)
	return t
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

// keysOf tells which fields may be set: keys that stand in the manifest may be any, a whole
// map gives those that a client may write.
func keysOf(written *source.Node) changeset.Keys {
	if written.Kind == source.Map {
		return changeset.Trusted
	}
	return changeset.Loose
}

// eval computes the values.
func (w *writer) eval(c *pipeline.Context) (any, error) {
	v, err := w.values.Eval(c.Frame)
	if err != nil {
		return nil, records.Busy(err)
	}
	raw, ok := v.(*value.Raw)
	if !ok {
		return v, nil
	}
	if v, err = raw.Value(); err != nil {
		return nil, pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "the values are not JSON")
	}
	return v, nil
}

// checked checks the values of one row. record is the row as it was, nil where it is not
// known or not there.
func (w *writer) checked(c *pipeline.Context, in changeset.Input, v any, record value.Object) (*changeset.Changes, error) {
	var ok bool
	if in.Given, ok = fieldsOf(v); !ok {
		return nil, pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "expected values by field, found %s", value.Describe(v))
	}
	changes, err := w.table.Cast(in, record, c.Now())
	var bad *changeset.Invalid
	if errors.As(err, &bad) {
		return nil, pipeline.Invalid(bad.Errors)
	}
	return changes, records.Busy(err)
}

// failed makes errors by field of constraints that the database keeps.
func (w *writer) failed(c *pipeline.Context, err error, rows []*changeset.Changes) error {
	var conflict *store.Conflict
	if c.InTransaction() && errors.As(err, &conflict) {
		// Which field it is may be a question to the store, which is asked when the
		// transaction is over.
		refusal := constraint(conflict)
		ctx := c.Context()
		c.AfterRollback(func() {
			if told, ok := w.refusal(w.table.BrokenRows(ctx, err, rows)); ok {
				*refusal = *told
			}
		})
		return refusal
	}
	if told, ok := w.refusal(w.table.BrokenRows(c.Context(), err, rows)); ok {
		return told
	}
	return ours(w.table.Store, err)
}

// refusal says what is broken by field; ok is false where nothing of the values is.
func (w *writer) refusal(b *records.Broken) (refusal *pipeline.Refusal, ok bool) {
	if b == nil {
		return nil, false
	}
	switch {
	case len(b.Errors) > 0 && w.knows(b.Errors):
		return pipeline.Invalid(b.Errors), true
	case b.Kind == "":
		return pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "a value is not one that its column can hold"), true
	}
	return pipeline.Refuse(http.StatusConflict, "conflict", "a rule of the database is broken: %s", b.Kind), true
}

// knows tells errors whose fields are all of the schema.
func (w *writer) knows(errs map[string][]string) bool {
	for field := range errs {
		if _, inRow, ok := strings.Cut(field, "."); ok {
			field = inRow
		}
		if w.table.Set.Index(field) < 0 {
			return false
		}
	}
	return true
}
