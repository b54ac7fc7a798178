package resource

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// A Served is one `resources` entry, read before any route is made, so that others can
// embed its rows and are limited by its rules.
type Served struct {
	Entry  *Entry
	At     diag.Pos // of the key `resources`
	Below  *Place   // what stands in its `routes`
	Parent *Served  // nil at the top

	place    *Place
	index    *Entries
	table    *records.Table         // nil: a fault was reported
	catalog  *store.CatalogRelation // of `table:`
	relation *relations.Relation
	face     *relations.Relation // the same where it is embedded: there the rule of a list holds
	embeds   []embedded
}

// A Place is a list of routes. What stands in it sees the same names, and so does all that
// stands in lists within.
type Place struct {
	outer  *Place
	served []*Served
}

// Within makes the place of a list that stands in another one.
func Within(outer *Place) *Place { return &Place{outer: outer} }

// embedded is a relation that an entry lets requests embed, with who says which rows.
type embedded struct {
	at       diag.Pos
	name     string
	relation *relations.Relation
	rules    *Served // nil: every row
}

// Entries has every `resources` of a manifest.
type Entries struct {
	env    *pipeline.Env
	ps     *diag.Problems
	all    []*Served
	byNode map[*source.Node]*Served
	open   map[*records.Table]*relations.Relation // of tables that no entry serves
	edges  map[*pipeline.Store][]edge
}

// NewEntries begins those of one application.
func NewEntries(env *pipeline.Env, ps *diag.Problems) *Entries {
	return &Entries{env: env, ps: ps, byNode: map[*source.Node]*Served{}, open: map[*records.Table]*relations.Relation{}, edges: map[*pipeline.Store][]edge{}}
}

// Of gives what was read of a node, nil when it has a fault.
func (x *Entries) Of(n *source.Node) *Served { return x.byNode[n] }

// Read lists the stores whose tables are served as the database has them.
func (x *Entries) Read() []*pipeline.Store {
	var list []*pipeline.Store
	for _, s := range x.all {
		if s.catalog != nil && !slices.Contains(list, s.table.Store) {
			list = append(list, s.table.Store)
		}
	}
	return list
}

// Add reads an entry that stands at a place. Faults are reported.
func (x *Entries) Add(n *source.Node, at diag.Pos, place *Place, parent *Served, saveUpload *pipeline.Def) *Served {
	before := x.ps.Len()
	e := &Entry{SaveUpload: saveUpload}
	f := spec.NewFields("`resources`")
	Describe(f, e)
	f.Decode(&spec.Decoder{Problems: x.ps, Load: config.NewLoader(x.env.Functions, x.env.Lenient)}, n, n.At)
	s := &Served{Entry: e, At: at, Below: Within(place), Parent: parent, place: place, index: x}
	if e.Path == nil || e.Schema.Name == "" && e.Table.Name == "" || !x.ps.OnlySince(before, spec.NotAvailable) {
		return nil
	}
	if e.Table.Name != "" {
		s.table, s.catalog = records.OfTable(x.env, e.Table, e.Store.Name, x.ps)
	} else {
		s.table = records.Of(x.env, e.Schema, e.Store.Name, x.ps)
	}
	x.byNode[n] = s
	x.all = append(x.all, s)
	place.served = append(place.served, s)
	return s
}

// Relation is what requests see of the entry's rows; nil where a fault was reported.
func (s *Served) Relation() *relations.Relation {
	if s.relation != nil || s.table == nil {
		return s.relation
	}
	s.relation = s.index.relationOf(s.table, s.catalog, s.columns)
	s.relation.Aggregates, s.relation.MaxRows = s.Entry.Aggregates, int64(s.Entry.MaxRows)
	face := *s.relation
	s.face = &face
	s.link()
	return s.relation
}

// embeddable is what requests see of the entry's rows within those of others, or its own.
func (s *Served) embeddable() *relations.Relation {
	if s.Relation(); s.face != nil {
		return s.face
	}
	return s.relation
}

// columns tells whether the entry shows a column. Those that `fields` does not know are
// reported where the entry is checked.
func (s *Served) columns(name string) bool {
	f := &s.Entry.Fields
	return s.catalog == nil || f.All || slices.ContainsFunc(f.Names, func(r spec.Ref) bool { return r.Name == name })
}

// relationOf describes a table: its columns that are shown, less what never leaves.
func (x *Entries) relationOf(t *records.Table, c *store.CatalogRelation, shows func(string) bool) *relations.Relation {
	r := &relations.Relation{Name: t.Name, Schema: t.In, Table: t.Name}
	for i := range t.Set.Fields {
		f := &t.Set.Fields[i]
		if f.Virtual || x.env.Manifest.Hidden(f.Name) || !shows(f.Name) {
			continue
		}
		column := relations.Column{Name: f.Name, Type: f.Type, Nullable: !f.Required}
		if c != nil {
			column = columnOf(&c.Columns[i])
		}
		r.Columns = append(r.Columns, column)
	}
	r.Key, r.Uniques = t.Key(c), uniquesOf(t, c)
	if c != nil {
		r.View = c.View
		r.Found, r.Columns = c.Schema, append(r.Columns, x.computedOf(t, c, shows)...)
	}
	return r
}

// columnOf describes a column that the database declares.
func columnOf(c *store.CatalogColumn) relations.Column {
	return relations.Column{Name: c.Name, Type: nearest(c.Type, c.Plain), Native: c.Native, Base: c.Base, Nullable: c.Nullable,
		ToJSON: c.ToJSON, FromText: c.FromText}
}

// nearest is the type that a value is read as; 0: the database makes JSON of it.
func nearest(t store.Type, plain bool) store.Type {
	if t == 0 && plain {
		return store.Text
	}
	return t
}

// uniquesOf lists the columns that are unique together, as the manifest or the database
// declares them.
func uniquesOf(t *records.Table, c *store.CatalogRelation) (list [][]string) {
	if c != nil {
		for _, key := range c.Uniques {
			list = append(list, key.Columns)
		}
		return list
	}
	for _, fields := range t.Set.Uniques() {
		names := make([]string, len(fields))
		for k, i := range fields {
			names[k] = t.Set.Fields[i].Name
		}
		list = append(list, names)
	}
	return list
}

// rulesFor finds who says which rows of a table an entry may embed: what stands below it,
// itself, what stands beside it or further out. found is false where only entries serve it
// whose rules may need names that are not seen here.
func (s *Served) rulesFor(t *records.Table) (rules *Served, found bool) {
	for place := s.Below; place != nil; place = place.outer {
		if s.table == t && place == s.place {
			return s, true
		}
		for _, other := range place.served {
			if other.table == t {
				return other, true
			}
		}
	}
	served := slices.ContainsFunc(s.index.all, func(other *Served) bool { return other.table == t })
	return nil, !served
}
