package source

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// A scan reads a text that is known to be no YAML, line by line as a person would, and
// stops at the first thing that cannot be. It understands what manifests are made of;
// where it does not, it gives up and says nothing.
type scan struct {
	f       *File
	text    string
	at      int // byte of text
	levels  []level
	anchors map[string]bool
	found   diag.Problems
	begun   bool // past the first line of content
	lost    bool // beyond what is understood here
	depth   int  // of brackets
}

// A level is a map or list in block style that a line may belong to.
type level struct {
	indent int
	list   bool
	open   bool   // its last key or `-` has no value yet
	word   string // that key, for messages
	line   int    // of that key
}

func newScan(f *File) *scan {
	return &scan{f: f, text: f.Text, anchors: map[string]bool{}}
}

func (s *scan) run() {
	for !s.done() {
		s.line()
	}
}

func (s *scan) done() bool { return s.lost || s.at >= len(s.text) || s.found.Len() > 0 }

// fault tells what is wrong from start to end. A span over several lines is cut.
func (s *scan) fault(start, end int, format string, args ...any) *diag.Problem {
	end = min(end, s.f.lineEnd(s.f.lineAt(start)))
	return s.found.Add(s.f.span(start, max(end, start)), "syntax", format, args...)
}

// top gives the innermost level, nil at the root.
func (s *scan) top() *level {
	if len(s.levels) == 0 {
		return nil
	}
	return &s.levels[len(s.levels)-1]
}

// parent is the indentation that a value's further lines must exceed.
func (s *scan) parent() int {
	if top := s.top(); top != nil {
		return top.indent
	}
	return -1
}

// filled notes that the last key has its value.
func (s *scan) filled() {
	if top := s.top(); top != nil {
		top.open = false
	}
}

// eol is the end of the current line.
func (s *scan) eol() int { return s.f.lineEnd(s.f.lineAt(s.at)) }

func (s *scan) nextLine() { s.at = min(s.eol()+1, len(s.text)) }

func (s *scan) skipBlanks() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
}

// atRest tells whether the rest of the line is nothing or a comment.
func (s *scan) atRest() bool {
	if s.at >= len(s.text) || s.text[s.at] == '\n' {
		return true
	}
	return s.text[s.at] == '#' && (s.at == 0 || isBlankAt(s.text, s.at-1))
}

// column counts the bytes before the current one on its line.
func (s *scan) column() int { return s.at - s.f.starts[s.f.lineAt(s.at)-1] }

// line reads one line, and the further ones of a value that it starts.
func (s *scan) line() {
	line := s.text[s.at:s.eol()]
	switch {
	case strings.HasPrefix(line, "%YAML") && !s.begun && !strings.Contains(line, "1.1"):
		s.fault(s.at, s.eol(), "this directive is not understood").Suggest("delete the line")
		return
	case !s.begun && strings.HasPrefix(line, "\t") && strings.Contains(line, "#") && isIdle(line):
		s.tab()
		return
	case isIdle(line), line[0] == '%' && !s.begun:
		s.nextLine()
		return
	case isMarker(line, "---") && !s.begun && isIdle(line[3:]):
		s.nextLine()
		return
	case isMarker(line, "---"), isMarker(line, "..."):
		s.lost = true
		return
	}
	indent := indentation(line)
	s.at += indent
	if s.text[s.at] == '\t' {
		s.tab()
		return
	}
	dash := s.atDash()
	left := s.leave(indent, dash)
	if s.belongs(indent, dash, left) {
		s.entry(indent)
	}
}

func (s *scan) tab() {
	end := s.at
	for end < len(s.text) && s.text[end] == '\t' {
		end++
	}
	s.fault(s.at, end, "a tab cannot indent").Suggest("indent with spaces")
}

func (s *scan) atDash() bool {
	return strings.HasPrefix(s.text[s.at:], "-") && isBlankAt(s.text, s.at+1)
}

// leave closes the levels that a line with this indentation ends. It gives the outermost
// of them, nil when there is none.
func (s *scan) leave(indent int, dash bool) (left *level) {
	for top := s.top(); top != nil; top = s.top() {
		// A list may stand as little indented as the key that it belongs to.
		under := len(s.levels) > 1 && s.levels[len(s.levels)-2].indent == indent
		if top.indent < indent || top.indent == indent && !(top.list && !dash && under) {
			break
		}
		if top.indent > indent {
			copied := *top
			left = &copied
		}
		s.levels = s.levels[:len(s.levels)-1]
	}
	return left
}

