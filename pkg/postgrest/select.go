package postgrest

// items takes the entries of select, at the top or inside the parentheses of an embedding.
// None at all is no error: such a select answers no columns.
func (p *parser) items(depth int) ([]Item, bool) {
	if !p.within(depth) {
		return nil, false
	}
	list := make([]Item, 0, p.itemsAhead())
	for {
		start := p.pos
		it, ok := p.item(depth)
		if !ok {
			return list, len(list) == 0 && p.pos == start && p.refused == nil
		}
		if !p.takeItem() {
			return nil, false
		}
		list = append(list, it)
		start = p.pos
		if !p.spaced(',') {
			return list, p.pos == start
		}
	}
}

// itemsAhead guesses how many entries there are before the next parenthesis.
func (p *parser) itemsAhead() (n int) {
	for _, c := range []byte(p.text[p.pos:]) {
		switch {
		case c == '(' || c == ')' || n == manyParts:
			return n + 1
		case c == ',':
			n++
		}
	}
	return n + 1
}

func (p *parser) item(depth int) (Item, bool) {
	m := p.mark()
	e, ok := p.spread()
	alias := ""
	if !ok {
		p.back(m)
		if e, alias, ok = p.relation(); !ok {
			p.back(m)
			return p.column()
		}
	}
	if !p.char('(') {
		return Item{}, false
	}
	if e.Select, ok = p.items(depth + 1); !ok || !p.char(')') {
		return Item{}, false
	}
	return Item{Kind: Embed, Alias: alias, Embed: e}, true
}

// spread takes ...relation!hint!join before its parenthesis.
func (p *parser) spread() (*Embedded, bool) {
	p.spaces()
	if !p.word("...") {
		return nil, false
	}
	name, ok := p.fieldName()
	if !ok {
		return nil, false
	}
	return p.embedded(name, true)
}

// relation takes alias:relation!hint!join before its parenthesis.
func (p *parser) relation() (*Embedded, string, bool) {
	p.spaces()
	alias := p.alias()
	name, ok := p.fieldName()
	if !ok || name == "count" {
		return nil, "", false
	}
	e, ok := p.embedded(name, false)
	return e, alias, ok
}

func (p *parser) embedded(name string, spread bool) (*Embedded, bool) {
	var hint string
	var join Join
	joined := false
	for range 2 {
		start := p.pos
		h, j, ok := p.embedParameter()
		switch {
		case !ok && p.pos > start:
			return nil, false
		case !ok:
		case h == "" && !joined:
			join, joined = j, true
		case hint == "":
			hint = h
		}
	}
	if !p.ahead("(") {
		return nil, false
	}
	p.spaces()
	return &Embedded{Name: name, Hint: hint, Join: join, Spread: spread, Read: Read{Limit: -1}}, true
}

// embedParameter takes !left, !inner, or a hint behind the exclamation mark.
func (p *parser) embedParameter() (hint string, j Join, ok bool) {
	switch {
	case !p.char('!'):
		return "", Left, false
	case p.tryWord("left"):
		return "", Left, true
	case p.tryWord("inner"):
		return "", Inner, true
	}
	m := p.mark()
	if hint, ok = p.fieldName(); !ok {
		p.back(m)
	}
	return hint, Left, ok
}

// column takes an entry of select that is no relation.
func (p *parser) column() (Item, bool) {
	p.spaces()
	m := p.mark()
	it, ok := p.star()
	if !ok {
		p.back(m)
		if it, ok = p.countRows(); !ok {
			p.back(m)
			it, ok = p.plainColumn()
		}
	}
	if ok {
		p.spaces()
	}
	return it, ok
}

func (p *parser) star() (Item, bool) {
	return Item{Kind: Star}, p.word("*") && p.itemEnd()
}

func (p *parser) countRows() (it Item, ok bool) {
	it = Item{Kind: CountRows, Alias: p.alias()}
	if !p.word("count()") {
		return it, false
	}
	if it.AggCast, ok = p.cast(); !ok {
		return it, false
	}
	return it, p.itemEnd()
}

func (p *parser) plainColumn() (it Item, ok bool) {
	it = Item{Kind: Column, Alias: p.alias()}
	if it.Field, ok = p.field(); !ok {
		return it, false
	}
	if it.Cast, ok = p.cast(); !ok {
		return it, false
	}
	m := p.mark()
	if !p.char('.') || !p.aggregate(&it.Aggregate) || !p.word("()") {
		p.back(m)
		it.Aggregate = ""
	}
	if it.AggCast, ok = p.cast(); !ok {
		return it, false
	}
	if it.Aggregate == "" {
		it.AggCast = "" // a second cast has nothing to act on, and PostgREST drops it
	}
	return it, p.itemEnd()
}

// aggregate takes the name of an aggregate function.
func (p *parser) aggregate(name *string) bool {
	for _, n := range [...]string{"sum", "avg", "count", "max", "min"} {
		start, try := p.mark(), n[0] == 'm'
		if p.word(n) {
			*name = n
			return true
		}
		if try {
			p.back(start)
		} else if p.pos > start.pos {
			return false
		}
	}
	return false
}

// cast takes ::type, if there is one.
func (p *parser) cast() (string, bool) {
	start := p.pos
	if !p.word("::") {
		return "", p.pos == start
	}
	return p.identifier()
}

// itemEnd tells whether an entry of select is over.
func (p *parser) itemEnd() bool { return p.ahead(")") || p.ahead(",") || p.end() }
