package sqlite

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
)

// line writes the row that the statement stands on as a line of CSV, each value as the text
// that Postgres has for it.
func (e *encoder) line(dst []byte, stmt *sqlite3.Stmt) []byte {
	for i := range e.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = e.fields[i].plain(dst, stmt)
	}
	return append(dst, '\n')
}

func (f *field) plain(dst []byte, stmt *sqlite3.Stmt) []byte {
	switch stmt.ColumnType(f.column) {
	case sqlite3.NULL:
		return dst
	case sqlite3.INTEGER:
		v := stmt.ColumnInt64(f.column)
		if f.kind == store.Boolean {
			return append(dst, strconv.FormatBool(v != 0)[0])
		}
		return strconv.AppendInt(dst, v, 10)
	case sqlite3.FLOAT:
		v := stmt.ColumnFloat(f.column)
		if math.IsInf(v, 0) || f.kind == store.Decimal {
			return form.AppendFloat(dst, v)
		}
		return appendFloat(dst, v)
	case sqlite3.BLOB:
		v := stmt.ColumnRawBlob(f.column)
		if f.kind == store.UUID && len(v) == 16 {
			return appendUUID(dst, v)
		}
		return form.AppendCSV(dst, hex.AppendEncode([]byte(`\x`), v))
	default:
		return f.plainText(dst, stmt.ColumnRawText(f.column))
	}
}

func (f *field) plainText(dst, v []byte) []byte {
	switch f.kind {
	case store.Datetime:
		if out, ok := appendMoment(nil, v, ' ', ""); ok {
			v = out
		}
	case store.UUID:
		v = bytes.ToLower(v)
	case store.Binary:
		v = hex.AppendEncode([]byte(`\x`), v)
	case store.Array:
		if list, ok := form.JSON(v).([]any); ok {
			v = appendArray(nil, texts(list))
		}
	}
	return form.AppendCSV(dst, v)
}

// appendArray writes the text of an array of text (Postgres, section 8.15.6).
func appendArray(dst []byte, list []any) []byte {
	dst = append(dst, '{')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch v := v.(type) {
		case []any:
			dst = appendArray(dst, v)
		case string:
			dst = appendElement(dst, v)
		default:
			dst = append(dst, "NULL"...)
		}
	}
	return append(dst, '}')
}

func appendElement(dst []byte, v string) []byte {
	if v != "" && !strings.EqualFold(v, "null") && !strings.ContainsAny(v, "{}\",\\ \t\r\n\v\f") {
		return append(dst, v...)
	}
	dst = append(dst, '"')
	for i := range len(v) {
		if v[i] == '"' || v[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, v[i])
	}
	return append(dst, '"')
}
