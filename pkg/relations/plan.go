package relations

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// Select plans a read. Refusals are *postgrest.Error; any other error is that of
// Options.Reach.
func Select(r *Relation, q *postgrest.Read, o Options) (*Plan, error) {
	return newPlanner(o).selects(r, q)
}

// Count plans the number of rows that Select would give without its page. Select's
// aggregates do not matter: it counts what they would be made of.
func Count(r *Relation, q *postgrest.Read, o Options) (*Plan, error) {
	return newPlanner(o).counts(r, q, "select count(*) as \"count\" from ")
}

// CountTo is Count, which counts no further than most.
func CountTo(most int64, r *Relation, q *postgrest.Read, o Options) (*Plan, error) {
	p := newPlanner(o)
	plan, err := p.counts(r, q, "select 1 from ")
	if err == nil {
		plan.SQL = "select count(*) as \"count\" from (" + plan.SQL + " limit " + p.arg(most) + `) as "some"`
		plan.Args = p.args
	}
	return plan, err
}

// Estimate plans the question how many rows Count would count, as the database guesses: the
// member "Plan Rows" of the first plan of its answer, which is JSON (Postgres alone).
func Estimate(r *Relation, q *postgrest.Read, o Options) (*Plan, error) {
	plan, err := newPlanner(o).counts(r, q, "select 1 from ")
	if err == nil {
		plan.SQL = "explain (format json) " + plan.SQL
	}
	return plan, err
}

// counts reads from the rows that the request means, without its page.
func (p *planner) counts(r *Relation, q *postgrest.Read, what string) (*Plan, error) {
	n, err := p.node(r, q, r.Name, 0)
	if err != nil {
		return nil, err
	}
	with, from, err := p.root(r, n.alias)
	if err != nil {
		return nil, err
	}
	conds, err := p.rootConditions(n)
	if err != nil {
		return nil, err
	}
	return &Plan{SQL: with + what + from + where(conds), Args: p.args, Shape: &store.Shape{}, MayWrite: p.writes}, p.whole()
}

func (p *planner) selects(r *Relation, q *postgrest.Read) (*Plan, error) {
	n, err := p.node(r, q, r.Name, 0)
	if err != nil {
		return nil, err
	}
	with, from, err := p.root(r, n.alias)
	if err != nil {
		return nil, err
	}
	if err := p.choose(n); err != nil {
		return nil, err
	}
	p.settle(n, outermost)
	conds, err := p.rootConditions(n)
	if err != nil {
		return nil, err
	}
	terms, err := p.terms(n, p.options.Total)
	if err != nil {
		return nil, err
	}
	var cursor []string
	if p.options.Total {
		cursor = n.cursor(terms)
	}
	if p.options.After != nil {
		behind, err := p.after(terms, p.options.After, cursor)
		if err != nil {
			return nil, err
		}
		conds = append(conds, behind)
	}
	columns, shape := p.row(n, cursor)
	limit := q.Limit
	if p.written == "" && p.keys == nil { // what was written is answered whole
		limit = bounded(q.Limit, r.MaxRows)
	}
	if p.risky && len(p.args) == 0 && limit < 0 {
		// What cannot be cast or summed is no fault of the statement, which the store can tell
		// only of one with values.
		limit = 1<<63 - 1
	}
	sql := with + "select " + columns + " from " + from + n.joins.String() + where(conds) + n.groups() +
		p.inOrder(n, terms) + p.page(limit, q.Offset, false)
	plan := &Plan{SQL: sql, Args: p.args, Shape: shape, Cursor: cursor, Names: n.names(), Grouped: n.grouped, MayWrite: p.writes}
	plan.Quick = !p.writes && p.options.Source == nil && len(n.children) == 0 && !n.grouped && n.pinned(p.options.Match)
	return plan, p.whole()
}

// inOrder orders the rows of the statement; those read after a write come as they were
// written.
func (p *planner) inOrder(n *node, terms []term) string {
	switch {
	case len(terms) > 0:
		return p.orderBy(terms)
	case n.grouped: // an order that stays the same
		return n.by(" order by ")
	case p.keys != nil && n.depth == 0:
		return ` order by "key".key`
	}
	return ""
}

// rootConditions are those of the request and of Options.Match.
func (p *planner) rootConditions(n *node) ([]string, error) {
	var conds []string
	for _, m := range p.options.Match {
		v := m.Value
		if text, ok := v.(string); ok {
			if c, known := n.relation.column(m.Column); known {
				var err error
				if v, err = p.converts(typeOf(c, p.options.Dialect), text); err != nil {
					return nil, err
				}
			}
		}
		conds = append(conds, column(n.alias, m.Column)+" = "+p.arg(v))
	}
	asked, err := p.conditions(n)
	return append(conds, asked...), err
}

// row writes the select list of the statement and tells what its columns are.
func (p *planner) row(n *node, cursor []string) (string, *store.Shape) {
	columns := p.columns(n, outermost)
	shape := &store.Shape{StripNulls: p.options.StripNulls}
	if p.options.Dialect == store.SQLite {
		for _, o := range n.outputs {
			shape.Forms = append(shape.Forms, p.form(o.value))
		}
	}
	if n.grouped {
		return columns, shape
	}
	kept := slices.Concat(p.options.Kept, cursor)
	parts := make([]string, 0, 1+len(kept))
	if columns != "" {
		parts = append(parts, columns)
	}
	for _, name := range kept {
		parts = append(parts, column(n.alias, name))
	}
	shape.Kept = len(kept)
	if len(parts) == 0 { // a row that shows nothing is {}
		parts, shape.Kept = append(parts, "1"), 1
	}
	return strings.Join(parts, ", "), shape
}

// pinned tells that at most one row can be meant: the whole key has values.
func (n *node) pinned(match []Match) bool {
	has := func(name string) bool {
		if slices.ContainsFunc(match, func(m Match) bool { return m.Column == name }) {
			return true
		}
		return slices.ContainsFunc(n.read.Where, func(c postgrest.Cond) bool {
			return c.Kind == postgrest.Test && !c.Not && c.Op == postgrest.Eq && c.Each == postgrest.One &&
				c.Field.Name == name && len(c.Field.Path) == 0
		})
	}
	for _, name := range n.relation.Key {
		if !has(name) {
			return false
		}
	}
	return len(n.relation.Key) > 0
}

// names are what the members of a row are called.
func (n *node) names() []string {
	names := make([]string, len(n.outputs))
	for i, o := range n.outputs {
		names[i] = o.name
	}
	return names
}
