package sqlite_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

func TestFunctions(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	for sql, want := range map[string]any{
		"'abc' regexp '^a.c$'": int64(1), "'ABC' regexp 'b'": int64(0), "iregexp('é', 'CAFÉ')": int64(1), "'abc' not regexp 'b'": int64(0),
		"null regexp 'a'": nil, "'a' regexp null": nil, "15 regexp '^1'": int64(1), `'a.b' regexp '\.'`: int64(1),
		"moment('2025-01-01 00:05:00')": "2025-01-01T00:05:00+00:00", "moment('2025-01-01T00:05:00.120000Z')": "2025-01-01T00:05:00.12+00:00",
		"moment('soon')": "soon", "moment(5)": int64(5), "moment(null)": nil,
	} {
		if got := one(t, s, "select "+sql); got != want {
			t.Errorf("%s is %v, want %v", sql, got, want)
		}
	}
	match := &store.Statement{SQL: "select 'x' regexp ?1", Params: 1, Reads: true}
	for _, pattern := range []string{"(", "a{2000}", "(?=a)", strings.Repeat("a", 5000)} {
		_, err := s.Query(t.Context(), match, []any{pattern}, 1)
		var invalid *store.Invalid
		if !errors.As(err, &invalid) || !strings.HasPrefix(invalid.Message, "invalid regular expression: ") {
			t.Errorf("%.20s: %v, want Invalid", pattern, err)
		}
		if got := one(t, s, "select 'x' regexp ?1", "x"); got != int64(1) {
			t.Errorf("after %.20s: %v", pattern, got)
		}
	}
	exec(t, s, "create table a (v text check (v regexp '^[a-z]+$'))")
	_, err := s.Exec(t.Context(), &store.Statement{SQL: "insert into a values ('1')"}, nil)
	var conflict *store.Conflict
	if !errors.As(err, &conflict) || conflict.Kind != store.Check {
		t.Errorf("a check by pattern: %v", err)
	}
}

func TestCastTo(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	for sql, want := range map[string]any{
		"cast_to('integer', ' 12 ')": int64(12), "cast_to('integer', 1.5)": int64(2), "cast_to('integer', -2.5)": int64(-3), "cast_to('bigint', null)": nil,
		"cast_to('numeric', '10')": int64(10), "cast_to('numeric', '1.5')": 1.5, "cast_to('double precision', '10')": 10.0, "cast_to('real', 3)": 3.0,
		"cast_to('numeric', 'NaN')": "NaN", "cast_to('date', '2023-10-18 12:37:59')": "2023-10-18", "cast_to('date', '2023-10-18')": "2023-10-18",
		"cast_to('date', '2023-10-18T12:37:59.500000Z')": "2023-10-18", "cast_to('time without time zone', '2023-10-18T12:37:59.500000Z')": "12:37:59.5",
		"cast_to('time without time zone', '10:00')": "10:00:00", "cast_to('timestamp with time zone', '2023-10-18')": "2023-10-18T00:00:00.000000Z",
		"cast_to('boolean', ' Yes')": int64(1), "cast_to('boolean', 'f')": int64(0), "cast_to('boolean', 2)": int64(1), "cast_to('boolean', 0.0)": int64(0),
		"cast_to('jsonb', '[1]')": "[1]", "cast_to('json', 5)": "5",
		"cast_to('uuid', 'AABBCCDD000000000000000000000001')":  "aabbccdd-0000-0000-0000-000000000001",
		"cast_to('uuid', x'aabbccdd000000000000000000000002')": "aabbccdd-0000-0000-0000-000000000002",
	} {
		if got := one(t, s, "select "+sql); got != want {
			t.Errorf("%s is %#v, want %#v", sql, got, want)
		}
	}
	for sql, code := range map[string]string{
		"cast_to('integer', 'baz')": "22P02", "cast_to('integer', '1.5')": "22P02", "cast_to('integer', 1e20)": "22003", "cast_to('integer', '9223372036854775808')": "22003",
		"cast_to('numeric', '0x10')": "22P02", "cast_to('numeric', '')": "22P02", "cast_to('date', 'soon')": "22007", "cast_to('date', 5)": "22007",
		"cast_to('timestamp with time zone', '2023-13-01')": "22007", "cast_to('uuid', 'a')": "22P02", "cast_to('boolean', 'maybe')": "22P02", "cast_to('boolean', '')": "22P02", "cast_to('json', '{')": "22P02", "cast_to('uuid', 5)": "22P02",
	} {
		_, err := s.Query(t.Context(), &store.Statement{SQL: "select " + sql, Reads: true}, nil, 1)
		if got := store.ToldOf(err).Code; got != code {
			t.Errorf("%s: %v, want %s", sql, err, code)
		}
	}
}

func TestCompareJSON(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	for _, f := range []struct {
		a, b string
		want any
	}{
		{`{"a": 1, "b": [1, 2]}`, `{"b":[1,2],"a":1.0}`, int64(0)},
		{`10`, `9`, int64(1)}, {`10`, `1e1`, int64(0)}, {`0.1`, `0.10`, int64(0)}, {`12345678901234567890`, `12345678901234567891`, int64(-1)},
		{`"b"`, `"a"`, int64(1)}, {`true`, `false`, int64(1)}, {`false`, `true`, int64(-1)},
		{`null`, `""`, int64(-1)}, {`"9"`, `1`, int64(-1)}, {`1`, `false`, int64(-1)}, {`true`, `[]`, int64(-1)}, {`[1,2,3]`, `{}`, int64(-1)},
		{`[2]`, `[1,1]`, int64(-1)}, {`[1,2]`, `[1,1]`, int64(1)}, {`{"a":9}`, `{"a":1,"b":1}`, int64(-1)}, {`{"b":1}`, `{"aa":1}`, int64(-1)}, {`{"a":1}`, `{"a":2}`, int64(-1)},
		{`{`, `1`, nil}, {`1`, `one`, nil},
	} {
		if got := one(t, s, "select compare_json(?1, ?2)", f.a, f.b); got != f.want {
			t.Errorf("%s and %s: %v, want %v", f.a, f.b, got, f.want)
		}
	}
	if got := one(t, s, "select compare_json(null, '1') is null and compare_json('1', null) is null"); got != int64(1) {
		t.Error("null is compared")
	}
}
