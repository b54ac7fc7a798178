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

// inItsWords is what the database says itself, whatever way the write went; nil where a declared
// field is to blame, or where it is ours to answer for.
func (w *write) inItsWords(err error) *problem {
	var conflict *store.Conflict
	var unfit *store.Invalid
	switch {
	case w.table.Found:
	case w.drifted(err), errors.As(err, &conflict) && conflict.Told.Code != plainRaise, errors.As(err, &unfit) && w.ofField(unfit, err):
		return nil
	}
	return w.passedOn(err)
}

// ofField tells that a value is one of a declared field, and not one of a filter or of SQL below.
func (w *write) ofField(unfit *store.Invalid, err error) bool {
	if w.planned {
		return w.table.Set.Index(unfit.Column) >= 0
	}
	return len(w.table.BrokenRows(w.c.Context(), err, w.changes).Errors) > 0
}

// plainRaise is the code of `raise exception` that chooses none.
const plainRaise = "P0001"

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

// passedOn is what the database says, as PostgREST passes it on; nil where it is ours to answer
// for.
func (w *write) passedOn(err error) *problem {
	p := toldOf(w.c, err)
	if p == nil || store.ToldOf(err).Code == "" && !w.planned {
		return nil
	}
	if !w.browser(w.c) { // which has no token to send
		p.Unknown(w.c)
	}
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
