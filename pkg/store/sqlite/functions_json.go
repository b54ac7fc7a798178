package sqlite

import (
	"cmp"
	"slices"
	"strings"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/value"
)

// compareJSON compares documents by value, as Postgres compares jsonb. What is no JSON is as
// NULL: nothing is known of it.
func compareJSON(c sqlite3.Context, args ...sqlite3.Value) {
	if args[0].Type() == sqlite3.NULL || args[1].Type() == sqlite3.NULL {
		return
	}
	a, err := value.DecodeJSON(args[0].RawText())
	if err != nil {
		return
	}
	b, err := value.DecodeJSON(args[1].RawText())
	if err != nil {
		return
	}
	c.ResultInt64(int64(compareDocuments(a, b)))
}

func compareDocuments(a, b any) int {
	if order := cmp.Compare(rank(a), rank(b)); order != 0 {
		return order
	}
	switch a := a.(type) {
	case nil:
		return 0
	case string:
		return strings.Compare(a, b.(string))
	case bool:
		return cmp.Compare(digit(a), digit(b.(bool)))
	case []any:
		return compareLists(a, b.([]any))
	case map[string]any:
		return compareObjects(a, b.(map[string]any))
	}
	order, _ := value.CompareNumbers(a, b)
	return order
}

// rank is the order of the kinds (Postgres, section 8.14.4).
func rank(v any) int {
	switch v.(type) {
	case nil:
		return 0
	case string:
		return 1
	case bool:
		return 3
	case []any:
		return 4
	case map[string]any:
		return 5
	default:
		return 2
	}
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func compareLists(a, b []any) int {
	if order := cmp.Compare(len(a), len(b)); order != 0 {
		return order
	}
	return slices.CompareFunc(a, b, compareDocuments)
}

// compareObjects goes by key and value in turn, the short keys first.
func compareObjects(a, b map[string]any) int {
	if order := cmp.Compare(len(a), len(b)); order != 0 {
		return order
	}
	mine, theirs := keysOf(a), keysOf(b)
	for i, key := range mine {
		if order := compareKeys(key, theirs[i]); order != 0 {
			return order
		}
		if order := compareDocuments(a[key], b[key]); order != 0 {
			return order
		}
	}
	return 0
}

func keysOf(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

func compareKeys(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
