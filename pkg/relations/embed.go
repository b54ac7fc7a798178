package relations

import (
	"net/http"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// entered is one use of an embedding: what stands after `from`, and what ties it to the row
// that embeds it.
type entered struct {
	*node
	from string
	ties []string
}

// enter begins a use of an embedding. Its relation is limited to what is in reach.
func (p *planner) enter(parent *node, c *child) (*entered, error) {
	if p.embeds++; p.embeds > maxEmbeds {
		return nil, tooMuch("embedded resources", maxEmbeds)
	}
	l := c.link
	n, err := p.node(l.To, &c.item.Embed.Read, embeddedLabel(l, parent.depth+1), parent.depth+1)
	if err != nil {
		return nil, err
	}
	e := &entered{node: n}
	rows := table(l.To.Schema, l.To.Table)
	if l.Call != "" {
		rows = l.Call + p.rowOf(parent)
		p.writes = p.writes || l.MayWrite
	}
	if e.from, err = p.limited(l.To, rows, n.alias); err != nil {
		return nil, err
	}
	if l.Through == nil {
		for _, on := range l.On {
			e.ties = append(e.ties, column(n.alias, on.There)+" = "+column(parent.alias, on.Here))
		}
		return e, nil
	}
	alias := p.alias()
	between, err := p.junction(l.Through, alias)
	if err != nil {
		return nil, err
	}
	var meets []string
	for _, on := range l.Through.There {
		meets = append(meets, column(alias, on.There)+" = "+column(n.alias, on.Here))
	}
	e.from += " join " + between + " on " + strings.Join(meets, " and ")
	for _, on := range l.Through.Here {
		e.ties = append(e.ties, column(alias, on.There)+" = "+column(parent.alias, on.Here))
	}
	return e, nil
}

// exists tests that an embedding has a row, behind those that it passes over.
func (p *planner) exists(parent *node, c *child) (string, error) {
	e, err := p.enter(parent, c)
	if err != nil {
		return "", err
	}
	conds, err := p.conditions(e.node)
	if err != nil {
		return "", err
	}
	page := ""
	if e.passes() {
		page = p.page(e.read.Limit, e.read.Offset, false)
	}
	return "exists (select 1 from " + e.from + where(append(e.ties, conds...)) + page + ")", nil
}

// passes tells that the first rows of a node, or all, are left out of its list. What is
// aggregated is one row.
func (n *node) passes() bool {
	aggregated := func(i postgrest.Item) bool { return i.Aggregate != "" || n.isCount(&i) }
	return (n.read.Offset > 0 || n.read.Limit == 0) && !slices.ContainsFunc(n.read.Select, aggregated)
}

// chooseEmbed adds the outputs of an embedding to those of its parent.
func (p *planner) chooseEmbed(n *node, c *child) error {
	if !writable(c.name()) {
		return refuse(http.StatusBadRequest, "22021", "invalid byte sequence for encoding \"UTF8\"")
	}
	spread := c.item.Embed.Spread
	if silent(c.item) {
		return nil
	}
	if spread && !c.link.Many {
		return p.join(n, c)
	}
	e, err := p.enter(n, c)
	if err != nil {
		return err
	}
	sub, err := p.subselect(e, c, spread)
	if err != nil {
		return err
	}
	switch {
	case spread:
		values, err := p.spread(p, n, sub, e.outputs, e.total())
		for i, v := range values {
			n.outputs = append(n.outputs, output{name: e.outputs[i].name, value: v})
		}
		return err
	case c.link.Many:
		n.outputs = append(n.outputs, output{name: c.name(), value: p.list(p, sub, e.outputs)})
	default:
		n.outputs = append(n.outputs, output{name: c.name(), value: p.object(p, sub, e.outputs)})
	}
	return nil
}

// silent tells that an embedding shows nothing: rel(), or rel(other()).
func silent(item *postgrest.Item) bool {
	if item.Embed.Select == nil {
		return false
	}
	for i := range item.Embed.Select {
		inner := &item.Embed.Select[i]
		if inner.Kind != postgrest.Embed || !silent(inner) {
			return false
		}
	}
	return true
}

// subselect writes the rows of an embedding.
func (p *planner) subselect(e *entered, c *child, spread bool) (string, error) {
	if err := p.choose(e.node); err != nil {
		return "", err
	}
	as := within
	if spread {
		as = listed
	}
	p.settle(e.node, as)
	conds, err := p.conditions(e.node)
	if err != nil {
		return "", err
	}
	terms, err := p.terms(e.node, spread && p.options.Dialect == store.SQLite)
	if err != nil {
		return "", err
	}
	page := " limit 1"
	switch {
	case c.link.Many:
		page = p.page(bounded(e.read.Limit, e.relation.MaxRows), e.read.Offset, len(terms) > 0 || e.grouped)
	case e.read.Offset > 0 || e.read.Limit == 0: // the one row is passed over
		page = p.page(bounded(e.read.Limit, 1), e.read.Offset, false)
	}
	return "select " + p.columns(e.node, as) + " from " + e.from + e.joins.String() +
		where(append(e.ties, conds...)) + e.groups() + p.inOrder(e.node, terms) + page, nil
}

// single gives the values of the one row of a subselect.
func single(columns []output, of func(column string) string) []expr {
	values := make([]expr, len(columns))
	for i, o := range columns {
		values[i] = o.value
		values[i].sql = of(store.Quote(numbered(i)))
	}
	return values
}

// join spreads a to-one embedding into the row. What filters it belongs to the join: the row
// stays, with nulls.
func (p *planner) join(n *node, c *child) error {
	e, err := p.enter(n, c)
	if err != nil {
		return err
	}
	join := " left join "
	if c.link.Call != "" {
		join, e.joinedOn = " left join lateral ", e.alias+".*"
	} else {
		e.joinedOn = column(e.alias, c.link.On[0].There)
	}
	conds, err := p.conditions(e.node)
	if err != nil {
		return err
	}
	if conds = append(e.ties, conds...); len(conds) == 0 {
		conds = []string{"true"}
	}
	n.joins.WriteString(join + e.from + " on " + joined(conds, " and "))
	if err := p.choose(e.node); err != nil {
		return err
	}
	n.joins.WriteString(e.joins.String())
	n.outputs = append(n.outputs, e.outputs...)
	c.joined = e.node
	return nil
}

// bounded is the smaller of a request's limit and a relation's.
func bounded(limit, most int64) int64 {
	if most > 0 && (limit < 0 || limit > most) {
		return most
	}
	return limit
}

// page writes limit and offset. SQLite drops the order of a subselect that has no limit.
func (p *planner) page(limit, offset int64, ordered bool) string {
	sqlite := p.options.Dialect == store.SQLite
	var b strings.Builder
	if limit >= 0 || sqlite && (ordered || offset > 0) {
		b.WriteString(" limit " + p.arg(max(limit, -1)))
	}
	if offset > 0 {
		b.WriteString(" offset " + p.arg(offset))
	}
	return b.String()
}
