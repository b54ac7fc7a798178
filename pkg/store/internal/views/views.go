// Package views tells which keys and foreign keys are seen through views, as PostgREST
// infers them (allViewsKeyDependencies, addViewM2OAndO2ORels and addViewPrimaryKeys in its
// src/PostgREST/SchemaCache.hs): a view that shows all columns of a key has the key, and one
// that shows all columns at one end of a foreign key stands at that end too.
package views

import "github.com/openmanifest/gateway/pkg/store"

// A Name is that of a table or view.
type Name struct{ Schema, Name string }

// An Origin is the column, of a table or of a view, that a column of a view shows.
type Origin struct {
	Of     Name
	Column string
}

// Origins has the origins of the columns of views, by view and column. Columns that are
// computed have none.
type Origins map[Name]map[string]Origin

// deepest bounds how many views are looked through.
const deepest = 100

// below follows an origin through views down to a table.
func (o Origins) below(from Origin) Origin {
	for range deepest {
		next, ok := o[from.Of][from.Column]
		if !ok {
			return from
		}
		from = next
	}
	return from
}

// window is a view in front of a table.
type window struct {
	view  *store.CatalogRelation
	shows map[string][]string // the view's columns, by the table's
}

// See adds to c the keys and foreign keys that are seen through its views.
func See(c *store.Catalog, origins Origins) {
	relations := make(map[Name]*store.CatalogRelation, len(c.Relations))
	for i := range c.Relations {
		relations[nameOf(&c.Relations[i])] = &c.Relations[i]
	}
	before := make(map[Name][]window)
	for i := range c.Relations {
		view := &c.Relations[i]
		tables, shown := origins.shown(view)
		for _, table := range tables {
			w := window{view, shown[table]}
			before[table] = append(before[table], w)
			if below := relations[table]; below != nil {
				view.Key = append(view.Key, w.key(below.Key)...)
			}
		}
	}
	for i := range c.Relations {
		table := &c.Relations[i]
		for _, key := range table.References {
			if !key.Seen {
				addSeen(table, key, before)
			}
		}
	}
}

func nameOf(r *store.CatalogRelation) Name { return Name{r.Schema, r.Name} }

// shown lists the tables that a view shows columns of, and which, in the view's order.
func (o Origins) shown(view *store.CatalogRelation) (tables []Name, shown map[Name]map[string][]string) {
	shown = make(map[Name]map[string][]string)
	columns := o[nameOf(view)]
	for _, c := range view.Columns {
		from, ok := columns[c.Name]
		if !ok {
			continue
		}
		from = o.below(from)
		if shown[from.Of] == nil {
			shown[from.Of] = make(map[string][]string)
			tables = append(tables, from.Of)
		}
		shown[from.Of][from.Column] = append(shown[from.Of][from.Column], c.Name)
	}
	return tables, shown
}

// key names a key's columns as the view does; nil when it lacks one.
func (w window) key(columns []string) []string {
	var names []string
	for _, c := range columns {
		if len(w.shows[c]) == 0 {
			return nil
		}
		names = append(names, w.shows[c][0])
	}
	return names
}

// An end is one side of a foreign key.
type end struct {
	relation *store.CatalogRelation
	columns  []string
}

// ends lists the views that show all the columns, once for each way to name them.
func ends(columns []string, windows []window) (out []end) {
	for _, w := range windows {
		names := [][]string{nil}
		for _, c := range columns {
			var longer [][]string
			for _, head := range names {
				for _, name := range w.shows[c] {
					longer = append(longer, append(head[:len(head):len(head)], name))
				}
			}
			names = longer
		}
		for _, n := range names {
			out = append(out, end{w.view, n})
		}
	}
	return out
}

// addSeen adds what a foreign key of table means with a view at either end, or at both.
func addSeen(table *store.CatalogRelation, key store.CatalogReference, before map[Name][]window) {
	other := Name{key.Schema, key.Table}
	targets := ends(key.Refers, before[other])
	key.Seen = true
	add := func(from end, toSchema, to string, refers []string) {
		k := key
		k.Columns, k.Schema, k.Table, k.Refers = from.columns, toSchema, to, refers
		from.relation.References = append(from.relation.References, k)
	}
	for _, from := range ends(key.Columns, before[nameOf(table)]) {
		add(from, key.Schema, key.Table, key.Refers)
		for _, to := range targets {
			add(from, to.relation.Schema, to.relation.Name, to.columns)
		}
	}
	for _, to := range targets {
		add(end{table, key.Columns}, to.relation.Schema, to.relation.Name, to.columns)
	}
}
