package resource

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// updateMany changes the rows in reach that the query leaves: 204, or 200 with the rows.
// PUT makes the one row of a key, or changes it.
func (x *rules) updateMany(c *pipeline.Context) error {
	w, err := x.begins(c)
	if err == nil {
		err = w.unmatched()
	}
	if err != nil {
		return err
	}
	if c.Method == http.MethodPut {
		return w.put()
	}
	if !x.late && !x.ofRecord {
		if err := x.allowed(c); err != nil {
			return err
		}
	}
	s, err := readRows(c, w.Columns)
	if err != nil {
		return err
	}
	o, err := w.reachable()
	if err != nil {
		return err
	}
	if len(s.rows) == 0 || len(s.columns) == 0 {
		if err := w.noRows(); err != nil {
			return err
		}
		return w.updated()
	}
	if len(w.Where) == 0 && !x.wholeTable[Update] {
		return notAll(Update)
	}
	if !x.ofRecord && x.visible(c) != nil { // rows that nobody may read are as absent
		if err := w.noRows(); err != nil {
			return err
		}
		return w.updated()
	}
	if err := w.asksBefore(Update, map[string]any{"query": c.R.URL.RawQuery, "changes": w.shownOf(s.rows[0])}); err != nil {
		return err
	}
	if err := w.changeRows(s, o); err != nil {
		return err
	}
	return w.updated()
}

func (w *write) updated() error {
	w.ranged(true)
	w.prefer.Resolution = ""
	return w.answers(http.StatusOK, noContent)
}

// changeRows plans and runs the update.
func (w *write) changeRows(s *sentRows, o relations.Options) error {
	change, err := w.updating(s)
	if err != nil {
		return err
	}
	switch {
	case w.ofRecord || w.table.Set.NeedsRow() || w.where != nil:
		return w.refusing(w.within(true, func(q store.Querier) error { return w.updateEach(q, s, o, change) }), false)
	case w.late:
		w.c.Slots[pipeline.SlotChanges] = w.changes[0]
		if err := w.allowed(w.c); err != nil {
			return err
		}
	}
	if change == nil {
		return w.noRows()
	}
	return w.failing(w.change(change, w.Where, o))
}

// change runs one update.
func (w *write) change(change *relations.Change, where []postgrest.Cond, o relations.Options) error {
	plan, answered, err := w.planUpdate(change, where, o)
	if err != nil {
		return err
	}
	tx := w.needsTx() || plan.After != nil || answered && !plan.Plan.Quick
	return w.within(tx, func(q store.Querier) error {
		if err := w.run(q, plan, answered); err != nil {
			return err
		}
		return w.checked()
	})
}

func (w *write) planUpdate(change *relations.Change, where []postgrest.Cond, o relations.Options) (*relations.Write, bool, error) {
	change.Counted = w.countsUp
	answered := w.shows() || w.eventful()
	if w.eventful() {
		o.Kept = w.served.Relation().Key
	}
	read := *w.chosen()
	read.Where = where
	plan, err := relations.Update(w.free, &read, change, answered, o)
	if err == nil && len(where)+len(o.Match) == 0 {
		plan.Plan.Quick = false // the whole table
	}
	return plan, answered, err
}

// updating checks what was sent. The change is nil where nothing of it is stored.
func (w *write) updating(s *sentRows) (*relations.Change, error) {
	if err := w.known(s); err != nil {
		return nil, err
	}
	if err := w.unnamed(s.columns); err != nil {
		return nil, err
	}
	defaults := w.prefer.Missing == postgrest.MissingDefault
	given := s.given(0, defaults)
	if err := w.guardSent(&sentRows{rows: []map[string]any{given}, one: true}); err != nil {
		return nil, err
	}
	if w.table.Found && !w.late {
		text, err := s.list(nil)
		if err != nil {
			return nil, err
		}
		return w.tableChange(s.columns, text)
	}
	if _, err := w.files(given); err != nil {
		return nil, err
	}
	keys := changeset.Strict
	if w.table.Found {
		keys = changeset.Trusted
	}
	changes, err := w.table.Set.Cast(changeset.Input{Mode: changeset.Update, Keys: keys, Given: given})
	if err != nil {
		return nil, castError(err)
	}
	w.changes = []*changeset.Changes{changes}
	if w.table.Found {
		text, err := s.list(nil)
		if err != nil {
			return nil, err
		}
		return w.tableChange(s.columns, text)
	}
	if w.table.Set.NeedsRow() {
		return nil, nil // each row is computed by itself
	}
	if err := w.table.Complete(changeset.Update, changes, nil, w.c.Now()); err != nil {
		return nil, castError(err)
	}
	if !w.table.Writes(changes) {
		return nil, nil
	}
	return w.changeOf(w.changes)
}

