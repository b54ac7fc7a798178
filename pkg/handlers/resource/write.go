package resource

import (
	"cmp"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// takesForm tells a body that a page's form may have sent, perhaps with files.
func (x *rules) takesForm(c *pipeline.Context) bool {
	return x.browser(c) || c.BodyFields() != nil && len(x.savers) > 0 && isMultipart(c)
}

func isMultipart(c *pipeline.Context) bool {
	kind, _, _ := mime.ParseMediaType(c.R.Header.Get("Content-Type")) // what cannot be read is refused later
	return kind == "multipart/form-data"
}

// createForm writes the row of a form.
func (x *rules) createForm(c *pipeline.Context) error {
	limits, err := x.limits(c, make([]any, 0, maxArgs))
	if err != nil {
		return err
	}
	if !x.late {
		if err := x.allowed(c); err != nil {
			return err
		}
	}
	w, err := x.begins(c)
	if err != nil {
		return err
	}
	if w.once, err = w.onceOf(); err != nil || w.once != nil {
		return cmp.Or(err, error(&problem{Status: http.StatusBadRequest, Code: "idempotency_key", Message: "a form takes no idempotency key"}))
	}
	given, keys, err := x.readBody(c, Create)
	if err != nil {
		return err
	}
	files, err := x.files(given)
	if err != nil {
		return err
	}
	if w.base, err = x.presets(c, limits); err != nil {
		return err
	}
	changes, err := w.castGiven(given, keys, w.base)
	if err != nil {
		return castError(err)
	}
	if err := keepFiles(c, files, changes); err != nil {
		return err
	}
	w.changes, w.limits = []*changeset.Changes{changes}, limits
	if err := w.guardChanges(false); err != nil {
		return err
	}
	if err := w.asksBefore(Create, map[string]any{"changes": []any{changes}}); err != nil {
		return err
	}
	var row *value.Row
	err = w.within(w.needsTx() || w.where != nil, func(q store.Querier) error {
		if row, err = x.table.Insert(c.Context(), q, changes); err != nil {
			return err
		}
		w.rows, w.keys = 1, [][]any{{nil}}
		w.keys[0][0], _ = row.Member(x.idName())
		return w.madeInReach(q)
	})
	if err != nil {
		return w.failing(err)
	}
	return x.formCreated(w, row)
}

// formCreated answers a form: a browser is sent on, others get what an insert gives.
func (x *rules) formCreated(w *write, row *value.Row) error {
	c := w.c
	id, _ := row.Member(x.idName())
	if x.browser(c) {
		return x.done(c, row, id)
	}
	location, err := value.AppendText([]byte(strings.TrimSuffix(c.R.URL.EscapedPath(), "/")+"/"), id)
	if err != nil {
		return err
	}
	c.W.Header()["Location"] = []string{string(location)}
	status := w.heeds(http.StatusCreated)
	if !w.shows() {
		return c.Answer(status, nil, nil)
	}
	return answerRow(c, status, row, !w.single())
}

// update changes a row: 204, or 200 with the row when it is asked for.
func (x *rules) update(c *pipeline.Context) error {
	where, err := x.find(c)
	if err != nil {
		return err
	}
	w, err := x.beginsOne(c)
	if err != nil {
		return err
	}
	given, keys, err := x.readBody(c, Update)
	if err != nil {
		return err
	}
	if x.table.Found {
		if err := w.servedOnly(slices.Sorted(maps.Keys(given))); err != nil {
			return err
		}
	}
	u := &updating{write: w, where: where, given: given, mode: keys, returning: x.browser(c) || w.shows()}
	if u.files, err = x.files(given); err != nil {
		return err
	}
	if err := w.guardSent(&sentRows{rows: []map[string]any{given}, one: true}); err != nil {
		return err
	}
	if x.hooks != nil && x.hooks.before != nil {
		row, err := w.rowTold(where)
		if err != nil {
			return err
		}
		if err := w.asksBefore(Update, map[string]any{"record": row, "changes": w.shownOf(given)}); err != nil {
			return err
		}
	}
	locked := x.ofRecord || x.table.Set.NeedsRow() || w.matches()
	err = w.within(locked || w.needsTx() || x.where != nil || u.returning && c.R.URL.RawQuery != "", func(q store.Querier) error {
		if locked {
			return u.locked(c, q)
		}
		return u.direct(c, q)
	})
	if err != nil {
		return w.failing(err)
	}
	if x.browser(c) {
		return x.done(c, u.row, where[0])
	}
	w.prefer.Resolution, w.prefer.Missing = "", ""
	return w.answers(http.StatusOK, noContent)
}

// updating is one update of a row under way.
type updating struct {
	*write
	where     []any
	given     map[string]any
	mode      changeset.Keys
	files     []saver
	returning bool

	of  *changeset.Changes
	row *value.Row
}

// direct needs nothing of the row as it was.
func (u *updating) direct(c *pipeline.Context, q store.Querier) error {
	if err := u.visible(c); err != nil {
		return err
	}
	if err := u.prepare(c, nil); err != nil {
		return err
	}
	return u.store(c, q)
}

// locked reads the row first and keeps it from changing until it is written.
func (u *updating) locked(c *pipeline.Context, q store.Querier) error {
	row, err := u.lockRow(q, u.where)
	if err != nil {
		return err
	}
	if err := u.visible(c); err != nil {
		return err
	}
	if err := u.matched(q, row, u.where); err != nil {
		return err
	}
	if err := u.prepare(c, row); err != nil {
		return err
	}
	return u.store(c, q)
}

// lockRow reads the row into the record's slot and keeps it.
func (w *write) lockRow(q store.Querier, where []any) (*value.Row, error) {
	row, err := records.One(q.Query(w.c.Context(), w.lock, where, 1))
	if err == nil && row == nil {
		err = notFound()
	}
	if err == nil {
		w.c.Slots[pipeline.SlotRecord] = row
	}
	return row, err
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
	if u.asFound() {
		return nil // the database knows best what its columns take
	}
	changes, err := u.table.Set.Cast(changeset.Input{Mode: changeset.Update, Keys: u.mode, Given: u.given})
	if err != nil {
		return castError(err)
	}
	u.of, u.changes = changes, []*changeset.Changes{changes}
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
func (u *updating) store(c *pipeline.Context, q store.Querier) error {
	if u.asFound() && len(u.given) > 0 {
		return u.storeFound(q)
	}
	if u.of == nil || !u.table.Writes(u.of) {
		return u.found(q)
	}
	args, err := u.table.Args(make([]any, 0, maxArgs), u.of)
	if err != nil {
		return err
	}
	given := u.of.Given()
	args = append(args, u.where...)
	switch {
	case u.browser(c):
		st := u.gives.Get(given, func() *statement { return u.updateSQL(given, u.table.All(), nil) })
		if u.row, err = records.One(q.Query(c.Context(), st, args, 1)); err == nil && u.row == nil {
			return notFound()
		}
		return u.stays(q, err)
	case u.shows() && !u.asksMore():
		st := u.encodes.Get(given, func() *statement { return u.updateSQL(given, u.shown, &store.Shape{}) })
		return u.encode(q, st, args)
	}
	st := u.updates.Get(given, func() *statement { return u.updateSQL(given, "", nil) })
	r, err := q.Exec(c.Context(), st, args)
	switch {
	case err != nil:
		return err
	case r.Affected == 0:
		return notFound()
	}
	if err := u.stays(q, nil); err != nil || !u.shows() {
		return err
	}
	return u.readOne(q)
}
