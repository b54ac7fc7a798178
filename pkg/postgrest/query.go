package postgrest

import (
	"net/http"
	"slices"
	"strconv"
)

// Options tell what kind of request a query belongs to.
type Options struct {
	// Function says that a function is read (GET or HEAD of /rpc): parameters without an
	// operator are its arguments and go to Query.Args.
	Function bool
	// Params tells the names of the function's parameters; it may be nil. A value that begins
	// as a filter and is not one (not.now, in.transit) is an argument if it has such a name.
	Params func(name string) bool
	Limits Limits
}

// Parse reads the raw query of a URL. Errors are *Error, with PostgREST's code and words:
// PGRST100 for a text that does not parse, PGRST108 for a filter, order or page of an
// embedding that `select` has not, PGRST103 (416) for a negative limit. A parameter that
// has no = is left out, as there; a percent sign that no two hexadecimal digits follow is a
// percent sign.
func Parse(raw string, o Options) (*Query, error) {
	o.Limits.orDefault()
	if len(raw) > o.Limits.Length {
		return nil, &Error{
			Status:  http.StatusRequestURITooLong,
			Code:    parseCode,
			Message: "the query is too long",
			Details: "more than " + strconv.Itoa(o.Limits.Length) + " bytes",
		}
	}
	r := reading{options: o, budget: budget{limits: o.Limits}, query: &Query{Read: Read{Limit: -1}}}
	r.params = r.few[:0]
	err := r.split(raw)
	if err == nil {
		err = r.all()
	}
	if err == unexplained {
		err = r.explanation()
	}
	if err != nil {
		return nil, err
	}
	return r.query, nil
}

// unexplained stands for a text that does not parse, until it is read again for its reason.
var unexplained = &Error{Code: parseCode}

// A reading is the work on one query.
type reading struct {
	options Options
	budget  budget
	params  []param
	few     [12]param // the place of params, unless there are more
	query   *Query
	path    []string // of the parameter at hand: the embeddings that lead to its relation
	explain bool
}

func (r *reading) parser(text string) parser {
	return parser{text: text, explain: r.explain, budget: &r.budget}
}

// failed gives the error of a text that did not parse.
func (r *reading) failed(p *parser, what, shown string) *Error {
	switch {
	case p.refused != nil:
		return p.refused
	case !p.explain:
		return unexplained
	}
	return p.problem(what, shown)
}

// all reads every parameter and puts it where it belongs.
func (r *reading) all() *Error {
	for i := range r.params {
		if err := r.own(&r.params[i]); err != nil {
			return err
		}
	}
	if n := r.conditions(); n > 0 {
		r.query.Where = make([]Cond, 0, n)
	}
	for i := range r.params {
		if err := r.placed(&r.params[i]); err != nil {
			return err
		}
	}
	return nil
}

// conditions guesses how many conditions there will be at the top.
func (r *reading) conditions() (n int) {
	for i := range r.params {
		if p := &r.params[i]; (p.kind == filter || p.kind == logic) && n < manyParts {
			n++
		}
	}
	return n
}

// manyParts bounds for how many parts room is made before they are read.
const manyParts = 32

// explanation finds the first text that does not parse, in the order in which PostgREST
// reads parameters, and tells why.
func (r *reading) explanation() *Error {
	r.explain, r.budget, r.query = true, budget{limits: r.options.Limits}, &Query{}
	for _, kind := range [...]paramKind{order, logic, columns, selection, filter, onConflict, limit, offset} {
		for i := range r.params {
			p := &r.params[i]
			if p.kind != kind {
				continue
			}
			err := r.own(p)
			switch {
			case err != nil:
			case kind == order:
				_, err = r.orders(p)
			case kind == logic:
				_, err = r.logic(p)
			case kind == filter:
				_, _, err = r.filter(p)
			case kind == limit || kind == offset:
				_, err = r.treePath(p.key)
			}
			if err != nil {
				return err
			}
		}
	}
	return &Error{Status: http.StatusBadRequest, Code: parseCode, Message: unread}
}

// own reads a parameter that is of the whole query.
func (r *reading) own(p *param) (err *Error) {
	q := r.query
	t := r.parser(p.value)
	ok := true
	switch p.kind {
	case selection:
		if q.Select, ok = t.items(0); !ok || t.refused != nil {
			return r.failed(&t, "select parameter", p.value)
		}
		if len(q.Select) == 0 {
			q.Select = nil // an empty one says nothing
		}
	case columns:
		if q.Columns, ok = t.names(); !ok {
			return r.failed(&t, "columns parameter", p.value)
		}
		slices.Sort(q.Columns)
		q.Columns = slices.Compact(q.Columns)
	case onConflict:
		if q.OnConflict, ok = t.names(); !ok {
			return r.failed(&t, "on_conflict parameter", p.value)
		}
	case cursor:
		q.After = p.value
	}
	return nil
}

// placed reads a parameter that is of one relation.
func (r *reading) placed(p *param) *Error {
	switch p.kind {
	case filter:
		c, isFilter, err := r.filter(p)
		if err != nil {
			return err
		}
		if !isFilter {
			r.query.Args = append(r.query.Args, Arg{c.Field.Name, p.value})
			return nil
		}
		return r.addCondition(c)
	case logic:
		c, err := r.logic(p)
		if err != nil {
			return err
		}
		return r.addCondition(c)
	case order:
		list, err := r.orders(p)
		if err != nil {
			return err
		}
		to, err := r.relation()
		if err == nil && to.Order == nil {
			to.Order = list
		}
		return err
	case limit, offset:
		return r.page(p)
	}
	return nil
}

func (r *reading) addCondition(c Cond) *Error {
	to, err := r.relation()
	if err == nil {
		to.Where = append(to.Where, c)
	}
	return err
}

// relation finds the relation to which path leads.
func (r *reading) relation() (*Read, *Error) {
	at := &r.query.Read
	for _, name := range r.path {
		e := at.embedded(name)
		if e == nil {
			return nil, &Error{
				Status:  http.StatusBadRequest,
				Code:    "PGRST108",
				Message: "'" + name + "' is not an embedded resource in this request",
				Hint:    "Verify that '" + name + "' is included in the 'select' query parameter.",
			}
		}
		at = &e.Read
	}
	return at, nil
}

func (r *Read) embedded(name string) *Embedded {
	for i := range r.Select {
		if it := &r.Select[i]; it.Kind == Embed && (it.Embed.Name == name || it.Alias == name && name != "") {
			return it.Embed
		}
	}
	return nil
}

// unread is told of a query that failed once and not the second time. It never is.
const unread = "the query cannot be read"
