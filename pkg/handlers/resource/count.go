package resource

import (
	"net/http"
	"slices"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// total counts the rows that the page is a part of, -1 where it is not asked.
func (x *rules) total(c *pipeline.Context, q store.Querier, l *listed, grouped bool, o relations.Options) (int64, error) {
	rows, guess := int64(l.rows.Rows), l.prefer.Count
	if guess != "" && !x.guesses() {
		guess = postgrest.CountExact
	}
	seen := !grouped && l.After == "" && rows < l.limit && (rows > 0 || l.offset == 0)
	switch {
	case guess == "":
		return -1, nil
	case guess == postgrest.CountPlanned:
		return x.guessed(c, q, l, o)
	case seen: // these are all
		return l.offset + rows, nil
	case guess == postgrest.CountExact:
		plan, err := relations.Count(x.served.Relation(), &l.Read, o)
		return x.counted(c, q, plan, err)
	}
	most := x.served.Relation().MaxRows
	plan, err := relations.CountTo(most+1, x.served.Relation(), &l.Read, o)
	n, err := x.counted(c, q, plan, err)
	if err != nil || n <= most {
		return n, err
	}
	more, err := x.guessed(c, q, l, o)
	return max(n, more), err
}

// onlyCounts answers a HEAD that asks how many rows there are, as clients count: which of
// them the page has follows from that, so none is read.
func (x *rules) onlyCounts(c *pipeline.Context, q store.Querier, l *listed, o relations.Options) (bool, error) {
	exact := l.prefer.Count == postgrest.CountExact || l.prefer.Count != "" && !x.guesses()
	if c.R.Method != http.MethodHead || !exact || l.After != "" || l.media.Kind == postgrest.Object {
		return false, nil
	}
	if plan, err := relations.Select(x.served.Relation(), &l.Read, o); err != nil || plan.Grouped {
		return false, err
	}
	plan, err := relations.Count(x.served.Relation(), &l.Read, o)
	if l.total, err = x.counted(c, q, plan, err); err != nil {
		return false, err
	}
	l.bare, l.rows.Rows = true, int(max(0, min(l.limit, l.total-l.offset)))
	return true, nil
}

// guesses tells whether rows may be counted by a guess: Postgres alone has what to guess by,
// and it knows all rows, so a guess at some tells of those that are out of reach.
func (x *rules) guesses() bool {
	limited := func(l *limited) bool { return len(l.pieces) > 0 }
	return x.dialect() == store.Postgres && x.parent == nil && !slices.ContainsFunc(x.reached, limited)
}

// counted runs a plan that counts.
func (x *rules) counted(c *pipeline.Context, q store.Querier, plan *relations.Plan, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	r, err := q.Query(c.Context(), x.plans.Of(plan, true), plan.Args, 1)
	if err != nil {
		return 0, err
	}
	n, _ := r.Rows[0][0].(int64)
	return n, nil
}

// guessed is what the database's planner thinks.
func (x *rules) guessed(c *pipeline.Context, q store.Querier, l *listed, o relations.Options) (int64, error) {
	plan, err := relations.Estimate(x.served.Relation(), &l.Read, o)
	if err != nil {
		return 0, err
	}
	r, err := q.Query(c.Context(), x.plans.Of(plan, true), plan.Args, 1)
	if err != nil {
		return 0, err
	}
	list, _ := r.Rows[0][0].([]any)
	if len(list) == 0 {
		return 0, nil
	}
	first, _ := list[0].(map[string]any)
	top, _ := first["Plan"].(map[string]any)
	n, _ := top["Plan Rows"].(int64)
	return n, nil
}
