package resource

import (
	"maps"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// tableInsert makes of rows what is written to a table as the database has it: the database
// knows best what its columns take, so the values go as they are.
func (w *write) tableInsert(in *insertion, s *sentRows) error {
	if err := w.known(s); err != nil {
		return err
	}
	in.sent, in.fixed = s, map[string]any{}
	for _, x := range w.base {
		in.fixed[w.table.Set.Fields[x.Field].Name] = x.Value
	}
	if err := w.unnamed(s.columns); err != nil {
		return err
	}
	if err := w.guardSent(s); err != nil {
		return err
	}
	if err := w.lateRows(s); err != nil {
		return err
	}
	columns := slices.Concat(s.columns, slices.Sorted(maps.Keys(in.fixed)))
	text, err := s.list(in.fixed)
	if err != nil {
		return err
	}
	in.change, err = w.tableChange(columns, text)
	return err
}

// tableChange is a change of columns by rows of JSON.
func (w *write) tableChange(columns []string, rows []byte) (*relations.Change, error) {
	c := &relations.Change{Columns: columns, JSON: rows, Defaults: w.prefer.Missing == postgrest.MissingDefault}
	for _, name := range columns {
		column := &w.served.catalog.Columns[w.table.Set.Index(name)]
		if column.Generated && w.table.Store.Dialect == expr.SQLite {
			return nil, &postgrest.Error{Status: 400, Code: "428C9", Message: `cannot insert a non-DEFAULT value into column "` + name + `"`,
				Details: `Column "` + name + `" is a generated column.`}
		}
		native := column.Native
		if column.FromJSON != "" {
			native = "json"
		}
		c.Natives, c.Parsers = append(c.Natives, native), append(c.Parsers, column.FromJSON)
		c.DefaultSQL = append(c.DefaultSQL, w.defaultOf(column))
	}
	return c, nil
}

// defaultOf is the default of a column as SQL. That of an identity is its sequence's, which
// the catalog does not tell.
func (w *write) defaultOf(c *store.CatalogColumn) string {
	if c.Default != "" && c.FromJSON != "" && c.ToJSON != "" { // it goes with the others, in their form
		return c.ToJSON + "((" + c.Default + ")::" + c.Native + ")"
	}
	if c.Default != "" || !c.Filled || w.table.Store.Dialect != expr.Postgres {
		return c.Default
	}
	quoted := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return "nextval(pg_get_serial_sequence(" + quoted(w.table.From()) + ", " + quoted(c.Name) + "))"
}

// unnamed refuses columns that the manifest sets.
func (x *rules) unnamed(columns []string) error {
	var bad changeset.Invalid
	for _, name := range columns {
		if i := x.table.Set.Index(name); i >= 0 && x.fixes(i) {
			bad.Add(name, changeset.NotSettable)
		}
	}
	if len(bad.Errors) > 0 {
		return invalid(bad.Errors)
	}
	return nil
}

// lateRows tests the rule of a create that reads the changes.
func (w *write) lateRows(s *sentRows) error {
	needs := w.late || w.other.late
	if !needs {
		return nil
	}
	w.changes = make([]*changeset.Changes, len(s.rows))
	for i := range s.rows {
		changes, err := w.table.Set.Cast(changeset.Input{Mode: changeset.Create, Keys: changeset.Trusted, Given: s.given(i, true), Fixed: w.base})
		if err != nil {
			return castError(err)
		}
		w.changes[i] = changes
		if !w.late {
			continue
		}
		w.c.Slots[pipeline.SlotChanges] = changes
		if err := w.allowed(w.c); err != nil {
			return err
		}
	}
	return nil
}
