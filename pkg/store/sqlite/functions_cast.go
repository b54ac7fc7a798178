package sqlite

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
)

// castTo makes args[1] a value of the type that args[0] names, and refuses what Postgres
// refuses: the engine's own cast makes 0 of any word.
func (f *functions) castTo(c sqlite3.Context, args ...sqlite3.Value) {
	if args[0].Type() == sqlite3.NULL || args[1].Type() == sqlite3.NULL {
		return
	}
	made, err := converted(args[0].Text(), held(args[1]))
	if err != nil {
		f.refused = err
		c.ResultError(err)
		return
	}
	switch made := made.(type) {
	case int64:
		c.ResultInt64(made)
	case float64:
		c.ResultFloat(made)
	case bool:
		c.ResultBool(made)
	case string:
		c.ResultText(made)
	}
}

// held is a value as the engine has it; a blob counts as the text of its bytes.
func held(v sqlite3.Value) any {
	switch v.Type() {
	case sqlite3.INTEGER:
		return v.Int64()
	case sqlite3.FLOAT:
		return v.Float()
	default:
		return v.Text()
	}
}

func converted(to string, v any) (any, error) {
	switch to {
	case "smallint", "integer", "bigint":
		return whole(to, v)
	case "real", "double precision":
		n, err := number(to, v)
		if whole, is := n.(int64); is {
			return float64(whole), err
		}
		return n, err
	case "numeric":
		return number(to, v)
	case "boolean":
		return truth(v)
	case "json", "jsonb":
		text := textOf(v)
		if !json.Valid([]byte(text)) {
			return nil, misfit("22P02", "invalid input syntax for type json")
		}
		return text, nil
	case "uuid":
		return uuidOf(v)
	}
	return moments(to, v)
}

// whole rounds a half away from zero, as Postgres does with numeric.
func whole(to string, v any) (any, error) {
	switch v := v.(type) {
	case float64:
		rounded := math.Round(v)
		if rounded < math.MinInt64 || rounded >= -math.MinInt64 {
			return nil, misfit("22003", to+" out of range")
		}
		return int64(rounded), nil
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		if e, is := err.(*strconv.NumError); is && e.Err == strconv.ErrRange {
			return nil, misfit("22003", "value \""+v+"\" is out of range for type "+to)
		}
		if err != nil {
			return nil, badInput("22P02", to, v)
		}
		return n, nil
	}
	return v, nil
}

func number(to string, v any) (any, error) {
	text, is := v.(string)
	if !is {
		return v, nil
	}
	word := strings.TrimSpace(text)
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		return n, nil
	}
	n, err := strconv.ParseFloat(word, 64)
	switch {
	case err != nil || strings.ContainsAny(word, "xX_"):
		return nil, badInput("22P02", to, text)
	case math.IsNaN(n):
		return form.Unreal(n), nil // the engine would make NULL of it
	}
	return n, nil
}

// truth reads the words and what they begin with.
func truth(v any) (any, error) {
	switch v := v.(type) {
	case int64:
		return v != 0, nil
	case float64:
		return v != 0, nil
	}
	word := strings.ToLower(strings.TrimSpace(textOf(v)))
	switch {
	case word == "":
	case strings.HasPrefix("true", word), strings.HasPrefix("yes", word), word == "on", word == "1":
		return true, nil
	case strings.HasPrefix("false", word), strings.HasPrefix("no", word), word == "off", word == "of", word == "0":
		return false, nil
	}
	return nil, badInput("22P02", "boolean", textOf(v))
}

func uuidOf(v any) (any, error) {
	text, is := v.(string)
	digits := strings.ReplaceAll(strings.Trim(text, "{}"), "-", "")
	switch b, err := hex.DecodeString(digits); {
	case is && len(text) == 16 && len(digits) == 16:
		return string(appendUUID(nil, []byte(text))), nil // as bytes
	case !is || err != nil || len(b) != 16:
		return nil, badInput("22P02", "uuid", textOf(v))
	default:
		return string(appendUUID(nil, b)), nil
	}
}

// moments gives a day, a time of day or a moment, each in the form in which it is stored here.
func moments(to string, v any) (any, error) {
	text := textOf(v)
	word := strings.TrimSpace(text)
	t, ok := parseTime(word)
	switch {
	case ok:
	case to == "time without time zone":
		t, ok = parseAs(word, time.TimeOnly, "15:04")
	default:
		t, ok = parseAs(word, time.DateOnly)
	}
	switch {
	case !ok:
		return nil, badInput("22007", to, text)
	case to == "date":
		return t.Format(time.DateOnly), nil
	case to == "time without time zone":
		return t.Format("15:04:05.999999"), nil
	default:
		return string(form.AppendTime(nil, t)), nil
	}
}

func parseAs(text string, layouts ...string) (time.Time, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func textOf(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return string(appendFloat(nil, v))
	case string:
		return v
	}
	return ""
}

func badInput(code, to, text string) *store.Invalid {
	return misfit(code, "invalid input syntax for type "+to+": \""+text+"\"")
}

func misfit(code, message string) *store.Invalid {
	return &store.Invalid{Message: message, Told: store.Told{Code: code}}
}
