package resource

import (
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// Given are rows of a table or view that do not come out of it: a function of the database
// gives them, and decides which. What may be seen of them and embedded in them is what the
// entry says that serves the table.
type Given struct {
	Relation *relations.Relation
	served   *Served // nil: no entry serves it
}

// Given describes the rows of a relation of a store's catalog, for who stands at a place.
func (x *Entries) Given(st *pipeline.Store, r *store.CatalogRelation, place *Place) *Given {
	for ; place != nil; place = place.outer {
		for _, s := range place.served {
			t := s.table
			if t == nil || t.Store != st || t.Name != r.Name || t.In != r.Schema && (t.In != "" || !r.Visible) {
				continue
			}
			if rel := s.Relation(); rel != nil {
				own := *rel
				return &Given{Relation: &own, served: s}
			}
		}
	}
	return &Given{Relation: x.GivenColumns(r.Name, r.Columns)}
}

// GivenColumns describes rows that are no table's.
func (x *Entries) GivenColumns(name string, columns []store.CatalogColumn) *relations.Relation {
	r := &relations.Relation{Name: name, Table: name, MaxRows: maxRows}
	for _, c := range columns {
		if !x.env.Manifest.Hidden(c.Name) {
			r.Columns = append(r.Columns, relations.Column{Name: c.Name, Type: nearest(c.Type, c.Plain), Native: c.Native, Base: c.Base, Nullable: true})
		}
	}
	return r
}

// Reach compiles the rules of what may be embedded, against the names of a route.
func (g *Given) Reach(b *pipeline.Build, at diag.Pos) func(*pipeline.Context) func(*relations.Relation) (relations.Limit, error) {
	if g.served == nil {
		return func(*pipeline.Context) func(*relations.Relation) (relations.Limit, error) {
			return func(*relations.Relation) (relations.Limit, error) { return relations.Limit{}, nil }
		}
	}
	x := &rules{Resource: &Resource{served: g.served, entry: g.served.Entry, table: g.served.table, at: at}}
	x.reachFrom(b, g.served, map[*Served]bool{})
	return x.reach
}

// Store is the one that has the rows.
func (r *Resource) Store() *pipeline.Store { return r.table.Store }
