package changeset

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// Cast gives v as a value of the field's type, as Ecto.Type.cast does: text from a form
// or query is read, anything else must fit. ok is false for a value that does not. nil and
// blank text are nil.
func (f *Field) Cast(v any) (cast any, ok bool) {
	if raw, is := v.(*value.Raw); is {
		decoded, err := raw.Value()
		if err != nil {
			return nil, false
		}
		v = decoded
	}
	if blank(v) {
		return nil, true
	}
	switch f.Type {
	case store.String, store.Text:
		return castText(v)
	case store.Enum:
		s, is := v.(string)
		return v, is && slices.Contains(f.values, s)
	case store.Integer:
		return castInteger(v, math.MinInt32, math.MaxInt32)
	case store.Bigint:
		return castInteger(v, math.MinInt64, math.MaxInt64)
	case store.Float:
		return castFloat(v)
	case store.Decimal:
		return castDecimal(v)
	case store.Boolean:
		return castBoolean(v)
	case store.Date:
		return castMoment(v, time.DateOnly, time.DateOnly)
	case store.Time:
		return castMoment(v, "15:04:05.999999", time.TimeOnly, "15:04")
	case store.Datetime:
		return castDatetime(v)
	case store.UUID:
		return castUUID(v)
	case store.Binary:
		return castBinary(v)
	case store.Array:
		return castArray(v)
	default:
		return castJSON(v)
	}
}

// blank tells what Ecto takes for nothing: nil, and text of white space alone.
func blank(v any) bool {
	s, ok := v.(string)
	return v == nil || ok && strings.TrimSpace(s) == ""
}

// castText refuses what no database takes as text.
func castText(v any) (any, bool) {
	s, ok := v.(string)
	return v, ok && strings.IndexByte(s, 0) < 0 && utf8.ValidString(s)
}

func castInteger(v any, low, high int64) (any, bool) {
	var n int64
	switch x := v.(type) {
	case int64:
		n = x
	case int:
		n = int64(x)
	case float64:
		if x != math.Trunc(x) || math.Abs(x) >= 1<<53 {
			return nil, false
		}
		n = int64(x)
	case string:
		parsed, err := strconv.ParseInt(x, 10, 64)
		if err != nil {
			return nil, false
		}
		n = parsed
	default:
		return nil, false
	}
	return n, n >= low && n <= high
}

func castFloat(v any) (any, bool) {
	switch x := v.(type) {
	case float64:
		return x, !math.IsNaN(x) && !math.IsInf(x, 0)
	case int64:
		return float64(x), true
	case int:
		return float64(x), true
	case value.Number:
		return x.Float()
	case string:
		if !isNumber(x) {
			return nil, false
		}
		f, err := strconv.ParseFloat(x, 64)
		return f, err == nil
	}
	return nil, false
}

// maxDigits bounds the text of a decimal.
const maxDigits = 200

func castDecimal(v any) (any, bool) {
	switch x := v.(type) {
	case int64:
		return value.Number(strconv.FormatInt(x, 10)), true
	case int:
		return value.Number(strconv.Itoa(x)), true
	case float64:
		text, err := value.AppendJSON(nil, x)
		return value.Number(text), err == nil
	case value.Number:
		return castDecimal(string(x))
	case string:
		if len(x) > maxDigits || !isNumber(x) {
			return nil, false
		}
		_, err := strconv.ParseFloat(x, 64) // out of range is out of every column's range
		return value.Number(x), err == nil
	}
	return nil, false
}

// isNumber tells the text of a JSON number (RFC 8259 section 6), leading zeros allowed.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, rest := digits(s)
	if whole == 0 {
		return false
	}
	if after, ok := strings.CutPrefix(rest, "."); ok {
		part, tail := digits(after)
		if part == 0 {
			return false
		}
		rest = tail
	}
	if rest == "" {
		return true
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return false
	}
	exponent := rest[1:]
	if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
		exponent = exponent[1:]
	}
	n, tail := digits(exponent)
	return n > 0 && tail == ""
}

func digits(s string) (n int, rest string) {
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n, s[n:]
}

func castBoolean(v any) (any, bool) {
	switch v {
	case true, "true", "1":
		return true, true
	case false, "false", "0":
		return false, true
	}
	return nil, false
}

// castMoment reads a date or a time of day and writes it in one form.
func castMoment(v any, form string, layouts ...string) (any, bool) {
	switch x := v.(type) {
	case time.Time:
		return x.UTC().Format(form), true
	case string:
		if len(x) > maxMoment {
			return nil, false
		}
		for _, layout := range layouts {
			if t, err := time.Parse(layout, x); err == nil {
				return t.Format(form), true
			}
		}
	}
	return nil, false
}

// maxMoment bounds the text of a date or time.
const maxMoment = 40

// castDatetime reads RFC 3339, with a blank for the T or without seconds too; without a
// zone it is UTC, as in a form's datetime-local.
func castDatetime(v any) (any, bool) {
	switch x := v.(type) {
	case time.Time:
		return x.UTC().Truncate(time.Microsecond), true
	case string:
		if len(x) > maxMoment || len(x) < len(time.DateOnly)+1 {
			return nil, false
		}
		text := x[:10] + "T" + x[11:]
		if x[10] != 'T' && x[10] != ' ' {
			return nil, false
		}
		for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15:04Z07:00"} {
			if t, err := time.Parse(layout, text); err == nil {
				return t.UTC().Truncate(time.Microsecond), true
			}
		}
	}
	return nil, false
}

func castUUID(v any) (any, bool) {
	s, ok := v.(string)
	if !ok || !IsUUID(s) {
		return nil, false
	}
	return strings.ToLower(s), true
}

// IsUUID tells the text form of RFC 9562 section 4, in either case.
func IsUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if s[i] != '-' {
				return false
			}
		case s[i] >= '0' && s[i] <= '9', c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}

// castBinary takes base64 (RFC 4648 section 4), the form in which answers show bytes.
func castBinary(v any) (any, bool) {
	switch x := v.(type) {
	case []byte:
		return x, true
	case string:
		b, err := base64.StdEncoding.Strict().DecodeString(x)
		return b, err == nil
	}
	return nil, false
}

func castArray(v any) (any, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	for _, item := range list {
		if _, ok := castText(item); !ok {
			return nil, false
		}
	}
	return list, true
}

// castJSON takes whatever has a form in JSON.
func castJSON(v any) (any, bool) {
	_, err := value.AppendJSON(nil, v)
	return v, err == nil
}

// Arg gives a cast value as a statement takes it.
func (f *Field) Arg(v any) (any, error) {
	if f.Type != store.JSON || v == nil {
		return v, nil
	}
	text, err := value.AppendJSON(nil, v)
	return string(text), err
}
