package source

import "strings"

// node reads a value that starts at s.at, or, where key is true, a key with its value.
func (s *scan) node(column int, key bool) {
	if !s.properties(key, false) {
		return
	}
	start := s.at
	blankNext := isBlankAt(s.text, s.at+1)
	switch c := s.text[s.at]; {
	case c == '*':
		if s.alias(key) {
			s.after(start, column, key)
		}
	case c == '"' || c == '\'':
		if s.quoted() {
			s.after(start, column, key)
		}
	case c == '[' || c == '{':
		if s.flow() {
			s.after(start, column, key)
		}
	case c == '|' || c == '>':
		s.block(key)
	case c == '?' && blankNext && key:
		s.lost = true
	case c == ':' && blankNext && key:
		s.fault(start, start+1, "a key is missing before this `:`")
	case c == '-' && blankNext:
		s.fault(start, start+1, "a list cannot start on the line of its key").
			Suggest("start it on the next line, or %s", quoteAdvice(s.f.restOfLine(start)))
	case strings.IndexByte("@`%,]}", c) >= 0, (c == '?' || c == ':') && blankNext:
		s.quoteStart(start, key, "a value cannot begin with "+inBackquotes(c))
	default:
		s.plain(column, key)
	}
}

// quoteStart tells that a value or key must be quoted because of how it begins.
func (s *scan) quoteStart(start int, key bool, message string) {
	rest := s.f.restOfLine(start)
	if s.depth > 0 {
		rest = s.text[start:s.flowExtent(start)]
	}
	p := s.fault(start, start+len(rest), "%s", message)
	if i := strings.Index(rest, ": "); key && i > 0 {
		p.Suggest("quote this key: \"%s\"", rest[:i])
		return
	}
	p.Suggest("%s", quoteAdvice(rest))
}

func inBackquotes(c byte) string {
	if c == '`' {
		return "a backquote"
	}
	return "`" + string(c) + "`"
}

// after reads what follows a quoted value, an alias or brackets.
func (s *scan) after(start, column int, key bool) {
	end := s.at
	s.skipBlanks()
	switch {
	case s.atRest(), s.text[s.at] == '#':
		s.filled()
		s.nextLine()
	case s.text[s.at] != ':' || !isBlankAt(s.text, s.at+1):
		s.textBehind(start, end, s.eol())
	case !key:
		s.secondKey(start)
	default:
		s.key(start, column)
	}
}

// textBehind tells that something stands between the end of a quoted value, or of
// brackets, and limit.
func (s *scan) textBehind(start, end, limit int) {
	if s.swallows(start, end) {
		s.unclosedQuote(start)
		return
	}
	rest := strings.TrimRight(s.text[start:limit], " \t")
	if s.depth == 0 {
		rest = s.f.restOfLine(start)
	}
	switch c := s.text[start]; {
	case c != '"' && c != '\'':
		s.fault(start, start+len(rest), "a value that begins with `%c` ends with its bracket, and more follows", c).
			Suggest("%s", quoteAdvice(rest))
	case c == '\'' && s.quoteWithin(end, start+len(rest), c):
		s.fault(start, start+len(rest), "this value ends at its second quote, and more follows").
			Suggest("write '' for a quote inside, or put the value in double quotes")
	case c == '"' && s.quoteWithin(end, start+len(rest), c):
		s.fault(start, start+len(rest), "this value ends at its second quote, and more follows").
			Suggest(`write \" for a quote inside, or put the value in single quotes`)
	default:
		s.fault(start, start+len(rest), "a value that begins with a quote ends with it, and more follows").
			Suggest("%s", quoteAdvice(rest))
	}
}

// quoteWithin tells whether a quote was meant as a character of the value that it ended:
// text follows at once, and one more quote.
func (s *scan) quoteWithin(end, limit int, quote byte) bool {
	return !isBlankAt(s.text, end) && end < limit && strings.IndexByte(s.text[end:limit], quote) >= 0
}