// updateEach reads the rows first and tests the rule for each. Rows that may not be read
// are as absent; one that may not be changed refuses all.
func (w *write) updateEach(q store.Querier, s *sentRows, o relations.Options, change *relations.Change) error {
	rows, err := w.readable(q, o)
	if err != nil {
		return err
	}
	if len(w.changes) > 0 {
		w.c.Slots[pipeline.SlotChanges] = w.changes[0]
	}
	for _, row := range rows {
		w.c.Slots[pipeline.SlotRecord] = row
		if err := w.allowed(w.c); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return w.noRows()
	}
	if w.table.Set.NeedsRow() {
		return w.computeEach(q, s, o, rows)
	}
	if change == nil {
		return w.noRows()
	}
	plan, answered, err := w.planUpdate(change, w.those(rows), o)
	if err != nil {
		return err
	}
	if err := w.run(q, plan, answered); err != nil {
		return err
	}
	if err := w.stay(q, s, rows); err != nil {
		return err
	}
	return w.checked()
}

// stay refuses to take rows out of their own `where`.
func (w *write) stay(q store.Querier, s *sentRows, rows []*value.Row) error {
	if w.where == nil {
		return nil
	}
	key, given := w.served.Relation().Key, s.given(0, false)
	keys := make([][]string, len(rows))
	for i, row := range rows {
		keys[i] = keyTexts(row, key)
		for k, name := range key {
			if v, there := given[name]; there && v != nil {
				text, err := value.AppendText(nil, v)
				if err != nil {
					return err
				}
				keys[i][k] = string(text)
			}
		}
	}
	n, err := w.count(q, havingKeys(key, keys), w.options(false))
	if err == nil && n < int64(len(rows)) {
		return forbidden()
	}
	return err
}

// computeEach updates the rows one by one: what is computed is another value for each.
func (w *write) computeEach(q store.Querier, s *sentRows, o relations.Options, rows []*value.Row) error {
	given := s.given(0, w.prefer.Missing == postgrest.MissingDefault)
	for _, row := range rows {
		changes, err := w.table.Cast(changeset.Input{Mode: changeset.Update, Given: given}, row, w.c.Now())
		if err != nil {
			return castError(err)
		}
		w.changes = []*changeset.Changes{changes}
		if !w.table.Writes(changes) {
			continue
		}
		change, err := w.changeOf(w.changes)
		if err != nil {
			return err
		}
		change.Counted = w.countsUp
		plan, err := relations.Update(w.free, &postgrest.Read{Where: w.those([]*value.Row{row}), Limit: -1}, change, false, o)
		if err != nil {
			return err
		}
		if _, err := q.Exec(w.c.Context(), w.plans.Of(plan.Plan, false), plan.Plan.Args); err != nil {
			return err
		}
	}
	if err := w.stay(q, s, rows); err != nil {
		return err
	}
	read := *w.chosen()
	read.Where = w.those(rows)
	o.Kept = w.served.Relation().Key
	plan, err := relations.Select(w.free, &read, o)
	if err != nil {
		return err
	}
	if err := w.read(q, plan); err != nil {
		return err
	}
	return w.checked()
}

// readable reads the rows that the query leaves, less those that the rule of reading hides.
func (w *write) readable(q store.Querier, o relations.Options) ([]*value.Row, error) {
	if len(w.served.Relation().Key) == 0 {
		return nil, forbidden() // rows that cannot be told apart cannot be tested one by one
	}
	rows, err := w.whole(q, w.Where, o)
	if err != nil {
		return nil, err
	}
	seen := rows[:0]
	for _, row := range rows {
		w.c.Slots[pipeline.SlotRecord] = row
		if w.test(w.c, w.rules.read) {
			seen = append(seen, row)
		}
	}
	return seen, nil
}

// those is the condition that finds rows by their keys.
func (w *write) those(rows []*value.Row) []postgrest.Cond {
	keys := make([][]string, len(rows))
	for i, row := range rows {
		keys[i] = keyTexts(row, w.served.Relation().Key)
	}
	return havingKeys(w.served.Relation().Key, keys)
}
