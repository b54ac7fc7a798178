package resource

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// index answers with the rows in reach that the request asks for.
func (x *rules) index(c *pipeline.Context) error {
	if x.browser(c) {
		return x.indexPage(c)
	}
	if c.R.Method != methodQuery && plain(c) && len(c.R.Header["Range"]) == 0 {
		if q, ok := x.asksPage(c.R.URL.RawQuery); ok {
			return x.indexReady(c, q)
		}
	}
	a, err := x.ask(c)
	if err != nil {
		return err
	}
	paged := a.Paged || a.After != ""
	if c.R.Method == http.MethodGet && len(c.R.Header["Range"]) > 0 {
		within, err := postgrest.ParseRange(c.R.Header.Get("Range"))
		if err == nil {
			err = a.Within(within)
		}
		if err != nil {
			return err
		}
		paged = paged || within != postgrest.Range{}
	}
	if err := x.allowed(c); err != nil {
		return err
	}
	o, err := x.options(c)
	if err != nil {
		return err
	}
	o.Total = paged
	if a.After != "" {
		if o.After, err = x.behind(a.After); err != nil {
			return err
		}
	}
	return x.list(c, a, o)
}

// indexReady is the short way: statements that were made at load.
func (x *rules) indexReady(c *pipeline.Context, q readyQuery) error {
	if err := x.allowed(c); err != nil {
		return err
	}
	args, err := x.readyArgs(c)
	if err != nil {
		return err
	}
	a := asked{wrap: x.entry.Wrap}
	l := listed{asked: &a, offset: q.offset, limit: q.limit, total: -1}
	err = x.reading(c, "", func(on store.Querier) (err error) {
		buf := a.begin(c.Scratch(), nil)
		if q.whole {
			l.rows, err = on.Encode(c.Context(), x.ready.whole, append(args, q.limit), int(q.limit), buf)
			if err != nil || !l.cut() {
				return err
			}
			buf = a.begin(l.rows.JSON[:0], nil)
		}
		l.rows, err = on.Encode(c.Context(), q.page.of(q.limit, q.offset), append(args, q.limit, q.offset), int(q.limit), buf)
		return err
	})
	if err != nil {
		return x.unread(c, err)
	}
	return x.answerList(c, &l)
}

// options are what every plan of the route is made for: the rules, and the row above.
func (x *rules) options(c *pipeline.Context) (relations.Options, error) {
	o := relations.Options{Dialect: x.dialect(), Reach: x.reach(c)}
	if x.above != nil {
		id, err := x.above.load(c)
		if err != nil {
			return o, err
		}
		o.Match = append(o.Match, relations.Match{Column: x.table.Set.Fields[x.link].Name, Value: id})
	}
	return o, nil
}

func (x *rules) dialect() store.Dialect {
	if x.table.Store.Dialect == expr.SQLite {
		return store.SQLite
	}
	return store.Postgres
}

// listed is a list of rows on its way to the client.
type listed struct {
	*asked
	rows          store.Encoded
	offset, limit int64 // limit: how many rows there could be at most
	total         int64 // -1: not counted
	bare          bool  // the rows were counted, and not read
}

// cut tells that there may be more rows than are answered at once.
func (l *listed) cut() bool { return l.limit > 0 && int64(l.rows.Rows) == l.limit }

// list reads the rows and answers with them. Rows that are asked for as a whole come in the
// order of the table, as PostgREST gives them; a page must have a total order. What turns
// out to be one, since it is cut at max_rows, is read again in that order.
func (x *rules) list(c *pipeline.Context, a *asked, o relations.Options) error {
	rel := x.served.Relation()
	l := listed{asked: a, offset: a.Offset, limit: rel.MaxRows, total: -1}
	if a.Limit >= 0 {
		l.limit = min(a.Limit, l.limit)
	}
	err := x.reading(c, a.prefer.Timezone, func(q store.Querier) error {
		if only, err := x.onlyCounts(c, q, &l, o); only || err != nil {
			return err
		}
		grouped, err := x.encode(c, q, &l, o)
		if err == nil && !o.Total && !grouped && l.cut() && len(rel.Key) > 0 {
			o.Total = true
			c.Lend(l.rows.JSON)
			_, err = x.encode(c, q, &l, o)
		}
		if err != nil {
			return err
		}
		if a.media.Kind == postgrest.Object && l.rows.Rows != 1 {
			return notOneRow(l.rows.Rows)
		}
		l.total, err = x.total(c, q, &l, grouped, o)
		return err
	})
	if err != nil {
		return x.unread(c, err)
	}
	return x.answerList(c, &l)
}