// secondKey tells a value that holds `: `.
func (s *scan) secondKey(start int) {
	rest := s.f.restOfLine(start)
	p := s.fault(start, start+len(rest), "a value that holds `: ` must be quoted")
	if word := wordLength(rest); looksLikeKey(rest) {
		p.Suggest("%s, or put `%s:` on a line of its own", quoteAdvice(rest), rest[:word])
		return
	}
	p.Suggest("%s", quoteAdvice(rest))
}

// quoted passes a value in quotes.
func (s *scan) quoted() bool {
	start, quote := s.at, s.text[s.at]
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '\\' && quote == '"':
			if !s.escape() {
				return false
			}
		case c != quote:
		case quote == '\'' && strings.HasPrefix(s.text[s.at:], "''"):
			s.at++
		default:
			s.at++
			return true
		}
	}
	s.unclosedQuote(start)
	return false
}

// escape passes what follows a backslash, but for its last byte.
func (s *scan) escape() bool {
	rest := s.text[s.at+1:]
	if rest == "" {
		return true
	}
	if rest[0] == '\n' {
		s.at++
		return true
	}
	_, size := unescape(rest)
	if size == 0 {
		end := s.at + 1 + len(firstCharacter(rest))
		s.fault(s.at, end, "`%s` means nothing in double quotes", s.text[s.at:end]).
			Suggest(`write \\ for a backslash, or put the value in single quotes`)
		return false
	}
	s.at += size
	return true
}

func firstCharacter(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

func (s *scan) unclosedQuote(start int) {
	s.fault(start, start+1, "the quote that opens here is never closed").Suggest("close it on the same line")
}

// swallows tells whether a quoted value goes over lines that look like keys of the map
// around: its quote was forgotten, and another one closed it.
func (s *scan) swallows(start, end int) bool {
	if c := s.text[start]; c != '"' && c != '\'' {
		return false
	}
	for line := s.f.lineAt(start) + 1; line <= s.f.lineAt(end-1); line++ {
		if s.isOutside(s.text[s.f.starts[line-1]:s.f.lineEnd(line)]) {
			return true
		}
	}
	return false
}

// isOutside tells a line that by its indentation and looks belongs to a map or list
// around the value that is being read.
func (s *scan) isOutside(line string) bool {
	return indentation(line) <= s.parent() && (looksLikeKey(line) || strings.HasPrefix(strings.TrimLeft(line, " "), "- "))
}

// block passes a literal or folded text.
func (s *scan) block(key bool) {
	start, explicit := s.at, 0
	for s.at++; s.at < len(s.text) && strings.IndexByte("+-123456789", s.text[s.at]) >= 0; s.at++ {
		if c := s.text[s.at]; c >= '1' {
			explicit = int(c - '0')
		}
	}
	if s.skipBlanks(); !s.atRest() && s.text[s.at] != '#' {
		s.quoteStart(start, key, "a value that begins with `"+s.text[start:start+1]+"` is a text that stands in the lines below")
		return
	}
	parent, indent := s.parent(), 0
	if explicit > 0 {
		indent = max(parent, 0) + explicit
	}
	for s.nextLine(); s.at < len(s.text); s.nextLine() {
		line := s.text[s.at:s.eol()]
		lead := indentation(line)
		switch {
		case lead == len(line):
			continue
		case line[lead] == '\t' && (indent == 0 || lead < indent):
			s.at += lead
			s.tab()
			return
		case indent == 0 && lead > parent:
			indent = max(lead, 1)
			continue
		case lead >= indent && indent > 0:
			continue
		case lead > parent && line[lead] != '#':
			s.fault(s.at+lead, s.at+len(line), "this line is indented less than the text that it goes on with").
				Suggest("indent it by %d, like the first line of the text", indent)
			return
		}
		break
	}
	s.filled()
}
