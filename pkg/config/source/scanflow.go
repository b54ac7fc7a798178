package source

import "strings"

// deepestFlow bounds how deep brackets are followed.
const deepestFlow = 500

// flow passes [ ] or { }.
func (s *scan) flow() bool {
	if s.depth++; s.depth > deepestFlow {
		s.lost = true
		return false
	}
	b := brackets{scan: s, open: s.at, closer: ']', hash: -1}
	if s.text[s.at] == '{' {
		b.closer = '}'
	}
	s.at++
	ok := b.read()
	s.depth--
	return ok
}

// brackets is one pair of [ ] or { }.
type brackets struct {
	*scan
	open   int
	closer byte
	hash   int // of a comment that holds the closer, -1 when there is none
}

func (b *brackets) read() bool {
	empty := true // no item since the last comma
	for b.space() {
		switch c := b.text[b.at]; {
		case c == b.closer:
			b.at++
			return true
		case c == ']' || c == '}':
			b.fault(b.at, b.at+1, "`%c` closes the `%c` of line %d", c, b.text[b.open], b.f.lineAt(b.open)).
				Suggest("close that with `%c` first", b.closer).
				Relate(b.f.pos(b.open), "it opens here")
			return false
		case c == ',' && empty:
			b.fault(b.at, b.at+1, "nothing stands before this comma").Suggest("delete it; a value that holds a comma must be quoted")
			return false
		case c == ',':
			b.at++
			empty = true
		default:
			empty = false
			if !b.item() {
				return false
			}
		}
	}
	return false
}

// space passes blanks, line ends and comments. It is false at the end of the text, or at
// a line that cannot be within these brackets.
func (b *brackets) space() bool {
	for b.at < len(b.text) {
		switch c := b.text[b.at]; {
		case c == ' ' || c == '\t':
			b.at++
		case c == '\n':
			b.at++
			if b.isOutside(b.text[b.at:b.eol()]) {
				b.unclosed()
				return false
			}
		case c == '#':
			end := b.eol()
			if b.hash < 0 && strings.IndexByte(b.text[b.at:end], b.closer) >= 0 {
				b.hash = b.at
			}
			b.at = end
		default:
			return true
		}
	}
	b.unclosed()
	return false
}

func (b *brackets) unclosed() {
	if b.hash >= 0 {
		b.fault(b.hash, b.hash+1, "` #` starts a comment, and the `%c` in it closes nothing", b.closer).
			Suggest("quote the value that holds the `#`")
		return
	}
	b.fault(b.open, b.open+1, "the `%c` that opens here is never closed", b.text[b.open]).
		Suggest("close it with `%c`; if it is a part of a text, quote that", b.closer)
}

// item reads a value, or a key with its value.
func (b *brackets) item() bool {
	start, key := b.at, b.closer == '}'
	if !b.value(key) || !b.space() {
		return false
	}
	if b.text[b.at] == ':' {
		if b.f.lineAt(start) < b.f.lineAt(b.at) && !b.startsLine() {
			b.trailing(start, key)
			return false
		}
		b.at++
		if !b.space() {
			return false
		}
		if b.ends() {
			return true
		}
		start, key = b.at, false
		if !b.value(false) || !b.space() {
			return false
		}
	}
	if b.ends() {
		return true
	}
	b.trailing(start, key)
	return false
}

func (b *brackets) ends() bool {
	return strings.IndexByte(",]}", b.text[b.at]) >= 0
}

// value passes a key or a value.
func (b *brackets) value(key bool) bool {
	if !b.properties(key, true) {
		return false
	}
	if b.atRest() {
		return true
	}
	switch c := b.text[b.at]; {
	case c == '*':
		return b.alias(key)
	case c == '"' || c == '\'':
		return b.quoted()
	case c == '[' || c == '{':
		return b.flow()
	case c == '?':
		b.lost = true
		return false
	case c == ':' && key:
		b.fault(b.at, b.at+1, "a key is missing before this `:`").Suggest("quote a key that begins with it")
		return false
	case strings.IndexByte("@`%|>:", c) >= 0, c == '-' && isBlankAt(b.text, b.at+1):
		b.quoteStart(b.at, key, "a value cannot begin with "+inBackquotes(c))
		return false
	case b.ends():
		return true
	}
	return b.plainWords()
}

