package relations

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// converts makes text what a column of SQLite holds, and refuses what Postgres refuses: the
// engine itself would compare any two values.
func (inSQLite) converts(t sqlType, text string) (any, error) {
	if strings.IndexByte(text, 0) >= 0 || !writable(text) {
		return nil, refuse(400, "22021", "invalid byte sequence for encoding \"UTF8\"")
	}
	word := strings.TrimSpace(text)
	switch t.kind {
	case store.Integer, store.Bigint:
		return integer(t, word)
	case store.Float, store.Decimal:
		f, err := strconv.ParseFloat(word, 64)
		if err != nil && !outOfRange(err) || strings.HasPrefix(strings.TrimLeft(word, "+-"), "0x") || strings.Contains(word, "_") {
			return nil, badValue(t, text)
		}
		return f, nil
	case store.Boolean:
		return boolean(t, text)
	case store.Datetime:
		at, ok := instant(word)
		if !ok {
			return nil, badTime(t, text)
		}
		return at, nil
	case store.Date:
		if _, err := time.Parse(time.DateOnly, word); err != nil {
			return nil, badTime(t, text)
		}
		return word, nil
	case store.Time:
		return clock(t, word)
	case store.UUID:
		return uuid(t, word)
	case store.Binary:
		if digits, ok := strings.CutPrefix(text, `\x`); ok {
			if b, err := hex.DecodeString(digits); err == nil {
				return b, nil
			}
			return nil, refuse(400, "22023", "invalid hexadecimal data")
		}
		return []byte(text), nil
	case store.Array:
		return list(text)
	}
	return text, nil
}

func integer(t sqlType, text string) (any, error) {
	bits := 64
	if t.kind == store.Integer {
		bits = 32
	}
	n, err := strconv.ParseInt(text, 10, bits)
	switch {
	case outOfRange(err):
		return nil, refuse(400, "22003", "value %q is out of range for type %s", text, t.name)
	case err != nil:
		return nil, badValue(t, text)
	}
	return n, nil
}

func outOfRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}

// boolean reads what Postgres does: the words and what they begin with.
func boolean(t sqlType, text string) (any, error) {
	word := strings.ToLower(strings.TrimSpace(text))
	if word == "" {
		return nil, badValue(t, text)
	}
	switch {
	case strings.HasPrefix("true", word), strings.HasPrefix("yes", word), word == "on", word == "1":
		return true, nil
	case strings.HasPrefix("false", word), strings.HasPrefix("no", word), word == "off", word == "of", word == "0":
		return false, nil
	}
	return nil, badValue(t, text)
}

// instant reads the usual forms of a moment; without a zone it is one of UTC.
func instant(text string) (time.Time, bool) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00",
		"2006-01-02 15:04:05Z07", "2006-01-02 15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

func clock(t sqlType, text string) (any, error) {
	for _, layout := range [...]string{time.TimeOnly, "15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return strings.TrimSuffix(strings.TrimRight(at.Format("15:04:05.000000"), "0"), "."), nil
		}
	}
	return nil, badTime(t, text)
}

func uuid(t sqlType, text string) (any, error) {
	digits := strings.ReplaceAll(strings.Trim(text, "{}"), "-", "")
	if b, err := hex.DecodeString(digits); err != nil || len(b) != 16 {
		return nil, badValue(t, text)
	}
	h := strings.ToLower(digits)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

func badValue(t sqlType, text string) *postgrest.Error {
	return refuse(400, "22P02", "invalid input syntax for type %s: \"%s\"", t.name, text)
}

func badTime(t sqlType, text string) *postgrest.Error {
	return refuse(400, "22007", "invalid input syntax for type %s: \"%s\"", t.name, text)
}

// inJSON gives a value the form in which json_each gives it back, equal to the column's.
func inJSON(v any) any {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.000000Z")
	case []byte:
		return strings.ToUpper(hex.EncodeToString(v))
	case []any:
		text, err := value.AppendJSON(nil, v)
		if err != nil {
			return nil
		}
		return string(text)
	}
	return v
}

// members gives the document that a filter's value is: JSON, or a list in the form of
// Postgres' arrays.
func members(t sqlType, text string) (document string, object bool, err error) {
	if t.kind == store.Array {
		items, err := list(text)
		if err != nil {
			return "", false, err
		}
		b, err := value.AppendJSON(nil, items)
		return string(b), false, err
	}
	if !isDocument(text) {
		return "", false, badJSON()
	}
	first := strings.TrimLeft(text, " \t\r\n")[0]
	if first != '{' && first != '[' {
		return "[" + text + "]", false, nil
	}
	return text, first == '{', nil
}

func isDocument(text string) bool { return json.Valid([]byte(text)) && writable(text) }

func badJSON() *postgrest.Error {
	e := refuse(400, "22P02", "invalid input syntax for type json")
	e.Details = `The input string is not JSON.`
	return e
}

// list reads the text of an array of one dimension (Postgres, section 8.15.2). Its elements
// are text.
func list(text string) (any, error) {
	malformed := refuse(400, "22P02", "malformed array literal: \"%s\"", text)
	body, ok := strings.CutPrefix(strings.TrimSpace(text), "{")
	if ok {
		body, ok = strings.CutSuffix(body, "}")
	}
	if !ok || !writable(text) {
		return nil, malformed
	}
	items := []any{}
	for body = strings.TrimSpace(body); body != ""; {
		var item any
		item, body, ok = element(body)
		if !ok {
			return nil, malformed
		}
		items = append(items, item)
		if body == "" {
			break
		}
		if body[0] != ',' || strings.TrimSpace(body[1:]) == "" {
			return nil, malformed
		}
		body = strings.TrimSpace(body[1:])
	}
	return items, nil
}

// element reads one element and gives what stands behind it.
func element(text string) (item any, rest string, ok bool) {
	var b strings.Builder
	if text[0] == '"' {
		for i := 1; i < len(text); i++ {
			switch {
			case text[i] == '\\' && i+1 < len(text):
				i++
				b.WriteByte(text[i])
			case text[i] == '"':
				return b.String(), strings.TrimSpace(text[i+1:]), true
			default:
				b.WriteByte(text[i])
			}
		}
		return nil, "", false
	}
	end := strings.IndexByte(text, ',')
	if end < 0 {
		end = len(text)
	}
	word := strings.TrimSpace(text[:end])
	if word == "" || strings.ContainsAny(word, `{}"\`) {
		return nil, "", false
	}
	if strings.EqualFold(word, "null") {
		return nil, text[end:], true
	}
	return word, text[end:], true
}
