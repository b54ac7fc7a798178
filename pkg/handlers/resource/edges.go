package resource

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// An edge is a foreign key between two tables of a store, declared by a schema or found in
// the database.
type edge struct {
	name            string // the constraint's
	from, to        *records.Table
	columns, refers []string
	single          bool // one row at most points at another
	keyed           bool // its columns are part of the primary key: a junction's
	fromView        bool // an end is a view, which is embedded by its name alone
	toView          bool
}

// self tells a reference to the same table.
func (e *edge) self() bool { return e.from == e.to }

// edgesOf lists the foreign keys of a store, once.
func (x *Entries) edgesOf(st *pipeline.Store) []edge {
	if list, ok := x.edges[st]; ok {
		return list
	}
	list := x.declared(st)
	if catalog := x.read(st); catalog != nil {
		list = append(list, x.found(st, catalog)...)
	}
	x.edges[st] = list
	return list
}

// read gives the catalog of a store of which some entry serves a table as it is.
func (x *Entries) read(st *pipeline.Store) *store.Catalog {
	for _, s := range x.all {
		if s.catalog != nil && s.table.Store == st {
			return x.env.Catalog(st, s.Entry.Table.At, &diag.Problems{}) // it was read: no problem is new
		}
	}
	return nil
}

// declared are those of the schemas' `references`.
func (x *Entries) declared(st *pipeline.Store) []edge {
	var list []edge
	var told diag.Problems // by whoever serves the schema
	for _, s := range x.env.Manifest.Schemas {
		from := records.Of(x.env, spec.Ref{Name: s.Name, At: s.At}, st.Name, &told)
		if from == nil {
			continue
		}
		for i := range from.Set.Fields {
			f := &from.Set.Fields[i]
			if f.Parent() == nil || f.Virtual {
				continue
			}
			if to := records.Of(x.env, spec.Ref{Name: f.Refers, At: s.At}, st.Name, &told); to != nil {
				list = append(list, edge{name: keyName(from, f.Name), from: from, to: to, columns: []string{f.Name}, refers: []string{f.Parent().Column}, single: f.Unique, keyed: joins(from)})
			}
		}
	}
	return list
}

// keyName is what Postgres names the constraint of a column's foreign key, by which
// PostgREST's clients tell relations apart.
func keyName(from *records.Table, column string) string { return from.Name + "_" + column + "_fkey" }

// joins tells a schema whose rows only say that two others belong together.
func joins(t *records.Table) bool {
	for i := range t.Set.Fields {
		switch f := &t.Set.Fields[i]; {
		case f.Refers != "" || f.Virtual:
		case f.Name == changeset.ID || f.Name == changeset.InsertedAt || f.Name == changeset.UpdatedAt:
		default:
			return false
		}
	}
	return true
}

// found are those of the database, of its views too.
func (x *Entries) found(st *pipeline.Store, catalog *store.Catalog) []edge {
	var list []edge
	for i := range catalog.Relations {
		r := &catalog.Relations[i]
		from := x.tableOf(st, r.Schema, r.Name)
		for _, ref := range r.References {
			to := x.tableOf(st, ref.Schema, ref.Table)
			if from == nil || to == nil {
				continue
			}
			keyed := !slices.ContainsFunc(ref.Columns, func(c string) bool { return !slices.Contains(r.Key, c) })
			list = append(list, edge{name: ref.Name, from: from, to: to, columns: ref.Columns, refers: ref.Refers, single: ref.Single, keyed: keyed,
				fromView: r.View, toView: isView(catalog, ref.Schema, ref.Table)})
		}
	}
	return list
}

// tableOf gives a table or view of the database; nil: it cannot be served.
func (x *Entries) tableOf(st *pipeline.Store, schema, name string) *records.Table {
	if schema != "" {
		name = schema + "." + name
	}
	t, _ := records.OfTable(x.env, spec.Ref{Name: name}, st.Name, &diag.Problems{})
	return t
}

func isView(c *store.Catalog, schema, table string) bool {
	return slices.ContainsFunc(c.Relations, func(r store.CatalogRelation) bool { return r.Schema == schema && r.Name == table && r.View })
}
