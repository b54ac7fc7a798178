package tokens

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

func TestRoundTrip(t *testing.T) {
	hide := func(name string) bool { return name == "password" }
	row := &value.Row{Columns: value.NewColumns([]string{"name", "password", "id"}, hide), Values: []any{"bob", "s3cret", int64(4)}}
	noon := time.Date(2026, 11, 24, 12, 0, 0, 500, time.UTC)
	for _, c := range []struct {
		name     string
		in, want any
	}{
		{"nil", nil, nil},
		{"int", 7, int64(7)},
		{"bytes", []byte{0, 255}, "\x00\xff"},
		{"any text", "\x00\xff ü 🙂", "\x00\xff ü 🙂"},
		{"time", noon, "2026-11-24T12:00:00.0000005Z"},
		{"map", map[string]any{"b": []any{}, "a": map[string]any{"c": nil}}, value.Claims{"b": []any{}, "a": value.Claims{"c": nil}}},
		{"claims", value.Claims{"sub": "u"}, value.Claims{"sub": "u"}},
		{"row without what is hidden", row, value.Claims{"name": "bob", "id": int64(4)}},
		{"JSON not decoded yet", []any{&value.Raw{Bytes: []byte(`{"a": 1.5}`)}}, []any{value.Claims{"a": 1.5}}},
		{"256 is no byte", []any{int64(1), int64(256)}, []any{int64(1), int64(256)}},
		{"-1 is no byte", []any{int64(-1)}, []any{int64(-1)}},
		{"number", value.Number("12.50"), 12.5},
		{"number, whole", value.Number("10"), int64(10)},
		{"number zero", value.Number("0.00"), 0.0},
		{"number with an exponent", value.Number("1E+20"), 1e20},
		{"number beyond 64 bits", value.Number("-18446744073709551617"), value.Number("-18446744073709551617")},
		{"number of 600 digits", value.Number("1" + strings.Repeat("0", 600)), value.Number("1" + strings.Repeat("0", 600))},
		{"number of 2,000 digits", value.Number(strings.Repeat("7", 2000)), value.Number(strings.Repeat("7", 2000))},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := signer(t, Options{})
			token, err := s.Sign(c.in, signedAt())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := s.Verify(token, signedAt()); err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %#v, %v", got, err)
			}
		})
	}
	for _, n := range []int64{0, 255, 256, -1, -256, math.MaxInt32, math.MaxInt32 + 1, math.MinInt32, math.MinInt32 - 1, math.MaxInt64, math.MinInt64} {
		got, err := decodeTerm(appendInt([]byte{tagVersion}, n))
		if err != nil || got != n {
			t.Errorf("%d came back as %v, %v", n, got, err)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	twice := &value.Row{Columns: value.NewColumns([]string{"id", "id"}, nil), Values: []any{int64(1), int64(2)}}
	for _, c := range []struct {
		name  string
		in    any
		fault string
	}{
		{"a channel", make(chan int), "sign token: a token cannot carry a chan int"},
		{"deep in it", map[string]any{"a": []any{struct{}{}}}, "sign token: a: a token cannot carry a struct {}"},
		{"NaN", math.NaN(), "sign token: a token cannot carry a float that is no number"},
		{"infinite", math.Inf(-1), "sign token: a token cannot carry a float that is no number"},
		{"too exact", value.Number("0.12345678901234567890123"), "sign token: a token cannot carry the number 0.12345678901234567890123 exactly"},
		{"too small", value.Number("1e-400"), "sign token: a token cannot carry the number 1e-400 exactly"},
		{"too large", value.Number("1e400"), "sign token: a token cannot carry the number 1e400 exactly"},
		{"an exponent that would take all memory", value.Number("1e999999999"), "sign token: a token cannot carry the number 1e999999999 exactly"},
		{"the same below", value.Number("1e-999999999"), "sign token: a token cannot carry the number 1e-999999999 exactly"},
		{"no number", value.Number("12a"), `sign token: "12a" is not a number`},
		{"digits", value.Number(strings.Repeat("9", 3000)), "sign token: a number of too many digits"},
		{"more digits", value.Number(strings.Repeat("9", 9000)), "sign token: a number of too many digits"},
		{"columns of one name", twice, `sign token: the data has two members named "id"`},
		{"broken JSON", &value.Raw{Bytes: []byte("{")}, "sign token: invalid JSON at byte 1: a key in quotes is expected here"},
		{"too long", strings.Repeat("a", 6000), "sign token: it would have 8082 bytes, at most 8000 are allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, err := signer(t, Options{}).Sign(c.in, signedAt())
			if token != "" || textOf(err) != c.fault {
				t.Errorf("got %q, %v", token, err)
			}
		})
	}
}

func TestLongest(t *testing.T) {
	s, longest := signer(t, Options{}), 0
	for n := 5900; n < 6000; n++ {
		data := strings.Repeat("a", n)
		token, err := s.Sign(data, signedAt())
		if err != nil {
			continue
		}
		longest = max(longest, len(token))
		if got, err := s.Verify(token, signedAt()); err != nil || got != data {
			t.Fatalf("a token of %d bytes: %v", len(token), err)
		}
	}
	if longest > MaxToken || longest < MaxToken-4 {
		t.Errorf("the longest token has %d bytes", longest)
	}
}
