package relations

import "strings"

// isTsquery tells whether to_tsquery takes a text: operands joined by &, | and <->, with !
// and brackets (Postgres, section 8.11.2). What it does not take would be an error of the
// statement.
func isTsquery(text string) bool {
	operand, depth := false, 0 // operand: one stands before
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c >= '\t' && c <= '\r':
			i++
		case c == '(' || c == '!':
			if operand {
				return false
			}
			if c == '(' {
				depth++
			}
			i++
		case c == ')':
			if !operand || depth == 0 {
				return false
			}
			depth--
			i++
		case c == '&' || c == '|':
			if !operand {
				return false
			}
			operand = false
			i++
		case c == '<':
			end := phrase(text[i:])
			if !operand || end == 0 {
				return false
			}
			operand = false
			i += end
		default:
			end := word(text[i:])
			if operand || end == 0 {
				return false
			}
			operand = true
			i += end
		}
	}
	return depth == 0 && (operand || strings.TrimSpace(text) == "")
}

// phrase is the length of <-> or <N>; 0 for what is neither. Postgres allows N up to 16384.
func phrase(text string) int {
	end := strings.IndexByte(text, '>')
	if end < 2 {
		return 0
	}
	distance := text[1:end]
	if distance == "-" {
		return end + 1
	}
	number := 0
	for i := range len(distance) {
		if distance[i] < '0' || distance[i] > '9' || number > 16384 {
			return 0
		}
		number = number*10 + int(distance[i]-'0')
	}
	if number > 16384 {
		return 0
	}
	return end + 1
}

// word is the length of an operand with its weights; 0 for what we are not sure of.
func word(text string) int {
	i := 0
	if text[0] == '\'' {
		for i = 1; ; i++ {
			if i >= len(text) {
				return 0
			}
			if text[i] == '\\' {
				i++
			} else if text[i] == '\'' {
				if i+1 < len(text) && text[i+1] == '\'' {
					i++
					continue
				}
				i++
				break
			}
		}
	} else {
		for i < len(text) && !strings.ContainsRune(" \t\n\v\f\r&|!()<:'\\", rune(text[i])) {
			i++
		}
	}
	if i == 0 {
		return 0
	}
	if i < len(text) && text[i] == ':' {
		for i++; i < len(text) && strings.IndexByte("abcdABCD*", text[i]) >= 0; i++ {
		}
		if text[i-1] == ':' {
			return 0
		}
	}
	return i
}
