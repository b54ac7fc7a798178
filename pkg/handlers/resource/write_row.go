package resource

import (
	"maps"
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// updateSQL sets the given fields of the row in the path. columns are read back, as shape
// says; "" is none.
func (r *Resource) updateSQL(given changeset.Mask, columns string, shape *store.Shape) *store.Statement {
	q := r.table.Text()
	q.Add("update ", r.table.From())
	open := " set "
	for i := range r.table.Set.Fields {
		if f := &r.table.Set.Fields[i]; given.Has(i) && !f.Virtual {
			q.Add(open, store.Quote(f.Name), " = ")
			q.Arg()
			open = ", "
		}
	}
	if r.countsUp != "" {
		q.Add(open, store.Quote(r.countsUp), " = coalesce(", store.Quote(r.countsUp), ", 0) + 1")
	}
	r.rowLimit(q)
	if columns != "" {
		q.Add(" returning ", columns)
	}
	st := q.Statement()
	st.Quick, st.Shape = true, shape
	return st
}

// asksMore tells a query, or a form of answer, for which the row is read by a plan.
func (w *write) asksMore() bool {
	return w.c.R.URL.RawQuery != "" || w.media.Stripped || w.media.Kind > postgrest.Object
}

// asFound tells an update of a table that the database declares, whose values go as they
// were sent. A rule that reads the changes, and a page, want them checked.
func (u *updating) asFound() bool { return u.table.Found && !u.late && !u.browser(u.c) }

// storeFound changes a row of a table that the database declares.
func (u *updating) storeFound(q store.Querier) error {
	text, err := value.AppendJSON(nil, []any{u.given})
	if err != nil {
		return err
	}
	change, err := u.tableChange(slices.Sorted(maps.Keys(u.given)), text)
	if err != nil {
		return err
	}
	change.Counted = u.countsUp
	o := relations.Options{Dialect: u.dialect(), Reach: u.mapped(u.reach(u.c)), Match: u.match(u.where), Kept: []string{u.idName()}}
	read := *u.chosen()
	read.Where = nil
	u.bare = true
	answered := u.rules.where == nil && (u.shows() || u.eventful())
	plan, err := relations.Update(u.free, &read, change, answered, o)
	if err != nil {
		return err
	}
	if err := u.run(q, plan, answered); err != nil {
		return err
	}
	if u.rows == 0 {
		return notFound()
	}
	if answered {
		return u.checked()
	}
	if err := u.stays(q, nil); err != nil || !u.shows() {
		return err
	}
	return u.readOne(q)
}

// match finds the row in the path: its id, and the row above.
func (u *updating) match(where []any) []relations.Match {
	list := []relations.Match{{Column: u.idName(), Value: where[0]}}
	if u.above != nil {
		list = append(list, relations.Match{Column: u.table.Set.Fields[u.link].Name, Value: where[1]})
	}
	return list
}

// encode runs a statement that gives the row back.
func (u *updating) encode(q store.Querier, st *store.Statement, args []any) error {
	row, err := q.Encode(u.c.Context(), st, args, 1, u.beginRow(u.c.Scratch(), nil))
	switch {
	case err != nil:
		return err
	case row.Rows == 0:
		return notFound()
	}
	u.body = u.endRow(row.JSON)
	return u.stays(q, nil)
}

// readOne reads the row as the request wants it.
func (u *updating) readOne(q store.Querier) error {
	o := relations.Options{Dialect: u.dialect(), Reach: u.mapped(u.reach(u.c)), Match: []relations.Match{{Column: u.idName(), Value: u.idAfter()}}}
	read := u.Read
	read.Where, read.Order, read.Limit, read.Offset = nil, nil, -1, 0
	plan, err := relations.Select(u.free, &read, o)
	if err != nil {
		return err
	}
	u.bare = true
	if err := u.write.read(q, plan); err != nil {
		return err
	}
	if u.rows == 0 {
		return notFound()
	}
	return u.wrote(nil)
}

// idAfter is the id of the row once it is written.
func (u *updating) idAfter() any {
	if u.of == nil {
		if id, ok := u.id.Cast(u.given[u.idName()]); ok && id != nil {
			return id
		}
		return u.where[0]
	}
	if v, given := u.of.Get(u.table.Set.Index(u.idName())); given && v != nil {
		return v
	}
	return u.where[0]
}

// stays notes the row that was written, and refuses to take it out of its own `where`.
func (u *updating) stays(q store.Querier, err error) error {
	if err := u.wrote(err); err != nil {
		return err
	}
	return u.madeInReach(q)
}

// wrote notes the row that was written.
func (u *updating) wrote(err error) error {
	if err != nil {
		return err
	}
	u.rows, u.write.keys = 1, [][]any{{u.idAfter()}}
	return u.checked()
}

// found answers an update of nothing: the row as it is.
func (u *updating) found(q store.Querier) error {
	row, err := records.One(q.Query(u.c.Context(), u.one, u.where, 1))
	switch {
	case err != nil:
		return err
	case row == nil:
		return notFound()
	}
	u.row, u.quiet = row, true
	if !u.browser(u.c) && u.shows() {
		return u.readOne(q)
	}
	return u.wrote(nil)
}

// delete removes a row: 204, or 200 with the row when it is asked for.
func (x *rules) delete(c *pipeline.Context) error {
	where, err := x.find(c)
	if err != nil {
		return err
	}
	w, err := x.beginsOne(c)
	if err != nil {
		return err
	}
	if x.hooks != nil && x.hooks.before != nil {
		row, err := w.rowTold(where)
		if err != nil {
			return err
		}
		if err := w.asksBefore(Delete, map[string]any{"record": row}); err != nil {
			return err
		}
	}
	locked := x.ofRecord || w.matches() || w.eventful()
	err = w.within(locked || w.needsTx() || w.shows(), func(q store.Querier) error { return w.removeRow(q, where, locked) })
	switch {
	case err != nil:
		return w.refusing(err, true)
	case x.browser(c):
		return x.done(c, nil, nil)
	}
	w.prefer.Resolution, w.prefer.Missing = "", ""
	return w.answers(200, noContent)
}

func (w *write) removeRow(q store.Querier, where []any, locked bool) error {
	if locked {
		row, err := w.lockRow(q, where)
		if err != nil {
			return err
		}
		if err := w.visible(w.c); err != nil {
			return err
		}
		if err := w.matched(q, row, where); err != nil {
			return err
		}
		w.gone = []*value.Row{row}
	} else if err := w.visible(w.c); err != nil {
		return err
	}
	if err := w.allowed(w.c); err != nil {
		return err
	}
	if w.shows() {
		u := &updating{write: w, where: where}
		if err := u.readOne(q); err != nil {
			return err
		}
	}
	args := where
	if w.softDelete >= 0 {
		args = append([]any{w.c.Now().UTC()}, where...)
	}
	r, err := q.Exec(w.c.Context(), w.remove, args)
	if err == nil && r.Affected == 0 {
		err = notFound()
	}
	if err != nil {
		return err
	}
	w.rows = 1
	return w.checked()
}
