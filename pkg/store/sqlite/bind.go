package sqlite

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/value"
)

// bind gives a statement its value number param, counted from 1.
func bind(stmt *sqlite3.Stmt, param int, v any) error {
	err := bindAny(stmt, param, v)
	if err == nil {
		return nil
	}
	return &store.Invalid{Param: param, Message: err.Error()}
}

func bindAny(stmt *sqlite3.Stmt, param int, v any) error {
	switch v := v.(type) {
	case nil:
		return stmt.BindNull(param)
	case string:
		return bindText(stmt, param, v)
	case int64:
		return stmt.BindInt64(param, v)
	case int:
		return stmt.BindInt64(param, int64(v))
	case bool:
		return stmt.BindBool(param, v)
	case float64:
		if word := form.Unreal(v); word != "" {
			return stmt.BindText(param, word)
		}
		return stmt.BindFloat(param, v)
	case value.Number:
		if !keeps(v) {
			return fmt.Errorf("the number has more digits than the database keeps")
		}
		return bindText(stmt, param, string(v))
	case time.Time:
		var text [len(form.Datetime) + 8]byte
		return stmt.BindRawText(param, form.AppendTime(text[:0], v))
	case []byte:
		return bindBytes(stmt, param, v)
	case *value.Raw:
		return bindText(stmt, param, string(v.Bytes))
	case []any, map[string]any, value.Claims, value.Object:
		text, err := value.AppendJSON(nil, v)
		if err != nil {
			return err
		}
		return bindText(stmt, param, string(text))
	default:
		return fmt.Errorf("%T is no value for a database", v)
	}
}

// bindText refuses what Postgres refuses: the engine would take it, and then cut it at
// the NUL or answer with broken text.
// keeps tells whether SQLite gives the same number back: it stores 64 bits, as an integer
// or a float. What it would round is refused, so that no digit is lost unseen.
func keeps(n value.Number) bool {
	if _, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return true
	}
	f, ok := n.Float()
	if !ok {
		return false
	}
	order, ok := value.CompareNumbers(n, value.Number(strconv.FormatFloat(f, 'f', -1, 64)))
	return ok && order == 0
}

func bindText(stmt *sqlite3.Stmt, param int, text string) error {
	if strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
		return fmt.Errorf("the text holds a NUL or is not UTF-8")
	}
	return stmt.BindText(param, text)
}

// bindBytes binds an empty value as such; without memory it would be NULL.
func bindBytes(stmt *sqlite3.Stmt, param int, v []byte) error {
	if len(v) == 0 {
		return stmt.BindZeroBlob(param, 0)
	}
	return stmt.BindBlob(param, v)
}
