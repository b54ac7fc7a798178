package resource

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// computedOf lists the functions of the database that make one value of a row of the table,
// and so are asked for like columns; c is nil for a declared schema. Like a column, one is
// served where `fields` names it, or all.
func (x *Entries) computedOf(t *records.Table, c *store.CatalogRelation, shows func(string) bool) []relations.Column {
	var list []relations.Column
	for _, f := range x.functionsOf(t, c) {
		value := !f.Set && !f.Void && f.Relation == "" && f.Columns == nil
		column := slices.ContainsFunc(c.Columns, func(c store.CatalogColumn) bool { return c.Name == f.Name })
		if value && !column && shows(f.Name) && !x.env.Manifest.Hidden(f.Name) {
			list = append(list, relations.Column{Name: f.Name, Type: nearest(0, f.Plain), Native: f.Native, Base: f.Base, Nullable: true,
				Call: call(f), MayWrite: f.Volatile})
		}
	}
	return list
}

// computedLinks adds the functions of the database that give rows for a row of the table: a
// relation each, in place of those to a table of that name.
func (s *Served) computedLinks(list []candidate) []candidate {
	var computed []candidate
	for _, f := range s.index.functionsOf(s.table, s.index.catalogOf(s.table)) {
		if f.Relation == "" {
			continue
		}
		if to := s.index.tableOf(s.table.Store, f.RelationOf, f.Relation); to != nil && s.sees(to) {
			list = slices.DeleteFunc(list, func(c candidate) bool { return c.to.Name == f.Name })
			computed = append(computed, candidate{to: to, link: relations.Link{Names: []string{f.Name}, Many: f.Set && !f.One, Call: call(f), MayWrite: f.Volatile}})
		}
	}
	return append(list, computed...)
}

// functionsOf lists the functions that take a row of the table and nothing else.
func (x *Entries) functionsOf(t *records.Table, c *store.CatalogRelation) (list []*store.CatalogFunction) {
	if c == nil {
		return nil
	}
	catalog := x.env.Catalog(t.Store, diag.Pos{}, &diag.Problems{}) // it was read: no problem is new
	if catalog == nil {
		return nil
	}
	for i := range catalog.Functions {
		f := &catalog.Functions[i]
		if len(f.Params) == 1 && f.Params[0].Relation == c.Name && f.Params[0].RelationOf == c.Schema && f.Schema == c.Schema {
			list = append(list, f)
		}
	}
	return list
}

func call(f *store.CatalogFunction) string { return store.Quote(f.Schema) + "." + store.Quote(f.Name) }
