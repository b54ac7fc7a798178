package resource

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// deleteMany removes the rows in reach that the query leaves: 204, or 200 with the rows.
func (x *rules) deleteMany(c *pipeline.Context) error {
	w, err := x.begins(c)
	if err == nil {
		err = w.unmatched()
	}
	if err != nil {
		return err
	}
	if !x.ofRecord {
		if err := x.allowed(c); err != nil {
			return err
		}
	}
	o, err := w.reachable()
	if err != nil {
		return err
	}
	if len(w.Where) == 0 && !x.wholeTable[Delete] {
		return notAll(Delete)
	}
	if err := w.asksBefore(Delete, map[string]any{"query": c.R.URL.RawQuery}); err != nil {
		return err
	}
	removes := w.removes
	if !x.ofRecord && x.visible(c) != nil {
		removes = func(relations.Options) error { return w.noRows() }
	}
	if err := w.refusing(removes(o), true); err != nil {
		return err
	}
	w.ranged(false)
	w.prefer.Resolution, w.prefer.Missing = "", ""
	return w.answers(http.StatusOK, noContent)
}

func (w *write) removes(o relations.Options) error {
	if w.ofRecord || w.eventful() {
		return w.within(true, func(q store.Querier) error { return w.removeEach(q, o) })
	}
	plan, err := w.planRemoval(w.Where, o)
	if err != nil {
		return err
	}
	tx := w.needsTx() || plan.Before != nil || plan.After != nil || w.shows() && !plan.Plan.Quick
	return w.within(tx, func(q store.Querier) error {
		if err := w.run(q, plan, w.shows()); err != nil {
			return err
		}
		return w.checked()
	})
}

// removeEach reads the rows first and tests the rule for each.
func (w *write) removeEach(q store.Querier, o relations.Options) error {
	rows, err := w.readable(q, o)
	if err != nil {
		return err
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
	plan, err := w.planRemoval(w.those(rows), o)
	if err != nil {
		return err
	}
	if err := w.run(q, plan, w.shows()); err != nil {
		return err
	}
	w.gone = rows
	return w.checked()
}

// planRemoval plans a delete, or the update that stands for one.
func (w *write) planRemoval(where []postgrest.Cond, o relations.Options) (*relations.Write, error) {
	read := *w.chosen()
	read.Where = where
	plan, err := (*relations.Write)(nil), error(nil)
	if w.softDelete < 0 {
		plan, err = relations.Delete(w.free, &read, w.shows(), o)
	} else {
		plan, err = w.planEnd(&read, o)
	}
	if err == nil && len(where)+len(o.Match) == 0 {
		plan.Plan.Quick = false // the whole table
	}
	return plan, err
}
