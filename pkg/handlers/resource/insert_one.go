package resource

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// simple tells a row that a statement made once for its fields can write.
func (w *write) simple() bool {
	p := &w.prefer
	return !w.table.Found && !w.entry.Singleton && w.where == nil && w.c.R.URL.RawQuery == "" && p.Resolution == "" && p.Count == "" &&
		p.Tx != postgrest.Rollback && p.Timezone == "" && w.answer != postgrest.HeadersOnly && !w.media.Stripped && w.media.Kind <= postgrest.Object &&
		!w.eventful() && w.hooks == nil && !w.secured() && w.once == nil && !w.c.InTransaction()
}

// insertOne is the short way: no plan, one statement.
func (w *write) insertOne(s *sentRows) error {
	if err := w.cast(s, nil); err != nil {
		return err
	}
	changes := w.changes[0]
	given, st := changes.Given(), (*store.Statement)(nil)
	if w.shows() {
		st = w.insertsRow.Get(given, func() *store.Statement { return w.insertSQL(given, w.shown) })
	} else {
		st = w.inserts.Get(given, func() *store.Statement { return w.insertSQL(given, "") })
	}
	args, err := w.table.Args(make([]any, 0, maxArgs), changes)
	if err != nil {
		return err
	}
	row, err := w.table.Store.Encode(w.c.Context(), st, args, 1, w.opened(nil))
	if err != nil {
		return w.failing(err)
	}
	w.rows, w.keys, w.body = int64(row.Rows), row.Kept, w.closed(row.JSON)
	return w.created(s)
}

// insertSQL writes one row and gives it back with its key behind.
func (r *Resource) insertSQL(given changeset.Mask, columns string) *store.Statement {
	q := r.table.Text()
	q.Add("insert into ", r.table.From())
	open := " ("
	n := 0
	for i := range r.table.Set.Fields {
		if f := &r.table.Set.Fields[i]; given.Has(i) && !f.Virtual {
			q.Add(open, store.Quote(f.Name))
			open = ", "
			n++
		}
	}
	if n == 0 {
		q.Add(" default values")
	} else {
		q.Add(") values ")
		open = "("
		for range n {
			q.Add(open)
			q.Arg()
			open = ", "
		}
		q.Add(")")
	}
	q.Add(" returning ")
	if columns != "" {
		q.Add(columns, ", ")
	}
	q.Add(store.Quote(r.id.Name))
	st := q.Statement()
	st.Quick, st.Shape = true, &store.Shape{Kept: 1}
	return st
}

// created answers a create.
func (w *write) created(s *sentRows) error {
	status, err := w.createdHead(s)
	if err != nil {
		return err
	}
	return w.answers(status, status)
}

// createdHead writes the headers of a create and gives its status.
func (w *write) createdHead(s *sentRows) (int, error) {
	if location, ok, err := w.location(s); err != nil {
		return 0, err
	} else if ok {
		w.c.W.Header()["Location"] = []string{location}
	}
	w.ranged(false)
	if w.prefer.Resolution == postgrest.MergeDuplicates && w.made <= 0 {
		return http.StatusOK, nil
	}
	return http.StatusCreated, nil
}
