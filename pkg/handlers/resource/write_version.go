package resource

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// matches tells a write on condition of what the row is (RFC 9110, section 13.1.1).
func (w *write) matches() bool { return len(w.c.R.Header["If-Match"]) > 0 }

// matched refuses the write of a row that is not as the client knows it.
func (w *write) matched(q store.Querier, row *value.Row, where []any) error {
	if !w.matches() {
		return nil
	}
	tag, err := w.tagOf(q, row, where)
	if err != nil {
		return err
	}
	for _, line := range w.c.R.Header["If-Match"] {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimSpace(one); one == "*" || one == tag {
				return nil
			}
		}
	}
	return &problem{Status: http.StatusPreconditionFailed, Code: "changed", Message: "the row is not as it was when it was read"}
}

// unmatched refuses a condition on rows that filters find: it is for one row, by its path.
func (w *write) unmatched() error {
	if !w.matches() {
		return nil
	}
	return &problem{Status: http.StatusPreconditionFailed, Code: "changed", Message: "If-Match is for one row", Hint: "write it by the path of its key"}
}

// tagOf is the ETag of a row that is locked.
func (w *write) tagOf(q store.Querier, row *value.Row, where []any) (string, error) {
	switch {
	case w.version >= 0:
		v, _ := row.Member(w.countsUp)
		return versionTag(v), nil
	case w.entry.Version.Name == xmin:
		r, err := records.One(q.Query(w.c.Context(), w.xmin, where, 1))
		if err != nil || r == nil {
			return "", err
		}
		return versionTag(r.Values[0]), nil
	}
	shown, err := q.Encode(w.c.Context(), w.oneJSON, where, 1, nil)
	if err != nil {
		return "", err
	}
	a := asked{wrap: w.entry.Wrap}
	body := a.endRow(append(a.beginRow(nil, nil), shown.JSON...))
	return string(appendTag(nil, body)), nil
}

// versionTag is the ETag of a row by its version.
func versionTag(v any) string {
	text, err := value.AppendText(nil, v)
	if err != nil {
		text = []byte("0")
	}
	return strconv.Quote("v" + string(text))
}

// removing begins the statement that removes a row: where rows are only marked, an update.
func (r *Resource) removing(q *records.Text) {
	if r.softDelete < 0 {
		q.Add("delete from ", r.table.From())
		return
	}
	q.Add("update ", r.table.From(), " set ", store.Quote(r.entry.SoftDelete.Name), " = ")
	q.Arg()
	if r.countsUp != "" {
		q.Add(", ", store.Quote(r.countsUp), " = coalesce(", store.Quote(r.countsUp), ", 0) + 1")
	}
}

// planEnd plans the update by which rows are gone. They are read before it.
func (w *write) planEnd(read *postgrest.Read, o relations.Options) (*relations.Write, error) {
	change := &relations.Change{Columns: []string{w.entry.SoftDelete.Name}, Rows: [][]any{{w.c.Now().UTC()}}, Counted: w.countsUp}
	plan, err := relations.Update(w.free, read, change, false, o)
	if err != nil || !w.shows() {
		return plan, err
	}
	before, err := relations.Select(w.free, &postgrest.Read{Select: read.Select, Where: read.Where, Limit: -1}, o)
	if err != nil {
		return nil, err
	}
	return &relations.Write{Before: before, Plan: plan.Plan}, nil
}
