package resource

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// A write is one request that writes, on its way.
type write struct {
	*rules
	*asked
	c       *pipeline.Context
	limits  []any                // of a create: the parent's id, the owner
	base    []changeset.Fixed    // of a create: what no client can name
	answer  postgrest.Return     // what is answered: as asked, or as `returning` says
	changes []*changeset.Changes // the rows that were checked

	rows    int64 // that were written and are in reach
	made    int64 // of an upsert: those that were not there
	keys    [][]any
	body    []byte
	quiet   bool     // nothing changed
	planned bool     // the statement has words of the request in it
	once    *once    // of a create with an Idempotency-Key; nil: none
	piece   bool     // of rows that are written by several statements
	names   []string // of the columns that are answered
	heard   rows.Chosen
	bare    bool // the answer is the row in the path

	families [][]*brood // the rows that each row brings with it
	below    []*write   // that were done with this one

	// For events.
	gone    []*value.Row    // the rows that were deleted
	before  map[string]bool // of an upsert: the keys that were there
	notes   []notice
	written [events][]any // for the hook that is told after
}

// asksPlainly tells a request that says nothing beside its body.
func asksPlainly(c *pipeline.Context) bool {
	return c.R.URL.RawQuery == "" && len(c.R.Header["Content-Profile"]) == 0 && plain(c)
}

// begins reads what a request that writes asks for.
func (x *rules) begins(c *pipeline.Context) (*write, error) {
	w := &write{rules: x, c: c}
	if x.browser(c) || asksPlainly(c) {
		w.asked = &asked{Query: &postgrest.Query{Read: postgrest.Read{Limit: -1}}, wrap: x.entry.Wrap}
	} else {
		var err error
		if w.asked, err = x.ask(c); err != nil {
			return nil, err
		}
	}
	if w.answer = w.prefer.Return; w.answer == "" {
		w.answer = postgrest.Return(x.entry.Returning)
	}
	if c.InTransaction() {
		w.prefer.Timezone = ""
		w.prefer.Tx = "" // the batch ends it
	}
	return w, nil
}

// beginsOne is begins for the row in the path. Filters would choose among one row.
func (x *rules) beginsOne(c *pipeline.Context) (*write, error) {
	w, err := x.begins(c)
	if err == nil && len(w.Where) > 0 {
		err = &problem{Status: http.StatusBadRequest, Code: badParameter, Message: "the path leads to one row and takes no filters", Hint: "write rows by filters at the path of all rows"}
	}
	return w, err
}

// shows tells that the rows are answered.
func (w *write) shows() bool { return w.answer == postgrest.Representation }

// chosen are the words of the request for the rows that are answered.
func (w *write) chosen() *postgrest.Read {
	if w.shows() {
		return &w.Read
	}
	return &postgrest.Read{Select: []postgrest.Item{}, Where: w.Where, Limit: -1}
}

// one tells that the answer is to be one row.
func (w *write) single() bool { return w.media.Kind == postgrest.Object }

// checked tells what of the rows that were written is not as the request wants it. The
// error undoes the write.
func (w *write) checked() error {
	if w.single() && w.rows != 1 {
		return notOneRow(int(w.rows))
	}
	return w.prefer.Affected(w.rows)
}

// needsTx tells a write that may have to be undone, or is more than one statement.
func (w *write) needsTx() bool {
	return w.single() || w.once != nil || w.prefer.Timezone != "" || w.prefer.Bounded || w.prefer.Tx == postgrest.Rollback || w.eventful() || w.secured() || w.listens()
}

// rolledBack ends a transaction that the client wants undone.
type rolledBack struct{}

func (rolledBack) Error() string { return "rolled back, as asked" }

// within runs do on the store, in a transaction where one is needed, and tells of what was
// written once it is kept.
func (w *write) within(tx bool, do func(q store.Querier) error) error {
	st := w.table.Store
	whole := func(q store.Querier) error {
		if err := do(q); err != nil || !w.eventful() {
			return err
		}
		return w.note(q)
	}
	switch {
	case w.c.InTransaction() && w.secured():
		return alone()
	case w.c.InTransaction():
		if err := whole(w.c.On(st)); err != nil {
			return err
		}
		if w.eventful() {
			w.c.AfterCommit(func() error { w.announce(); return nil })
		}
		return nil
	case !tx:
		return do(st)
	}
	o, err := w.security(w.c)
	if err != nil {
		return err
	}
	if zone := w.prefer.Timezone; zone != "" {
		if o.Settings == nil {
			o.Settings = map[string]string{}
		}
		o.Settings["timezone"] = zone
	}
	err = st.TxWith(w.c.Context(), o, func(tx store.Tx) error {
		if err := whole(tx); err != nil {
			return err
		}
		if err := w.hear(tx); err != nil {
			return err
		}
		if w.prefer.Tx == postgrest.Rollback {
			return rolledBack{}
		}
		return nil
	})
	switch err {
	case nil:
		w.announce()
	case error(rolledBack{}):
		return nil
	}
	return err
}

// answers sends what came of the write. status is that of an answer with rows.
func (w *write) answers(status, bare int) error {
	status, contentType, body := w.head(status, bare)
	err := w.c.Answer(w.heeds(status), contentType, body)
	w.c.Lend(w.body)
	return err
}

// head writes the headers and gives the rest of the answer.
func (w *write) head(status, bare int) (int, []string, []byte) {
	if applied := w.prefer.Applied(); applied != "" {
		w.c.W.Header()["Preference-Applied"] = []string{applied}
	}
	if !w.shows() {
		return bare, nil, nil
	}
	return status, w.contentType(), w.body
}

// ranged says which rows were written, as PostgREST does: all of them, counted where it is
// asked; of an update from 0.
func (w *write) ranged(update bool) {
	total, rows := int64(-1), int64(0)
	if w.prefer.Count != "" {
		total = w.rows
	}
	if update {
		rows = w.rows
	}
	w.c.W.Header()["Content-Range"] = []string{string(postgrest.AppendContentRange(nil, 0, rows, total))}
}

// noContent is the status of an answer without rows.
const noContent = http.StatusNoContent
