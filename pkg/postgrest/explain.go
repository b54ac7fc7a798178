package postgrest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A failure says what was found and what was expected at a place of a text. Its rules are
// those of Parsec's ParseError (Text.Parsec.Error): of two, the one further on stands; two
// at one place are put together.
type failure struct {
	at    int
	words []said
}

// A said is one thing that a failure says.
type said struct {
	kind saidKind
	text string
}

type saidKind uint8

const (
	surprise   saidKind = iota // a character that does not fit; "" is the end
	unexpected                 // something that the grammar forbids here
	expect                     // what would have fitted
)

func (f *failure) add(k saidKind, text string) { f.words = append(f.words, said{k, text}) }

// expectOnly replaces all that was expected by one name.
func (f *failure) expectOnly(name string) {
	words := []said{{expect, name}}
	for _, w := range f.words {
		if w.kind != expect {
			words = append(words, w)
		}
	}
	f.words = words
}

func merged(a, b failure) failure {
	switch {
	case len(b.words) == 0:
		return a
	case len(a.words) == 0 || b.at > a.at:
		return b
	case a.at > b.at:
		return a
	}
	return failure{a.at, append(a.words, b.words...)}
}

// String tells the failure in Parsec's words, on one line.
func (f *failure) String() string {
	var lines []string
	if len(f.of(unexpected)) == 0 {
		if s := f.of(surprise); len(s) > 0 {
			found := s[0]
			if found == "" {
				found = "end of input"
			}
			lines = append(lines, "unexpected "+found)
		}
	} else {
		lines = append(lines, "unexpected "+orList(f.of(unexpected)))
	}
	if e := f.of(expect); len(e) > 0 {
		lines = append(lines, "expecting "+orList(e))
	}
	if len(lines) == 0 {
		return "unknown parse error"
	}
	return strings.Join(lines, " ")
}

// of gives what f says of a kind, each once.
func (f *failure) of(k saidKind) (texts []string) {
	for _, w := range f.words {
		if w.kind == k && !slices.Contains(texts, w.text) {
			texts = append(texts, w.text)
		}
	}
	return texts
}

// orList joins the texts: a, b or c.
func orList(texts []string) string {
	last := len(texts) - 1
	if last == 0 {
		return texts[0]
	}
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

// problem gives the refusal of a text that does not parse. What tells which text.
func (p *parser) problem(what, shown string) *Error {
	line, column := 1, 1
	for i, r := range p.text {
		if i >= p.err.at {
			break
		}
		switch r {
		case '\n':
			line, column = line+1, 1
		case '\t':
			column += 8 - (column-1)%8
		default:
			column++
		}
	}
	return &Error{
		Status:  http.StatusBadRequest,
		Code:    parseCode,
		Message: fmt.Sprintf(`"failed to parse %s (%s)" (line %d, column %d)`, what, shown, line, column),
		Details: strings.ReplaceAll(p.err.String(), "\n", " "),
	}
}

// shown is the character at a place as Haskell shows a string of it; "" at the end.
func (p *parser) shown(at int) string {
	for _, r := range p.text[at:] {
		return showString(string(r))
	}
	return ""
}

// showString writes s as Haskell's show does.
func showString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r == '"' {
			b.WriteString(`\"`)
			continue
		}
		b.WriteString(escapedRune(r))
	}
	b.WriteByte('"')
	return b.String()
}

func showChar(r rune) string {
	if r == '\'' {
		return `'\''`
	}
	return "'" + escapedRune(r) + "'"
}

func escapedRune(r rune) string {
	switch r {
	case '\\':
		return `\\`
	case '\n':
		return `\n`
	case '\t':
		return `\t`
	case '\r':
		return `\r`
	}
	if r < unicode.MaxASCII && r >= ' ' {
		return string(r)
	}
	return `\` + strconv.Itoa(int(r))
}
