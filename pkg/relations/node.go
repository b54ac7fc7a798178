package relations

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// node is a relation within a statement: the one asked, or one use of an embedded one.
type node struct {
	relation *Relation
	read     *postgrest.Read
	alias    string
	label    string // what messages call it: as PostgREST's alias does
	depth    int
	children []*child
	joins    strings.Builder // to-one spreads
	outputs  []output
	grouped  bool
	joinedOn string // of a joined node: a column that only a row that is there has
}

// child is an embedding: what was asked, and the link that it means.
type child struct {
	item   *postgrest.Item
	link   *Link
	joined *node // where it is spread into the row
	beside *node // where its row is joined for the order alone
}

func (c *child) name() string {
	if c.item.Alias != "" {
		return c.item.Alias
	}
	return c.item.Embed.Name
}

// node resolves the embeddings of a relation under an alias of its own.
func (p *planner) node(r *Relation, q *postgrest.Read, label string, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, tooMuch("levels of embedding", maxDepth)
	}
	if len(q.Select) > maxColumns {
		return nil, tooMuch("columns", maxColumns)
	}
	n := &node{relation: r, read: q, alias: p.alias(), label: label, depth: depth}
	for i := range q.Select {
		item := &q.Select[i]
		if item.Kind != postgrest.Embed {
			continue
		}
		link, err := r.link(item.Embed.Name, item.Embed.Hint)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, &child{item: item, link: link})
	}
	return n, nil
}

// link finds what a request calls by a name and a hint (PostgREST.Plan, findRel).
func (r *Relation) link(name, hint string) (*Link, error) {
	var found []*Link
	for _, l := range r.Links {
		if slices.Contains(l.Names, name) && (hint == "" || slices.Contains(l.Hints, hint)) {
			found = append(found, l)
		}
	}
	switch len(found) {
	case 0:
		return nil, noLink(r, name, hint)
	case 1:
		return found[0], nil
	default:
		return nil, ambiguous(r, name, found)
	}
}

// child finds an embedding by its alias, or its name where it has none.
func (n *node) child(name string) *child {
	for _, c := range n.children {
		if c.name() == name {
			return c
		}
	}
	return nil
}

// field gives the value of a column, or within its JSON.
func (p *planner) field(n *node, f postgrest.Field) (expr, error) {
	c, ok := n.relation.column(f.Name)
	if !ok {
		return expr{}, noColumn(n.relation, n.label, f.Name)
	}
	x := p.column(n, c)
	if i := slices.IndexFunc(f.Path, func(s postgrest.Step) bool { return s.Text }); i >= 0 && i+1 < len(f.Path) {
		return expr{}, noStep(f.Path[i+1])
	}
	if len(f.Path) > 0 {
		x = p.into(p, x, f.Path)
	}
	return x, nil
}

// column gives a column's value. A function takes the row as one of its table.
func (p *planner) column(n *node, c Column) expr {
	x := expr{sql: column(n.alias, c.Name), typ: typeOf(c, p.options.Dialect), own: c.own(p.options.Dialect)}
	if c.Call != "" {
		x.sql = c.Call + p.rowOf(n)
		p.writes = p.writes || c.MayWrite
	}
	return x
}

// choose fills the outputs of a node: what its rows show.
func (p *planner) choose(n *node) error {
	items := n.read.Select
	if items == nil {
		items = []postgrest.Item{{Kind: postgrest.Star}}
	}
	n.outputs = make([]output, 0, len(items)+len(n.relation.Columns))
	at := 0
	for i := range items {
		item := &items[i]
		var err error
		switch item.Kind {
		case postgrest.Star:
			for _, c := range n.relation.Columns {
				if c.Call == "" {
					n.outputs = append(n.outputs, output{name: c.Name, value: represented(c, p.column(n, c))})
				}
			}
		case postgrest.Column, postgrest.CountRows:
			err = p.chooseColumn(n, item)
		case postgrest.Embed:
			err = p.chooseEmbed(n, n.children[at])
			at++
		}
		if err != nil {
			return err
		}
		if len(n.outputs) > maxColumns {
			return tooMuch("columns", maxColumns)
		}
	}
	return nil
}

// settle makes the outputs of a node what its select list shows. Where some are aggregated,
// the others must be values that the database can compare.
func (p *planner) settle(n *node, as layout) {
	n.grouped = slices.ContainsFunc(n.outputs, func(o output) bool { return o.aggregated })
	for i, o := range n.outputs {
		if as == outermost || n.grouped {
			n.outputs[i].value = p.shown(p, o.value, n.grouped && !o.aggregated)
		}
	}
}

