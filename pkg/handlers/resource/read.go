package resource

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"maps"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

type statement = store.Statement

// maxRows is how many rows an index gives at most, and when no limit is asked for.
const maxRows = 1000

// index answers with the rows in reach, in the order of their ids.
func (x *rules) index(c *pipeline.Context) error {
	browser := x.browser(c)
	limit, offset, err := pageOf(c.R.URL.RawQuery, browser)
	if err != nil {
		return err
	}
	if err := x.allowed(c); err != nil {
		return err
	}
	args, err := x.limits(c, make([]any, 0, maxArgs))
	if err != nil {
		return err
	}
	r := &store.Result{}
	if limit > 0 {
		r, err = x.table.Store.Query(c.Context(), x.page, append(args, limit, offset), int(limit))
		if err != nil {
			return x.failed(c, err, nil)
		}
	}
	if browser {
		return x.answer(c, http.StatusOK, x.plural(), listOf(r), nil)
	}
	return answerRows(c, r, offset)
}

// listOf gives the rows as names hold them.
func listOf(r *store.Result) []any {
	rows, list := make([]value.Row, len(r.Rows)), make([]any, len(r.Rows))
	for i, values := range r.Rows {
		rows[i] = value.Row{Columns: r.Columns, Values: values}
		list[i] = &rows[i]
	}
	return list
}

func answerRows(c *pipeline.Context, r *store.Result, offset int64) error {
	buf := append(c.Scratch(), '[')
	row := &value.Row{Columns: r.Columns}
	var err error
	for i, values := range r.Rows {
		if i > 0 {
			buf = append(buf, ',')
		}
		row.Values = values
		if buf, err = value.AppendJSON(buf, row); err != nil {
			return err
		}
	}
	buf = append(buf, ']')
	c.W.Header()["Content-Range"] = []string{contentRange(offset, len(r.Rows))}
	err = c.Answer(http.StatusOK, pipeline.JSONType, buf)
	c.Lend(buf)
	return err
}

// contentRange tells which rows these are (PostgREST: "0-19/*", "*/*" for none).
func contentRange(offset int64, n int) string {
	if n == 0 {
		return "*/*"
	}
	b := strconv.AppendInt(nil, offset, 10)
	b = strconv.AppendInt(append(b, '-'), offset+int64(n)-1, 10)
	return string(append(b, "/*"...))
}

// pageOf reads limit and offset. A larger limit than maxRows is taken as that. Any other
// parameter is refused: a filter that is not applied would show what it should keep back.
// To a page others say nothing, such as those by which links are counted.
func pageOf(query string, browser bool) (limit, offset int64, err error) {
	limit = maxRows
	if query == "" {
		return limit, 0, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return 0, 0, &problem{status: http.StatusBadRequest, code: badParameter, message: "the query cannot be read"}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		var into *int64
		switch name {
		case "limit":
			into = &limit
		case "offset":
			into = &offset
		default:
			if browser {
				continue
			}
			return 0, 0, &problem{status: http.StatusBadRequest, code: badParameter, message: "unknown parameter " + strconv.Quote(clip(name)), hint: "the parameters are limit and offset"}
		}
		n, err := strconv.ParseInt(values[name][len(values[name])-1], 10, 64)
		if err != nil || n < 0 {
			return 0, 0, &problem{status: http.StatusBadRequest, code: badParameter, message: name + " is not a whole number from 0"}
		}
		*into = n
	}
	return min(limit, maxRows), offset, nil
}

// clip bounds what of a stranger's text is said back.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// show answers with one row.
func (x *rules) show(c *pipeline.Context) error {
	args, err := x.find(c)
	if err != nil {
		return err
	}
	row, err := records.One(x.table.Store.Query(c.Context(), x.one, args, 1))
	if err != nil {
		return x.failed(c, err, nil)
	}
	if row == nil {
		return notFound()
	}
	c.Slots[pipeline.SlotRecord] = row
	if err := x.visible(c); err != nil {
		return err
	}
	if x.browser(c) {
		return x.answer(c, http.StatusOK, x.table.Schema, row, nil)
	}
	return answerRow(c, http.StatusOK, row, false)
}

// answerRow sends a row, or a list of it as PostgREST answers an insert.
func answerRow(c *pipeline.Context, status int, row *value.Row, list bool) error {
	buf := c.Scratch()
	if list {
		buf = append(buf, '[')
	}
	buf, err := value.AppendJSON(buf, row)
	if err != nil {
		return err
	}
	if list {
		buf = append(buf, ']')
	}
	err = c.Answer(status, pipeline.JSONType, buf)
	c.Lend(buf)
	return err
}
