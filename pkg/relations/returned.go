package relations

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
)

// returned lists the columns that the answer to a write is made of: a role may write a row of
// which it may not read all. A function, or the reach of the rows, takes the row as a whole.
func (p *planner) returned(r *Relation, q *postgrest.Read, alias string) (string, error) {
	whole := alias + ".*"
	if limit, err := p.options.Reach(r); err != nil || len(limit.Pieces) > 0 {
		return whole, err
	}
	used, called, err := r.usedBy(q)
	if err != nil || called {
		return whole, err
	}
	used = append(used, p.options.Kept...)
	slices.Sort(used)
	if used = slices.Compact(used); len(used) == 0 {
		return "1 as \"none\"", nil
	}
	for i, name := range used {
		used[i] = column(alias, name)
	}
	return strings.Join(used, ", "), nil
}

// usedBy lists the columns that a request shows, embeds by and orders by. called tells that it
// asks a function for one of them.
func (r *Relation) usedBy(q *postgrest.Read) (used []string, called bool, err error) {
	use := func(name string) {
		c, ok := r.column(name)
		if called = called || c.Call != ""; ok {
			used = append(used, name)
		}
	}
	items := q.Select
	if items == nil {
		items = []postgrest.Item{{Kind: postgrest.Star}}
	}
	for i := range items {
		switch item := &items[i]; item.Kind {
		case postgrest.Star:
			for _, c := range r.Columns {
				if c.Call == "" {
					used = append(used, c.Name)
				}
			}
		case postgrest.Embed:
			l, err := r.link(item.Embed.Name, item.Embed.Hint)
			if err != nil {
				return nil, false, err
			}
			used, called = append(used, l.here()...), called || l.Call != ""
		default:
			use(item.Field.Name)
		}
	}
	for i := range q.Order {
		if q.Order[i].Embed == "" {
			use(q.Order[i].By.Name)
		}
	}
	return used, called, nil
}

// here lists the columns by which a relation is found.
func (l *Link) here() []string {
	on := l.On
	if l.Through != nil {
		on = l.Through.Here
	}
	names := make([]string, len(on))
	for i, pair := range on {
		names[i] = pair.Here
	}
	return names
}
