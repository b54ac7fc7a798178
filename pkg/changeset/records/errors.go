package records

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// Ours places what went wrong and is nobody's values' fault: a store that cannot be had is
// passing (503), all else stands as it is. name is the store's.
func Ours(name string, err error) error {
	var down *store.Unavailable
	if errors.As(err, &down) {
		return &pipeline.Unavailable{What: "store " + name, Err: err}
	}
	return fmt.Errorf("store %s: %w", name, err)
}

// Busy makes the refusal of a password that could not be hashed now; other errors stay.
func Busy(err error) error {
	var busy *password.Busy
	if errors.As(err, &busy) {
		return pipeline.Refuse(http.StatusServiceUnavailable, "busy", "too much is asked at once, try again")
	}
	return err
}

// Message is what a broken constraint says of a field.
func Message(k store.Kind) string {
	switch k {
	case store.Unique:
		return changeset.Taken
	case store.ForeignKey:
		return changeset.DoesNotExist
	case store.NotNull:
		return changeset.CantBeBlank
	}
	return changeset.IsInvalid
}

// Broken says which fields broke a rule that only the database could see.
type Broken struct {
	Kind     store.Kind
	Errors   map[string][]string
	Declared bool // the schema has the rule too
}

// Broken finds the fields behind an error of the store for a write of c; nil when it is no
// error of the values. For a delete c is nil. It may ask the store, so it is not for
// within a transaction.
func (t *Table) Broken(ctx context.Context, err error, c *changeset.Changes) *Broken {
	var conflict *store.Conflict
	var invalid *store.Invalid
	switch {
	case errors.As(err, &conflict):
		return t.conflict(ctx, conflict, c)
	case errors.As(err, &invalid):
		b := &Broken{Errors: map[string][]string{}}
		if name := t.culprit(invalid, c); name != "" {
			b.Errors[name] = []string{changeset.IsInvalid}
			b.Declared = true // the type is declared
		}
		return b
	}
	return nil
}

func (t *Table) conflict(ctx context.Context, conflict *store.Conflict, c *changeset.Changes) *Broken {
	b := &Broken{Kind: conflict.Kind, Errors: map[string][]string{}}
	columns := conflict.Columns
	if conflict.Kind == store.ForeignKey && len(columns) == 0 && c != nil {
		columns = t.orphans(ctx, c)
	}
	b.Declared = len(columns) > 0
	for _, column := range columns {
		b.Errors[column] = []string{Message(conflict.Kind)}
		b.Declared = b.Declared && t.declares(column, conflict.Kind)
	}
	return b
}

// declares tells whether the schema has a rule of this kind for a column.
func (t *Table) declares(column string, k store.Kind) bool {
	i := t.Set.Index(column)
	if i < 0 {
		return false
	}
	f := &t.Set.Fields[i]
	switch k {
	case store.Unique:
		return f.Unique || f.Name == changeset.ID
	case store.ForeignKey:
		return f.Parent() != nil
	case store.NotNull:
		return f.Required
	}
	return f.Type == store.Enum
}

// orphans finds the fields that refer to no row, where the database does not tell which.
func (t *Table) orphans(ctx context.Context, c *changeset.Changes) []string {
	var given, missing []string
	for i, st := range t.parents {
		v, _ := c.Get(i)
		if v == nil {
			continue
		}
		given = append(given, t.Set.Fields[i].Name)
		if row, err := One(t.Store.Query(ctx, st, []any{v}, 1)); err == nil && row == nil {
			missing = append(missing, t.Set.Fields[i].Name)
		}
	}
	if len(missing) == 0 && len(given) == 1 {
		return given
	}
	return missing
}

// culprit names the field whose value its column cannot hold, "" where that is not known.
func (t *Table) culprit(e *store.Invalid, c *changeset.Changes) string {
	if t.Set.Index(e.Column) >= 0 {
		return e.Column
	}
	if e.Param == 0 || c == nil {
		return ""
	}
	columns := t.stored(c.Given())
	if e.Param > len(columns) {
		return ""
	}
	return t.Set.Fields[columns[e.Param-1]].Name
}
