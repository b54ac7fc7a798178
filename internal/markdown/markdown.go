// Package markdown finds the code blocks of a page, so that tests can run them.
package markdown

import "strings"

// A Block is the text between two fences.
type Block struct {
	Info string // what stands behind the first fence, such as "yaml" or "yaml fragment"
	Text string
	Line int // of its first line of text, from 1
}

// Blocks gives the fenced blocks of a page. Fences inside a list item may be indented; the
// text is then freed of that indentation.
func Blocks(page string) []Block {
	var blocks []Block
	var open *Block
	indent := ""
	for i, line := range strings.Split(page, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		switch {
		case open == nil && strings.HasPrefix(trimmed, "```"):
			indent = line[:len(line)-len(trimmed)]
			open = &Block{Info: strings.TrimSpace(strings.TrimLeft(trimmed, "`")), Line: i + 2}
		case open == nil:
		case strings.HasPrefix(trimmed, "```"):
			blocks = append(blocks, *open)
			open = nil
		default:
			open.Text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	return blocks
}
