package postgrest

// orders takes the entries of order.
func (p *parser) orders() (list []Order, ok bool) {
	for {
		p.spaces()
		o, ok := p.order()
		if !ok || !p.takeItem() {
			return nil, false
		}
		p.spaces()
		list = append(list, o)
		if !p.char(',') {
			return list, true
		}
	}
}

// order takes column.asc.nullslast, or relation(column) in place of the column.
func (p *parser) order() (Order, bool) {
	m := p.mark()
	if o, ok := p.relationOrder(); ok {
		return o, true
	}
	p.back(m)
	var o Order
	var ok bool
	if o.By, ok = p.field(); !ok {
		return o, false
	}
	return o, p.direction(&o)
}

func (p *parser) relationOrder() (o Order, ok bool) {
	if o.Embed, ok = p.fieldName(); !ok || !p.char('(') {
		return o, false
	}
	if o.By, ok = p.field(); !ok || !p.char(')') {
		return o, false
	}
	return o, p.direction(&o)
}

func (p *parser) direction(o *Order) bool {
	if !p.dotWord("asc") {
		o.Descending = p.dotWord("desc")
	}
	switch {
	case p.dotWord("nullsfirst"):
		o.Nulls = NullsFirst
	case p.dotWord("nullslast"):
		o.Nulls = NullsLast
	}
	return p.ahead(",") || p.end()
}

// dotWord takes a dot and w, or nothing.
func (p *parser) dotWord(w string) bool {
	m := p.mark()
	if p.dot() && p.word(w) {
		return true
	}
	p.back(m)
	return false
}

// names takes the columns of columns and on_conflict.
func (p *parser) names() (list []string, ok bool) {
	for {
		name, ok := p.fieldName()
		if !ok || !p.takeItem() {
			return nil, false
		}
		list = append(list, name)
		start := p.pos
		if !p.spaced(',') {
			return list, p.pos == start
		}
	}
}
