package resource

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// ready are the statements of the requests that are asked most: a page in the order of the
// key, and one row. They are planned at load; a request brings only values.
type ready struct {
	up, down *readyPage       // ascending and descending by the key; nil: planned for each request
	whole    *store.Statement // all rows, in the order of the table; nil: as up
	row      *store.Statement
	keyShown bool // requests see the key, so they may order by it and go on behind it
}

// readyPage is a page. A short one is over at once, so others may wait behind it.
type readyPage struct{ short, long *store.Statement }

// What is a short page: rows at most, and rows passed over at most.
const (
	shortPage   = 100
	shortOffset = 1000
)

func (p *readyPage) of(limit, offset int64) *store.Statement {
	if limit <= shortPage && offset <= shortOffset {
		return p.short
	}
	return p.long
}

// place stands for a value in a plan that is made at load.
type place int

// readied plans the statements of a route.
func (x *rules) readied(a Action) {
	x.reads = a.Reads()
	r := x.served.Relation()
	hides := func(name string) bool {
		return !slices.ContainsFunc(r.Columns, func(c relations.Column) bool { return c.Name == name })
	}
	x.ready.keyShown = len(r.Key) > 0 && !slices.ContainsFunc(r.Key, hides)
	switch a {
	case Index:
		x.ready.up = x.readyPage(nil)
		if plan := x.planned(&postgrest.Read{Limit: 1}, false, false); plan != nil && len(r.Key) > 0 {
			x.ready.whole = &store.Statement{SQL: plan.SQL, Params: len(plan.Args), Shape: plan.Shape, Reads: true}
		}
		if x.id != nil && x.ready.keyShown {
			x.ready.down = x.readyPage([]postgrest.Order{{By: postgrest.Field{Name: x.id.Name}, Descending: true}})
		}
	case Show:
		read := postgrest.Read{Limit: 1}
		if plan := x.planned(&read, false, true); plan != nil {
			x.ready.row = &store.Statement{SQL: plan.SQL, Params: len(plan.Args), Shape: plan.Shape, Reads: true, Quick: true}
		}
	}
}

func (x *rules) readyPage(order []postgrest.Order) *readyPage {
	read := postgrest.Read{Order: order, Limit: 1, Offset: 1}
	plan := x.planned(&read, true, false)
	if plan == nil {
		return nil
	}
	plan.Shape.KeptLast = true
	long := store.Statement{SQL: plan.SQL, Params: len(plan.Args), Shape: plan.Shape, Reads: true}
	short := long
	short.Quick = true
	return &readyPage{short: &short, long: &long}
}

// planned plans a read, of one row by its id, whose values come in the order of readyArgs.
// Nil: the plan puts them elsewhere.
func (x *rules) planned(read *postgrest.Read, total, one bool) *relations.Plan {
	var want []any
	next := func() any {
		want = append(want, place(len(want)))
		return want[len(want)-1]
	}
	o := relations.Options{Dialect: x.dialect(), Total: total}
	if one {
		o.Kept = x.tagColumns(&asked{})
	}
	own := x.reached[0]
	limit := relations.Limit{Pieces: own.pieces}
	for range max(len(own.pieces)-1, 0) {
		limit.Args = append(limit.Args, next())
	}
	o.Reach = func(*relations.Relation) (relations.Limit, error) { return limit, nil }
	if x.above != nil {
		o.Match = append(o.Match, relations.Match{Column: x.table.Set.Fields[x.link].Name, Value: next()})
	}
	if one {
		o.Match = append(o.Match, relations.Match{Column: x.id.Name, Value: next()})
	}
	want = append(want, read.Limit)
	if read.Offset > 0 {
		want = append(want, read.Offset)
	}
	if plan, err := relations.Select(x.served.Relation(), read, o); err == nil && slices.Equal(plan.Args, want) {
		return plan
	}
	return nil
}

// readyArgs gives the values of the rules: those that limit the rows in reach, and the id of
// the row above.
func (x *rules) readyArgs(c *pipeline.Context) ([]any, error) {
	if x.above == nil {
		return x.reached[0].values(c, make([]any, 0, maxArgs))
	}
	id, err := x.above.load(c)
	if err != nil {
		return nil, err
	}
	args, err := x.reached[0].values(c, make([]any, 0, maxArgs))
	return append(args, id), err
}

// readyQuery is a query that asks for nothing but a page in the order of the key, or for
// all rows.
type readyQuery struct {
	limit, offset int64
	page          *readyPage
	whole         bool
}

// asksPage reads such a query. Any other is false.
func (x *rules) asksPage(query string) (q readyQuery, ok bool) {
	q = readyQuery{limit: x.served.Relation().MaxRows, page: x.ready.up, whole: x.ready.whole != nil}
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, text, _ := strings.Cut(pair, "=")
		q.whole = q.whole && name == "select"
		switch name {
		case "select":
			if text != "*" {
				return q, false
			}
		case "limit":
			n, ok := digits(text)
			if !ok || n == 0 {
				return q, false
			}
			q.limit = min(n, x.served.Relation().MaxRows)
		case "offset":
			if q.offset, ok = digits(text); !ok {
				return q, false
			}
		case "order":
			if x.id == nil || !x.ready.keyShown {
				return q, false
			}
			switch direction, ok := strings.CutPrefix(text, x.id.Name); {
			case ok && (direction == "" || direction == ".asc"):
				q.page = x.ready.up
			case ok && direction == ".desc":
				q.page = x.ready.down
			default:
				return q, false
			}
		default:
			return q, false
		}
	}
	return q, q.page != nil
}

// digits reads a number of up to nine digits.
func digits(s string) (n int64, ok bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}
