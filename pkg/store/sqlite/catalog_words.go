package sqlite

import (
	"cmp"
	"strings"
)

// constraints is what a table's SQL says and no pragma tells. Columns are joined by commas
// in small letters.
type constraints struct {
	references, uniques map[string]string   // names, by columns
	values              map[string][]string // of checks `column in ('a', 'b')`
}

// word is a token of SQL: a name or keyword, a text, or one other character.
type word struct {
	text string
	kind byte // 'n' name or keyword, 'q' name in quotes, 't' text, or the character itself
}

func (w word) is(keyword string) bool { return w.kind == 'n' && strings.EqualFold(w.text, keyword) }
func (w word) name() bool             { return w.kind == 'n' || w.kind == 'q' }

// words cuts SQL that the engine has accepted; comments are left out.
func words(sql string) (out []word) {
	end := -1 // of the name or text in quotes that was read last
	for i := 0; i < len(sql); {
		text := lexeme(sql[i:])
		begin, first := i, text[0]
		i += len(text)
		switch {
		case comment(text) || first <= ' ':
		case strings.IndexByte("'\"`[", first) >= 0:
			inner := text[1:max(len(text)-1, 1)]
			if begin == end && sql[begin-1] == first { // a quote that is written twice
				out[len(out)-1].text += text[:1] + inner
			} else if first == '\'' {
				out = append(out, word{inner, 't'})
			} else {
				out = append(out, word{inner, 'q'})
			}
			end = i
		case wordly(first):
			out = append(out, word{text, 'n'})
		default:
			out = append(out, word{text, first})
		}
	}
	return out
}

// readConstraints reads `create table name (definition, ...)`.
func readConstraints(sql string) constraints {
	c := constraints{references: make(map[string]string), uniques: make(map[string]string), values: make(map[string][]string)}
	table, _ := define(sql)
	for _, p := range table.parts {
		c.read(strings.ToLower(p.column), words(p.text))
	}
	return c
}

// read takes the definition of a column, or of a constraint of the table.
// column is "" for the latter.
func (c *constraints) read(column string, definition []word) {
	name := ""
	if column != "" {
		definition = definition[1:]
	}
	depth := 0
	for i, w := range definition {
		rest := definition[i+1:]
		switch {
		case w.kind == '(':
			depth++
		case w.kind == ')':
			depth--
		case depth > 0:
		case w.is("constraint") && len(rest) > 0:
			name = rest[0].text
		case w.is("references") && column != "" && name != "":
			c.references[column] = name
		case w.is("foreign") && len(rest) > 0 && name != "":
			c.references[columnsIn(rest[1:])] = name
		case w.is("unique") && name != "":
			c.uniques[cmp.Or(column, columnsIn(rest))] = name
		case w.is("check"):
			c.readCheck(rest)
		}
		if w.is("references") || w.is("foreign") || w.is("unique") || w.is("check") {
			name = ""
		}
	}
}

// columnsIn reads `(a, b)`.
func columnsIn(list []word) string {
	var names []string
	for _, w := range list {
		if w.kind == ')' {
			break
		}
		if w.name() {
			names = append(names, strings.ToLower(w.text))
		}
	}
	return strings.Join(names, ",")
}

// readCheck reads `(column in ('a', 'b'))`, and leaves any other check alone.
func (c *constraints) readCheck(list []word) {
	if len(list) < 6 || list[0].kind != '(' || !list[1].name() || !list[2].is("in") || list[3].kind != '(' {
		return
	}
	var values []string
	for i, w := range list[4:] {
		switch {
		case i%2 == 0 && w.kind == 't':
			values = append(values, w.text)
		case i%2 == 1 && w.kind == ',':
		case i%2 == 1 && w.kind == ')' && len(list) > 4+i+1 && list[4+i+1].kind == ')':
			c.values[strings.ToLower(list[1].text)] = values
			return
		default:
			return
		}
	}
}

// nameOf is a constraint's written name, or the one that Postgres would make up.
func nameOf(written map[string]string, table string, columns []string, kind string) string {
	if name, ok := written[strings.ToLower(strings.Join(columns, ","))]; ok {
		return name
	}
	return table + "_" + strings.Join(columns, "_") + "_" + kind
}

// insteadOf is the verb of a trigger that runs in place of it, "" for others.
func insteadOf(sql string) string {
	all := words(sql)
	for i, w := range all {
		if w.is("instead") && i+2 < len(all) && all[i+1].is("of") {
			return strings.ToUpper(all[i+2].text)
		}
		if w.is("begin") {
			break
		}
	}
	return ""
}

// A scope is what stands between two parentheses, or the whole.
type scope struct {
	apart bool // none of its columns is one of the view
	shows bool // a select list is being read
	tests bool // a condition is being read
}

// isCompound tells a view whose columns may come of several selects, also where these stand inside
// another one.
func isCompound(sql string) bool {
	scopes, all := []scope{{}}, words(sql)
	for i, w := range all {
		s := &scopes[len(scopes)-1]
		switch {
		case w.kind == '(':
			scopes = append(scopes, scope{apart: s.apart || s.tests || s.shows && computes(all[i+1:])})
		case w.kind == ')' && len(scopes) > 1:
			scopes = scopes[:len(scopes)-1]
		case w.is("select"):
			s.shows, s.tests = true, false
		case w.is("from"), w.is("with"):
			s.shows, s.tests = false, false
		case w.is("where"), w.is("having"):
			s.tests = true
		case !s.apart && (w.is("union") || w.is("except") || w.is("intersect")):
			return true
		}
	}
	return false
}

// computes tells a subselect whose value a function makes: the engine then names no column that
// it comes of.
func computes(in []word) bool {
	return len(in) > 2 && in[0].is("select") && in[1].kind == 'n' && !in[1].is("distinct") && !in[1].is("all") && in[2].kind == '('
}
