package resource

import (
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// options are what the plan of a write is made for, by the values that are known. An upsert
// changes only rows below the same parent.
func (w *write) options(insert bool) relations.Options {
	o := relations.Options{Dialect: w.dialect(), Reach: w.mapped(w.reach(w.c))}
	if !insert || w.above == nil {
		return o
	}
	own, id := o.Reach, w.limits[0]
	o.Reach = func(r *relations.Relation) (relations.Limit, error) {
		limit, err := own(r)
		if err == nil && (r == w.free || r == w.all) {
			limit = both(store.Quote(w.table.Set.Fields[w.link].Name)+" = ", id, limit)
		}
		return limit, err
	}
	return o
}

// reachable are the options for rows that are there: those below the parent, which is read.
func (w *write) reachable() (relations.Options, error) {
	o, err := w.rules.options(w.c)
	o.Reach = w.mapped(o.Reach)
	return o, err
}

// mapped gives the relations that writes are planned for the reach of the one that requests
// see.
func (w *write) mapped(own func(*relations.Relation) (relations.Limit, error)) func(*relations.Relation) (relations.Limit, error) {
	return func(r *relations.Relation) (relations.Limit, error) {
		if r == w.free || r == w.all {
			r = w.served.Relation()
		}
		return own(r)
	}
}

// both adds a condition before others.
func both(test string, value any, l relations.Limit) relations.Limit {
	out := relations.Limit{Pieces: []string{test, ""}, Args: append([]any{value}, l.Args...)}
	if len(l.Pieces) > 0 {
		out.Pieces[1] = " and " + l.Pieces[0]
		out.Pieces = append(out.Pieces, l.Pieces[1:]...)
	}
	return out
}
