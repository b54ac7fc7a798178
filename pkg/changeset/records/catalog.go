package records

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// OfTable gives a table that the database declares. It is nil when there is none, which is
// reported, or when the database cannot be had, which is for the caller of Env.Catalog.
func OfTable(env *pipeline.Env, name spec.Ref, storeName string, ps *diag.Problems) (*Table, *store.CatalogRelation) {
	st := Store(env, storeName, name.At, ps)
	if st == nil {
		return nil, nil
	}
	catalog := env.Catalog(st, name.At, ps)
	if catalog == nil {
		return nil, nil
	}
	found := catalog.Find(name.Name)
	if found == nil {
		p := ps.Add(name.At, "unknown-table", "the store %s has no table or view %q", st.Name, name.Name)
		p.Hint = diag.DidYouMean(name.Name, catalog.Names())
		return nil, nil
	}
	return env.Memo("database table|"+st.Name+"|"+found.Schema+"|"+found.Name, func() any {
		t := &Table{Schema: found.Name, Name: found.Name, Set: changeset.OfColumns(held(found.Columns, st.Dialect)), Store: st, Found: true, inserted: -1, updated: -1}
		if !found.Visible {
			t.In = found.Schema
		}
		t.all = t.Columns(func(*changeset.Field) bool { return true })
		return t
	}).(*Table), found
}

// held gives columns the types of what they can hold: on SQLite an integer has 64 bits.
func held(columns []store.CatalogColumn, d expr.Dialect) []store.CatalogColumn {
	if d != expr.SQLite {
		return columns
	}
	columns = slices.Clone(columns)
	for i := range columns {
		if columns[i].Type == store.Integer {
			columns[i].Type = store.Bigint
		}
	}
	return columns
}

// From is the table as statements name it.
func (t *Table) From() string {
	if t.In == "" {
		return store.Quote(t.Name)
	}
	return store.Quote(t.In) + "." + store.Quote(t.Name)
}

// Key names the columns of the primary key; c is what the database says, nil for a declared
// schema.
func (t *Table) Key(c *store.CatalogRelation) []string {
	if c != nil {
		return c.Key
	}
	return []string{changeset.ID}
}
