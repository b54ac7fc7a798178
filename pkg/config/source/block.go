package source

import "strings"

// block follows a literal or folded scalar. Its header tells how far it is indented, but
// counts from the parent, which a node does not know: the indentations that are possible
// are tried, and only the right one gives the value.
func (f *follower) block(fold bool, want string) bool {
	b := block{follower: f, fold: fold}
	explicit := b.header()
	start := f.at
	first := b.firstIndentation(start)
	if explicit == 0 {
		b.indent = first
		b.read()
		return string(f.out) == want
	}
	for b.indent = explicit; b.indent <= first; b.indent++ {
		f.at, f.out, f.from, f.to = start, f.out[:0], f.from[:0], f.to[:0]
		if b.read(); string(f.out) == want {
			return true
		}
	}
	return false
}

// A block reads the lines of a literal or folded scalar.
type block struct {
	*follower
	fold   bool
	chomp  byte // '-', '+' or 0
	indent int  // of its text
}

// header reads the line of the `|` or `>` and gives the indentation that it names, or 0.
func (b *block) header() (explicit int) {
	for b.at++; b.at < len(b.text) && b.text[b.at] != '\n'; b.at++ {
		switch c := b.text[b.at]; {
		case c == '+' || c == '-':
			b.chomp = c
		case c >= '1' && c <= '9':
			explicit = int(c - '0')
		case c == ' ' || c == '\t' || c == '#':
			b.at += strings.IndexByte(b.text[b.at:]+"\n", '\n')
			b.at = min(b.at+1, len(b.text))
			return explicit
		}
	}
	b.at = min(b.at+1, len(b.text))
	return explicit
}

// firstIndentation is that of the first line with text.
func (b *block) firstIndentation(at int) int {
	for at < len(b.text) {
		line, _, _ := strings.Cut(b.text[at:], "\n")
		if n := indentation(line); n < len(line) {
			return n
		}
		at += len(line) + 1
	}
	return 0
}

// A held line end is written once it is known what follows.
type held struct{ offsets []int }

// read does what the parser does: section 8.1 of YAML 1.2.
func (b *block) read() {
	var last, blank held // the end of the last line, and the empty lines after it
	b.skipEmpty(&blank)
	lastLed := false // the last line began with a blank
	for b.at < len(b.text) && b.column() == b.indent {
		leads := b.text[b.at] == ' ' || b.text[b.at] == '\t'
		switch {
		case b.fold && !lastLed && !leads && len(last.offsets) > 0:
			if len(blank.offsets) == 0 {
				b.emit(" ", last.offsets[0], last.offsets[0])
			}
		default:
			b.release(&last)
		}
		last.offsets = last.offsets[:0]
		b.release(&blank)
		lastLed = leads
		for b.at < len(b.text) && b.text[b.at] != '\n' {
			b.character()
		}
		if b.at < len(b.text) {
			last.offsets = append(last.offsets, b.at)
			b.at++
		}
		b.skipEmpty(&blank)
	}
	if b.chomp != '-' {
		b.release(&last)
	}
	if b.chomp == '+' {
		b.release(&blank)
	}
}

// release writes line ends that were held back.
func (b *block) release(h *held) {
	for _, at := range h.offsets {
		b.emit("\n", at, at)
	}
	h.offsets = h.offsets[:0]
}

// skipEmpty passes indentation and the lines that have nothing else.
func (b *block) skipEmpty(blank *held) {
	for {
		for b.at < len(b.text) && b.text[b.at] == ' ' && b.column() < b.indent {
			b.at++
		}
		if b.at >= len(b.text) || b.text[b.at] != '\n' {
			return
		}
		blank.offsets = append(blank.offsets, b.at)
		b.at++
	}
}

// column counts the bytes from the start of the line.
func (b *block) column() int {
	return b.at - strings.LastIndexByte(b.text[:b.at], '\n') - 1
}
