package sqlite

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/value"
)

// kind is what a column was declared to hold; 0 for what is not a plain column.
type kind = store.Type

// kindOf reads a declared type: those that Create writes, and the usual ones of tables
// made elsewhere.
func kindOf(declared string) kind {
	name, _, _ := strings.Cut(strings.ToUpper(declared), "(")
	name = strings.TrimSpace(name)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(name, p) {
				return true
			}
		}
		return false
	}
	switch {
	case name == "", name == "ANY":
		return 0
	case has("BOOL"):
		return store.Boolean
	case has("DATETIME", "TIMESTAMP"):
		return store.Datetime
	case name == "DATE":
		return store.Date
	case name == "TIME":
		return store.Time
	case has("UUID", "GUID"):
		return store.UUID
	case strings.HasPrefix(name, "JSON"):
		return store.JSON
	case strings.HasPrefix(name, "ARRAY"):
		return store.Array
	case has("DECIMAL", "NUMERIC"), name == "NUM": // the last is the engine's word for a view's column
		return store.Decimal
	case has("BIGINT", "INT8"):
		return store.Bigint
	case has("INT"):
		return store.Integer
	case has("TEXT", "CLOB"):
		return store.Text
	case has("BLOB", "BINARY", "BYTEA"):
		return store.Binary
	case has("REAL", "FLOA", "DOUB"):
		return store.Float
	default:
		return store.String
	}
}

// readKind turns what the engine stored into the value that Postgres would give. What
// does not have the form of its column stays as it was stored.
func readKind(k kind, stored any) any {
	switch v := stored.(type) {
	case string:
		return readText(k, v)
	case int64:
		return readInteger(k, v)
	case float64:
		return readFloat(k, v)
	case []byte:
		if k == store.UUID && len(v) == 16 {
			h := hex.EncodeToString(v)
			return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		}
		if v == nil {
			return []byte{} // the engine's word for an empty one; NULL is nil itself
		}
	}
	return stored
}

func readText(k kind, v string) any {
	switch k {
	case store.Datetime:
		if t, ok := parseTime(v); ok {
			return t
		}
	case store.UUID:
		return strings.ToLower(v)
	case store.JSON:
		return form.JSON([]byte(v))
	case store.Array:
		if list, ok := form.JSON([]byte(v)).([]any); ok {
			return texts(list)
		}
	case store.Decimal:
		if _, err := strconv.ParseFloat(v, 64); err == nil && form.IsNumber(v) {
			return value.Number(v)
		}
	case store.Binary:
		return []byte(v)
	}
	return v
}

func readInteger(k kind, v int64) any {
	switch k {
	case store.Boolean:
		return v != 0
	case store.Float:
		return float64(v)
	case store.Decimal:
		return value.Number(strconv.FormatInt(v, 10))
	default:
		return v
	}
}

func readFloat(k kind, v float64) any {
	if word := form.Unreal(v); word != "" {
		return word
	}
	if k == store.Decimal {
		return value.Number(form.AppendFloat(nil, v))
	}
	return v
}

// texts gives the elements of an array as text, which is what arrays hold.
func texts(list []any) []any {
	for i, v := range list {
		switch v := v.(type) {
		case nil, string:
		case []any:
			list[i] = texts(v)
		default:
			if text, err := value.AppendJSON(nil, v); err == nil {
				list[i] = string(text)
			}
		}
	}
	return list
}

// parseTime reads our own form first, then those of SQLite's functions and of others
// (sqlite.org/lang_datefunc.html, section 2).
func parseTime(text string) (time.Time, bool) {
	for _, layout := range [...]string{time.RFC3339Nano, time.DateTime, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
