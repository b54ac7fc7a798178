package expr

import (
	"sort"
	"strconv"
	"strings"
)

// Dialect is the SQL of one kind of database.
type Dialect uint8

// The dialects that the scanner knows.
const (
	Postgres Dialect = iota
	SQLite
)

// SQL is a statement in which every ${expr} has become a bind parameter. One placeholder
// stands for each, also where a text repeats: sharing one would make Postgres deduce one
// type for two places.
type SQL struct {
	Text string // with $1 or ?1
	Args []*Expr

	pieces []sqlPiece
}

// sqlPiece ties an offset of Text to one of the source.
type sqlPiece struct {
	at, source int
	parameter  bool
}

// Source maps a byte offset in Text (such as a database reports for an error) to the
// source; inside a placeholder to the start of its expression.
func (q *SQL) Source(offset int) int {
	k := sort.Search(len(q.pieces), func(i int) bool { return q.pieces[i].at > offset }) - 1
	if k < 0 {
		return 0
	}
	if q.pieces[k].parameter {
		return q.pieces[k].source
	}
	return q.pieces[k].source + offset - q.pieces[k].at
}

// Uses lists the names read, sorted.
func (q *SQL) Uses() []string {
	t := Text{}
	for _, a := range q.Args {
		t.parts = append(t.parts, Part{Expr: a})
	}
	return t.Uses()
}