// plainWords passes a value without quotes, over several lines if it goes on. The parser
// ends one at any `?`.
func (b *brackets) plainWords() bool {
	for b.at < len(b.text) {
		switch c := b.text[b.at]; {
		case strings.IndexByte(",[]{}?", c) >= 0, c == ':' && isBlankAt(b.text, b.at+1), b.atRest() && c != '\n':
			return true
		case c == '\n':
			if !b.space() {
				return false
			}
		default:
			b.at++
		}
	}
	return true
}

// trailing tells that neither a comma nor the closer follows the value that starts at
// start; s.at is at what does.
func (b *brackets) trailing(start int, key bool) {
	c := b.text[b.at]
	end := b.flowExtent(start)
	value := b.text[start:end]
	first := b.text[start]
	line := b.text[b.f.starts[b.f.lineAt(b.at)-1]:b.eol()]
	switch {
	case b.f.lineAt(start) < b.f.lineAt(b.at) && looksLikeKey(line) && first != '"' && first != '\'' || b.startsLine() && looksLikeKey(line):
		at := b.f.starts[b.f.lineAt(b.at)-1] + indentation(line)
		b.fault(at, at+max(1, wordLength(b.text[at:])), "a comma is missing before this line").
			Suggest("end line %d with `,`", b.f.lineAt(b.at)-1)
		return
	case first == '"' || first == '\'' || first == '[' || first == '{':
		b.textBehind(start, b.behind(start), end)
		return
	case strings.Contains(value, "${"):
		b.fault(start, end, "`${` within [ ] or { } must be quoted").Suggest("%s", adviceFor(value, key))
	case c == ':':
		b.fault(start, end, "a value that holds `: ` must be quoted").Suggest("%s", adviceFor(value, key))
	default:
		b.fault(start, end, "a value that holds `%c` must be quoted within [ ] or { }", c).Suggest("%s", adviceFor(value, key))
	}
}

func adviceFor(value string, key bool) string {
	if i := strings.Index(value, ": "); key && i > 0 {
		return `quote this key: "` + value[:i] + `"`
	}
	return quoteAdvice(value)
}

// startsLine tells whether only blanks stand before s.at on its line.
func (s *scan) startsLine() bool {
	start := s.f.starts[s.f.lineAt(s.at)-1]
	return strings.TrimLeft(s.text[start:s.at], " \t") == ""
}

// behind gives the end of the quoted value or the brackets at start, which were read
// without fault.
func (b *brackets) behind(start int) int {
	if c := b.text[start]; c == '"' || c == '\'' {
		return b.f.quoteEnd(start)
	}
	end := b.at
	for end > start && isBlankAt(b.text, end-1) {
		end--
	}
	return end
}

// flowExtent gives the end of what was meant as one value: up to a comma or a closer that
// stands in no brackets or quotes of it, on its line.
func (s *scan) flowExtent(start int) int {
	depth, quote, limit := 0, byte(0), s.f.lineEnd(s.f.lineAt(start))
	i := start
scan:
	for ; i < limit; i++ {
		switch c := s.text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '\'' || c == '"') && (i == start || !isLetter(s.text[i-1])):
			quote = c
		case strings.IndexByte("[{(", c) >= 0:
			depth++
		case strings.IndexByte("]})", c) >= 0:
			if depth == 0 && c != ')' {
				break scan
			}
			depth--
		case c == ',' && depth <= 0:
			break scan
		case c == '#' && i > start && isBlankAt(s.text, i-1) && depth <= 0:
			break scan
		}
	}
	return start + len(strings.TrimRight(s.text[start:i], " \t"))
}
