package channels

import (
	"fmt"
	"slices"
	"strings"
)

// A Pattern is a declared topic: exact (`room:lobby`), with captures (`room:{id}`), or
// ending in one `*` that takes any rest, also none. Comparison is bytewise.
type Pattern struct {
	text  string
	parts []part // between colons
	names []string
	rest  bool // the last part is a prefix, then anything
}

// A part is text, or a capture of one or more bytes without a colon between two texts.
type part struct {
	before, after string
	capture       bool
}

// A PatternError tells where in a pattern something is wrong.
type PatternError struct {
	Offset  int // in bytes
	Message string
}

// Error gives the message without the place.
func (e *PatternError) Error() string { return e.Message }

// ParsePattern reads a topic as the manifest has it. Errors are of type *PatternError.
func ParsePattern(text string) (Pattern, error) {
	p := Pattern{text: text}
	switch text {
	case "":
		return Pattern{}, &PatternError{0, "a topic cannot be empty"}
	case heartbeatTopic:
		return Pattern{}, &PatternError{0, `the topic "phoenix" belongs to the protocol`}
	}
	if star := strings.IndexByte(text, '*'); star >= 0 {
		if star != len(text)-1 {
			return Pattern{}, &PatternError{star, "a * may stand only at the end of a topic"}
		}
		text, p.rest = text[:star], true
	}
	offset := 0
	for word := range strings.SplitSeq(text, ":") {
		one, name, err := parsePart(word, offset)
		if err != nil {
			return Pattern{}, err
		}
		if one.capture {
			if slices.Contains(p.names, name) {
				return Pattern{}, &PatternError{offset + len(one.before), fmt.Sprintf("{%s} stands twice in this topic", name)}
			}
			p.names = append(p.names, name)
		}
		p.parts = append(p.parts, one)
		offset += len(word) + 1
	}
	if last := p.parts[len(p.parts)-1]; p.rest && last.capture {
		return Pattern{}, &PatternError{len(p.text) - 1, "a * cannot follow a capture: put a colon between them"}
	}
	return p, nil
}

func parsePart(word string, offset int) (part, string, error) {
	open := strings.IndexAny(word, "{}")
	if open < 0 {
		return part{before: word}, "", nil
	}
	if word[open] == '}' {
		return part{}, "", &PatternError{offset + open, "a } without a {"}
	}
	size := strings.IndexByte(word[open:], '}')
	if size < 0 {
		return part{}, "", &PatternError{offset + open, "a { without a }"}
	}
	name, after := word[open+1:open+size], word[open+size+1:]
	if !isName(name) {
		return part{}, "", &PatternError{offset + open, fmt.Sprintf("{%s} needs a name of letters, digits and _", name)}
	}
	if second := strings.IndexAny(after, "{}"); second >= 0 {
		return part{}, "", &PatternError{offset + open + size + 1 + second, "only one capture may stand between two colons"}
	}
	return part{before: word[:open], after: after, capture: true}, name, nil
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// String gives the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Names lists the captures from left to right.
func (p Pattern) Names() []string { return p.names }

// Match tells whether topic is one of the pattern's. The captures, in the order of Names,
// are added to values, which is given back.
func (p Pattern) Match(topic string, values []string) ([]string, bool) {
	last := len(p.parts) - 1
	for i, one := range p.parts {
		if i == last && p.rest {
			return values, strings.HasPrefix(topic, one.before)
		}
		word, after, more := strings.Cut(topic, ":")
		if more == (i == last) || !one.matches(word) {
			return values, false
		}
		if one.capture {
			values = append(values, word[len(one.before):len(word)-len(one.after)])
		}
		topic = after
	}
	return values, true
}

func (o part) matches(word string) bool {
	if !o.capture {
		return word == o.before
	}
	return len(word) > len(o.before)+len(o.after) &&
		strings.HasPrefix(word, o.before) && strings.HasSuffix(word, o.after)
}

// Covers tells whether every topic of later is also one of earlier, so that later, declared
// after it, is never reached.
func Covers(earlier, later Pattern) bool {
	last := len(earlier.parts) - 1
	if len(later.parts) <= last || !earlier.rest && (later.rest || len(later.parts) != len(earlier.parts)) {
		return false
	}
	for i, one := range earlier.parts {
		other := later.parts[i]
		if i == last && earlier.rest {
			return strings.HasPrefix(other.before, one.before)
		}
		if i == len(later.parts)-1 && later.rest { // its rest may hold more colons than earlier has
			return false
		}
		if !one.covers(other) {
			return false
		}
	}
	return true
}

func (o part) covers(other part) bool {
	if !o.capture || !other.capture {
		return !other.capture && o.matches(other.before)
	}
	return strings.HasPrefix(other.before, o.before) && strings.HasSuffix(other.after, o.after)
}
