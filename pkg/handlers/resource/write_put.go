package resource

import (
	"net/http"
	"slices"
	"time"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/value"
)

// put makes the row whose key the filters name, or changes it: PostgREST's single upsert.
func (w *write) put() error {
	if !w.serves[Create] {
		return forbidden()
	}
	switch {
	case w.Paged:
		return &postgrest.Error{Status: http.StatusBadRequest, Code: "PGRST114", Message: "limit/offset querystring parameters are not allowed for PUT"}
	case !w.keyFilter():
		return &postgrest.Error{Status: http.StatusMethodNotAllowed, Code: "PGRST105", Message: "Filters must include all and only primary key columns with 'eq' operators"}
	}
	s, err := readRows(w.c, w.Columns)
	if err != nil {
		return err
	}
	if len(s.rows) == 0 {
		return badRows(badJSON)
	}
	s.first()
	if err := w.sameKey(s); err != nil {
		return err
	}
	if w.limits, err = w.rules.limits(w.c, make([]any, 0, maxArgs)); err != nil {
		return err
	}
	if w.base, err = w.presets(w.c, w.limits); err != nil {
		return err
	}
	own := otherRule{do: w.do, late: w.late, ofRecord: w.ofRecord}
	u := &upsert{columns: w.served.Relation().Key, merge: true, rule: &own, make: &w.other}
	// The rules are tested row by row, each by what becomes of it.
	w.rules = w.rules.untested()
	w.prefer.Bounded = false
	if err := w.inserted(s, u); err != nil {
		return err
	}
	w.prefer.Resolution, w.prefer.Missing = "", ""
	status := http.StatusOK
	if w.made > 0 {
		status = http.StatusCreated
	}
	return w.answers(status, noContent)
}

// untested is the rules without the condition of the route.
func (x *rules) untested() *rules {
	out := *x
	out.do, out.late = nil, false
	return &out
}

// keyFilter tells filters that name the whole key, each column once, and nothing else.
func (w *write) keyFilter() bool {
	key := w.served.Relation().Key
	if len(key) == 0 || len(w.Where) != len(key) {
		return false
	}
	for _, name := range key {
		if !slices.ContainsFunc(w.Where, func(c postgrest.Cond) bool {
			return c.Kind == postgrest.Test && !c.Not && c.Op == postgrest.Eq && c.Each == postgrest.One && c.Field.Name == name && len(c.Field.Path) == 0
		}) {
			return false
		}
	}
	return true
}

// first leaves one row: PUT takes the first.
func (s *sentRows) first() {
	if len(s.rows) > 1 {
		s.raw = nil
	}
	s.rows = s.rows[:1]
}

// sameKey refuses a row of another key than that of the filters: PGRST115.
func (w *write) sameKey(s *sentRows) error {
	for _, cond := range w.Where {
		v, there := s.rows[0][cond.Field.Name]
		if !there || !w.sameText(v, cond.Value) && !w.sameValue(cond.Field.Name, v, cond.Value) {
			return &postgrest.Error{Status: http.StatusBadRequest, Code: "PGRST115", Message: "Payload values do not match URL in primary key column(s)"}
		}
	}
	return nil
}

func (w *write) sameText(v any, text string) bool {
	own, err := value.AppendText(nil, v)
	return err == nil && string(own) == text
}

// sameValue tells whether a column takes both for the same, as it does a uuid in capitals or a
// moment in another zone.
func (w *write) sameValue(column string, v any, text string) bool {
	f := &w.table.Set.Fields[w.table.Set.Index(column)]
	a, ok := f.Cast(v)
	b, fits := f.Cast(text)
	if !ok || !fits || a == nil || b == nil {
		return false
	}
	if at, is := a.(time.Time); is {
		other, is := b.(time.Time)
		return is && at.Equal(other)
	}
	if order, are := value.CompareNumbers(a, b); are {
		return order == 0
	}
	shown, err := value.AppendText(nil, b)
	return err == nil && w.sameText(a, string(shown))
}
