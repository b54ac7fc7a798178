package postgrest

// logic takes a condition, or several joined by and(...) or or(...).
func (p *parser) logic(depth int) (c Cond, ok bool) {
	m := p.mark()
	if c, ok = p.logicFilter(); ok || p.refused != nil {
		return c, ok
	}
	p.back(m)
	if !p.within(depth) {
		return c, false
	}
	c = Cond{Kind: And}
	m = p.apart()
	c.Not = p.tryWordDot("not")
	p.label(m, true, "negation operator (not)")
	m = p.apart()
	if ok = p.tryWord("and"); !ok && p.word("or") {
		c.Kind, ok = Or, true
	}
	if !p.label(m, ok, "logic operator (and, or)") || !p.spaced('(') {
		return c, false
	}
	for {
		of, ok := p.logic(depth + 1)
		if !ok {
			return c, false
		}
		c.Of = append(c.Of, of)
		start := p.pos
		if !p.spaced(',') {
			if p.pos > start {
				return c, false
			}
			break
		}
	}
	return c, p.spaced(')')
}

// logicFilter takes column.op.value.
func (p *parser) logicFilter() (c Cond, ok bool) {
	if c.Field, ok = p.field(); !ok {
		return c, false
	}
	return c, p.dot() && p.condition(&c, true)
}
