package value

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// AppendText writes a scalar as it stands in a longer text: whole floats below 2^53
// without point or exponent, times as RFC 3339. nil, maps, lists and objects are an
// error: "user:" + nil must never become the topic "user:".
func AppendText(dst []byte, v any) ([]byte, error) {
	switch x := v.(type) {
	case string:
		return append(dst, x...), nil
	case int64:
		return strconv.AppendInt(dst, x, 10), nil
	case int:
		return strconv.AppendInt(dst, int64(x), 10), nil
	case float64:
		return appendFloatText(dst, x), nil
	case bool:
		return strconv.AppendBool(dst, x), nil
	case Number:
		return append(dst, x...), nil
	case time.Time:
		return x.AppendFormat(dst, time.RFC3339Nano), nil
	case *Raw:
		d, err := x.Value()
		if err != nil {
			return dst, err
		}
		return AppendText(dst, d)
	case nil:
		return dst, errNilText{}
	}
	return dst, fmt.Errorf("%s cannot stand inside a text", Describe(v))
}

func appendFloatText(dst []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return strconv.AppendInt(dst, int64(f), 10)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

// errNilText is what AppendText answers for nil.
type errNilText struct{}

func (errNilText) Error() string { return "nil cannot stand inside a text; give a default with ??" }

// Describe names the kind of a value in plain words, with its article: "a list",
// "text", "nil".
func Describe(v any) string {
	switch x := v.(type) {
	case nil:
		return "nil"
	case bool:
		return "true or false"
	case int64, int, float64, Number:
		return "a number"
	case string:
		return "text"
	case time.Time:
		return "a time"
	case time.Duration:
		return "a duration"
	case *time.Location:
		return "a time zone"
	case []byte:
		return "bytes"
	case []any:
		return "a list"
	case map[string]any, Claims:
		return "a map"
	case *Raw:
		if d, err := x.Value(); err == nil {
			return Describe(d)
		}
		return "JSON that cannot be read"
	case *Row:
		return "a row"
	case Object:
		return "an object"
	}
	return "a value of another kind"
}
