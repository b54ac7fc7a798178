package resource

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// create writes one row or a list of them: 201, and the rows only when they are asked for.
func (x *rules) create(c *pipeline.Context) error {
	if x.takesForm(c) {
		return x.createForm(c)
	}
	limits, err := x.limits(c, make([]any, 0, maxArgs))
	if err != nil {
		return err
	}
	if !x.late { // tell nothing of the fields to who may not create
		if err := x.allowed(c); err != nil {
			return err
		}
	}
	w, err := x.begins(c)
	if err != nil {
		return err
	}
	w.limits = limits
	w.prefer.Bounded = false // PostgREST bounds updates and deletes alone
	if w.base, err = x.presets(c, limits); err != nil {
		return err
	}
	if w.once, err = w.onceOf(); err != nil {
		return err
	}
	s, err := readRows(c, w.Columns)
	if err != nil {
		return err
	}
	w.wraps(s)
	if s.one && w.simple() && !w.brings(s) {
		return w.insertOne(s)
	}
	u, err := w.upsert()
	if err != nil {
		return err
	}
	leave, err := w.enters()
	if err != nil {
		return err
	}
	defer leave()
	err = w.inserted(s, u)
	var before *replayed
	switch {
	case errors.As(err, &before):
		return before.again(c)
	case err != nil:
		return err
	}
	return w.created(s)
}

// wraps lets `wrap` answer a create with the row, as Phoenix does: one object for one object.
func (w *write) wraps(s *sentRows) {
	if w.wrap == "" {
		return
	}
	if w.bare = s.one; w.answer == "" || w.answer == postgrest.Minimal && w.prefer.Return == "" {
		w.answer = postgrest.Representation
	}
}

// insertion is what becomes of the rows of a body.
type insertion struct {
	change *relations.Change
	rows   int
	sent   *sentRows      // of a table as the database has it; else the rows are write.list
	fixed  map[string]any // beside what was sent

	pieces  []*relations.Change // where there are more values than one statement takes
	options relations.Options
}

// quickRows is how many rows are written so soon that others may wait behind them.
const quickRows = 20

// inserted writes the rows.
func (w *write) inserted(s *sentRows, u *upsert) error {
	if len(s.rows) == 0 {
		return w.noRows()
	}
	in, err := w.insertion(s, u)
	if err != nil {
		return err
	}
	family, err := w.withFamily(u)
	if err != nil {
		return err
	}
	if err := w.asksBefore(Create, map[string]any{"changes": w.changesTold(s)}); err != nil {
		return err
	}
	answered := w.shows() || w.answer == postgrest.HeadersOnly || w.where != nil || w.eventful()
	o := w.options(true)
	if located := w.locates(s); located || w.answer == postgrest.HeadersOnly || w.eventful() {
		answered, o.Kept = answered || located, w.served.Relation().Key
	}
	var plan *relations.Write
	if in.pieces = in.cut(w, s); in.pieces == nil {
		if plan, err = relations.Insert(w.free, w.chosen(), in.change, answered, o); err != nil {
			return err
		}
		plan.Plan.Quick = plan.Plan.Quick && in.rows <= quickRows
	}
	in.options = o
	tx := plan == nil || family || w.entry.Singleton || w.needsTx() || w.where != nil || plan.After != nil || u.changes()
	return w.failing(w.within(tx, func(q store.Querier) error {
		if w.once != nil {
			if err := w.once.claim(w, q); err != nil {
				return err
			}
		}
		if err := w.alreadyThere(q); err != nil {
			return err
		}
		if err := u.meets(q, w, in); err != nil {
			return err
		}
		if err := w.writeRows(q, plan, in, answered, family); err != nil {
			return err
		}
		if err := u.met(w, in); err != nil {
			return err
		}
		if w.where != nil && u == nil && w.rows < int64(in.rows) {
			return forbidden() // a row that `where` leaves out cannot be made
		}
		if err := w.checked(); err != nil || w.once == nil {
			return err
		}
		if err := w.hear(q); err != nil {
			return err
		}
		status, err := w.createdHead(s)
		if err != nil {
			return err
		}
		status, contentType, body := w.head(status, status)
		return w.once.kept(w, q, w.heeds(status), contentType, body)
	}))
}

func (w *write) writeRows(q store.Querier, plan *relations.Write, in *insertion, answered, family bool) error {
	switch {
	case family:
		return w.insertFamily(q, in)
	case plan == nil:
		return w.insertPieces(q, in, answered)
	}
	return w.run(q, plan, answered)
}

