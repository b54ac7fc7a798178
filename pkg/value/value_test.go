package value

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func row() *Row {
	c := NewColumns([]string{"id", "secret", "tags"}, func(n string) bool { return n == "secret" })
	return &Row{c, []any{int64(1), "s", []any{"a"}}}
}

func TestAppendJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	for want, v := range map[string]any{
		`null`: nil, `true`: true, `-9223372036854775808`: int64(math.MinInt64), `1.5`: 1.5, `1`: 1.0, `1e+21`: 1e21, `1e-7`: 1e-7, `100000000000000000000`: 1e20, `"a\"\\\n\t\u0001é<>&"`: "a\"\\\n\t\x01é<>&",
		`"a�b"`: "a\xffb", `1.10`: Number("1.10"), `"2026-01-02T03:04:05.006Z"`: at, `"aGk="`: []byte("hi"), `{"a":[1,null],"b":{}}`: map[string]any{"b": Claims{}, "a": []any{int64(1), nil}},
		`{"id":1,"tags":["a"]}`: row(), `{ "x" : 1.0 }`: &Raw{Bytes: []byte(`{ "x" : 1.0 }`)}, `[null,null,null]`: []any{map[string]any(nil), &Raw{}, (*Row)(nil)}, `[]`: []any{},
	} {
		got, err := AppendJSON([]byte("x"), v)
		if err != nil || string(got) != "x"+want {
			t.Errorf("%#v = %s, %v; want %s", v, got, err, want)
		}
		if !json.Valid(got[1:]) {
			t.Errorf("%s is no JSON", got[1:])
		}
	}
	deep := any(nil)
	for range 300 {
		deep = []any{deep}
	}
	for _, v := range []any{math.NaN(), math.Inf(1), time.Second, struct{}{}, deep, []any{map[string]any{"a": math.Inf(-1)}}} {
		if got, err := AppendJSON(nil, v); err == nil {
			t.Errorf("%v = %s", v, got)
		}
	}
}

func TestAppendText(t *testing.T) {
	for want, v := range map[string]any{"a": "a", "7": int64(7), "100000000": 1e8, "1.5": 1.5, "1e+21": 1e21, "true": true, "1.50": Number("1.50"), "2026-01-02T00:00:00Z": time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), "r": &Raw{Bytes: []byte(`"r"`)}, "-9007199254740991": -9007199254740991.0} {
		if got, err := AppendText(nil, v); err != nil || string(got) != want {
			t.Errorf("%v = %s, %v; want %s", v, got, err, want)
		}
	}
	for _, v := range []any{nil, []any{}, map[string]any{}, row(), Claims{}, &Raw{}, &Raw{Bytes: []byte("{}")}, time.Second, []byte("a")} {
		if got, err := AppendText(nil, v); err == nil {
			t.Errorf("%v = %q", v, got)
		}
	}
}

