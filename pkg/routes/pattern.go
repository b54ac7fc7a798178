package routes

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind tells what a segment of a pattern takes. Lower is more specific.
type kind uint8

const (
	static kind = iota
	param       // :name, one segment that is not empty
	rest        // *name, all that follows, also nothing
	slash       // not written in patterns: the end of a path with one slash too many
)

type segment struct {
	kind kind
	text string // of a static one as it is in a decoded path, else the name
	at   int    // where it stands in the pattern, in bytes
}

func (s segment) String() string {
	switch s.kind {
	case param:
		return ":" + s.text
	case rest:
		return "*" + s.text
	}
	return s.text
}

// A Pattern is the path of a route: static segments, :name, and *name as the last one.
// The zero value is the pattern "/".
type Pattern struct{ segments []segment }

// PatternError says what is wrong with a path or a host, and where in it: the bytes from
// Start up to End.
type PatternError struct {
	Start, End    int
	Message, Hint string
}

// Error gives the message and, when there is one, the way out.
func (e *PatternError) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// ParsePattern reads a path as it stands in a manifest: decoded, beginning with a slash.
// One slash at the end is dropped: /posts/ and /posts are one pattern.
func ParsePattern(path string) (Pattern, *PatternError) {
	if !strings.HasPrefix(path, "/") {
		return Pattern{}, &PatternError{0, len(path), "a path begins with /", fmt.Sprintf("write %q", "/"+path)}
	}
	if len(path) > MaxPath {
		return Pattern{}, &PatternError{0, len(path), "the path is longer than any request may be", fmt.Sprintf("at most %d bytes", MaxPath)}
	}
	if err := checkCharacters(path); err != nil {
		return Pattern{}, err
	}
	var p Pattern
	body := strings.TrimSuffix(path[1:], "/")
	if body == "" && path != "//" {
		return p, nil
	}
	at := 1
	for text := range strings.SplitSeq(body, "/") {
		if k := len(p.segments) - 1; k >= 0 && p.segments[k].kind == rest {
			last := p.segments[k]
			return Pattern{}, &PatternError{last.at, at - 1, last.String() + " takes the whole rest of the path", "let it be the last segment"}
		}
		s, err := parseSegment(text, at)
		if err != nil {
			return Pattern{}, err
		}
		if s.kind != static && p.captures(s.text) {
			return Pattern{}, twice(s, at, at+len(text))
		}
		p.segments = append(p.segments, s)
		at += len(text) + 1
	}
	return p, nil
}

func twice(s segment, start, end int) *PatternError {
	return &PatternError{start, end, "the name " + s.text + " is taken by an earlier part of the path", "give each parameter a name of its own"}
}

// checkCharacters refuses what cannot stand in a decoded path, or would not do what its
// writer hopes.
func checkCharacters(path string) *PatternError {
	for i, c := range path {
		at := func(message, hint string) *PatternError {
			return &PatternError{i, i + utf8.RuneLen(c), message, hint}
		}
		switch {
		case c == utf8.RuneError:
			return &PatternError{i, i + 1, "the path is not valid UTF-8", ""}
		case c == '?':
			return at("a path has no query", "read the query from params")
		case c == '#':
			return at("a path has no fragment", "browsers do not send it")
		case c == '%':
			return at("a path is written decoded", "write the character itself")
		case c == '\\':
			return at("a path has no backslash", "write /")
		case c == '{' || c == '}':
			return at("braces mean nothing in a path", "a parameter is written :name")
		case c == ' ' && betweenWords(path, i):
		case unicode.IsSpace(c) || unicode.IsControl(c):
			return at(fmt.Sprintf("a path has no %U here", c), "take out control characters, and spaces but single ones between words")
		}
	}
	return nil
}

// betweenWords tells that the space at i has something on both sides, as names of tables and
// files have them.
func betweenWords(path string, i int) bool {
	open := func(c byte) bool { return c != '/' && c != ' ' }
	return open(path[i-1]) && i+1 < len(path) && open(path[i+1])
}

func parseSegment(text string, at int) (segment, *PatternError) {
	end := at + len(text)
	switch {
	case text == "":
		return segment{}, &PatternError{at - 1, end + 1, "an empty segment", "write one slash"}
	case text == "." || text == "..":
		return segment{}, &PatternError{at, end, text + " is no segment", "requests with it are refused"}
	case text[0] != ':' && text[0] != '*':
		if i := strings.IndexAny(text, ":*"); i >= 0 {
			return segment{}, &PatternError{at + i, end, "a parameter is a whole segment", "put a slash before it, or take " + text[i:i+1] + " out"}
		}
		return segment{static, text, at}, nil
	case text == "*" || text == "**":
		return segment{}, &PatternError{at, end, "the rest of a path has a name", "write *path; it is then params.path"}
	case !validName(text[1:]):
		return segment{}, &PatternError{at, end, fmt.Sprintf("%q is no name for a parameter", text[1:]), "letters, digits and _, beginning with a small letter or _"}
	case text[0] == '*':
		return segment{rest, text[1:], at}, nil
	}
	return segment{param, text[1:], at}, nil
}

// validName tells whether s is of the form [a-z_][a-zA-Z0-9_]*.
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		small := 'a' <= c && c <= 'z' || c == '_'
		if !small && (i == 0 || !('A' <= c && c <= 'Z' || '0' <= c && c <= '9')) {
			return false
		}
	}
	return s != ""
}

// String gives the pattern as written, without a slash at its end.
func (p Pattern) String() string {
	if len(p.segments) == 0 {
		return "/"
	}
	var b strings.Builder
	for _, s := range p.segments {
		b.WriteByte('/')
		b.WriteString(s.String())
	}
	return b.String()
}

// Names lists the parameters, from the left.
func (p Pattern) Names() []string {
	var names []string
	for _, s := range p.segments {
		if s.kind != static {
			names = append(names, s.text)
		}
	}
	return names
}

func (p Pattern) captures(name string) bool {
	for _, s := range p.segments {
		if s.kind != static && s.text == name {
			return true
		}
	}
	return false
}

// Join puts the path of a scope before that of a route. The places in its error are
// those of p.
func (p Pattern) Join(prefix Pattern) (Pattern, *PatternError) {
	joined := Pattern{make([]segment, 0, len(prefix.segments)+len(p.segments))}
	joined.segments = append(joined.segments, prefix.segments...)
	if k := len(joined.segments) - 1; k >= 0 && joined.segments[k].kind == rest && len(p.segments) > 0 {
		return Pattern{}, &PatternError{0, len(p.String()), joined.segments[k].String() + " of the scope takes the whole rest of the path", "take it out of the scope's path"}
	}
	for _, s := range p.segments {
		if s.kind != static && prefix.captures(s.text) {
			return Pattern{}, twice(s, s.at, s.at+len(s.String()))
		}
		joined.segments = append(joined.segments, s)
	}
	return joined, nil
}

// example is a path that the pattern answers.
func (p Pattern) example() string {
	if len(p.segments) == 0 {
		return "/"
	}
	var b strings.Builder
	for _, s := range p.segments {
		b.WriteByte('/')
		if s.kind == static {
			b.WriteString(s.text)
		} else {
			b.WriteByte('1')
		}
	}
	return b.String()
}