// SQL compiles a statement. ${ inside quotes and comments is an error: it would not be a
// parameter there.
func (s *Scope) SQL(text string, d Dialect, m Mode) (*SQL, []Error) {
	sc := &sqlScanner{src: text, dialect: d, wordEnd: -1}
	if err := sc.scan(); err != nil {
		return nil, []Error{*err}
	}
	q := &SQL{Text: sc.out.String(), pieces: sc.pieces}
	var errs []Error
	for _, p := range sc.args {
		e, found := s.compile(resultKey{p.src, m, false}, p.at)
		errs = append(errs, found...)
		q.Args = append(q.Args, e)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return q, nil
}

// sqlScanner reads a statement once: words, quoted pieces, comments, the rest.
type sqlScanner struct {
	src     string
	dialect Dialect
	i       int
	out     strings.Builder
	args    []piece
	pieces  []sqlPiece
	wordEnd int  // where the last word ended
	escapes bool // that word was E: a string behind it takes backslashes
}

func (s *sqlScanner) fail(at, end int, message, hint string) *Error {
	return &Error{at, end, "sql", message, hint}
}

func (s *sqlScanner) copied(from, to int) {
	k := len(s.pieces) - 1
	if k < 0 || s.pieces[k].parameter || s.pieces[k].source-s.pieces[k].at != from-s.out.Len() {
		s.pieces = append(s.pieces, sqlPiece{s.out.Len(), from, false})
	}
	s.out.WriteString(s.src[from:to])
}

func wordByte(c byte) bool {
	return c == '_' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func (s *sqlScanner) scan() *Error {
	for s.i < len(s.src) {
		if err := s.step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqlScanner) step() *Error {
	c, rest := s.src[s.i], s.src[s.i:]
	switch {
	case wordByte(c):
		return s.word()
	case c == 0:
		return s.fail(s.i, s.i+1, "a NUL byte in SQL", "")
	case c == '\'':
		return s.text()
	case c == '"' || s.dialect == SQLite && (c == '`' || c == '['):
		return s.quotedName(c)
	case strings.HasPrefix(rest, "--"):
		return s.quoted(s.lineEnd(), "a comment")
	case strings.HasPrefix(rest, "/*"):
		return s.comment()
	case strings.HasPrefix(rest, "${"):
		return s.parameter()
	case c == '$' && s.dialect == Postgres:
		return s.dollar()
	case s.dialect == SQLite && (c == '?' || strings.IndexByte("$@:#", c) >= 0 && s.i+1 < len(s.src) && wordByte(s.src[s.i+1])):
		return s.fail(s.i, s.i+1, "a parameter of SQLite's own cannot be bound", "write ${...}")
	}
	s.copied(s.i, s.i+1)
	s.i++
	return nil
}

// word reads a whole name or number: $ may stand inside one in both dialects.
func (s *sqlScanner) word() *Error {
	j := s.i
	for ; j < len(s.src) && (wordByte(s.src[j]) || s.src[j] == '$'); j++ {
		if strings.HasPrefix(s.src[j:], "${") {
			return s.fail(s.i, j+2, "a parameter cannot be a part of a name or number", "parameters are values; a table or column is written out")
		}
	}
	if err := s.number(s.i, j); err != nil {
		return err
	}
	s.copied(s.i, j)
	s.escapes = s.dialect == Postgres && j == s.i+1 && s.src[s.i]|0x20 == 'e'
	s.wordEnd, s.i = j, j
	return nil
}

// number refuses what versions of Postgres read differently: before 15, 0E” was 0 and an
// E string, and 1$1 was 1 and a parameter.
func (s *sqlScanner) number(from, to int) *Error {
	if s.dialect != Postgres || s.src[from] < '0' || s.src[from] > '9' {
		return nil
	}
	if strings.IndexByte(s.src[from:to], '$') >= 0 || to < len(s.src) && s.src[to] == '\'' {
		return s.fail(from, to, "what follows this number runs into it", "leave a blank between")
	}
	return nil
}

func (s *sqlScanner) text() *Error {
	backslash := s.escapes && s.wordEnd == s.i
	for j := s.i + 1; j < len(s.src); j++ {
		switch {
		case backslash && s.src[j] == '\\':
			j++
		case s.src[j] != '\'':
		case j+1 < len(s.src) && s.src[j+1] == '\'':
			j++
		case backslash && continued(s.src[j+1:]):
			return s.fail(s.i, j+1, "an E string that goes on in the next line", "write it as one string, or join two with ||")
		default:
			return s.quoted(j+1, "a string literal")
		}
	}
	return s.fail(s.i, s.i+1, "this string literal is not closed", "")
}

// continued tells whether a string literal goes on: Postgres joins two of them that a line
// end separates, and reads the second as it read the first.
func continued(rest string) bool {
	lines := false
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\n' || c == '\r':
			lines = true
		case c == ' ' || c == '\t' || c == '\f' || c == '\v':
		case strings.HasPrefix(rest[i:], "--"):
			k := strings.IndexAny(rest[i:], "\r\n")
			if k < 0 {
				return false
			}
			i += k - 1
		default:
			return lines && c == '\''
		}
	}
	return false
}

func (s *sqlScanner) quotedName(open byte) *Error {
	closes := open
	if open == '[' {
		closes = ']'
	}
	for j := s.i + 1; j < len(s.src); j++ {
		if s.src[j] != closes {
			continue
		}
		if closes != ']' && j+1 < len(s.src) && s.src[j+1] == closes {
			j++
			continue
		}
		return s.quoted(j+1, "a quoted name")
	}
	return s.fail(s.i, s.i+1, "this quoted name is not closed", "")
}

func (s *sqlScanner) lineEnd() int {
	ends := "\n"
	if s.dialect == Postgres {
		ends = "\n\r"
	}
	if k := strings.IndexAny(s.src[s.i:], ends); k >= 0 {
		return s.i + k
	}
	return len(s.src)
}

// comment reads /* */; those of Postgres nest.
func (s *sqlScanner) comment() *Error {
	depth, j := 1, s.i+2
	for depth > 0 {
		switch {
		case j >= len(s.src):
			return s.fail(s.i, s.i+2, "this comment is not closed", "")
		case strings.HasPrefix(s.src[j:], "*/"):
			depth--
			j += 2
		case s.dialect == Postgres && strings.HasPrefix(s.src[j:], "/*"):
			depth++
			j += 2
		default:
			j++
		}
	}
	return s.quoted(j, "a comment")
}

// quoted copies a piece that ends at end. ${ in it is refused; $${ is a literal ${.
func (s *sqlScanner) quoted(end int, what string) *Error {
	from := s.i
	for j := s.i; j < end; {
		switch rest := s.src[j:end]; {
		case strings.HasPrefix(rest, "$${"):
			s.copied(from, j)
			j, from = j+3, j+1
		case strings.HasPrefix(rest, "${"):
			return s.fail(j, j+2, "${ inside "+what+" is not a parameter", quoteHint(what))
		default:
			j++
		}
	}
	s.copied(from, end)
	s.i = end
	return nil
}

func quoteHint(what string) string {
	if what == "a string literal" {
		return "join the pieces: '%' || ${q} || '%'; a literal ${ is written $${"
	}
	return "a literal ${ is written $${"
}

func (s *sqlScanner) parameter() *Error {
	end, err := closing(s.src[s.i+2:])
	if err != nil {
		err.Start, err.End = s.i, s.i+2
		return err
	}
	next := s.i + 2 + end
	if next < len(s.src) && (wordByte(s.src[next]) || s.src[next] == '$') {
		return s.fail(s.i, next+1, "a parameter cannot be a part of a name or number, nor stand against another one", "leave a blank behind }")
	}
	s.pieces = append(s.pieces, sqlPiece{s.out.Len(), s.i + 2, true})
	s.args = append(s.args, piece{src: s.src[s.i+2 : next-1], at: s.i + 2})
	mark := byte('$')
	if s.dialect == SQLite {
		mark = '?'
	}
	s.out.WriteByte(mark)
	s.out.WriteString(strconv.Itoa(len(s.args)))
	s.i = next
	return nil
}

// dollar is $1, or a body $tag$...$tag$.
func (s *sqlScanner) dollar() *Error {
	j := s.i + 1
	for j < len(s.src) && wordByte(s.src[j]) {
		j++
	}
	if j > s.i+1 && s.src[s.i+1] >= '0' && s.src[s.i+1] <= '9' {
		return s.fail(s.i, j, "a numbered parameter cannot be bound", "write ${...}")
	}
	if j >= len(s.src) || s.src[j] != '$' {
		return s.fail(s.i, s.i+1, "this $ begins neither ${ nor a dollar quote", "")
	}
	tag := s.src[s.i : j+1]
	k := strings.Index(s.src[j+1:], tag)
	if k < 0 {
		return s.fail(s.i, j+1, "this "+tag+" is not closed", "")
	}
	s.copied(s.i, j+1)
	s.i = j + 1
	if err := s.quoted(j+1+k, "a dollar-quoted body"); err != nil {
		return err
	}
	s.copied(s.i, s.i+len(tag))
	s.i += len(tag)
	return nil
}
