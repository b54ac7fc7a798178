package resource

import (
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// create writes a row: 201 with its Location, and the row only when it is asked for.
func (x *rules) create(c *pipeline.Context) error {
	limits, err := x.limits(c, make([]any, 0, maxArgs))
	if err != nil {
		return err
	}
	if !x.late { // tell nothing of the fields to who may not create
		if err := x.allowed(c); err != nil {
			return err
		}
	}
	given, keys, err := x.readBody(c, Create)
	if err != nil {
		return err
	}
	files, err := x.files(given)
	if err != nil {
		return err
	}
	changes, err := x.table.Set.Cast(changeset.Input{Mode: changeset.Create, Keys: keys, Given: given, Fixed: x.fixed(limits)})
	if err != nil {
		return castError(err)
	}
	if x.late {
		c.Slots[pipeline.SlotChanges] = changes
		if err := x.allowed(c); err != nil {
			return err
		}
	}
	if err := x.table.Complete(changeset.Create, changes, nil, c.Now()); err != nil {
		return castError(err)
	}
	if err := keepFiles(c, files, changes); err != nil {
		return err
	}
	row, err := x.table.Insert(c.Context(), x.table.Store, changes)
	if err != nil {
		return x.failed(c, err, changes)
	}
	return x.created(c, row)
}

func (x *rules) created(c *pipeline.Context, row *value.Row) error {
	id, _ := row.Member(changeset.ID)
	if x.browser(c) {
		return x.done(c, row, id)
	}
	location, err := value.AppendText([]byte(strings.TrimSuffix(c.R.URL.EscapedPath(), "/")+"/"), id)
	if err != nil {
		return err
	}
	c.W.Header()["Location"] = []string{string(location)}
	if !wantsRow(c) {
		return c.Answer(http.StatusCreated, nil, nil)
	}
	return answerRow(c, http.StatusCreated, row, !wantsObject(c))
}

// update changes a row: 204, or 200 with the row when it is asked for.
func (x *rules) update(c *pipeline.Context) error {
	where, err := x.find(c)
	if err != nil {
		return err
	}
	given, keys, err := x.readBody(c, Update)
	if err != nil {
		return err
	}
	browser := x.browser(c)
	u := &updating{rules: x, where: where, given: given, keys: keys, returning: browser || wantsRow(c)}
	if u.files, err = x.files(given); err != nil {
		return err
	}
	if x.ofRecord || x.table.Set.NeedsRow() {
		err = x.table.Store.Tx(c.Context(), func(tx store.Tx) error { return u.locked(c, tx) })
	} else {
		err = u.direct(c)
	}
	switch {
	case u.refused != nil:
		return u.refused
	case err != nil:
		return x.failed(c, err, u.changes)
	case browser:
		return x.done(c, u.row, where[0])
	case u.returning:
		return answerRow(c, http.StatusOK, u.row, false)
	}
	return c.Answer(http.StatusNoContent, nil, nil)
}

// updating is one update under way.
type updating struct {
	*rules
	where     []any
	given     map[string]any
	keys      changeset.Keys
	files     []saver
	returning bool

	changes *changeset.Changes
	row     *value.Row
	refused error // decided here, in distinction to an error of the store
}

// refuse ends the update; within a transaction it undoes it.
func (u *updating) refuse(err error) error {
	u.refused = err
	return err
}

// direct needs nothing of the row as it was.
func (u *updating) direct(c *pipeline.Context) error {
	if err := u.visible(c); err != nil {
		return u.refuse(err)
	}
	if err := u.prepare(c, nil); err != nil {
		return u.refuse(err)
	}
	return u.store(c, u.table.Store)
}

// locked reads the row first and keeps it from changing until it is written.
func (u *updating) locked(c *pipeline.Context, tx store.Tx) error {
	row, err := records.One(tx.Query(c.Context(), u.lock, u.where, 1))
	if err != nil {
		return err
	}
	if row == nil {
		return u.refuse(notFound())
	}
	c.Slots[pipeline.SlotRecord] = row
	if err := u.visible(c); err != nil {
		return u.refuse(err)
	}
	if err := u.prepare(c, row); err != nil {
		return u.refuse(err)
	}
	return u.store(c, tx)
}

// prepare checks what was sent and whether it may be done.
func (u *updating) prepare(c *pipeline.Context, row *value.Row) error {
	if !u.late {
		if err := u.allowed(c); err != nil {
			return err
		}
	}
	if err := u.keep(u.given); err != nil {
		return err
	}
	changes, err := u.table.Set.Cast(changeset.Input{Mode: changeset.Update, Keys: u.keys, Given: u.given})
	if err != nil {
		return castError(err)
	}
	u.changes = changes
	if u.late {
		c.Slots[pipeline.SlotChanges] = changes
		if err := u.allowed(c); err != nil {
			return err
		}
	}
	var record value.Object
	if row != nil {
		record = row
	}
	if err := u.table.Complete(changeset.Update, changes, record, c.Now()); err != nil {
		return castError(err)
	}
	return keepFiles(c, u.files, changes)
}

// store writes the changes. Changes of nothing that is stored only look for the row.
func (u *updating) store(c *pipeline.Context, q records.Querier) error {
	if !u.table.Writes(u.changes) {
		return u.read(c, q, u.one, u.where)
	}
	args, err := u.table.Args(make([]any, 0, maxArgs), u.changes)
	if err != nil {
		return u.refuse(err)
	}
	given := u.changes.Given()
	args = append(args, u.where...)
	if u.returning {
		st := u.gives.Get(given, func() *statement { return u.table.UpdateSQL(given, u.Resource.row(), u.shown) })
		return u.read(c, q, st, args)
	}
	st := u.updates.Get(given, func() *statement { return u.table.UpdateSQL(given, u.Resource.row(), "") })
	r, err := q.Exec(c.Context(), st, args)
	if err == nil && r.Affected == 0 {
		return u.refuse(notFound())
	}
	return err
}

func (u *updating) read(c *pipeline.Context, q records.Querier, st *statement, args []any) (err error) {
	u.row, err = records.One(q.Query(c.Context(), st, args, 1))
	if err == nil && u.row == nil {
		return u.refuse(notFound())
	}
	return err
}

// delete removes a row: 204.
func (x *rules) delete(c *pipeline.Context) error {
	where, err := x.find(c)
	if err != nil {
		return err
	}
	var refused error
	remove := func(q records.Querier) error {
		if refused = x.visible(c); refused == nil {
			refused = x.allowed(c)
		}
		if refused != nil {
			return refused
		}
		r, err := q.Exec(c.Context(), x.remove, where)
		if err == nil && r.Affected == 0 {
			refused = notFound()
		}
		return err
	}
	if x.ofRecord {
		err = x.table.Store.Tx(c.Context(), func(tx store.Tx) error {
			row, err := records.One(tx.Query(c.Context(), x.lock, where, 1))
			if err != nil {
				return err
			}
			if row == nil {
				refused = notFound()
				return refused
			}
			c.Slots[pipeline.SlotRecord] = row
			return remove(tx)
		})
	} else {
		err = remove(x.table.Store)
	}
	switch {
	case refused != nil:
		return refused
	case err != nil:
		return x.failed(c, err, nil)
	case x.browser(c):
		return x.done(c, nil, nil)
	}
	return c.Answer(http.StatusNoContent, nil, nil)
}
