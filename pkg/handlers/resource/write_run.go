package resource

import (
	"errors"
	"net/http"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// run writes as planned and keeps the rows that come of it.
func (w *write) run(q store.Querier, p *relations.Write, answered bool) error {
	ctx := w.c.Context()
	w.planned = true
	switch {
	case p.Before != nil:
		if err := w.read(q, p.Before); err != nil {
			return err
		}
		_, err := q.Exec(ctx, w.plans.Of(p.Plan, false), p.Plan.Args)
		return err
	case p.After != nil:
		written, err := q.Encode(ctx, w.plans.Of(p.Plan, false), p.Plan.Args, maxBodyRows, nil)
		if err != nil {
			return tooManyWritten(err)
		}
		after, err := p.After(written.Kept)
		if err != nil {
			return err
		}
		return w.read(q, after)
	case answered:
		return w.read(q, p.Plan)
	}
	r, err := q.Exec(ctx, w.plans.Of(p.Plan, false), p.Plan.Args)
	if err != nil {
		return err
	}
	w.rows = r.Affected
	return nil
}

// read encodes the rows of a plan as the answer has them.
func (w *write) read(q store.Querier, plan *relations.Plan) error {
	w.planned = true
	plan.Shape.StripNulls, plan.Shape.CSV = w.media.Stripped, w.media.Kind == postgrest.CSV
	rows, err := q.Encode(w.c.Context(), w.plans.Of(plan, false), plan.Args, maxBodyRows, w.opened(plan.Names))
	if err != nil {
		return tooManyWritten(err)
	}
	w.rows, w.keys, w.names = int64(rows.Rows), rows.Kept, plan.Names
	w.body = w.closed(rows.JSON)
	return nil
}

// opened begins what the rows are answered in: of a row in the path, that row.
func (w *write) opened(names []string) []byte {
	switch {
	case w.piece:
		return nil
	case w.bare:
		return w.beginRow(w.c.Scratch(), names)
	}
	return w.begin(w.c.Scratch(), names)
}

func (w *write) closed(buf []byte) []byte {
	switch {
	case w.piece:
		return buf
	case w.bare:
		return w.endRow(buf)
	}
	return w.end(buf, int(w.rows))
}

// tooManyWritten refuses an answer that would be too long. What was written is undone.
func tooManyWritten(err error) error {
	if !errors.Is(err, store.ErrTooManyRows) {
		return err
	}
	return &problem{Status: http.StatusRequestEntityTooLarge, Code: "too_many_rows", Message: "more rows would be written than one answer may have",
		Hint: "ask for return=minimal, or write fewer rows at once"}
}

// noRows is the answer to a write of nothing.
func (w *write) noRows() error {
	if err := w.checked(); err != nil {
		return err
	}
	if w.shows() {
		w.body = w.end(w.begin(w.c.Scratch(), nil), 0)
	}
	return nil
}
