package postgres

import "strconv"

// target is a column of a query and the column of a table that it shows.
type target struct {
	number        int64 // of the query's column
	table, column int64 // the oid of the table, and the column's number; 0: it is computed
}

// targets reads the columns of the query that a view is, as pg_rewrite.ev_action has it: a
// tree of nodes `{NAME :field value ...}` and lists `(...)`, where a backslash takes its
// meaning from the next character (nodes/outfuncs.c). The query is the outermost node, its
// columns are the TARGETENTRY nodes right in it.
func targets(tree string) (found []target) {
	depth := 0
	entry := false // within a column, not deeper
	field := ""
	for rest := tree; rest != ""; {
		var word string
		word, rest = nextWord(rest)
		switch word {
		case "{":
			depth++
		case "}":
			depth--
			entry = entry && depth >= 2
		case "TARGETENTRY":
			if depth == 2 {
				entry = true
				found = append(found, target{})
			}
		default:
			if entry && depth == 2 {
				found[len(found)-1].set(field, word)
				field = word
			}
		}
	}
	return found
}

func (t *target) set(field, word string) {
	n, _ := strconv.ParseInt(word, 10, 64)
	switch field {
	case ":resno":
		t.number = n
	case ":resorigtbl":
		t.table = n
	case ":resorigcol":
		t.column = n
	}
}

// nextWord cuts a bracket or the characters up to a space or bracket.
func nextWord(s string) (word, rest string) {
	for s != "" && s[0] == ' ' {
		s = s[1:]
	}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ' ':
			return s[:i], s[i+1:]
		case '{', '}', '(', ')':
			if i == 0 {
				return s[:1], s[1:]
			}
			return s[:i], s[i:]
		}
	}
	return s, ""
}
