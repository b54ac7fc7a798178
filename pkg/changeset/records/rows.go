package records

import (
	"context"
	"fmt"
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// A Conflict says what becomes of a row of an insert that is there already. The zero value
// fails, as a constraint that is broken.
type Conflict struct {
	On     []int // the fields of a unique constraint; of Ignore they may be none
	Ignore bool  // the row that is there stays as it is, and is not given back
}

func (c Conflict) add(q *Text, t *Table, columns []int) {
	if len(c.On) == 0 && !c.Ignore {
		return
	}
	q.Add(" on conflict")
	open := " ("
	for _, i := range c.On {
		q.Add(open, store.Quote(t.Set.Fields[i].Name))
		open = ", "
	}
	if len(c.On) > 0 {
		q.Add(")")
	}
	open = " do update set "
	for _, i := range columns {
		if f := &t.Set.Fields[i]; !c.Ignore && !slices.Contains(c.On, i) && i != t.inserted && !f.Immutable {
			q.Add(open, store.Quote(f.Name), " = excluded.", store.Quote(f.Name))
			open = ", "
		}
	}
	if open != ", " {
		q.Add(" do nothing")
	}
}

// maxPlaces bounds the values of one statement: SQLite takes 32,766
// (sqlite.org/limits.html, section 9), Postgres 65,535.
const maxPlaces = 32_000

// A span is rows that one statement writes: they have the same fields.
type span struct{ from, to int }

// spans cuts a list into what one statement each can write, in its order.
func (t *Table) spans(list []*changeset.Changes) []span {
	var out []span
	for from := 0; from < len(list); {
		given := list[from].Given()
		most := 1 // of rows without any value, which have no form for several
		if columns := len(t.stored(given)); columns > 0 {
			most = maxPlaces / columns
		}
		to := from + 1
		for to < len(list) && to-from < most && list[to].Given() == given {
			to++
		}
		out = append(out, span{from, to})
		from = to
	}
	return out
}

// A RowsError is an error of the store for some rows of a list, from From to before To.
type RowsError struct {
	From, To int
	Err      error
}

// Error tells which rows.
func (e *RowsError) Error() string { return fmt.Sprintf("rows %d to %d: %v", e.From, e.To-1, e.Err) }

// Unwrap gives the store's error.
func (e *RowsError) Unwrap() error { return e.Err }

// InsertAll writes rows, all or none, and gives them back in their order, less those that
// conflict lets be ignored. Rows that have the same fields go in one statement. tx is the
// transaction to write in; without one, several statements get one of their own. The error
// is a *RowsError or ours.
func (t *Table) InsertAll(ctx context.Context, tx store.Querier, list []*changeset.Changes, conflict Conflict) ([]*value.Row, error) {
	spans := t.spans(list)
	rows := make([]*value.Row, 0, len(list))
	write := func(q store.Querier) (err error) {
		for _, s := range spans {
			if rows, err = t.insertSpan(ctx, q, list[s.from:s.to], conflict, rows); err != nil {
				return &RowsError{From: s.from, To: s.to, Err: err}
			}
		}
		return nil
	}
	switch {
	case tx != nil:
		return rows, write(tx)
	case len(spans) <= 1:
		return rows, write(t.Store)
	}
	err := t.Store.Tx(ctx, func(tx store.Tx) error { return write(tx) })
	return rows, err
}

func (t *Table) insertSpan(ctx context.Context, q store.Querier, list []*changeset.Changes, conflict Conflict, rows []*value.Row) ([]*value.Row, error) {
	given := list[0].Given()
	make := func() *store.Statement { return t.insertSQL(given, len(list), conflict) }
	var st *store.Statement
	if len(conflict.On) > 0 || conflict.Ignore {
		st = make() // which conflicts are meant may be the client's choice
	} else {
		st = t.inserts.get(shape{given, len(list)}, make)
	}
	var args []any
	for _, c := range list {
		var err error
		if args, err = t.Args(args, c); err != nil {
			return rows, err
		}
	}
	r, err := q.Query(ctx, st, args, len(list))
	if err != nil {
		return rows, err
	}
	for i := range r.Rows {
		rows = append(rows, r.Row(i))
	}
	return rows, nil
}
