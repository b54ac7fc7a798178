package app

import (
	"math"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// Values that an expression can tell apart, or that go out in other bytes, are other classes.
func TestExactForms(t *testing.T) {
	zone := time.FixedZone("X", 3600)
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	row := func(hidden bool, values ...any) *value.Row {
		return &value.Row{Columns: value.NewColumns([]string{"a", "b"}, func(string) bool { return hidden }), Values: values}
	}
	distinct := []any{
		nil, true, false, int64(0), int64(1), 0.0, math.Copysign(0, -1), 1.0, value.Number("1"), "1", "", "n", []byte("1"), []byte{},
		now, now.In(zone), now.In(time.FixedZone("Y", 3600)), now.Add(1), time.Duration(1),
		[]any{}, []any{nil}, []any{"a", "b"}, []any{"ab"}, []any{[]any{"a"}, "b"}, []any{[]any{"a", "b"}},
		map[string]any(nil), map[string]any{}, map[string]any{"a": nil}, map[string]any{"a": "b"}, map[string]any{"a": map[string]any{}}, value.Claims{}, value.Claims{"a": "b"},
		&value.Raw{Bytes: []byte("1")}, &value.Raw{Bytes: []byte("1.0")}, &value.Raw{},
		(*value.Row)(nil), row(false, "x", "y"), row(true, "x", "y"), row(false, "xy", ""), row(false, "x", nil),
	}
	seen := map[string]any{}
	for _, v := range distinct {
		b, ok := appendExact(nil, v)
		if !ok {
			t.Errorf("%#v has no form", v)
			continue
		}
		if other, taken := seen[string(b)]; taken {
			t.Errorf("%#v and %#v have the same form", v, other)
		}
		seen[string(b)] = v
		again, _ := appendExact(nil, v)
		if string(again) != string(b) {
			t.Errorf("%#v has two forms", v)
		}
	}
	many := map[string]any{}
	for _, k := range []string{"q", "w", "e", "r", "t", "y"} {
		many[k] = k
	}
	first, _ := appendExact(nil, many)
	for range 20 {
		if b, _ := appendExact(nil, many); string(b) != string(first) {
			t.Fatal("a map has two forms")
		}
	}
	for _, v := range []any{func() {}, []any{make(chan int)}, map[string]any{"a": struct{}{}}, (*value.Raw)(nil)} {
		if _, ok := appendExact(nil, v); ok {
			t.Errorf("%T has a form", v)
		}
	}
}
