// Package drift compares the tables that the declared schemas need with those that a
// database has.
package drift

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
)

// A Kind is what differs.
type Kind uint8

// The kinds. What only the database has is told by Surplus.
const (
	MissingTable Kind = iota + 1
	MissingColumn
	OtherType
	OtherLength      // the database bounds a text that the schema does not
	OtherValues      // of an enum
	MayBeNull        // the schema requires the column
	MustNotBeNull    // the schema does not require it
	NotFilled        // the key is to be made by the database, and is not
	Demanded         // the schema has no such column, and the database wants a value
	MissingDefault   // the declared default is not the database's
	OtherKey         // the primary key has other columns
	MissingUnique    // Columns are not unique
	MissingReference // the column points at nothing, or at something else
	OtherDelete      // what becomes of a row when the one it points at goes
	SurplusTable
	SurplusColumn
)

// A Severity tells what follows from a difference.
type Severity uint8

// The severities: a Note changes nothing, a Rule of the manifest is not kept by the database
// (the application still checks what it can), and with Fails some request cannot be answered.
const (
	Note Severity = iota + 1
	Rule
	Fails
)

// String gives the severity in words.
func (s Severity) String() string {
	return [...]string{"", "note", "a rule is not kept", "an answer would fail"}[s]
}

// A Difference is one thing that is not as declared.
type Difference struct {
	Kind     Kind
	Severity Severity
	Table    string
	Column   string   // "" for what concerns the table
	Columns  []string // of a unique constraint or a key, as declared
	Want     *store.Column
	Need     *store.Table // the whole table as declared; nil for SurplusTable
	Have     *store.CatalogColumn
	In       *store.CatalogRelation // nil for MissingTable

	detail string
}

// String is a sentence with the table and column.
func (d Difference) String() string {
	place := d.Table
	if d.Column != "" {
		place += "." + d.Column
	}
	return place + " " + d.detail
}

// Compare tells how the tables that the database has differ from those that are needed, in
// the order of these. Each is looked for among those that statements find without the name
// of a schema. Of a view only the columns are compared: it has no rules of its own.
func Compare(needed []store.Table, c *store.Catalog, dialect store.Dialect) []Difference {
	all := &comparison{dialect: dialect}
	for i := range needed {
		need := &needed[i]
		have := find(c, need.Name, dialect)
		if have == nil {
			all.add(Difference{Kind: MissingTable, Severity: Fails, Table: need.Name, Need: need, detail: "is not in the database"})
			continue
		}
		t := &table{comparison: all, need: need, have: have}
		t.compare()
	}
	return all.found
}

// Surplus tells which tables and columns the database has that no schema needs.
func Surplus(needed []store.Table, c *store.Catalog, dialect store.Dialect) []Difference {
	all := &comparison{dialect: dialect}
	for i := range c.Relations {
		have := &c.Relations[i]
		if !have.Visible {
			continue
		}
		k := slices.IndexFunc(needed, func(t store.Table) bool { return sameName(t.Name, have.Name, dialect) })
		if k < 0 {
			all.add(Difference{Kind: SurplusTable, Severity: Note, Table: have.Name, In: have, detail: "is in the database and no schema declares it"})
			continue
		}
		for j := range have.Columns {
			if column := &have.Columns[j]; declared(&needed[k], column.Name, dialect) == nil {
				all.add(Difference{Kind: SurplusColumn, Severity: Note, Table: have.Name, Column: column.Name, Need: &needed[k],
					Have: column, In: have, detail: "is in the database and the schema does not declare it"})
			}
		}
	}
	return all.found
}

// sameName compares names as the database does: SQLite's are the same in any case.
func sameName(a, b string, dialect store.Dialect) bool {
	return a == b || dialect == store.SQLite && strings.EqualFold(a, b)
}

func find(c *store.Catalog, name string, dialect store.Dialect) *store.CatalogRelation {
	for i := range c.Relations {
		if r := &c.Relations[i]; r.Visible && sameName(r.Name, name, dialect) {
			return r
		}
	}
	return nil
}

func declared(t *store.Table, column string, dialect store.Dialect) *store.Column {
	for i := range t.Columns {
		if sameName(t.Columns[i].Name, column, dialect) {
			return &t.Columns[i]
		}
	}
	return nil
}

type comparison struct {
	dialect store.Dialect
	found   []Difference
}

func (c *comparison) add(d Difference) { c.found = append(c.found, d) }

// table is one that is both needed and there.
type table struct {
	*comparison
	need *store.Table
	have *store.CatalogRelation
}

func (t *table) compare() {
	var key []string
	for i := range t.need.Columns {
		want := &t.need.Columns[i]
		if want.Primary {
			key = append(key, want.Name)
		}
		if have := t.column(want.Name); have != nil {
			t.compareColumn(want, have)
		} else {
			t.tell(MissingColumn, Fails, want, nil, "is not in the database")
		}
	}
	if t.have.View {
		return
	}
	t.demanded()
	if key != nil && !t.same(key, t.have.Key) {
		t.add(Difference{Kind: OtherKey, Severity: Rule, Table: t.need.Name, Columns: key, Need: t.need, In: t.have,
			detail: fmt.Sprintf("has %s, and the schema's is %s", keyWords(t.have.Key), strings.Join(key, ", "))})
	}
	for _, columns := range t.need.Uniques {
		if !t.unique(columns) {
			t.add(Difference{Kind: MissingUnique, Severity: Rule, Table: t.need.Name, Columns: columns, Need: t.need, In: t.have,
				detail: "may hold two rows with the same " + strings.Join(columns, ", ") + " in the database"})
		}
	}
}

func keyWords(key []string) string {
	if len(key) == 0 {
		return "no primary key in the database"
	}
	return "the primary key " + strings.Join(key, ", ") + " in the database"
}

// demanded finds the columns that a new row cannot do without and never gets.
func (t *table) demanded() {
	for i := range t.have.Columns {
		have := &t.have.Columns[i]
		if !have.Nullable && !have.Filled && declared(t.need, have.Name, t.dialect) == nil {
			t.add(Difference{Kind: Demanded, Severity: Fails, Table: t.need.Name, Column: have.Name, Need: t.need, Have: have, In: t.have,
				detail: "wants a value in the database, and the schema does not declare it"})
		}
	}
}

func (t *table) column(name string) *store.CatalogColumn {
	for i := range t.have.Columns {
		if sameName(t.have.Columns[i].Name, name, t.dialect) {
			return &t.have.Columns[i]
		}
	}
	return nil
}

// same compares sets of columns.
func (t *table) same(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for _, name := range a {
		if !slices.ContainsFunc(b, func(other string) bool { return sameName(name, other, t.dialect) }) {
			return false
		}
	}
	return true
}

func (t *table) unique(columns []string) bool {
	return t.same(columns, t.have.Key) ||
		slices.ContainsFunc(t.have.Uniques, func(k store.CatalogKey) bool { return t.same(columns, k.Columns) })
}

func (t *table) tell(kind Kind, severity Severity, want *store.Column, have *store.CatalogColumn, detail string) {
	t.add(Difference{Kind: kind, Severity: severity, Table: t.need.Name, Column: want.Name, Need: t.need, Want: want, Have: have, In: t.have, detail: detail})
}
