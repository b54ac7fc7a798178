package postgrest

import (
	"math"
	"net/http"
	"strings"
	"unicode/utf8"
)

// A param is one parameter, decoded.
type param struct {
	key, value string
	kind       paramKind
}

type paramKind uint8

const (
	filter paramKind = iota
	selection
	columns
	onConflict
	order
	limit
	offset
	logic
	cursor
	ignored
)

// split takes the raw query apart. Of select, columns and on_conflict the first counts.
func (r *reading) split(raw string) *Error {
	var seen [ignored]bool
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		key, value, given := strings.Cut(pair, "=")
		p := param{key: decoded(key), value: decoded(value)}
		if !utf8.ValidString(p.key) || !utf8.ValidString(p.value) {
			return &Error{Status: http.StatusBadRequest, Code: parseCode, Message: "the query is not UTF-8"}
		}
		p.kind = r.kind(&p)
		switch p.kind {
		case selection, columns, onConflict:
			if seen[p.kind] {
				continue
			}
			seen[p.kind] = true
		}
		if given {
			r.params = append(r.params, p)
		}
	}
	return nil
}

// kind tells what a parameter is, by the last word of its name.
func (r *reading) kind(p *param) paramKind {
	switch p.key {
	case "select":
		return selection
	case "columns":
		return columns
	case "on_conflict":
		return onConflict
	case "after":
		if r.isCursor(p.value) {
			return cursor
		}
	}
	switch p.key[strings.LastIndexByte(p.key, '.')+1:] {
	case "order":
		return order
	case "limit":
		return limit
	case "offset":
		return offset
	case "and", "or":
		return logic
	}
	return filter
}

// isCursor tells the value of our own parameter after from a filter on a column of that
// name, and from an argument.
func (r *reading) isCursor(value string) bool {
	if o := &r.options; o.Function && o.Params != nil && o.Params("after") {
		return false
	}
	t := r.parser(value)
	t.budget = &budget{limits: r.options.Limits}
	return !t.condition(&Cond{}, false) && t.pos == 0
}

// decoded undoes the encoding of forms, as URLSearchParams does.
func decoded(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b.WriteByte(' ')
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte(hexValue(s[i+1])<<4 | hexValue(s[i+2]))
			i += 2
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&0xf + 9
}

// treePath reads embedding.embedding.column, and keeps the embeddings in path.
func (r *reading) treePath(key string) (f Field, err *Error) {
	r.path = r.path[:0]
	t := r.parser(key)
	ok := true
	for {
		if f.Name, ok = t.fieldName(); !ok {
			return f, r.failed(&t, "tree path", key)
		}
		if !t.dot() {
			break
		}
		r.path = append(r.path, f.Name)
	}
	if f.Path, ok = t.jsonPath(); !ok {
		return f, r.failed(&t, "tree path", key)
	}
	return f, nil
}

// filter reads column=op.value; of a function also name=value, which is no filter.
func (r *reading) filter(p *param) (c Cond, isFilter bool, err *Error) {
	if c.Field, err = r.treePath(p.key); err != nil {
		return c, false, err
	}
	t := r.parser(p.value)
	if t.condition(&c, false) {
		return c, true, nil
	}
	if r.options.Function && t.refused == nil {
		if t.pos == 0 || r.options.Params != nil && r.options.Params(c.Field.Name) {
			return c, false, nil
		}
	}
	return c, false, r.failed(&t, "filter", p.value)
}

func (r *reading) orders(p *param) ([]Order, *Error) {
	if _, err := r.treePath(p.key); err != nil {
		return nil, err
	}
	t := r.parser(p.value)
	list, ok := t.orders()
	if !ok {
		return nil, r.failed(&t, "order", p.value)
	}
	return list, nil
}

// logic reads and=(...), or=(...), with not. and embeddings before it.
func (r *reading) logic(p *param) (c Cond, err *Error) {
	r.path = r.path[:0]
	t := r.parser(p.key)
	op, not := "", false
	for {
		name, ok := t.fieldName()
		if !ok {
			return c, r.failed(&t, "logic path", p.key)
		}
		op = name
		if !t.dot() {
			break
		}
		if name == "not" {
			not = true
		} else {
			r.path = append(r.path, name)
		}
	}
	if not {
		op = "not." + op
	}
	t = r.parser(op + p.value)
	c, ok := t.logic(0)
	if !ok {
		return c, r.failed(&t, "logic tree", p.value)
	}
	return c, nil
}

// page reads limit and offset. What is no number counts as not given, the last one given
// stands.
func (r *reading) page(p *param) *Error {
	if _, err := r.treePath(p.key); err != nil {
		return err
	}
	to, err := r.relation()
	if err != nil {
		return err
	}
	n, given := integer(p.value)
	top := len(r.path) == 0
	if top {
		r.query.Paged = true
	}
	switch {
	case p.kind == limit && !given:
		to.Limit = -1
	case p.kind == limit && n < 0 && top:
		return negativeLimit()
	case p.kind == limit && n < 0:
		return &Error{Status: http.StatusBadRequest, Code: "2201W", Message: "LIMIT must not be negative"}
	case p.kind == limit:
		to.Limit = n
	case n < 0 && !top:
		return &Error{Status: http.StatusBadRequest, Code: "2201X", Message: "OFFSET must not be negative"}
	default:
		to.Offset = max(n, 0)
	}
	return nil
}

// integer reads a whole number. One beyond 64 bits is as good as the largest.
func integer(s string) (n int64, ok bool) {
	s = strings.TrimSpace(s)
	digits := strings.TrimPrefix(s, "-")
	if digits == "" {
		return 0, false
	}
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(s) {
		n = -n
	}
	return n, true
}
