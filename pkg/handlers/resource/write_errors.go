package resource

import (
	"errors"
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/store"
)

// failing says what an error of a write is: a refusal of ours stays, a rule of the database
// is told by field, or in the database's words where the manifest declares no fields.
func (w *write) failing(err error) error { return w.refusing(err, false) }

func (w *write) refusing(err error, deleting bool) error {
	var before *replayed
	if err == nil || problemOf(err) != nil || errors.As(err, &before) {
		return err
	}
	if p := rows.Raised(w.c, err); p != nil {
		return p
	}
	var down *store.Unavailable
	if errors.As(err, &down) {
		return w.away(down, err)
	}
	if p := w.inItsWords(err); p != nil {
		return p
	}
	b := w.table.BrokenRows(w.c.Context(), err, w.changes)
	if b == nil {
		return records.Ours(w.table.Store.Name, err)
	}
	return broken(b, deleting)
}

// inItsWords is what the database says itself where no declared field is to blame; nil where one may
// be, or where it is ours to answer for.
func (w *write) inItsWords(err error) *problem {
	var conflict *store.Conflict
	var invalid *store.Invalid
	switch broke := errors.As(err, &conflict); {
	case w.table.Found, broke && conflict.Told.Code == plainRaise:
		return w.passedOn(err)
	case broke, !w.planned && errors.As(err, &invalid):
		return nil
	case w.planned: // it may be of a filter
		p := toldOf(w.c, err)
		if p != nil && p.Status >= http.StatusInternalServerError {
			p.Details = ""
		}
		return p
	}
	if p := w.passedOn(err); p != nil && (sent(p.Code) || p.Status >= http.StatusInternalServerError) {
		return p
	}
	return nil
}

// plainRaise is the code of `raise exception` that chooses none.
const plainRaise = "P0001"

// sent tells an SQLSTATE that a client can bring about whatever a schema checks: values of a
// filter, a row that is upserted twice, a column that is generated, a view that takes no
// writes, an operator that a type has not.
func sent(code string) bool {
	switch code {
	case "21000", "428C9", "42883", "55000":
		return true
	}
	return strings.HasPrefix(code, "22")
}

// away answers where the store cannot be had: 503. A write that was sent and whose answer
// never came may have been kept, so it has a code of its own, and nobody is told to send it
// again. A statement that the database itself has ended was undone.
func (w *write) away(down *store.Unavailable, err error) error {
	if !down.Unknown {
		if p := w.passedOn(err); p != nil {
			return p
		}
	}
	ours := records.Ours(w.table.Store.Name, err)
	observe.Failed(w.c.Context(), ours)
	w.c.Log.Error("a write failed", "resource", w.table.Schema, "unknown", down.Unknown, "request_id", w.c.Request.ID, "error", ours)
	if down.Unknown {
		return &problem{Status: http.StatusServiceUnavailable, Code: "unknown_outcome", Message: "the write was sent, and it is not known whether it was kept",
			Hint: "read before it is sent again, or send it with an Idempotency-Key"}
	}
	return &problem{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the store cannot be had; nothing was written",
		Headers: http.Header{"Retry-After": {rows.RetryAfter}}}
}

// passedOn is what the database says of a table of which the manifest declares nothing, as
// PostgREST passes it on; nil where it is ours to answer for.
func (w *write) passedOn(err error) *problem {
	p := toldOf(w.c, err)
	if p == nil || store.ToldOf(err).Code == "" && !w.planned {
		return nil
	}
	p.Unknown(w.c)
	if !w.entry.Fields.All && p.Code != plainRaise { // the details may show columns that are not served
		p.Details = ""
	}
	return p
}

// notAll refuses an update or delete of a whole table, in the words of pg-safeupdate.
func notAll(a Action) *problem {
	return &problem{Status: http.StatusBadRequest, Code: "21000", Message: strings.ToUpper(a.String()) + " requires a WHERE clause",
		Hint: "filter the rows; `whole_table` lets a resource do without"}
}
