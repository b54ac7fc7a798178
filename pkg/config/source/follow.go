package source

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// PosAt gives the place in the file of the byte at offset of n.Value, or n.At where that
// cannot be told.
func (n *Node) PosAt(offset int) diag.Pos {
	from, _, ok := n.bytes(offset, offset)
	if !ok {
		return n.At
	}
	return n.text.file.pos(from)
}

// Span gives the place of n.Value[start:end]. EndColumn is set when all of it stands on
// one line. Where it cannot be told the place is n.At.
func (n *Node) Span(start, end int) diag.Pos {
	from, to, ok := n.bytes(start, end)
	if !ok {
		return n.At
	}
	return n.text.file.span(from, to)
}

// end gives the byte of the file after a scalar, or after its first line at least.
func (n *Node) end() int {
	if _, to, ok := n.bytes(0, len(n.Value)); ok {
		return to
	}
	return n.text.file.lineEnd(n.At.Line)
}

// bytes gives where the bytes from start to end of n.Value stand in the file.
func (n *Node) bytes(start, end int) (from, to int, ok bool) {
	if n.text == nil || n.Kind != Scalar || start < 0 || end < start || end > len(n.Value) || n.Value == "" {
		return 0, 0, false
	}
	if first, ok := n.verbatim(); ok {
		return first + start, first + end, true
	}
	f := follower{text: n.text.file.Text, at: int(n.text.start)}
	if !f.follow(n.text.style, n.Value) {
		return 0, 0, false
	}
	from = f.after()
	if start < len(f.from) {
		from = int(f.from[start])
	}
	to = from
	if end > start {
		to = int(f.to[end-1])
	}
	return from, to, true
}

// verbatim tells whether the value stands in the file byte by byte, as nearly all do.
func (n *Node) verbatim() (first int, ok bool) {
	first = int(n.text.start)
	if n.At.EndColumn == 0 {
		return 0, false
	}
	switch n.text.style {
	case plain:
		return first, true
	case single:
		ok = !strings.Contains(n.Value, "'")
	case double:
		ok = !strings.ContainsAny(n.Value, `"\`)
	}
	first++
	end := first + len(n.Value)
	text := n.text.file.Text
	return first, ok && end < len(text) && text[first:end] == n.Value && text[end] == text[first-1]
}

// A follower decodes a scalar once more and notes where each byte comes from. What it
// decodes must equal what the parser made of it; else nothing is said, so that a place
// is never wrong.
type follower struct {
	text     string
	at       int
	out      []byte
	from, to []int32 // for each byte of out, where its character starts and ends
	bad      bool
}

func (f *follower) follow(s style, want string) bool {
	switch s {
	case plain:
		f.plain(want)
	case single, double:
		f.quoted(f.text[f.at])
	default:
		return f.block(s == folded, want)
	}
	return !f.bad && string(f.out) == want
}

// after gives the byte behind the last one.
func (f *follower) after() int {
	if len(f.to) == 0 {
		return f.at
	}
	return int(f.to[len(f.to)-1])
}

// emit notes decoded text that stands from start to end.
func (f *follower) emit(s string, start, end int) {
	for range len(s) {
		f.from = append(f.from, int32(start))
		f.to = append(f.to, int32(end))
	}
	f.out = append(f.out, s...)
}

// character copies one character.
func (f *follower) character() {
	_, size := utf8.DecodeRuneInString(f.text[f.at:])
	f.emit(f.text[f.at:f.at+size], f.at, f.at+size)
	f.at += size
}

// fold passes a line end within a plain or quoted scalar: one becomes a blank, of several
// the first is dropped. Blanks around are not part of the text, but for the first keep
// bytes. An escaped line end gives no blank.
func (f *follower) fold(keep int, escaped bool) {
	at := f.at
	for k := len(f.out); k > keep && (f.out[k-1] == ' ' || f.out[k-1] == '\t'); k-- {
		at = int(f.from[k-1])
		f.out, f.from, f.to = f.out[:k-1], f.from[:k-1], f.to[:k-1]
	}
	breaks := 0
	for f.at++; f.at < len(f.text); f.at++ {
		switch f.text[f.at] {
		case ' ', '\t':
			continue
		case '\n':
			breaks++
			f.emit("\n", f.at, f.at)
			continue
		}
		break
	}
	if breaks == 0 && !escaped {
		f.emit(" ", at, at)
	}
}

func (f *follower) plain(want string) {
	for len(f.out) < len(want) && f.at < len(f.text) {
		switch {
		case f.text[f.at] == '\n':
			f.fold(0, false)
		case f.text[f.at] == '#' && f.at > 0 && isBlankAt(f.text, f.at-1):
			f.bad = true // a comment ends a plain scalar
			return
		default:
			f.character()
		}
	}
}

func (f *follower) quoted(quote byte) {
	keep := 0 // bytes of out that a fold may not trim: escaped blanks
	for f.at++; f.at < len(f.text) && !f.bad; {
		switch c := f.text[f.at]; {
		case c == '\n':
			f.fold(keep, false)
		case c == quote && quote == '\'' && strings.HasPrefix(f.text[f.at:], "''"):
			f.emit("'", f.at, f.at+2)
			f.at += 2
		case c == quote:
			return
		case c == '\\' && quote == '"':
			f.escape()
			keep = len(f.out)
		default:
			f.character()
		}
	}
	f.bad = true
}

// escape reads what follows a backslash: YAML 1.2 section 5.7, as far as the parser has it.
func (f *follower) escape() {
	rest := f.text[f.at+1:]
	if rest == "" {
		f.bad = true
		return
	}
	if rest[0] == '\n' {
		f.at++
		f.fold(len(f.out), true)
		return
	}
	s, size := unescape(rest)
	if size == 0 {
		f.bad = true
		return
	}
	f.emit(s, f.at, f.at+1+size)
	f.at += 1 + size
}

// unescape gives the text for an escape without its backslash, and the escape's length;
// 0 when it is none.
func unescape(s string) (text string, size int) {
	const short = "0\x00a\ab\bt\t\t\tn\nv\vf\fr\re\x1b  \"\"''\\\\"
	for i := 0; i < len(short); i += 2 {
		if short[i] == s[0] {
			return short[i+1 : i+2], 1
		}
	}
	switch s[0] {
	case 'N':
		return "\u0085", 1
	case '_':
		return "\u00a0", 1
	case 'L':
		return "\u2028", 1
	case 'P':
		return "\u2029", 1
	case 'x':
		size = 3
	case 'u':
		size = 5
	case 'U':
		size = 9
	}
	if size == 0 || len(s) < size {
		return "", 0
	}
	code, err := strconv.ParseUint(s[1:size], 16, 32)
	if err != nil || code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
		return "", 0
	}
	return string(rune(code)), size
}
