package value

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// maxWrite bounds the nesting of what AppendJSON writes: data that was read is bounded
// by MaxDepth, and expressions add little to that.
const maxWrite = 256

var errDeep = errors.New("a value is nested too deep for JSON")

// AppendJSON writes v as JSON behind dst. Maps go sorted by key, objects in their own
// order without hidden members, Raw byte for byte, times as RFC 3339, bytes as base64
// (RFC 4648 section 4). Invalid UTF-8 becomes U+FFFD. NaN and the infinities are an
// error, as is any type that is not plain data.
func AppendJSON(dst []byte, v any) ([]byte, error) { return appendJSON(dst, v, 0) }

func appendJSON(dst []byte, v any, depth int) ([]byte, error) {
	switch x := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return AppendJSONString(dst, x), nil
	case bool:
		return strconv.AppendBool(dst, x), nil
	case int64:
		return strconv.AppendInt(dst, x, 10), nil
	case int:
		return strconv.AppendInt(dst, int64(x), 10), nil
	case float64:
		return appendFloat(dst, x)
	case Number:
		return append(dst, x...), nil
	case time.Time:
		dst = x.AppendFormat(append(dst, '"'), time.RFC3339Nano)
		return append(dst, '"'), nil
	case []byte:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), x)
		return append(dst, '"'), nil
	case *Raw:
		if x == nil || len(x.Bytes) == 0 {
			return append(dst, "null"...), nil
		}
		return append(dst, x.Bytes...), nil
	}
	if depth >= maxWrite {
		return dst, errDeep
	}
	switch x := v.(type) {
	case map[string]any:
		return appendMap(dst, x, depth)
	case Claims:
		return appendMap(dst, x, depth)
	case []any:
		return appendList(dst, x, depth)
	case Object:
		return appendObject(dst, x, depth)
	}
	return dst, fmt.Errorf("%s has no form in JSON", Describe(v))
}

func appendMap(dst []byte, m map[string]any, depth int) ([]byte, error) {
	if m == nil {
		return append(dst, "null"...), nil
	}
	var err error
	dst = append(dst, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendJSONString(dst, k), ':')
		if dst, err = appendJSON(dst, m[k], depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func appendList(dst []byte, list []any, depth int) ([]byte, error) {
	var err error
	dst = append(dst, '[')
	for i, e := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(dst, e, depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendObject(dst []byte, o Object, depth int) ([]byte, error) {
	if r, ok := o.(*Row); ok {
		if r == nil {
			return append(dst, "null"...), nil
		}
		return appendRow(dst, r, depth)
	}
	var err error
	dst = append(dst, '{')
	first := true
	for _, name := range o.Names() {
		v, ok := o.Member(name)
		if !ok {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(AppendJSONString(dst, name), ':')
		if dst, err = appendJSON(dst, v, depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendRow needs no look-up by name: the values stand beside the columns.
func appendRow(dst []byte, r *Row, depth int) ([]byte, error) {
	var err error
	dst = append(dst, '{')
	first := true
	for i, name := range r.Columns.names {
		if r.Columns.hidden[i] {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(AppendJSONString(dst, name), ':')
		if dst, err = appendJSON(dst, r.Values[i], depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendFloat writes as ECMAScript does: no exponent between 1e-6 and 1e21.
func appendFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, errors.New("a number that is infinite or undefined has no form in JSON")
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	if n := len(dst); n >= 4 && dst[n-4] == 'e' && dst[n-2] == '0' { // e-07 is written e-7
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst, nil
}

const hex = "0123456789abcdef"

// AppendJSONString writes s as a JSON string (RFC 8259 section 7). Bytes that are no
// UTF-8 become U+FFFD.
func AppendJSONString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b < utf8.RuneSelf {
			if b >= 0x20 && b != '"' && b != '\\' {
				i++
				continue
			}
			dst = appendEscape(append(dst, s[start:i]...), b)
			i++
			start = i
			continue
		}
		n := min(len(s)-i, utf8.UTFMax)
		r, size := utf8.DecodeRuneInString(string(s[i : i+n]))
		if r == utf8.RuneError && size == 1 {
			dst = append(append(dst, s[start:i]...), "\uFFFD"...)
			i++
			start = i
			continue
		}
		i += size
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscape(dst []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(dst, '\\', b)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
}