// insertion checks the rows and makes of them what is written.
func (w *write) insertion(s *sentRows, u *upsert) (*insertion, error) {
	in := &insertion{rows: len(s.rows)}
	var err error
	if w.table.Found {
		err = w.tableInsert(in, s)
	} else if err = w.cast(s, u); err == nil {
		in.change, err = w.changeOf(w.changes)
	}
	if err != nil {
		return nil, err
	}
	u.into(w, s, in.change)
	return in, nil
}

// cast checks the rows of a declared schema. What is wrong with any is told for all: a field
// of a list is named INDEX.FIELD.
func (w *write) cast(s *sentRows, u *upsert) error {
	if err := w.known(s); err != nil {
		return err
	}
	defaults := w.prefer.Missing == postgrest.MissingDefault
	w.changes = make([]*changeset.Changes, len(s.rows))
	if len(w.children) > 0 {
		w.families = make([][]*brood, len(s.rows))
	}
	var bad changeset.Invalid
	for i := range s.rows {
		given, path := s.given(i, defaults), ""
		if len(w.children) > 0 {
			if !s.one {
				path = strconv.Itoa(i) + "."
			}
			var err error
			if w.families[i], err = w.broods(given, &bad, path); err != nil {
				return err
			}
		}
		fixed, err := u.identity(w, given)
		if err != nil {
			return err
		}
		w.changes[i], err = w.castRow(given, fixed)
		var wrong *changeset.Invalid
		switch {
		case err == nil:
		case !errors.As(err, &wrong):
			return castError(err)
		case s.one:
			for field, messages := range wrong.Errors {
				for _, m := range messages {
					bad.Add(field, m)
				}
			}
		default:
			bad.AddRow(i, wrong)
		}
	}
	if len(bad.Errors) > 0 {
		return invalid(bad.Errors)
	}
	return w.guardChanges(!s.one)
}

// castRow checks one row and tests whether it may be made.
func (w *write) castRow(given map[string]any, fixed []changeset.Fixed) (*changeset.Changes, error) {
	if _, err := w.files(given); err != nil {
		return nil, err
	}
	return w.castGiven(given, changeset.Strict, fixed)
}

func (w *write) castGiven(given map[string]any, keys changeset.Keys, fixed []changeset.Fixed) (*changeset.Changes, error) {
	changes, err := w.table.Set.Cast(changeset.Input{Mode: changeset.Create, Keys: keys, Given: given, Fixed: fixed})
	if err != nil {
		return nil, err
	}
	if w.late {
		w.c.Slots[pipeline.SlotChanges] = changes
		if err := w.allowed(w.c); err != nil {
			return nil, err
		}
	}
	return changes, w.table.Complete(changeset.Create, changes, nil, w.c.Now())
}

// madeInReach refuses rows, just made, that `where` leaves out.
func (w *write) madeInReach(q store.Querier) error {
	if w.where == nil {
		return nil
	}
	text, err := value.AppendText(nil, w.keys[0][0])
	if err != nil {
		return err
	}
	n, err := w.count(q, havingKeys(w.served.Relation().Key, [][]string{{string(text)}}), w.options(w.limits != nil))
	if err == nil && n == 0 {
		return forbidden()
	}
	return err
}

// known refuses columns that the query chooses and the table has not.
func (w *write) known(s *sentRows) error {
	if !s.chosen && !w.table.Found {
		return nil // an unknown field of a schema is an error of that field
	}
	return w.servedOnly(s.columns)
}

// servedOnly refuses columns that the entry does not serve.
func (w *write) servedOnly(names []string) error {
	for _, name := range names {
		if w.table.Set.Index(name) < 0 || !w.served.columns(name) {
			return &postgrest.Error{Status: http.StatusBadRequest, Code: "PGRST204",
				Message: "Could not find the '" + rows.Clip(name) + "' column of '" + w.table.Name + "' in the schema cache"}
		}
	}
	return nil
}

// changeOf makes of checked rows what is written.
func (w *write) changeOf(list []*changeset.Changes) (*relations.Change, error) {
	c := &relations.Change{Rows: make([][]any, len(list))}
	var fields []int
	for i := range w.table.Set.Fields {
		given := slices.ContainsFunc(list, func(x *changeset.Changes) bool { _, ok := x.Get(i); return ok })
		if f := &w.table.Set.Fields[i]; given && !f.Virtual {
			fields = append(fields, i)
			c.Columns = append(c.Columns, f.Name)
		}
	}
	for k, changes := range list {
		c.Rows[k] = make([]any, len(fields))
		for j, i := range fields {
			v, given := changes.Get(i)
			if !given {
				c.Rows[k][j] = relations.Default{}
				continue
			}
			var err error
			if c.Rows[k][j], err = w.table.Set.Fields[i].Arg(v); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}
