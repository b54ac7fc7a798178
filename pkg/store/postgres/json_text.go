package postgres

import (
	"bytes"

	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/value"
)

// field is one of a composite type.
type field struct {
	key  []byte // its name as JSON, with the colon
	kind kind
}

// appendTextJSON writes a value that came as text. Composites and arrays of what we do
// not read in binary come so; what is not of the form that their type has is a string.
func (k kind) appendTextJSON(dst, text []byte) []byte {
	start := len(dst)
	switch {
	case k.array:
		l := literal{text: text}
		if dst = k.appendLiteralArray(dst, &l); !l.failed && len(l.text) == 0 {
			return dst
		}
	case k.base == asRecord:
		l := literal{text: text}
		if dst = k.appendLiteralRecord(dst, &l); !l.failed && len(l.text) == 0 {
			return dst
		}
	default:
		return k.base.appendTextJSON(dst, text)
	}
	return value.AppendJSONString(dst[:start], text)
}

func (b base) appendTextJSON(dst, text []byte) []byte {
	switch b {
	case asBool:
		if string(text) == "t" {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case asInt2, asInt4, asInt8, asFloat4, asFloat8, asNumeric:
		if form.IsNumber(string(text)) {
			return append(dst, text...)
		}
	case asJSON, asJSONB:
		return append(dst, text...)
	case asTimestamp, asInstant:
		return append(appendISO(append(dst, '"'), text, b == asInstant), '"')
	}
	return value.AppendJSONString(dst, text)
}

// appendISO writes 2025-01-01 00:05:00+00 as 2025-01-01T00:05:00+00:00.
func appendISO(dst, text []byte, zoned bool) []byte {
	day, rest, ok := bytes.Cut(text, []byte(" "))
	if !ok {
		return append(dst, text...) // infinity
	}
	dst = append(append(dst, day...), 'T')
	clock, era, bc := bytes.Cut(rest, []byte(" "))
	dst = append(dst, clock...)
	if zoned && len(clock) > 3 && clock[len(clock)-3] != ':' {
		dst = append(dst, ":00"...)
	}
	if bc {
		dst = append(append(dst, ' '), era...)
	}
	return dst
}

// literal takes the text of an array or a composite apart (Postgres, sections 8.15.6 and
// 8.16.6).
type literal struct {
	text   []byte
	failed bool
}

// take takes c off when it comes next.
func (l *literal) take(c byte) bool {
	if len(l.text) == 0 || l.text[0] != c {
		return false
	}
	l.text = l.text[1:]
	return true
}

func (l *literal) need(c byte) {
	if !l.take(c) {
		l.failed = true
	}
}

// item takes an element, which ends before one of ends unless it stands in quotes.
func (l *literal) item(ends string) (text []byte, quoted bool) {
	if !l.take('"') {
		end := bytes.IndexAny(l.text, ends)
		if end < 0 {
			l.failed = true
			return nil, false
		}
		text, l.text = l.text[:end], l.text[end:]
		return text, false
	}
	for i := 0; i < len(l.text); i++ {
		c := l.text[i]
		twice := i+1 < len(l.text) && l.text[i+1] == '"'
		switch {
		case c == '"' && !twice:
			l.text = l.text[i+1:]
			return text, true
		case (c == '"' || c == '\\') && i+1 < len(l.text):
			i++
			c = l.text[i]
		}
		text = append(text, c)
	}
	l.failed = true
	return nil, true
}

// appendLiteralArray writes {1,"two",{nested},NULL}, which bounds, [1:3]=, may precede.
func (k kind) appendLiteralArray(dst []byte, l *literal) []byte {
	if len(l.text) > 0 && l.text[0] == '[' {
		_, l.text, _ = bytes.Cut(l.text, []byte("="))
	}
	l.need('{')
	dst = append(dst, '[')
	for first := true; !l.failed && !l.take('}'); first = false {
		if !first {
			l.need(k.delimiter())
			dst = append(dst, ',')
		}
		if len(l.text) > 0 && l.text[0] == '{' {
			dst = k.appendLiteralArray(dst, l)
			continue
		}
		text, quoted := l.item(string(k.delimiter()) + "}")
		dst = (kind{base: k.base, fields: k.fields}).appendItem(dst, text, !quoted && string(text) == "NULL")
	}
	return append(dst, ']')
}

// appendLiteralRecord writes (1,"two words",) as an object; what is not there is NULL.
func (k kind) appendLiteralRecord(dst []byte, l *literal) []byte {
	l.need('(')
	dst = append(dst, '{')
	for i, f := range *k.fields {
		if i > 0 {
			l.need(',')
			dst = append(dst, ',')
		}
		text, quoted := l.item(",)")
		dst = f.kind.appendItem(append(dst, f.key...), text, !quoted && len(text) == 0)
	}
	l.need(')')
	return append(dst, '}')
}

func (k kind) appendItem(dst, text []byte, null bool) []byte {
	if null {
		return append(dst, "null"...)
	}
	return k.appendTextJSON(dst, text)
}

// delimiter stands between the elements of an array: only boxes have another one.
func (k kind) delimiter() byte {
	if k.base == asBox {
		return ';'
	}
	return ','
}
