package postgrest

import (
	"net/http"
	"strconv"
	"strings"
)

// fieldName takes the name of a column, a relation or an alias: plain or in double quotes.
func (p *parser) fieldName() (string, bool) {
	m := p.apart()
	name, ok := p.quoted()
	if !ok && p.pos == m.pos {
		name, ok = p.dashed(isNameChar, "letter", "digit")
	}
	return name, p.label(m, ok, "field name (* or [a..z0..9_$])")
}

// keyName takes a key of JSON, which may have most characters without quotes.
func (p *parser) keyName() (string, bool) {
	m := p.apart()
	name, ok := p.quoted()
	if !ok && p.pos == m.pos {
		name, ok = p.dashed(isKeyChar)
	}
	return name, p.label(m, ok, "any non reserved character different from: .,>()")
}

// dashed takes words joined by dashes; -> is not a dash. Spaces around each word are
// dropped.
func (p *parser) dashed(fits func(rune) bool, expected ...string) (string, bool) {
	start := p.pos
	for {
		if !p.run(fits, expected...) {
			return "", false
		}
		m := p.mark()
		if !p.char('-') || !p.notNext('>') {
			p.back(m)
			break
		}
	}
	name := strings.TrimSpace(p.text[start:p.pos])
	if !strings.Contains(name, " -") && !strings.Contains(name, "- ") {
		return name, true
	}
	words := strings.Split(name, "-")
	for i, w := range words {
		words[i] = strings.TrimSpace(w)
	}
	return strings.Join(words, "-"), true
}

// run takes one or more characters that fit.
func (p *parser) run(fits func(rune) bool, expected ...string) bool {
	start := p.pos
	for {
		r, size := p.next()
		if size == 0 || !fits(r) {
			break
		}
		p.advance(size)
	}
	p.miss(expected...)
	return p.pos > start
}

// identifier takes the name of a type, or of a language.
func (p *parser) identifier() (string, bool) {
	start := p.pos
	ok := p.run(isNameChar, "letter", "digit")
	return strings.TrimSpace(p.text[start:p.pos]), ok
}

// field takes a column, perhaps with a path into its JSON, with spaces around.
func (p *parser) field() (f Field, ok bool) {
	p.spaces()
	if f.Name, ok = p.fieldName(); !ok {
		return f, false
	}
	if f.Path, ok = p.jsonPath(); !ok {
		return f, false
	}
	p.spaces()
	return f, true
}

func (p *parser) jsonPath() (path []Step, ok bool) {
	for {
		text := p.tryWord("->>")
		if !text && !p.tryWord("->") {
			return path, true
		}
		s := Step{Text: text}
		if !p.step(&s) {
			return nil, false
		}
		if !p.within(len(path)) {
			return nil, false
		}
		path = append(path, s)
	}
}

// step takes what stands behind an arrow: an index if it looks like a whole one, else a key.
func (p *parser) step(s *Step) bool {
	m := p.mark()
	if digits, ok := p.index(); ok {
		n, err := strconv.ParseInt(digits, 10, 32)
		if err != nil {
			p.refuse(&Error{Status: http.StatusBadRequest, Code: "22003", Message: `value "` + digits + `" is out of range for type integer`})
			return false
		}
		s.IsIndex, s.Index = true, n
		return true
	}
	p.back(m)
	key, ok := p.keyName()
	if !ok {
		p.back(m)
	}
	s.Key = key
	return ok
}

// index takes a number that ends where a step can end.
func (p *parser) index() (string, bool) {
	start := p.pos
	p.char('-')
	if !p.run(func(r rune) bool { return '0' <= r && r <= '9' }, "digit") {
		return "", false
	}
	digits := p.text[start:p.pos]
	ok := p.ahead("->") || p.ahead("::") || p.ahead(".") || p.ahead(",") || p.end()
	return digits, ok
}

// alias takes a name and a single colon, or nothing.
func (p *parser) alias() string {
	m := p.mark()
	if name, ok := p.fieldName(); ok && p.char(':') && p.notNext(':') {
		return name
	}
	p.back(m)
	return ""
}
