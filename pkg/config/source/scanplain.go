package source

import "strings"

// plainLine passes the part of a plain value that is on this line. It stops at the colon
// of a key, at a comment, or at the line's end; end is after the last character.
func (s *scan) plainLine() (end int) {
	limit := s.eol()
	end = s.at
	for ; s.at < limit; s.at++ {
		switch c := s.text[s.at]; {
		case c == ' ' || c == '\t':
			continue
		case c == ':' && isBlankAt(s.text, s.at+1), c == '#' && s.at > 0 && isBlankAt(s.text, s.at-1):
			return end
		}
		end = s.at + 1
	}
	return end
}

func (s *scan) atColon() bool {
	return s.at < len(s.text) && s.text[s.at] == ':'
}

// plain reads a value without quotes, or a key with its value.
func (s *scan) plain(column int, key bool) {
	start := s.at
	end := s.plainLine()
	switch top := s.top(); {
	case s.atColon() && key:
		s.key(start, column)
		return
	case s.atColon():
		s.secondKey(start)
		return
	case key && top != nil && top.indent == column && !top.list:
		s.noColon(start, end)
		return
	}
	commented := !s.atLineEnd()
	s.nextLine()
	if !commented {
		s.continuation(start, end, key)
	}
	if s.found.Len() == 0 {
		s.filled()
	}
}

func (s *scan) atLineEnd() bool { return s.at >= len(s.text) || s.text[s.at] == '\n' }

// continuation reads the further lines of a plain value: those that are indented deeper
// than the map or list around.
func (s *scan) continuation(start, end int, key bool) {
	for s.at < len(s.text) {
		line := s.text[s.at:s.eol()]
		indent := indentation(line)
		switch {
		case strings.TrimLeft(line, " \t") == "":
			s.nextLine()
			continue
		case isMarker(line, "---"), isMarker(line, "..."), line[indent] == '#', indent <= s.parent() && line[indent] != '\t':
			return
		case indent <= s.parent():
			s.at += indent
			s.tab()
			return
		}
		s.at += indent
		s.skipBlanks()
		head := s.at
		s.plainLine()
		if s.atColon() {
			s.colonBelow(start, end, head, key)
			return
		}
		commented := !s.atLineEnd()
		s.nextLine()
		if commented {
			return
		}
	}
}

// colonBelow tells a key in a line that by its indentation belongs to the value above,
// which started at start and whose first line goes to end; head is where the line starts.
func (s *scan) colonBelow(start, end, head int, key bool) {
	line := s.text[head:s.eol()]
	switch top := s.top(); {
	case !looksLikeKey(line):
		s.fault(start, end, "a value that holds `: ` must be quoted").
			Suggest("quote it, or put it below a `>-`")
	case key:
		s.noColon(start, end)
	case top != nil:
		s.fault(head, head+max(1, wordLength(line)), "this line is indented deeper than `%s` in line %d, which has its value already", top.word, top.line).
			Suggest("indent it by %d; if it belongs to the value, quote that", top.indent)
	}
}

// noColon tells a line that should be a key and is none.
func (s *scan) noColon(start, end int) {
	text := s.text[start:end]
	word := wordLength(text)
	switch {
	case word > 0 && word < len(text) && text[word] == ':':
		s.fault(start, end, "a space is missing after the colon of `%s`", text).
			Suggest("write `%s: %s`", text[:word], text[word+1:])
	case word == len(text):
		s.fault(start, end, "`%s` has no `:`, and keys stand around it", text).
			Suggest("write `%s:`", text)
	case strings.HasPrefix(text, "-") && len(text) > 1:
		s.fault(start, end, "a space is missing after the `-`").Suggest("write `- %s`", text[1:])
	default:
		s.fault(start, end, "this line has no `: `, and keys stand around it").
			Suggest("write `key: value`, or indent it if it goes on with the line above")
	}
}