// encode reads the rows. It tells whether they are groups of rows.
func (x *rules) encode(c *pipeline.Context, q store.Querier, l *listed, o relations.Options) (grouped bool, err error) {
	plan, err := relations.Select(x.served.Relation(), &l.Read, o)
	if err != nil {
		return false, err
	}
	plan.Shape.StripNulls, plan.Shape.CSV, plan.Shape.KeptLast = l.media.Stripped, l.media.Kind == postgrest.CSV, true
	st := x.plans.Of(plan, true)
	l.rows, err = q.Encode(c.Context(), st, plan.Args, int(x.served.Relation().MaxRows), l.begin(c.Scratch(), plan.Names))
	return plan.Grouped, err
}

// answerList sends what was read in the form that was asked for.
func (x *rules) answerList(c *pipeline.Context, l *listed) error {
	rows := int64(l.rows.Rows)
	status := postgrest.RangeStatus(l.offset, rows, l.total)
	var h headers
	h.add("Content-Range", postgrest.AppendContentRange(h.begin(), l.offset, rows, l.total))
	if status == http.StatusRequestedRangeNotSatisfiable {
		h.put(c)
		return postgrest.BeyondEnd(l.offset, l.total)
	}
	x.located(c, &h)
	if applied := l.prefer.Applied(); applied != "" {
		h.add("Preference-Applied", append(h.begin(), applied...))
	}
	varies(c)
	if l.bare {
		h.put(c)
		return c.Answer(status, l.contentType(), nil)
	}
	buf := l.end(l.rows.JSON, l.rows.Rows)
	if l.cut() && x.ready.keyShown && len(l.rows.Kept) > 0 && l.media.Kind != postgrest.Object && len(c.R.URL.RawQuery) <= 4*maxEcho {
		last := l.rows.Kept[len(l.rows.Kept)-1]
		if link, ok := appendNext(h.begin(), c.R.URL.EscapedPath(), c.R.URL.RawQuery, last); ok {
			h.add("Link", link)
		}
	}
	h.add("Etag", appendListTag(h.begin(), buf))
	return x.send(c, &h, status, l.asked, buf)
}

// send answers with rows, or tells that they are what the client has.
func (x *rules) send(c *pipeline.Context, h *headers, status int, a *asked, body []byte) error {
	h.put(c)
	header := c.W.Header()
	if unchanged(c, header["Etag"][0]) {
		delete(header, "Content-Range")
		c.Lend(body)
		return c.Answer(http.StatusNotModified, nil, nil)
	}
	err := c.Answer(status, a.contentType(), body)
	c.Lend(body)
	return err
}

// varyRows are the headers of a request that the form of an answer depends on.
var varyRows = []string{"Accept, Prefer, Range"}

func varies(c *pipeline.Context) {
	header := c.W.Header()
	if vary := header["Vary"]; vary == nil {
		header["Vary"] = varyRows
	} else {
		header["Vary"] = append(vary, varyRows...)
	}
}

// maxEcho bounds the query, in bytes, of which an answer has addresses in its headers: clients
// take 16 KB of them, in Node no more.
const maxEcho = 2 << 10

// located tells the address of just this answer, as PostgREST does.
func (x *rules) located(c *pipeline.Context, h *headers) {
	if c.R.Method == methodQuery || len(c.R.URL.RawQuery) > maxEcho {
		return // its question is not in the address, or is too long to be told again
	}
	buf := append(h.begin(), c.R.URL.EscapedPath()...)
	if query := c.R.URL.RawQuery; query != "" {
		buf = append(append(buf, '?'), postgrest.Canonical(query)...)
	}
	h.add("Content-Location", buf)
}