func TestDecodeJSON(t *testing.T) {
	for text, want := range map[string]any{
		`null`: nil, ` true `: true, `9223372036854775807`: int64(math.MaxInt64), `9223372036854775808`: Number("9223372036854775808"), `-0`: math.Copysign(0, -1), `1.5`: 1.5, `1.0`: 1.0, `1e3`: 1000.0, `0.1`: 0.1, `1.10`: 1.1,
		`0.10000000000000000001`: Number("0.10000000000000000001"), `1e400`: Number("1e400"), `1e-400`: Number("1e-400"), `0e999999999999`: 0.0, `18446744073709551616`: Number("18446744073709551616"),
		`"a\u00e9\ud83d\ude00\ud800x\n\/"`: "aé😀�x\n/", `"é"`: "é", `{"a":1,"a":[2,{}]}`: map[string]any{"a": []any{int64(2), map[string]any{}}}, `[]`: []any{}, "\t[1 , 2]\r\n": []any{int64(1), int64(2)},
		strings.Repeat("[", 64) + strings.Repeat("]", 64): nested(64),
	} {
		got, err := DecodeJSON([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %#v, %v; want %#v", text, got, err, want)
		}
	}
	for _, text := range []string{``, ` `, `nul`, `truex`, `01`, `1.`, `.5`, `+1`, `1e`, `-`, `"a`, `"\x"`, `"\u12g4"`, "\"\xff\"", "\"\x01\"", `{`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1,}`, `[1,]`, `[1 2]`, `1 2`, `{}x`, `'a'`, "\"\\", "\ufeff1", strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat(`{"a":`, 100000)} {
		if v, err := DecodeJSON([]byte(text)); err == nil {
			t.Errorf("%.40q = %v", text, v)
		}
	}
}

func nested(n int) any {
	v := any([]any{})
	for range n - 1 {
		v = []any{v}
	}
	return v
}

func TestNumbersCompareExactly(t *testing.T) {
	for _, c := range []struct {
		a, b any
		want int
	}{
		{int64(1), 1.0, 0}, {int64(9007199254740993), 9007199254740992.0, 1}, {Number("1.50"), 1.5, 0}, {Number("1e400"), Number("10e399"), 0}, {Number("-1e400"), 0.0, -1}, {Number("1e400"), math.Inf(1), -1}, {Number("0.1"), 0.1, 0},
		{int64(-5), int64(3), -1}, {0.0, Number("-0.00"), 0}, {Number("1e99999999999999999999"), Number("1e400"), 1}, {1, int64(1), 0},
	} {
		got, ok := CompareNumbers(c.a, c.b)
		back, _ := CompareNumbers(c.b, c.a)
		if !ok || got != c.want || back != -c.want {
			t.Errorf("%v and %v: %d, %d, %v; want %d", c.a, c.b, got, back, ok, c.want)
		}
	}
	for _, v := range []any{"1", nil, true, math.NaN()} {
		if _, ok := CompareNumbers(v, int64(1)); ok {
			t.Errorf("%v compares", v)
		}
	}
}

func TestPlain(t *testing.T) {
	m := map[string]any{"r": row(), "raw": &Raw{Bytes: []byte(`{"a":1}`)}, "c": Claims{"x": []any{nil}}}
	got := Plain(m).(map[string]any)
	want := map[string]any{"r": map[string]any{"id": int64(1), "tags": []any{"a"}}, "raw": map[string]any{"a": int64(1)}, "c": map[string]any{"x": []any{nil}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
	got["c"].(map[string]any)["x"].([]any)[0] = 1
	if m["c"].(Claims)["x"].([]any)[0] != nil {
		t.Error("the copy shares a list")
	}
}

func TestRaw(t *testing.T) {
	r := &Raw{Bytes: []byte(`{"a":1}`)}
	a, err := r.Value()
	b, _ := r.Value()
	if err != nil || !reflect.DeepEqual(a, map[string]any{"a": int64(1)}) {
		t.Errorf("%v, %v", a, err)
	}
	b.(map[string]any)["seen"] = true
	if a.(map[string]any)["seen"] != true {
		t.Error("it was decoded twice")
	}
	if v, err := (&Raw{Bytes: []byte(`{`)}).Value(); err == nil {
		t.Errorf("broken JSON is %v", v)
	}
}

// FuzzDecodeJSON holds what is decoded against encoding/json, and what is written
// against what was read.
func FuzzDecodeJSON(f *testing.F) {
	for _, x := range []string{`{"a":[1,2.5,"x\u00e9",null,true]}`, `"\ud800"`, `1e400`, `[[[]]]`, `-0.0`, "\"\xff\"", `{"a":1,"a":2}`} {
		f.Add([]byte(x))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := DecodeJSON(b)
		if err == nil && !json.Valid(b) {
			t.Fatalf("%q is decoded as %v", b, v)
		}
		if err != nil {
			return
		}
		out, err := AppendJSON(nil, v)
		if err != nil || !json.Valid(out) {
			t.Fatalf("%q is written as %q, %v", b, out, err)
		}
		again, err := DecodeJSON(out)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		// 1.0 is written 1, which is read as an integer: the text is what must not change.
		if twice, err := AppendJSON(nil, again); err != nil || string(twice) != string(out) {
			t.Fatalf("%q: %s and then %s, %v", b, out, twice, err)
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	r, buf := row(), make([]byte, 0, 256)
	b.Run("row", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = AppendJSON(buf[:0], r)
		}
	})
	m := map[string]any{"id": int64(1), "name": "a", "tags": []any{"x", "y"}}
	b.Run("map", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = AppendJSON(buf[:0], m)
		}
	})
}

func BenchmarkDecodeJSON(b *testing.B) {
	text := []byte(`{"user_id":"42","body":"hello there","n":[1,2,3.5],"nested":{"a":null,"b":true}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeJSON(text); err != nil {
			b.Fatal(err)
		}
	}
}
