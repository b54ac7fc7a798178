// Package form gives values their text, the same for every database.
package form

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// Datetime has a fixed width, so that text of it sorts by time.
const Datetime = "2006-01-02T15:04:05.000000Z"

// AppendTime writes a time in UTC, cut to the microseconds that databases keep.
func AppendTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, Datetime)
}

// AppendFloat writes a float without an exponent where it is short so, as a column of
// integers takes 1000000 and not 1e+06. NaN and infinities are in Postgres' words.
func AppendFloat(dst []byte, f float64) []byte {
	if word := Unreal(f); word != "" {
		return append(dst, word...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(dst, f, 'g', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// Unreal names a float that is no number; "" for all others.
func Unreal(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	default:
		return ""
	}
}

// JSON reads what a database holds as JSON. Where that is beyond what we decode (nested
// too deep), it stays as it is, and goes out byte for byte.
func JSON(text []byte) any {
	v, err := value.DecodeJSON(text)
	if err != nil {
		return &value.Raw{Bytes: bytes.Clone(text)}
	}
	return v
}

// Verb is the first word of a statement in lower case.
func Verb(sql string) string {
	sql = skip(sql, "(")
	end := strings.IndexFunc(sql, func(r rune) bool { return (r|0x20) < 'a' || (r|0x20) > 'z' })
	if end < 0 {
		end = len(sql)
	}
	return strings.ToLower(sql[:end])
}

// Blank tells SQL in which there is no statement.
func Blank(sql string) bool { return skip(sql, "") == "" }

// Rest is SQL without what stands before its first statement.
func Rest(sql string) string { return skip(sql, "") }

// skip leaves out spaces, semicolons, comments and the characters in also.
func skip(sql, also string) string {
	for {
		sql = strings.TrimLeft(sql, " \t\r\n\f;"+also)
		switch {
		case strings.HasPrefix(sql, "--"):
			_, sql, _ = strings.Cut(sql, "\n")
		case strings.HasPrefix(sql, "/*"):
			_, sql, _ = strings.Cut(sql, "*/")
		default:
			return sql
		}
	}
}

// Transactional tells the statements that begin or end a transaction. They would reach
// beyond their own connection's turn, so stores refuse them.
func Transactional(verb string) bool {
	switch verb {
	case "begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release":
		return true
	}
	return false
}

// IsNumber tells text that could stand as a JSON number.
func IsNumber(text string) bool {
	return text != "" && strings.Trim(text, "+-0123456789.eE") == "" && strings.ContainsAny(text, "0123456789")
}
