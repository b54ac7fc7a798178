package sqlite

import (
	"strings"
)

// definition is a CREATE TABLE in its parts, without comments.
type definition struct {
	parts []part
	tail  string // what follows the last bracket: STRICT, WITHOUT ROWID
}

// part is a column, or a rule of the table.
type part struct {
	column string // its name; "" for a rule
	text   string
}

// define takes a statement apart as it stands in sqlite_schema; ok is false for one that is
// no list in brackets.
func define(sql string) (d definition, ok bool) {
	depth, start := 0, 0
	var text strings.Builder
	end := func() {
		d.parts = append(d.parts, partOf(strings.TrimSpace(text.String())))
		text.Reset()
	}
	for i := 0; i < len(sql); {
		word := lexeme(sql[i:])
		i += len(word)
		switch {
		case comment(word):
			word = " "
		case word == "(":
			if depth++; depth == 1 {
				start = i
				text.Reset()
				continue
			}
		case word == ")":
			if depth--; depth == 0 {
				end()
				d.tail = strings.TrimSpace(sql[i:])
				return d, start > 0
			}
		case word == "," && depth == 1:
			end()
			continue
		}
		text.WriteString(word)
	}
	return definition{}, false
}

func comment(word string) bool { return strings.HasPrefix(word, "--") || strings.HasPrefix(word, "/*") }

// lexeme is the text, name in quotes, comment, word or single sign that sql begins with
// (sqlite.org/lang_keywords.html, lang_comment.html).
func lexeme(sql string) string {
	until := func(end string) string {
		if i := strings.Index(sql[1:], end); i >= 0 {
			return sql[:1+i+len(end)]
		}
		return sql
	}
	switch c := sql[0]; {
	case c == '\'' || c == '"' || c == '`':
		return until(string(c)) // one that is doubled inside begins the next lexeme
	case c == '[':
		return until("]")
	case strings.HasPrefix(sql, "--"):
		return until("\n")
	case strings.HasPrefix(sql, "/*"):
		return until("*/")
	}
	n := 0
	for n < len(sql) && wordly(sql[n]) {
		n++
	}
	return sql[:max(n, 1)]
}

func wordly(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// partOf tells a column from a rule by the first word.
func partOf(text string) part {
	name, quoted := firstName(text)
	if !quoted {
		switch strings.ToUpper(name) {
		case "CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN":
			return part{text: text}
		}
	}
	return part{column: name, text: text}
}

// firstName reads the name that text begins with.
func firstName(text string) (name string, quoted bool) {
	if text == "" {
		return "", false
	}
	closing := map[byte]string{'"': `"`, '`': "`", '[': "]", '\'': "'"}[text[0]]
	if closing == "" {
		return lexeme(text), false
	}
	var b strings.Builder
	for rest := text[1:]; ; {
		before, after, found := strings.Cut(rest, closing)
		b.WriteString(before)
		if !found || closing == "]" || !strings.HasPrefix(after, closing) {
			return b.String(), true
		}
		b.WriteString(closing)
		rest = after[1:]
	}
}

// sql writes the statement for a table of another name.
func (d *definition) sql(quotedName string) string {
	texts := make([]string, len(d.parts))
	for i, p := range d.parts {
		texts[i] = p.text
	}
	return strings.TrimSpace("CREATE TABLE " + quotedName + " (\n  " + strings.Join(texts, ",\n  ") + "\n) " + d.tail)
}

// find gives the place of a column, -1 when it has none.
func (d *definition) find(column string) int {
	for i, p := range d.parts {
		if p.column != "" && strings.EqualFold(p.column, column) {
			return i
		}
	}
	return -1
}

// referring tells a rule of the table that is a foreign key of one column.
func (p *part) referring(column string) bool {
	if p.column != "" {
		return false
	}
	_, after, ok := strings.Cut(strings.ToUpper(p.text), "FOREIGN KEY")
	if !ok {
		return false
	}
	list := strings.TrimSpace(p.text[len(p.text)-len(after):])
	if !strings.HasPrefix(list, "(") {
		return false
	}
	name, _ := firstName(strings.TrimSpace(list[1:]))
	before, _, _ := strings.Cut(list, ")")
	return strings.EqualFold(name, column) && !strings.Contains(before, ",")
}
