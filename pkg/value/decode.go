package value

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep lists and maps may be nested in JSON that is read.
const MaxDepth = 64

// A SyntaxError tells where JSON is not what RFC 8259 says. Offset counts bytes from 0.
type SyntaxError struct {
	Offset  int
	Message string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Message)
}

// DecodeJSON reads one JSON text. Numbers stay exact: int64 where it fits, float64 where
// its shortest form has the same value, else Number. The last of two equal keys wins.
// Invalid UTF-8, data behind the value and nesting beyond MaxDepth are a *SyntaxError.
func DecodeJSON(b []byte) (any, error) {
	d := decoder{b: b}
	d.space()
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	if d.space(); d.i < len(b) {
		return nil, d.fail("data behind the value")
	}
	return v, nil
}

type decoder struct {
	b []byte
	i int
}

func (d *decoder) fail(message string) error { return &SyntaxError{d.i, message} }

func (d *decoder) space() {
	for d.i < len(d.b) {
		switch d.b[d.i] {
		case ' ', '\t', '\n', '\r':
			d.i++
		default:
			return
		}
	}
}

// next is the byte at hand, 0 at the end (0 itself starts nothing in JSON).
func (d *decoder) next() byte {
	if d.i < len(d.b) {
		return d.b[d.i]
	}
	return 0
}

func (d *decoder) value(depth int) (any, error) {
	switch c := d.next(); {
	case c == '"':
		return d.str()
	case c == '{':
		return d.object(depth + 1)
	case c == '[':
		return d.list(depth + 1)
	case c == 't':
		return true, d.word("true")
	case c == 'f':
		return false, d.word("false")
	case c == 'n':
		return nil, d.word("null")
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	case d.i >= len(d.b):
		return nil, d.fail("it ends too early")
	}
	return nil, d.fail("a value is expected here")
}

func (d *decoder) word(w string) error {
	if len(d.b)-d.i < len(w) || string(d.b[d.i:d.i+len(w)]) != w {
		return d.fail("a value is expected here")
	}
	d.i += len(w)
	return nil
}

func (d *decoder) object(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, d.fail("it is nested too deep")
	}
	d.i++
	m := map[string]any{}
	if d.space(); d.next() == '}' {
		d.i++
		return m, nil
	}
	for {
		if d.space(); d.next() != '"' {
			return nil, d.fail("a key in quotes is expected here")
		}
		k, err := d.str()
		if err != nil {
			return nil, err
		}
		if d.space(); d.next() != ':' {
			return nil, d.fail("a colon is expected here")
		}
		d.i++
		d.space()
		if m[k], err = d.value(depth); err != nil {
			return nil, err
		}
		if more, err := d.more('}'); err != nil || !more {
			return m, err
		}
	}
}

func (d *decoder) list(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, d.fail("it is nested too deep")
	}
	d.i++
	l := []any{}
	if d.space(); d.next() == ']' {
		d.i++
		return l, nil
	}
	for {
		d.space()
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
		if more, err := d.more(']'); err != nil || !more {
			return l, err
		}
	}
}

// more passes a comma, or the bracket that closes.
func (d *decoder) more(end byte) (bool, error) {
	d.space()
	switch d.next() {
	case ',':
		d.i++
		return true, nil
	case end:
		d.i++
		return false, nil
	}
	return false, d.fail("a comma or a closing bracket is expected here")
}

func (d *decoder) str() (string, error) {
	d.i++
	start := d.i
	for d.i < len(d.b) {
		switch c := d.b[d.i]; {
		case c == '"':
			d.i++
			return string(d.b[start : d.i-1]), nil
		case c == '\\':
			return d.escaped(start)
		case c < 0x20:
			return "", d.fail("a control character in a string")
		case c < utf8.RuneSelf:
			d.i++
		default:
			if err := d.rune(); err != nil {
				return "", err
			}
		}
	}
	return "", d.fail("a string is not closed")
}

func (d *decoder) rune() error {
	r, n := utf8.DecodeRune(d.b[d.i:])
	if r == utf8.RuneError && n == 1 {
		return d.fail("invalid UTF-8")
	}
	d.i += n
	return nil
}

// escaped goes on with a string that holds an escape, begun at start.
func (d *decoder) escaped(start int) (string, error) {
	out := append(make([]byte, 0, 2*(d.i-start)+16), d.b[start:d.i]...)
	for d.i < len(d.b) {
		switch c := d.b[d.i]; {
		case c == '"':
			d.i++
			return string(out), nil
		case c == '\\':
			r, err := d.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		case c < 0x20:
			return "", d.fail("a control character in a string")
		case c < utf8.RuneSelf:
			out = append(out, c)
			d.i++
		default:
			at := d.i
			if err := d.rune(); err != nil {
				return "", err
			}
			out = append(out, d.b[at:d.i]...)
		}
	}
	return "", d.fail("a string is not closed")
}

// escape reads one escape. Half of a surrogate pair alone is U+FFFD.
func (d *decoder) escape() (rune, error) {
	if d.i+1 >= len(d.b) {
		return 0, d.fail("a string is not closed")
	}
	c := d.b[d.i+1]
	if c == 'u' {
		r, ok := d.hex(d.i + 2)
		if !ok {
			return 0, d.fail("four hexadecimal digits are expected behind \\u")
		}
		d.i += 6
		if utf16.IsSurrogate(r) && d.i+1 < len(d.b) && d.b[d.i] == '\\' && d.b[d.i+1] == 'u' {
			if low, ok := d.hex(d.i + 2); ok {
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					d.i += 6
					return pair, nil
				}
			}
		}
		if utf16.IsSurrogate(r) {
			r = utf8.RuneError
		}
		return r, nil
	}
	from, to := `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	for k := range len(from) {
		if from[k] == c {
			d.i += 2
			return rune(to[k]), nil
		}
	}
	return 0, d.fail("an unknown escape in a string")
}

func (d *decoder) hex(at int) (rune, bool) {
	if at+4 > len(d.b) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(d.b[at:at+4]), 16, 16)
	return rune(n), err == nil
}

func (d *decoder) number() (any, error) {
	start, whole := d.i, true
	if d.next() == '-' {
		d.i++
	}
	if d.next() == '0' {
		d.i++
	} else if !d.digits() {
		return nil, d.fail("a digit is expected here")
	}
	if d.next() == '.' {
		whole = false
		if d.i++; !d.digits() {
			return nil, d.fail("a digit is expected here")
		}
	}
	if d.next()|0x20 == 'e' {
		whole = false
		if d.i++; d.next() == '+' || d.next() == '-' {
			d.i++
		}
		if !d.digits() {
			return nil, d.fail("a digit is expected here")
		}
	}
	return ParseNumber(string(d.b[start:d.i]), whole), nil
}

func (d *decoder) digits() bool {
	start := d.i
	for c := d.next(); c >= '0' && c <= '9'; c = d.next() {
		d.i++
	}
	return d.i > start
}
