package postgres

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/value"
)

// append writes v as a parameter of this kind: as text, which the server converts by
// the parameter's type, or in binary (format 1) where that needs no conversion. NULL
// is nil. An error means that v has no form at all.
func (k kind) append(dst []byte, v any) (text []byte, format int16, err error) {
	switch v := v.(type) {
	case nil:
		return nil, 0, nil
	case []byte:
		if k.base == asBytes && !k.array {
			return append(held(dst), v...), 1, nil
		}
		return append(held(dst), v...), 0, nil
	case []any:
		if k.array {
			text, err = k.appendArray(dst, v)
			return text, 0, err
		}
	}
	text, err = k.appendText(dst, v)
	return text, 0, err
}

// held makes sure that an empty value is not taken for NULL.
func held(dst []byte) []byte {
	if dst == nil {
		return []byte{}
	}
	return dst
}

func (k kind) appendText(dst []byte, v any) ([]byte, error) {
	dst = held(dst)
	switch v := v.(type) {
	case string:
		return append(dst, k.utc(v)...), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case float64:
		return form.AppendFloat(dst, v), nil
	case value.Number:
		return append(dst, v...), nil
	case time.Time:
		return k.appendTime(dst, v), nil
	case *value.Raw:
		return append(dst, v.Bytes...), nil
	case []any, map[string]any, value.Claims, value.Object:
		return value.AppendJSON(dst, v)
	default:
		return nil, fmt.Errorf("%T is no value for a database", v)
	}
}

// appendTime cuts a time to what the type holds; the server would take the day and the
// hour as they are written, whatever the zone.
func (k kind) appendTime(dst []byte, t time.Time) []byte {
	switch k.base {
	case asDate:
		return t.UTC().AppendFormat(dst, time.DateOnly)
	case asTime:
		return t.UTC().AppendFormat(dst, "15:04:05.000000")
	default:
		return form.AppendTime(dst, t)
	}
}

// utc turns text with a zone into UTC for a timestamp without one: the server would
// drop the zone without a word.
func (k kind) utc(text string) string {
	if k.base != asTimestamp {
		return text
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UTC().Format(form.Datetime)
	}
	return text
}

// appendArray writes an array's text: {1,"two",NULL,{nested}} (Postgres, section 8.15.6).
func (k kind) appendArray(dst []byte, list []any) ([]byte, error) {
	dst = append(dst, '{')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		switch v := v.(type) {
		case nil:
			dst = append(dst, "NULL"...)
		case []any:
			dst, err = k.appendArray(dst, v)
		case []byte:
			dst = append(dst, `"\\x`...)
			dst = append(hex.AppendEncode(dst, v), '"')
		default:
			dst, err = k.appendElement(dst, v)
		}
		if err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func (k kind) appendElement(dst []byte, v any) ([]byte, error) {
	text, err := k.appendText(nil, v)
	if err != nil {
		return nil, err
	}
	dst = append(dst, '"')
	for _, b := range text {
		if b == '"' || b == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, b)
	}
	return append(dst, '"'), nil
}
