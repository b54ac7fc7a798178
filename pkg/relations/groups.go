package relations

import (
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
)

// isCount tells an item that counts rows: count(), or count where no column is called so.
func (n *node) isCount(item *postgrest.Item) bool {
	_, is := n.relation.column("count")
	return item.Kind == postgrest.CountRows || item.Kind == postgrest.Column && item.Field.Name == "count" && !is && len(item.Field.Path) == 0
}

// onlyCounts tells `rel(count)`, by which clients of PostgREST count embedded rows. There it is
// no aggregate but a column that Postgres makes of the whole row, and so is always allowed.
func (n *node) onlyCounts(item *postgrest.Item) bool {
	return item.Kind == postgrest.Column && item.Aggregate == "" && len(n.read.Select) == 1 && n.joinedOn == ""
}

// rows counts the rows of a node; of one that is joined, those that there are.
func (p *planner) rows(n *node) string {
	if n.joinedOn != "" {
		return "count(" + n.joinedOn + ")"
	}
	return "count(*)"
}

// aggregates tells whether Postgres has an aggregate for a type.
func aggregates(name string, t sqlType) bool {
	switch name {
	case "count":
		return true
	case "sum", "avg":
		return t.class == numbers && t.name != "oid" || t.class == anything || t.name == "interval" || name == "sum" && t.name == "money"
	case "min", "max":
		switch t.class {
		case booleans, jsons, jsonbs, opaque, vectors, shapes, ranges:
			return false
		}
		return t.name != "uuid" && t.name != "bytea" && !strings.HasPrefix(t.name, "bit") && !strings.HasPrefix(t.name, "macaddr")
	}
	return false
}

// groups writes `group by`: by all that is not aggregated, by number, since the values may
// be subselects.
func (n *node) groups() string {
	if !n.grouped {
		return ""
	}
	return n.by(" group by ")
}

// total tells that all rows are one group: there is one row, also where nothing is found.
func (n *node) total() bool { return n.grouped && n.by("") == "" }

// by writes the places of the values that make the groups, behind a word.
func (n *node) by(word string) string {
	var by []string
	for i, o := range n.outputs {
		if !o.aggregated {
			by = append(by, strconv.Itoa(i+1))
		}
	}
	if len(by) == 0 {
		return ""
	}
	return word + strings.Join(by, ", ")
}
