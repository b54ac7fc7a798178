package source

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// What follows is found here because YAML takes it without a word and reads it as
// something else than what its writer meant.

// checkTag refuses tags: `when: !admin` is an empty value with a tag.
func (b *builder) checkTag(y *yaml.Node) {
	start := b.offset(y)
	if !b.hasProperties(y, start) {
		return
	}
	for i := start; i < len(b.file.Text); i = b.file.nextWord(i) {
		switch b.file.Text[i] {
		case '&':
			continue
		case '!':
		default:
			return
		}
		tag := b.file.word(i)
		if tag == "!!str" && y.Kind == yaml.ScalarNode || tag == "!!map" && y.Kind == yaml.MappingNode || tag == "!!seq" && y.Kind == yaml.SequenceNode {
			return
		}
		hint := quoteAdvice(b.file.restOfLine(i))
		if !strings.HasPrefix(tag, "!!") {
			hint += "; a condition is negated with `not`"
		}
		b.ps.Add(b.file.span(i, i+len(tag)), "tag", "`%s` is a YAML tag here, not a part of the value", tag).Suggest("%s", hint)
		return
	}
}

// checkScalar finds a ` #` that cut an expression, and a quote that swallowed lines.
func (b *builder) checkScalar(n *Node, in surroundings) {
	start := int(n.text.start)
	switch n.text.style {
	case plain:
		if !strings.Contains(n.Value, "${") || !openExpression(n.Value) {
			return
		}
		end := n.end()
		if rest := strings.TrimLeft(b.file.Text[end:b.file.lineEnd(b.file.lineAt(end))], " \t"); strings.HasPrefix(rest, "#") {
			hash := b.file.lineEnd(b.file.lineAt(end)) - len(rest)
			b.ps.Add(b.file.span(hash, hash+1), "quote", "` #` starts a comment and cuts the `${` of this value short").
				Suggest("%s", quoteAdvice(n.Value+b.file.Text[end:hash+len(rest)]))
		}
	case single, double:
		if n.At.EndColumn == 0 && in.column > 0 {
			b.checkSwallowed(start, in.column)
		}
	}
}

// checkSwallowed looks at the lines that a quote goes over. The parser takes lines that
// are indented as little as the keys around; YAML 1.2 (section 6.1) does not.
func (b *builder) checkSwallowed(start, column int) {
	end := b.file.quoteEnd(start)
	for line := b.file.lineAt(start) + 1; line <= b.file.lineAt(end-1); line++ {
		text := b.file.Text[b.file.starts[line-1]:b.file.lineEnd(line)]
		if indentation(text) < column && looksLikeKey(text) {
			b.ps.Add(b.file.pos(start), "syntax", "the quote that opens here is closed in line %d only", b.file.lineAt(end-1)).
				Suggest("close it on its line, or indent the lines that belong to it")
			return
		}
	}
}

// checkItem finds an item that is indented deeper than the one before and so became a
// part of its text.
func (b *builder) checkItem(n *Node) {
	if n.text == nil || n.text.style != plain || n.At.EndColumn != 0 || !strings.Contains(n.Value, " - ") {
		return
	}
	line := n.At.Line + 1
	if line > len(b.file.starts) {
		return
	}
	text := b.file.Text[b.file.starts[line-1]:b.file.lineEnd(line)]
	if indent := indentation(text); strings.HasPrefix(text[indent:], "- ") {
		at := b.file.starts[line-1] + indent
		b.ps.Add(b.file.span(at, at+1), "syntax", "this line goes on with the text of the line above, it is no new item").
			Suggest("indent it like the `-` above")
	}
}

// checkPlainKey finds a condition that became a key.
func (b *builder) checkPlainKey(key *Node) {
	if strings.Contains(key.Value, " ? ") {
		b.ps.Add(key.At, "quote", "`: ` made a key of `%s`", key.Value).
			Suggest("%s", quoteAdvice(b.file.restOfLine(int(key.text.start))))
	}
}

// checkLoneKey looks at a key of a { } that has no value: what remains of a condition
// with a comma, or a key whose colon has no space behind it. previous is the value before.
func (b *builder) checkLoneKey(key, previous *Node) {
	if key.text == nil || key.text.style != plain || key.At.EndColumn == 0 {
		return
	}
	end := int(key.text.start) + len(key.Value)
	if strings.HasPrefix(strings.TrimLeft(b.file.Text[end:], " \t\n"), ":") {
		return // `a:` says that it has none
	}
	if previous != nil && previous.text != nil && previous.text.style == plain && (openParens(previous.Value) > 0 || oddQuotes(previous.Value)) {
		start := int(previous.text.start)
		b.cutByComma(start, end)
		return
	}
	if i := strings.IndexByte(key.Value, ':'); i > 0 && !strings.HasPrefix(key.Value[i:], "://") {
		b.ps.Add(key.At, "syntax", "a space is missing after the colon of `%s`", key.Value).
			Suggest("write `%s: %s`", key.Value[:i], key.Value[i+1:])
	}
}

// checkFlowList finds a call whose commas made several items of it.
func (b *builder) checkFlowList(n *Node) {
	start := -1
	for _, item := range n.Items {
		if item.Kind != Scalar || item.text == nil || item.text.style != plain {
			continue
		}
		switch open := openParens(item.Value); {
		case start < 0 && open > 0:
			start = int(item.text.start)
		case start >= 0 && open < 0:
			b.cutByComma(start, int(item.text.start)+len(item.Value))
			return
		}
	}
}

func (b *builder) cutByComma(start, end int) {
	b.ps.Add(b.file.span(start, end), "quote", "the comma ends this value in the middle").
		Suggest("%s", quoteAdvice(b.file.Text[start:end]))
}

// openExpression tells whether a `${` of a text has no `}`.
func openExpression(s string) bool {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case depth == 0:
			if strings.HasPrefix(s[i:], "${") && (i == 0 || s[i-1] != '$') {
				depth = 1
				i++
			}
		case quote != 0:
			switch {
			case c == '\\' && quote != '`':
				i++
			case c == quote:
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '{':
			depth++
		case c == '}':
			depth--
		}
	}
	return depth > 0
}

func openParens(s string) int { return strings.Count(s, "(") - strings.Count(s, ")") }

func oddQuotes(s string) bool { return strings.Count(s, "'")%2 == 1 }

// longQuote is the length in bytes up to which advice repeats a value.
const longQuote = 70

// quoteAdvice says how a value is written with quotes.
func quoteAdvice(value string) string {
	value = strings.TrimSpace(value)
	switch {
	case value == "" || len(value) > longQuote || strings.Contains(value, "\n"):
	case !strings.ContainsAny(value, "\"\\"):
		return `quote this value: "` + value + `"`
	case !strings.Contains(value, "'"):
		return `quote this value: '` + value + `'`
	}
	return "quote this value"
}
