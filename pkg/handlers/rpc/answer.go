package rpc

import (
	"bytes"
	"net/http"

	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// fetch runs the statement and makes the body of the answer.
func (r *call) fetch(tx store.Tx, plan *relations.Plan) error {
	ctx, st := r.c.Context(), r.all.statements.Of(plan, false)
	if r.void() {
		_, err := tx.Exec(ctx, st, plan.Args)
		return err
	}
	if r.raw != "" {
		return r.fetchRaw(tx, plan)
	}
	begun, listed := r.c.Scratch(), r.media.Kind == postgrest.CSV || r.Set && !r.scalar
	if listed {
		begun = rows.Begin(begun, r.media, plan.Names)
	}
	got, err := tx.Encode(ctx, st, plan.Args, int(r.relation.MaxRows), begun)
	if err != nil {
		return err
	}
	r.rows, r.body = int64(got.Rows), got.JSON
	r.counted(got, len(begun))
	switch {
	case r.values():
		r.value()
	case listed:
		r.body = rows.End(r.body, r.media, int(r.rows))
	}
	if r.media.Kind == postgrest.Object && r.rows != 1 {
		return rows.NotOne(int(r.rows))
	}
	if len(r.body) == 0 {
		r.body = append(r.body, "null"...)
	}
	return r.prefer.Affected(r.rows)
}

// counted takes what was counted beside the rows; the first row begins at start.
func (r *call) counted(got store.Encoded, start int) {
	var last []any
	if len(got.Kept) > 0 {
		last = got.Kept[len(got.Kept)-1]
	}
	asked := r.prefer.Count != ""
	switch {
	case r.values() && r.Set:
		r.rows, _ = last[0].(int64)
		if asked {
			r.total, _ = last[1].(int64)
		}
	case asked && r.Set && len(last) >= 2:
		r.total, _ = last[len(last)-1].(int64)
		if last[len(last)-2] == nil { // there is no row, but the number
			r.rows, r.body = 0, r.body[:start]
		}
	case asked:
		r.total = r.rows
	}
}

// value takes the value out of the object that it came in.
func (r *call) value() {
	if len(r.body) == 0 {
		return
	}
	colon := bytes.IndexByte(r.body, ':') // behind a name that has none
	r.body = append(r.body[:0], r.body[colon+1:len(r.body)-1]...)
	if r.Set && r.media.Kind == postgrest.Object && r.rows == 1 {
		r.body = append(r.body[:0], r.body[1:len(r.body)-1]...)
	}
}

// answer sends what the function gave.
func (r *call) answer() error {
	if r.void() {
		r.rows = 1
		if r.prefer.Count != "" {
			r.total = 1
		}
	}
	h := r.c.W.Header()
	status := postgrest.RangeStatus(r.query.Offset, r.rows, r.total)
	r.defaults("Content-Range", string(postgrest.AppendContentRange(nil, r.query.Offset, r.rows, r.total)))
	if status == http.StatusRequestedRangeNotSatisfiable {
		return postgrest.BeyondEnd(r.query.Offset, r.total)
	}
	if applied := r.prefer.Applied(); applied != "" {
		r.defaults("Preference-Applied", applied)
	}
	h["Vary"] = append(h["Vary"], "Accept, Prefer, Range")
	if r.status != 0 {
		status = r.status
	}
	if r.void() {
		if r.status == 0 {
			status = http.StatusNoContent
		}
		return r.c.Answer(status, nil, nil)
	}
	err := r.c.Answer(status, r.contentType(), r.body)
	r.c.Lend(r.body)
	return err
}

// defaults sets a header that the function did not.
func (r *call) defaults(name, text string) {
	if h := r.c.W.Header(); h[name] == nil {
		h[name] = []string{text}
	}
}
