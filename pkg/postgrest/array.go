package postgrest

import (
	"fmt"
	"net/http"
	"strings"
)

// quantifiedList reads the array that a quantified operator compares with.
func (p *parser) quantifiedList(c *Cond) bool {
	a := arrayReader{text: c.Value}
	if why := a.read(p); why != "" {
		p.refuse(&Error{
			Status:  http.StatusBadRequest,
			Code:    "22P02",
			Message: fmt.Sprintf("malformed array literal: %q", c.Value),
			Details: why,
		})
		return false
	}
	c.List, c.Nulls = a.values, a.nulls
	return p.refused == nil
}

// An arrayReader reads an array as Postgres writes it (Arrays, Array Input and Output
// Syntax). Arrays inside are taken apart, as = any does.
type arrayReader struct {
	text   string
	pos    int
	values []string
	nulls  bool
}

// read takes the whole array. It tells why it could not, in Postgres' words.
func (a *arrayReader) read(p *parser) string {
	a.skip()
	if !strings.HasPrefix(a.text[a.pos:], "{") {
		return `Array value must start with "{" or dimension information.`
	}
	depth, value := 0, false // whether an element has just ended
	for {
		a.skip()
		if a.pos == len(a.text) {
			return "Unexpected end of input."
		}
		switch c := a.text[a.pos]; {
		case c == '{' && !value:
			depth++
			a.pos++
		case c == '}' && (value || a.text[a.pos-1] == '{'):
			a.pos++
			value = true
			if depth--; depth == 0 {
				if a.skip(); a.pos < len(a.text) {
					return "Junk after closing right brace."
				}
				return ""
			}
		case c == ',' && value:
			value = false
			a.pos++
		case strings.IndexByte("{},", c) >= 0 || value:
			return fmt.Sprintf("Unexpected %q character.", string(c))
		case !p.takeValue():
			return "It has too many values."
		default:
			if why := a.element(); why != "" {
				return why
			}
			value = true
		}
	}
}

func (a *arrayReader) skip() {
	for a.pos < len(a.text) && strings.IndexByte(" \t\n\r\v\f", a.text[a.pos]) >= 0 {
		a.pos++
	}
}

func (a *arrayReader) element() string {
	start := a.pos
	quoted := a.text[start] == '"'
	if quoted {
		a.pos++
		start++
	}
	escaped := false
	for ; a.pos < len(a.text); a.pos++ {
		switch c := a.text[a.pos]; {
		case c == '\\':
			escaped = true
			a.pos++
		case quoted && c == '"':
			a.add(a.text[start:a.pos], escaped)
			a.pos++
			return ""
		case !quoted && strings.IndexByte(",{}", c) >= 0:
			word := strings.TrimRight(a.text[start:a.pos], " \t\n\r\v\f")
			if strings.EqualFold(word, "null") {
				a.nulls = true
			} else {
				a.add(word, escaped)
			}
			return ""
		}
	}
	a.pos = len(a.text)
	return "Unexpected end of input."
}

func (a *arrayReader) add(s string, escaped bool) {
	if escaped {
		s = unescaped(s)
	}
	a.values = append(a.values, s)
}
