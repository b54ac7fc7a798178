package postgrest

import "strings"

// condition takes what stands behind a column: not.op.value. Inside and/or a value ends at
// a comma or a parenthesis.
func (p *parser) condition(c *Cond, inside bool) bool {
	c.Not = p.tryWordDot("not")
	m := p.apart()
	return p.label(m, p.operation(c, inside), "operator (eq, gt, ...)") && p.takeCondition()
}

func (p *parser) operation(c *Cond, inside bool) bool {
	switch {
	case p.tryWordDot("in"):
		c.Op = In
		return p.list(c)
	case p.tryWordDot("is"):
		c.Op = Is
		return p.isValue(c)
	case p.tryWordDot("isdistinct"):
		c.Op = IsDistinct
		c.Value = p.value(inside)
		return true
	}
	m := p.mark()
	ok := p.textSearch(c)
	if !ok {
		p.back(m)
		ok = p.plainOperator(c)
	}
	if !ok {
		p.back(m)
		ok = p.quantified(c)
	}
	if !ok {
		p.back(m)
		return false
	}
	c.Value = p.value(inside)
	return c.Each == One || p.quantifiedList(c)
}

// textSearch takes fts(language) and its kin, with the dot.
func (p *parser) textSearch(c *Cond) bool {
	if c.Op = p.oneOf(textOperators); c.Op == 0 {
		return false
	}
	m := p.mark()
	if p.char('(') {
		if lang, ok := p.identifier(); ok && p.char(')') {
			c.Lang = lang
			return p.dot()
		}
	}
	p.back(m)
	return p.dot()
}

func (p *parser) plainOperator(c *Cond) bool {
	c.Op = p.oneOf(plainOperators)
	return c.Op != 0 && p.dot()
}

// quantified takes an operator that may be followed by (any) or (all), with the dot.
func (p *parser) quantified(c *Cond) bool {
	if c.Op = p.oneOf(quantOperators); c.Op == 0 {
		return false
	}
	m := p.mark()
	if p.char('(') {
		each := All
		if p.tryWord("any") {
			each = Any
		}
		if (each == Any || p.word("all")) && p.char(')') {
			c.Each = each
			return p.dot()
		}
	}
	p.back(m)
	return p.dot()
}

type namedOp struct {
	name string
	op   Op
}

// The operators of each kind. One whose name begins with another's stands before it.
var (
	textOperators  = []namedOp{{"fts", Fts}, {"plfts", Plfts}, {"phfts", Phfts}, {"wfts", Wfts}}
	plainOperators = []namedOp{
		{"neq", Neq}, {"cs", Cs}, {"cd", Cd}, {"ov", Ov}, {"sl", Sl}, {"sr", Sr}, {"nxr", Nxr}, {"nxl", Nxl}, {"adj", Adj},
	}
	quantOperators = []namedOp{
		{"eq", Eq}, {"gte", Gte}, {"gt", Gt}, {"lte", Lte}, {"lt", Lt}, {"like", Like}, {"ilike", ILike}, {"match", Match}, {"imatch", IMatch},
	}
)

func (p *parser) oneOf(ops []namedOp) Op {
	for i := range ops {
		if p.tryWord(ops[i].name) {
			return ops[i].op
		}
	}
	return 0
}

// isValue takes what is. compares with, in letters of any case.
func (p *parser) isValue(c *Cond) bool {
	m := p.apart()
	ok := false
	for _, word := range [...]string{"null", "not_null", "true", "false", "unknown"} {
		start := p.mark()
		if ok = p.anyCase(word); ok {
			c.Value = word
			break
		}
		p.back(start)
	}
	return p.label(m, ok, "isVal: (null, not_null, true, false, unknown)")
}

func (p *parser) anyCase(word string) bool {
	for i := range len(word) {
		if !p.char(word[i]) && !p.char(word[i]&^0x20) {
			return false
		}
	}
	return true
}

// list takes (a,"b",c). A list of one empty value is empty.
func (p *parser) list(c *Cond) bool {
	if !p.spaced('(') {
		return false
	}
	closed := strings.IndexByte(p.text[p.pos:], ')')
	c.List = make([]string, 0, 1+strings.Count(p.text[p.pos:p.pos+max(closed, 0)], ","))
	for {
		if !p.takeValue() {
			return false
		}
		c.List = append(c.List, p.element())
		if !p.char(',') {
			break
		}
	}
	if len(c.List) == 1 && c.List[0] == "" {
		c.List = c.List[:0]
	}
	return p.spaced(')')
}

// element takes one value of a list. Quotes count only where they enclose all of it.
func (p *parser) element() string {
	if s, ok := p.enclosed(); ok {
		return s
	}
	return p.until(",)")
}

// enclosed takes a quoted text that a comma, a parenthesis or the end follows, or nothing.
func (p *parser) enclosed() (string, bool) {
	m := p.mark()
	s, ok := p.quoted()
	if ok {
		r, size := p.next()
		if size == 0 || r == ',' || r == ')' {
			p.miss()
			return s, true
		}
		p.behindNext()
	}
	p.back(m)
	return "", false
}

// value takes what a column is compared with.
func (p *parser) value(inside bool) string {
	if !inside {
		s := p.text[p.pos:]
		if s != "" {
			p.advance(len(s))
		}
		return s
	}
	if s, ok := p.enclosed(); ok {
		return s
	}
	if s, ok := p.braces(); ok {
		return s
	}
	return p.until(",)")
}

// braces takes an array of Postgres, {a,b}, whose commas do not end the value.
func (p *parser) braces() (string, bool) {
	m := p.mark()
	if p.char('{') {
		p.until("{}")
		if p.char('}') {
			return p.text[m.pos:p.pos], true
		}
	}
	p.back(m)
	return "", false
}
