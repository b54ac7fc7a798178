package resource

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

type statement = store.Statement

// maxRows is how many rows an index gives at most, and when no limit is asked for.
const maxRows = 1000

// indexPage shows a browser the rows in reach, in the order of their ids.
func (x *rules) indexPage(c *pipeline.Context) error {
	limit, offset, err := pageOf(c.R.URL.RawQuery)
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
		err = x.on(c, func(q store.Querier) (err error) {
			r, err = q.Query(c.Context(), x.page, append(args, limit, offset), int(limit))
			return err
		})
		if err != nil {
			return x.unread(c, err)
		}
	}
	return x.answer(c, http.StatusOK, x.plural(), listOf(r), nil)
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

// pageOf reads limit and offset of a page. A larger limit than maxRows is taken as that. To
// a page other parameters say nothing, such as those by which links are counted.
func pageOf(query string) (limit, offset int64, err error) {
	limit = maxRows
	if query == "" {
		return limit, 0, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return 0, 0, &problem{Status: http.StatusBadRequest, Code: badParameter, Message: "the query cannot be read"}
	}
	for name, into := range map[string]*int64{"limit": &limit, "offset": &offset} {
		given := values[name]
		if len(given) == 0 {
			continue
		}
		n, err := strconv.ParseInt(given[len(given)-1], 10, 64)
		if err != nil || n < 0 {
			return 0, 0, &problem{Status: http.StatusBadRequest, Code: badParameter, Message: name + " is not a whole number from 0"}
		}
		*into = n
	}
	return min(limit, maxRows), offset, nil
}

// show answers with one row.
func (x *rules) show(c *pipeline.Context) error {
	switch {
	case x.browser(c):
		return x.showPage(c)
	case x.read != nil: // a rule looks at the row first
		if _, err := x.load(c); err != nil {
			return err
		}
	}
	if x.ready.row != nil && c.R.URL.RawQuery == "" && plain(c) {
		return x.showReady(c)
	}
	return x.showAsked(c)
}

// showReady is the short way: a statement that was made at load.
func (x *rules) showReady(c *pipeline.Context) error {
	id, err := x.pathID(c)
	if err != nil {
		return err
	}
	args, err := x.readyArgs(c)
	if err != nil {
		return err
	}
	a := asked{wrap: x.entry.Wrap}
	var row store.Encoded
	err = x.reading(c, "", func(on store.Querier) (err error) {
		row, err = on.Encode(c.Context(), x.ready.row, append(args, id, int64(1)), 1, a.beginRow(c.Scratch(), nil))
		return err
	})
	if err != nil {
		return x.unread(c, err)
	}
	return x.answerOne(c, &a, row)
}

// showAsked reads the row with the columns and relations that the query selects.
func (x *rules) showAsked(c *pipeline.Context) error {
	a, err := x.ask(c)
	if err != nil {
		return err
	}
	id, err := x.pathID(c)
	if err != nil {
		return err
	}
	o, err := x.options(c)
	if err != nil {
		return err
	}
	o.Match = append(o.Match, relations.Match{Column: x.id.Name, Value: id})
	o.Kept = x.tagColumns(a)
	plan, err := relations.Select(x.served.Relation(), &a.Read, o)
	if err != nil {
		return err
	}
	plan.Shape.StripNulls, plan.Shape.CSV = a.media.Stripped, a.media.Kind == postgrest.CSV
	a.prefer.Count = ""
	var row store.Encoded
	err = x.reading(c, a.prefer.Timezone, func(on store.Querier) (err error) {
		row, err = on.Encode(c.Context(), x.plans.Of(plan, true), plan.Args, 1, a.beginRow(c.Scratch(), plan.Names))
		return err
	})
	if err != nil {
		return x.unread(c, err)
	}
	return x.answerOne(c, a, row)
}

// answerOne sends a row.
func (x *rules) answerOne(c *pipeline.Context, a *asked, row store.Encoded) error {
	if row.Rows == 0 {
		return notFound()
	}
	buf := a.endRow(row.JSON)
	var h headers
	h.add("Etag", x.appendRowTag(h.begin(), buf, row.Kept))
	if applied := a.prefer.Applied(); applied != "" {
		h.add("Preference-Applied", append(h.begin(), applied...))
	}
	varies(c)
	return x.send(c, &h, http.StatusOK, a, buf)
}

// showPage shows a browser the row.
func (x *rules) showPage(c *pipeline.Context) error {
	if _, err := x.load(c); err != nil {
		return err
	}
	row, _ := c.Slots[pipeline.SlotRecord].(*value.Row)
	return x.answer(c, http.StatusOK, x.table.Schema, row, nil)
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
