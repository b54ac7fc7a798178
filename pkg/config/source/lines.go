package source

import "strings"

// indentation counts the spaces at the head of a line.
func indentation(line string) int {
	return len(line) - len(strings.TrimLeft(line, " "))
}

// isIdle tells a line without content: blank, or a comment.
func isIdle(line string) bool {
	line = strings.TrimLeft(line, " \t")
	return line == "" || line[0] == '#'
}

// looksLikeKey tells a line that starts with a plain word and a colon, perhaps after `- `.
func looksLikeKey(line string) bool {
	line = strings.TrimLeft(line, " \t")
	for strings.HasPrefix(line, "- ") {
		line = strings.TrimLeft(line[2:], " ")
	}
	word := wordLength(line)
	return word > 0 && strings.HasPrefix(line[word:], ":") && isBlankAt(line, word+1)
}

// wordLength counts the bytes of a name at the head of a text: letters, digits, `_`, `-`
// and `.`; none when there is none.
func wordLength(s string) int {
	i := 0
	for i < len(s) && (isLetter(s[i]) || i > 0 && (s[i] == '-' || s[i] == '.')) {
		i++
	}
	return i
}

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}

// isBlankAt tells whether a space, a tab, a line end or the end of s is at i.
func isBlankAt(s string, i int) bool {
	return i >= len(s) || s[i] == ' ' || s[i] == '\t' || s[i] == '\n'
}

// restOfLine gives the text from a byte to the end of its line, without a comment.
func (f *File) restOfLine(offset int) string {
	text := f.Text[offset:f.lineEnd(f.lineAt(offset))]
	if i := strings.Index(text, " #"); i > 0 {
		text = text[:i]
	}
	return strings.TrimRight(text, " \t")
}

// word gives what stands at offset up to a blank or, in a tag, up to a bracket.
func (f *File) word(offset int) string {
	rest := f.Text[offset:]
	if i := strings.IndexAny(rest, " \t\n,]}"); i >= 0 {
		return rest[:i]
	}
	return rest
}

// nextWord gives the place of what follows a tag or an anchor at offset: blanks, line
// ends and comments are passed over.
func (f *File) nextWord(offset int) int {
	i := offset + len(f.word(offset))
	for i < len(f.Text) {
		switch c := f.Text[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		case c == '#' && i > 0 && isBlankAt(f.Text, i-1):
			i = f.lineEnd(f.lineAt(i))
		default:
			return i
		}
	}
	return i
}

// skipProperties gives the place of the value whose tag or anchor is at offset.
func (f *File) skipProperties(offset int) int {
	for offset < len(f.Text) && (f.Text[offset] == '!' || f.Text[offset] == '&') {
		offset = f.nextWord(offset)
	}
	return offset
}

// quoteEnd gives the byte after the quote that closes the one at start.
func (f *File) quoteEnd(start int) int {
	for i, quote := start+1, f.Text[start]; i < len(f.Text); i++ {
		switch {
		case f.Text[i] == '\\' && quote == '"':
			i++
		case f.Text[i] != quote:
		case quote == '\'' && strings.HasPrefix(f.Text[i:], "''"):
			i++
		default:
			return i + 1
		}
	}
	return len(f.Text)
}
