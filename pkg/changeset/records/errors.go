package records

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/config"
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
	if c == nil {
		return t.BrokenRows(ctx, err, nil)
	}
	return t.BrokenRows(ctx, err, []*changeset.Changes{c})
}

// BrokenRows is Broken for a list of rows. The errors of a row of several are those of
// INDEX.FIELD, counted from 0, as far as the database tells which it is.
func (t *Table) BrokenRows(ctx context.Context, err error, list []*changeset.Changes) *Broken {
	from := 0
	several := len(list) > 1
	var in *RowsError
	if errors.As(err, &in) {
		from, list = in.From, list[in.From:in.To]
	}
	name := func(row int, field string) string {
		if !several || row < 0 {
			return field
		}
		return changeset.InRow(from+row, field)
	}
	var conflict *store.Conflict
	var invalid *store.Invalid
	switch {
	case errors.As(err, &conflict):
		return t.conflict(ctx, conflict, list, name)
	case errors.As(err, &invalid):
		b := &Broken{Errors: map[string][]string{}}
		if row, field := t.culprit(invalid, list); field != "" {
			b.Errors[name(row, field)] = []string{t.says(field, "", changeset.IsInvalid)}
			b.Declared = true // the type is declared
		}
		return b
	}
	return nil
}

func (t *Table) conflict(ctx context.Context, conflict *store.Conflict, list []*changeset.Changes, name func(int, string) string) *Broken {
	b := &Broken{Kind: conflict.Kind, Errors: map[string][]string{}}
	if first := t.together(conflict); first != "" {
		b.Errors[first], b.Declared = []string{t.says(first, conflict.Kind, Message(conflict.Kind))}, true
		return b
	}
	places := make([]place, 0, len(conflict.Columns))
	for _, column := range conflict.Columns {
		places = append(places, place{-1, column})
	}
	if conflict.Kind == store.ForeignKey && len(places) == 0 {
		places = t.orphans(ctx, list)
	}
	b.Declared = len(places) > 0
	for _, p := range places {
		b.Errors[name(p.row, p.field)] = []string{t.says(p.field, conflict.Kind, Message(conflict.Kind))}
		b.Declared = b.Declared && t.declares(p.field, conflict.Kind)
	}
	return b
}

// A place is a field of one row of a list; row -1: of which one is not known.
type place struct {
	row   int
	field string
}

// together finds the declared constraint over several fields that was broken and gives its
// first field, which has the error.
func (t *Table) together(conflict *store.Conflict) string {
	if conflict.Kind != store.Unique || len(conflict.Columns) < 2 {
		return ""
	}
	for _, fields := range t.Set.Uniques() {
		if len(fields) == len(conflict.Columns) && !slices.ContainsFunc(fields, func(i int) bool { return !slices.Contains(conflict.Columns, t.Set.Fields[i].Name) }) {
			return t.Set.Fields[fields[0]].Name
		}
	}
	return ""
}

// says is what is said of a field: the manifest's message for the rule, or own.
func (t *Table) says(field string, k store.Kind, own string) string {
	i := t.Set.Index(field)
	if i < 0 {
		return own
	}
	f, rule := &t.Set.Fields[i], config.RuleType
	switch {
	case k == store.Unique:
		rule = config.RuleUnique
	case k == store.ForeignKey:
		rule = config.RuleReferences
	case k == store.NotNull:
		rule = config.RuleRequired
	case k == store.Check && f.Type == store.Enum:
		rule = config.RuleValues
	case k == store.Check:
		rule = config.RuleCheck
	}
	return f.Says(rule, own)
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
		return f.Unique || f.Name == changeset.ID && !t.Found
	case store.ForeignKey:
		return f.Parent() != nil
	case store.NotNull:
		return f.Required
	}
	return f.Type == store.Enum
}

// maxAsked bounds the rows that are looked for to tell which reference is wrong.
const maxAsked = 100

// orphans finds the fields that refer to no row, where the database does not tell which.
func (t *Table) orphans(ctx context.Context, list []*changeset.Changes) []place {
	var given, missing []place
	for row, c := range list {
		for i, st := range t.parents {
			v, _ := c.Get(i)
			if v == nil || len(given) == maxAsked {
				continue
			}
			at := place{row, t.Set.Fields[i].Name}
			given = append(given, at)
			if row, err := One(t.Store.Query(ctx, st, []any{v}, 1)); err == nil && row == nil {
				missing = append(missing, at)
			}
		}
	}
	if len(missing) == 0 && len(given) == 1 {
		return given
	}
	return missing
}

// culprit names the field whose value its column cannot hold, "" where that is not known.
func (t *Table) culprit(e *store.Invalid, list []*changeset.Changes) (row int, field string) {
	if t.Set.Index(e.Column) >= 0 {
		return -1, e.Column
	}
	if e.Param == 0 || len(list) == 0 {
		return -1, ""
	}
	columns := t.stored(list[0].Given())
	if len(columns) == 0 || e.Param > len(columns)*len(list) {
		return -1, ""
	}
	return (e.Param - 1) / len(columns), t.Set.Fields[columns[(e.Param-1)%len(columns)]].Name
}
