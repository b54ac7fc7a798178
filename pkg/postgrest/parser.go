package postgrest

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A parser reads one text of the dialect. PostgREST's errors are those of the Parsec
// library, and clients and tests compare them, so the parser behaves as Parsec does: it
// goes back only where the grammar says so (mark, back), and whether a part that failed has
// taken something is told by pos. Texts are first read without a word about errors; a text
// that fails is read again with explain, which collects them.
type parser struct {
	text    string
	pos     int
	explain bool
	err     failure // where explain has come to
	budget  *budget
	refused *Error // a bound was crossed, or a value cannot be one
}

// A mark is a place to go back to.
type mark struct {
	pos int
	err failure
}

func (p *parser) mark() mark { return mark{p.pos, p.err} }

// back undoes what was read since m: Parsec's try, when its part fails. Where something was
// taken, err began anew; else it has gone on from m's.
func (p *parser) back(m mark) {
	if p.explain && p.pos != m.pos {
		p.err = merged(m.err, p.err)
	}
	p.pos = m.pos
}

// apart begins a part whose errors will be named by label.
func (p *parser) apart() mark {
	m := p.mark()
	p.err = failure{at: p.pos}
	return m
}

// label names what was expected, if the part begun with apart took nothing: Parsec's <?>.
func (p *parser) label(m mark, ok bool, name string) bool {
	if p.explain && p.pos == m.pos {
		if !ok || len(p.err.words) > 0 {
			p.err.expectOnly(name)
		}
		p.err = merged(m.err, p.err)
	}
	return ok
}

func (p *parser) atEnd() bool { return p.pos == len(p.text) }

// advance takes n bytes.
func (p *parser) advance(n int) {
	p.pos += n
	if p.explain {
		p.err = failure{at: p.pos}
	}
}

// miss notes that the next character is not one of what was expected here.
func (p *parser) miss(expected ...string) {
	if !p.explain {
		return
	}
	f := failure{at: p.pos}
	f.add(surprise, p.shown(p.pos))
	for _, e := range expected {
		f.add(expect, e)
	}
	p.err = merged(p.err, f)
}

// next gives the next character, and 0 as its size at the end.
func (p *parser) next() (rune, int) {
	if p.atEnd() {
		return 0, 0
	}
	if c := p.text[p.pos]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	return utf8.DecodeRuneInString(p.text[p.pos:])
}

// char takes the character c.
func (p *parser) char(c byte) bool {
	if !p.atEnd() && p.text[p.pos] == c {
		p.advance(1)
		return true
	}
	if p.explain {
		p.miss(showString(string(c)))
	}
	return false
}

// dot takes the delimiter.
func (p *parser) dot() bool {
	if !p.atEnd() && p.text[p.pos] == '.' {
		p.advance(1)
		return true
	}
	p.miss("delimiter (.)")
	return false
}

// word takes w. When only its beginning is there, that is taken and word fails.
func (p *parser) word(w string) bool {
	rest := p.text[p.pos:]
	if strings.HasPrefix(rest, w) {
		p.advance(len(w))
		return true
	}
	same := 0
	for same < len(rest) && rest[same] == w[same] {
		same++
	}
	if p.explain {
		f := failure{at: p.pos}
		f.add(surprise, p.shown(p.pos+same))
		f.add(expect, showString(w))
		if same > 0 {
			p.err = f
		} else {
			p.err = merged(p.err, f)
		}
	}
	p.pos += same
	return false
}

// tryWord takes w whole, or nothing.
func (p *parser) tryWord(w string) bool {
	if !p.explain {
		ok := strings.HasPrefix(p.text[p.pos:], w)
		if ok {
			p.pos += len(w)
		}
		return ok
	}
	m := p.mark()
	if p.word(w) {
		return true
	}
	p.back(m)
	return false
}

// tryWordDot takes w and a dot, or nothing.
func (p *parser) tryWordDot(w string) bool {
	m := p.mark()
	if p.word(w) && p.dot() {
		return true
	}
	p.back(m)
	return false
}

// ahead tells whether w comes next, and takes nothing.
func (p *parser) ahead(w string) bool {
	if !p.explain {
		return strings.HasPrefix(p.text[p.pos:], w)
	}
	m := p.mark()
	if p.word(w) {
		p.pos, p.err = m.pos, m.err
		return true
	}
	p.back(m)
	return false
}

// end tells whether the text is over.
func (p *parser) end() bool {
	over := p.atEnd()
	if p.explain {
		f := failure{at: p.pos}
		if over {
			f.add(surprise, "")
		} else {
			r, _ := p.next()
			f.add(unexpected, showChar(r))
		}
		f.add(expect, "end of input")
		p.err = merged(p.err, f)
	}
	return over
}

// notNext fails where c comes next. The failure stands behind c, as Parsec's does.
func (p *parser) notNext(c byte) bool {
	if p.atEnd() || p.text[p.pos] != c {
		if p.explain {
			p.miss(showString(string(c)))
		}
		return true
	}
	p.behindNext()
	return false
}

// behindNext notes behind the next character that it was not expected.
func (p *parser) behindNext() {
	if !p.explain {
		return
	}
	r, size := p.next()
	f := failure{at: p.pos + size}
	f.add(unexpected, showChar(r))
	p.err = merged(p.err, f)
}

// spaces takes spaces and tabs, if there are any.
func (p *parser) spaces() {
	for !p.atEnd() && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t') {
		p.advance(1)
	}
	p.miss()
}

// spaced takes the character c with spaces around it.
func (p *parser) spaced(c byte) bool {
	p.spaces()
	if !p.char(c) {
		return false
	}
	p.spaces()
	return true
}

// quoted takes a text in double quotes, in which a backslash makes the next character plain.
func (p *parser) quoted() (string, bool) {
	if !p.char('"') {
		return "", false
	}
	start, escaped := p.pos, false
	for !p.atEnd() {
		switch p.text[p.pos] {
		case '"':
			inner := p.text[start:p.pos]
			p.advance(1)
			if escaped {
				inner = unescaped(inner)
			}
			return inner, true
		case '\\':
			p.advance(1)
			escaped = true
			if p.atEnd() {
				p.miss()
				return "", false
			}
		}
		_, size := p.next()
		p.advance(size)
	}
	p.miss(`"\\"`, `"\""`)
	return "", false
}

func unescaped(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// until takes everything before the first of the characters in stops.
func (p *parser) until(stops string) string {
	n := strings.IndexAny(p.text[p.pos:], stops)
	if n < 0 {
		n = len(p.text) - p.pos
	}
	s := p.text[p.pos : p.pos+n]
	if n > 0 {
		p.advance(n)
	}
	p.miss()
	return s
}

func isNameChar(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_', r == ' ', r == '$':
		return true
	case r < utf8.RuneSelf:
		return false
	}
	return unicode.IsLetter(r)
}

// isKeyChar tells the characters of a key in JSON that need no quotes.
func isKeyChar(r rune) bool { return !strings.ContainsRune("(-:.,>)", r) }
