package relations

import (
	"net/http"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// term is one entry of `order by`.
type term struct {
	value      expr
	column     string // where it is a plain column of the row: its name
	nullable   bool
	descending bool
	nullsFirst bool
}

// terms resolves the order of a node; total makes it so by the key.
func (p *planner) terms(n *node, total bool) ([]term, error) {
	var all []term
	for i := range n.read.Order {
		t, err := p.term(n, &n.read.Order[i])
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	if !total || n.grouped {
		return all, nil
	}
	for _, name := range n.relation.Key {
		if slices.ContainsFunc(all, func(t term) bool { return t.column == name }) {
			continue
		}
		t := term{value: expr{sql: column(n.alias, name)}, column: name}
		if c, ok := n.relation.column(name); ok {
			t.value.typ = typeOf(c, p.options.Dialect)
		}
		all = append(all, t)
	}
	return all, nil
}

func (p *planner) term(n *node, o *postgrest.Order) (term, error) {
	t := term{nullable: true, descending: o.Descending, nullsFirst: o.Descending}
	if o.Nulls != postgrest.NullsDefault {
		t.nullsFirst = o.Nulls == postgrest.NullsFirst
	}
	var err error
	if o.Embed != "" {
		t.value, err = p.relatedOrder(n, o)
	} else {
		t.value, err = p.field(n, o.By)
		if c, ok := n.relation.column(o.By.Name); ok && len(o.By.Path) == 0 && c.Call == "" {
			t.column, t.nullable = c.Name, c.Nullable
		}
	}
	if err != nil {
		return t, err
	}
	if p.options.Dialect == store.SQLite && t.value.json {
		t.value.sql = "(" + t.value.sql + " ->> '$')" // its value and not its text
	}
	switch t.value.typ.class {
	case jsons, opaque, shapes:
		return t, noOrdering(t.value.typeName())
	}
	if n.grouped && !slices.ContainsFunc(n.outputs, func(out output) bool { return !out.aggregated && out.value.sql == t.value.sql }) {
		return t, notGrouped(n.label, o.By.Name)
	}
	return t, nil
}

// relatedOrder orders by a column of a to-one embedding.
func (p *planner) relatedOrder(n *node, o *postgrest.Order) (expr, error) {
	c := n.child(o.Embed)
	if c == nil {
		return expr{}, notEmbedded(o.Embed)
	}
	if c.link.Many {
		return expr{}, manyOrder(n.relation.Name, o.Embed)
	}
	switch {
	case c.joined != nil:
		return p.field(c.joined, unaliased(c.joined, o.By))
	case c.beside != nil:
		return p.field(c.beside, o.By)
	}
	e, err := p.enter(n, c)
	if err != nil {
		return expr{}, err
	}
	x, err := p.field(e.node, o.By)
	if err != nil {
		return expr{}, err
	}
	conds, err := p.conditions(e.node)
	if err != nil {
		return expr{}, err
	}
	conds = append(e.ties, conds...)
	if !p.joins(c) {
		x.sql = "(select " + x.sql + " from " + e.from + where(conds) + " limit 1)"
		return x, nil
	}
	c.beside = e.node
	n.joins.WriteString(" left join " + e.from + " on " + joined(conds, " and "))
	return x, nil
}

// joins tells whether an embedding that is ordered by is joined. Postgres reads a join once, and
// a subselect for each row; SQLite does the same for both, but has made a join of `exists` then.
func (p *planner) joins(c *child) bool {
	sqlite := p.options.Dialect == store.SQLite
	return c.link.certain() && !(sqlite && c.item.Embed.Join == postgrest.Inner)
}

// certain tells a to-one whose row is one by a key. Views and functions only say so.
func (l *Link) certain() bool {
	there := make([]string, len(l.On))
	for i, on := range l.On {
		there[i] = on.There
	}
	return l.Call == "" && !l.To.View && l.To.keyed(there)
}

// unaliased gives what a spread column is called where it comes from: its row goes by the
// names that the request gave.
func unaliased(n *node, f postgrest.Field) postgrest.Field {
	if _, ok := n.relation.column(f.Name); ok {
		return f
	}
	for i := range n.read.Select {
		if item := &n.read.Select[i]; item.Kind == postgrest.Column && item.Alias == f.Name {
			return postgrest.Field{Name: item.Field.Name, Path: append(slices.Clone(item.Field.Path), f.Path...)}
		}
	}
	return f
}

func (p *planner) orderBy(terms []term) string {
	if len(terms) == 0 {
		return ""
	}
	parts := make([]string, len(terms))
	for i, t := range terms {
		parts[i] = t.value.sql
		if t.descending {
			parts[i] += " desc"
		}
		if t.nullable {
			parts[i] += p.nulls(t.descending, t.nullsFirst)
		}
	}
	return " order by " + strings.Join(parts, ", ")
}

// cursor names the columns of an order by which the next page can be found; nil when it
// cannot: not all are plain columns, or nothing makes it total.
func (n *node) cursor(terms []term) []string {
	if n.grouped || len(n.relation.Key) == 0 {
		return nil
	}
	names := make([]string, len(terms))
	for i, t := range terms {
		if t.column == "" {
			return nil
		}
		names[i] = t.column
	}
	return names
}

// after writes the condition on rows that come behind one with these values.
func (p *planner) after(terms []term, given []any, cursor []string) (string, error) {
	values := slices.Clone(given)
	if len(cursor) == 0 || len(values) != len(terms) {
		return "", refuse(http.StatusBadRequest, "PGRST100", "the cursor is not one of this order")
	}
	for i, v := range values {
		text, ok := v.(string)
		if !ok {
			continue
		}
		var err error
		if values[i], err = p.converts(terms[i].value.typ, text); err != nil {
			return "", err
		}
	}
	same := !slices.ContainsFunc(terms, func(t term) bool { return t.nullable || t.descending != terms[0].descending })
	if same {
		left, right := make([]string, len(terms)), make([]string, len(terms))
		for i, t := range terms {
			left[i], right[i] = t.value.sql, p.arg(values[i])
		}
		return "(" + strings.Join(left, ", ") + ")" + beyond(terms[0]) + "(" + strings.Join(right, ", ") + ")", nil
	}
	var ways []string
	equal := ""
	for i, t := range terms {
		place := ""
		if values[i] != nil {
			place = p.arg(values[i])
		}
		if past := t.past(place); past != "" {
			ways = append(ways, "("+equal+past+")")
		}
		equal += t.equal(place) + " and "
	}
	if len(ways) == 0 {
		return "false", nil
	}
	return "(" + strings.Join(ways, " or ") + ")", nil
}

func beyond(t term) string {
	if t.descending {
		return " < "
	}
	return " > "
}

// past is true of values that come behind the one at place; "" is null's place, and the
// answer when nothing comes behind it.
func (t term) past(place string) string {
	switch {
	case place == "" && t.nullsFirst:
		return t.value.sql + " is not null"
	case place == "":
		return ""
	case t.nullable && !t.nullsFirst:
		return "(" + t.value.sql + beyond(t) + place + " or " + t.value.sql + " is null)"
	default:
		return t.value.sql + beyond(t) + place
	}
}

func (t term) equal(place string) string {
	if place == "" {
		return t.value.sql + " is null"
	}
	return t.value.sql + " = " + place
}
