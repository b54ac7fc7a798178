package sqlite

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/value"
)

// encoder writes the rows of one prepared statement as objects. It is made once for a
// statement of a connection.
type encoder struct {
	shape  *store.Shape
	fields []field
	kept   []field
}

// field is one column.
type field struct {
	column  int
	key     []byte // {"name": or ,"name":
	kind    kind
	trusted bool // its JSON was made by the engine, which makes no other
}

func newEncoder(p *prepared, shape *store.Shape) *encoder {
	if shape == nil {
		shape = &store.Shape{}
	}
	e := &encoder{shape: shape}
	shown := len(p.kinds) - shape.Kept
	for i, name := range p.columns.Names() {
		f := field{column: i, kind: p.kinds[i], trusted: p.kinds[i] == 0}
		if i < len(shape.Forms) {
			f.kind = formed(shape.Forms[i], f.kind)
		}
		switch {
		case i >= shown:
			e.kept = append(e.kept, f)
		case !p.columns.Hidden(i):
			before := byte(',')
			if len(e.fields) == 0 {
				before = '{'
			}
			f.key = append(value.AppendJSONString([]byte{before}, name), ':')
			e.fields = append(e.fields, f)
		}
	}
	return e
}

func formed(f store.Form, declared kind) kind {
	switch f {
	case store.FormJSON:
		return store.JSON
	case store.FormBool:
		return store.Boolean
	case store.FormTime:
		return store.Datetime
	default:
		return declared
	}
}

// object writes the row that the statement stands on.
func (e *encoder) object(dst []byte, stmt *sqlite3.Stmt) []byte {
	if len(e.fields) == 0 {
		return append(dst, "{}"...)
	}
	start := len(dst)
	for i := range e.fields {
		dst = append(dst, e.fields[i].key...)
		dst = e.fields[i].value(dst, stmt)
	}
	dst = append(dst, '}')
	if e.shape.StripNulls {
		dst = form.AppendStripped(dst[:start], dst[start:])
	}
	return dst
}

// keep reads the columns that stay out of the object. Datetimes are as they are stored, so
// that they find the same place when they are bound again.
func (e *encoder) keep(row []any, stmt *sqlite3.Stmt) {
	for i, f := range e.kept {
		var v any
		switch stmt.ColumnType(f.column) {
		case sqlite3.INTEGER:
			v = stmt.ColumnInt64(f.column)
		case sqlite3.FLOAT:
			v = stmt.ColumnFloat(f.column)
		case sqlite3.TEXT:
			v = stmt.ColumnText(f.column)
		case sqlite3.BLOB:
			v = stmt.ColumnBlob(f.column, []byte{})
		}
		if f.kind != store.Datetime {
			v = readKind(f.kind, v)
		}
		row[i] = v
	}
}

// value writes one value in the form that Postgres' to_json has for the column's type.
func (f *field) value(dst []byte, stmt *sqlite3.Stmt) []byte {
	switch stmt.ColumnType(f.column) {
	case sqlite3.NULL:
		return append(dst, "null"...)
	case sqlite3.INTEGER:
		v := stmt.ColumnInt64(f.column)
		if f.kind == store.Boolean {
			return strconv.AppendBool(dst, v != 0)
		}
		return strconv.AppendInt(dst, v, 10)
	case sqlite3.FLOAT:
		return f.float(dst, stmt.ColumnFloat(f.column))
	case sqlite3.BLOB:
		return f.blob(dst, stmt.ColumnRawBlob(f.column))
	default:
		return f.text(dst, stmt.ColumnRawText(f.column))
	}
}

func (f *field) float(dst []byte, v float64) []byte {
	if math.IsInf(v, 0) {
		return append(append(append(dst, '"'), form.Unreal(v)...), '"')
	}
	if f.kind == store.Decimal {
		return form.AppendFloat(dst, v)
	}
	return appendFloat(dst, v)
}

// appendFloat writes a float as Postgres does, with an exponent below 1e-4 and from 1e15 on
// (double_to_shortest_decimal_buf).
func appendFloat(dst []byte, v float64) []byte {
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e15) {
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

func (f *field) blob(dst, v []byte) []byte {
	if f.kind == store.UUID && len(v) == 16 {
		return append(appendUUID(append(dst, '"'), v), '"')
	}
	return append(hex.AppendEncode(append(dst, `"\\x`...), v), '"')
}

func appendUUID(dst, v []byte) []byte {
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		start := [...]int{0, 4, 6, 8, 10}[i]
		if start > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, v[start:end])
	}
	return dst
}

func (f *field) text(dst, v []byte) []byte {
	switch f.kind {
	case store.Datetime:
		if out, ok := appendMoment(append(dst, '"'), v, 'T', ":00"); ok {
			return append(out, '"')
		}
	case store.UUID:
		return value.AppendJSONString(dst, bytes.ToLower(v))
	case store.JSON:
		if f.trusted || json.Valid(v) {
			return append(dst, v...)
		}
	case store.Array:
		if list, ok := form.JSON(v).([]any); ok {
			if out, err := value.AppendJSON(dst, texts(list)); err == nil {
				return out
			}
		}
	case store.Decimal:
		if isNumber(v) {
			return append(dst, v...)
		}
	case store.Binary:
		return append(hex.AppendEncode(append(dst, `"\\x`...), v), '"')
	}
	return value.AppendJSONString(dst, v)
}

// isNumber tells text that is a number in JSON too.
func isNumber(v []byte) bool {
	return len(v) > 0 && (v[0] == '-' || v[0] >= '0' && v[0] <= '9') && v[len(v)-1] >= '0' && json.Valid(v)
}

// appendMoment writes a datetime in Postgres' form for UTC, without the zeros at the end of
// its fraction: 2025-01-01T00:05:00.123+00:00. False: it is no datetime.
func appendMoment(dst, stored []byte, between byte, zone string) ([]byte, bool) {
	at := len(dst)
	if isOurs(stored) {
		dst = append(dst, bytes.TrimRight(bytes.TrimRight(stored[:len(stored)-1], "0"), ".")...)
	} else if t, ok := parseTime(string(stored)); ok {
		dst = t.Truncate(time.Microsecond).AppendFormat(dst, "2006-01-02T15:04:05.999999")
	} else {
		return dst, false
	}
	dst[at+len("2006-01-02")] = between
	return append(append(dst, "+00"...), zone...), true
}

// isOurs tells text in the form that datetimes are stored in here, also with fewer digits
// behind the point, as SQLite's own functions write it.
func isOurs(v []byte) bool {
	end := len(v) - 1
	if end < len("2006-01-02T15:04:05.0") || end >= len(form.Datetime) || v[end] != 'Z' {
		return false
	}
	for i, c := range []byte(form.Datetime[:end]) {
		if digit := c >= '0' && c <= '9'; digit && (v[i] < '0' || v[i] > '9') || !digit && v[i] != c {
			return false
		}
	}
	return true
}