func (p *planner) chooseColumn(n *node, item *postgrest.Item) error {
	name := keyOf(item)
	if !writable(name) {
		return refuse(http.StatusBadRequest, "22021", "invalid byte sequence for encoding \"UTF8\"")
	}
	counts := n.isCount(item)
	if (counts || item.Aggregate != "") && !n.relation.Aggregates && !n.onlyCounts(item) {
		return noAggregates()
	}
	if counts {
		x, err := p.castTo(n, expr{sql: p.rows(n), typ: usual(store.Bigint)}, firstOf(item.AggCast, item.Cast))
		n.outputs = append(n.outputs, output{name: name, value: x, aggregated: true})
		return err
	}
	x, err := p.field(n, item.Field)
	if err != nil {
		return err
	}
	if c, _ := n.relation.column(item.Field.Name); len(item.Field.Path) == 0 && item.Aggregate == "" {
		x = represented(c, x)
	}
	if x, err = p.castTo(n, x, item.Cast); err != nil {
		return err
	}
	if item.Aggregate != "" {
		if !aggregates(item.Aggregate, x.typ) {
			return noFunction(item.Aggregate, x.typeName())
		}
		p.risky = true // a sum may be too large
		x = p.aggregate(item.Aggregate, x)
		if x, err = p.castTo(n, x, item.AggCast); err != nil {
			return err
		}
	}
	n.outputs = append(n.outputs, output{name: name, value: x, aggregated: item.Aggregate != ""})
	return nil
}

// keyOf is the key of an item: its alias, its aggregate, the last key of its path, or the
// column (PostgREST.Plan, addAliases).
func keyOf(item *postgrest.Item) string {
	if item.Alias != "" {
		return item.Alias
	}
	if item.Kind == postgrest.CountRows {
		return "count"
	}
	if item.Aggregate != "" {
		return item.Aggregate
	}
	for _, step := range slices.Backward(item.Field.Path) {
		if !step.IsIndex {
			return step.Key
		}
	}
	return item.Field.Name
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// ownType is a type of the database's own, such as an enum, which a column of the relation has,
// and how casts name it.
func (n *node) ownType(name string, d store.Dialect) (t sqlType, written string, found bool) {
	for _, c := range n.relation.Columns {
		if c.Native != "" && (c.Native == name || strings.HasSuffix(c.Native, "."+name)) && d == store.Postgres {
			return typeOf(c, d), c.Native, true
		}
	}
	return sqlType{}, "", false
}

// castTo makes a value another type: one of those that are known by name, or one that a
// column has.
func (p *planner) castTo(n *node, x expr, name string) (expr, error) {
	if name == "" {
		return x, nil
	}
	to, ok := named(name)
	written := to.name
	if !ok {
		to, written, ok = n.ownType(name, p.options.Dialect)
	}
	if !ok {
		return x, refuse(http.StatusBadRequest, "42704", "type %q does not exist", strings.ToLower(name))
	}
	if !castable(x.typ, to) {
		return x, refuse(http.StatusBadRequest, "42846", "cannot cast type %s to %s", x.typeName(), written)
	}
	p.risky = true
	made := p.cast(x, sqlType{name: written, class: to.class, kind: to.kind})
	made.typ, made.own = to, written
	return made, nil
}

// layout tells what a select list is for.
type layout uint8

const (
	outermost layout = iota
	within           // a subselect whose rows become objects
	listed           // a subselect whose columns become lists
)

// columns writes the select list.
func (p *planner) columns(n *node, as layout) string {
	var b strings.Builder
	b.Grow(32 * len(n.outputs))
	for i, o := range n.outputs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(o.value.sql)
		b.WriteString(" as ")
		name := o.name
		if as == listed || as == within && p.options.Dialect == store.SQLite {
			name = numbered(i)
		}
		b.WriteString(store.Quote(name))
	}
	return b.String()
}

// numbered is the name of a column that nobody sees: the names of a request may repeat.
func numbered(i int) string { return "c" + strconv.Itoa(i) }

// embeddedLabel is what PostgREST calls an embedded relation in its SQL, which Postgres'
// messages show.
func embeddedLabel(l *Link, depth int) string {
	if l.Through != nil {
		return l.To.Name
	}
	return fmt.Sprintf("%s_%d", l.To.Name, depth)
}