// belongs tells whether a line can stand where it is.
func (s *scan) belongs(indent int, dash bool, left *level) bool {
	end := s.at + max(1, wordLength(s.text[s.at:]))
	top := s.top()
	switch {
	case top == nil && !s.begun:
		return true
	case top == nil && left == nil:
		s.fault(s.at, end, "this line belongs to nothing: the value above is complete")
	case top == nil:
		s.fault(s.at, end, "this line is indented less than the first one").
			Suggest("indent it by %d, like line %d", left.indent, left.line)
	case top.indent < indent && top.open:
		return true
	case top.indent < indent && left != nil:
		s.fault(s.at, end, "no line above that this one could belong to is indented by %d", indent).
			Suggest("indent it by %d or %d", top.indent, left.indent)
	case top.indent < indent:
		s.fault(s.at, end, "this line is indented deeper than `%s` in line %d, which has its value already", top.word, top.line).
			Suggest("indent it by %d", top.indent)
	case top.list == dash, dash && top.open:
		return true
	case top.list && top.open && (s.text[s.at] == '|' || s.text[s.at] == '>'):
		return true // the parser takes a block where the dash stands
	case dash && left != nil && left.list:
		s.fault(s.at, end, "this item is indented less than those of the list above").
			Suggest("indent it by %d", left.indent)
	case dash:
		s.fault(s.at, end, "an item of a list stands among the keys of a map").
			Suggest("put it below a key of its own")
	case left != nil && !left.list:
		s.fault(s.at, end, "this line is no item of the list above: `- ` is missing").
			Suggest("start it with `- `, or indent it by %d if it goes on with the item above", left.indent)
	default:
		s.fault(s.at, end, "this line is no item of the list above: `- ` is missing").
			Suggest("start it with `- `")
	}
	return false
}

// entry reads the dashes of a line and what follows them.
func (s *scan) entry(column int) {
	s.begun = true
	for s.atDash() {
		s.enter(column, true, "-")
		s.at++
		for s.at < len(s.text) && s.text[s.at] == ' ' {
			s.at++
		}
		if s.at < len(s.text) && s.text[s.at] == '\t' && !isIdle(s.text[s.at:s.eol()]) {
			s.tab()
			return
		}
		if s.skipBlanks(); s.atRest() {
			s.nextLine()
			return
		}
		column = s.column()
	}
	s.node(column, true)
}

// enter goes to the level of a key or dash, which waits for its value.
func (s *scan) enter(column int, list bool, word string) {
	line := s.f.lineAt(s.at)
	if top := s.top(); top != nil && top.indent == column && top.list == list {
		top.open, top.word, top.line = true, word, line
		return
	}
	s.filled()
	s.levels = append(s.levels, level{indent: column, list: list, open: true, word: word, line: line})
}

// key reads what follows a key; s.at is at its colon.
func (s *scan) key(start, column int) {
	s.enter(column, false, s.text[start:s.at]+":")
	s.at++
	if s.skipBlanks(); s.atRest() {
		s.nextLine()
		return
	}
	s.node(column, false)
}

// anchorName gives the name after `&` or `*`, as the parser takes it.
func anchorName(s string) string {
	i := 0
	for i < len(s) && s[i] < utf8.RuneSelf && (isLetter(s[i]) || s[i] == '-') {
		i++
	}
	return s[:i]
}

// properties passes anchors and tags. It is false when no value follows on the line.
func (s *scan) properties(key, flow bool) bool {
	for s.at < len(s.text) {
		start := s.at
		switch s.text[s.at] {
		case '&':
			name := anchorName(s.text[s.at+1:])
			s.at += 1 + len(name)
			if name == "" || !s.endsName() {
				s.quoteStart(start, key, "a value that begins with `&` names an anchor")
				return false
			}
			s.anchors[name] = true
		case '!':
			tag := s.f.word(s.at)
			if tag != "!!str" && tag != "!!map" && tag != "!!seq" {
				s.quoteStart(start, key, "a value that begins with `!` is a YAML tag")
				return false
			}
			s.at += len(tag)
		default:
			return true
		}
		s.skipBlanks()
		if s.atRest() && !flow {
			s.begun = len(s.levels) > 0
			s.nextLine()
			return false
		}
	}
	return false
}

// endsName tells whether the name of an anchor or alias can end here. The parser lets
// more stand behind one than YAML does.
func (s *scan) endsName() bool {
	return isBlankAt(s.text, s.at) || strings.IndexByte("?:,]}%@`", s.text[s.at]) >= 0
}

// alias passes an alias.
func (s *scan) alias(key bool) bool {
	start := s.at
	name := anchorName(s.text[s.at+1:])
	s.at += 1 + len(name)
	switch {
	case name == "" || !s.endsName():
		s.quoteStart(start, key, "a value that begins with `*` names an anchor")
		return false
	case !s.anchors[name]:
		p := s.fault(start, s.at, "no anchor &%s stands above", name)
		if hint := diag.DidYouMean(name, slices.Collect(maps.Keys(s.anchors))); hint != "" {
			p.Suggest("%s", hint)
		} else {
			p.Suggest("%s, or define it with `&%s`", quoteAdvice(s.text[start:s.at]), name)
		}
		return false
	}
	return true
}
