package changeset

import "github.com/openmanifest/gateway/pkg/store"

// OfColumns makes the set of a table that the database declares: its columns as they are,
// with no rule beside those that the database has.
func OfColumns(columns []store.CatalogColumn) *Set {
	s := &Set{index: make(map[string]int, len(columns))}
	for i, c := range columns {
		s.index[c.Name] = i
		t := c.Type
		if t == 0 {
			t = store.Text
		}
		s.Fields = append(s.Fields, Field{Name: c.Name, Type: t, Writable: !c.Generated, values: c.Values})
	}
	return s
}
