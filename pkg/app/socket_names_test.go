package app

import (
	"reflect"
	"testing"

	"github.com/openmanifest/gateway/pkg/value"
)

func TestBoundNamesFindTheirSlots(t *testing.T) {
	before := newNameSet(map[string]int{"b": 21, "a": 20, "c": 22}, nil)
	slots := make([]any, 30)
	slots[20], slots[21], slots[22] = "A", "B", "C"
	b := take(before, slots)
	tests := []struct {
		name string
		set  *nameSet
		want map[int]any // after lay
	}{
		{"the same App", before, map[int]any{20: "A", 21: "B", 22: "C"}},
		{"another App", newNameSet(map[string]int{"c": 10, "a": 11}, nil), map[int]any{10: "C", 11: "A"}},
		{"with a name that was not bound", newNameSet(map[string]int{"x": 10, "b": 11}, nil), map[int]any{11: "B"}},
		{"without those of connect", newNameSet(map[string]int{"a": 10, "b": 11}, newNameSet(map[string]int{"a": 10}, nil)), map[int]any{11: "B"}},
	}
	for _, tt := range tests {
		laid := make([]any, 30)
		b.lay(tt.set, laid)
		got := map[int]any{}
		for i, v := range laid {
			if v != nil {
				got[i] = v
			}
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: slots %v, want %v", tt.name, got, tt.want)
		}
	}
	other := newNameSet(map[string]int{"c": 10, "x": 11}, nil)
	b.keep(other, append(make([]any, 10), "C2", "X"))
	if want := []any{"A", "B", "C2"}; !reflect.DeepEqual(b.values, want) {
		t.Errorf("kept %v, want %v", b.values, want)
	}
	for names, want := range map[string]bool{"": true, "a": true, "ab": true, "ax": false} {
		var list []string
		for _, r := range names {
			list = append(list, string(r))
		}
		if got := b.has(list); got != want {
			t.Errorf("has(%v) = %v, want %v", list, got, want)
		}
	}
	if (&bound{}).has([]string{"a"}) || !(&bound{}).has(nil) {
		t.Error("what bound nothing has a name, or lacks none")
	}
}

func TestSettleDecodesForManyReaders(t *testing.T) {
	raw := &value.Raw{Bytes: []byte(`{"a":1}`)}
	columns := value.NewColumns([]string{"data"}, nil)
	constant := map[string]any{"k": "v"}
	settleAll([]any{[]any{constant, value.Claims{"row": &value.Row{Columns: columns, Values: []any{raw}}}}, (*value.Row)(nil)})
	raw.Bytes = []byte(`{"a":2}`) // read again it would show
	got, err := raw.Value()
	if err != nil || !reflect.DeepEqual(got, map[string]any{"a": int64(1)}) {
		t.Errorf("the JSON of a row was not decoded: %v, %v", got, err)
	}
}
