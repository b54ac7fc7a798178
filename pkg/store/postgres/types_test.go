package postgres_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

func exec(t *testing.T, s store.Tx, sql string, args ...any) {
	t.Helper()
	if _, err := s.Exec(t.Context(), &store.Statement{SQL: sql, Params: len(args)}, args); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func one(t *testing.T, s store.Tx, sql string, args ...any) any {
	t.Helper()
	result, err := s.Query(t.Context(), &store.Statement{SQL: sql, Params: len(args)}, args, 1)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return result.Rows[0][0]
}

// TestReads covers the types that tables not made by us may have.
func TestReads(t *testing.T) {
	s := open(t, database(t), store.Options{})
	exec(t, s, `create type mood as enum ('happy', 'so so')`)
	exec(t, s, `create domain cents as bigint check (value >= 0)`)
	exec(t, s, `create domain notes as jsonb`)
	exec(t, s, `create type pair as (a int, b text)`)
	day := time.Date(2025, 1, 2, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		sql  string
		want any
	}{
		{`'12.50'::numeric`, value.Number("12.50")},
		{`'-0.00'::numeric(5,2)`, value.Number("0.00")},
		{`'100000000'::numeric`, value.Number("100000000")},
		{`'0.00001'::numeric`, value.Number("0.00001")},
		{`'-12345678901234567890.000000001'::numeric`, value.Number("-12345678901234567890.000000001")},
		{`1e20::numeric`, value.Number("100000000000000000000")},
		{`'NaN'::numeric`, "NaN"}, {`'-Infinity'::numeric`, "-Infinity"},
		{`0.1::real`, 0.1}, {`'NaN'::real`, "NaN"}, {`-7::smallint`, int64(-7)},
		{`'2025-01-02 10:00:00'::timestamp`, day.Add(10 * time.Hour)},
		{`'2025-01-02 10:00:00+02'::timestamptz`, day.Add(8 * time.Hour)},
		{`'1999-12-31 23:59:59.5+00'::timestamptz`, time.Date(1999, 12, 31, 23, 59, 59, 5e8, time.UTC)},
		{`'infinity'::timestamptz`, "infinity"}, {`'-infinity'::date`, "-infinity"}, {`'1970-01-01'::date`, "1970-01-01"},
		{`'24:00'::time`, "24:00:00"}, {`'01:02:03.000400'::time`, "01:02:03.0004"},
		{`'01:02:03+02'::timetz`, "01:02:03+02"}, {`'1 day'::interval`, "1 day"}, {`'10.0.0.1'::inet`, "10.0.0.1"},
		{`'a'::"char"`, "a"}, {`'x'::name`, "x"}, {`'ab'::char(3)`, "ab "}, {`null::int`, nil},
		{`'happy'::mood`, "happy"}, {`5::cents`, int64(5)}, {`'{"a":1}'::notes`, map[string]any{"a": int64(1)}},
		{`'{"a": [1.0, 1e2]}'::json`, map[string]any{"a": []any{1.0, 100.0}}},
		{`array[1, null, 3]`, []any{int64(1), nil, int64(3)}}, {`'{}'::int[]`, []any{}},
		{`'[5:6]={1,2}'::bigint[]`, []any{int64(1), int64(2)}},
		{`array[[1, 2], [3, 4]]`, []any{[]any{int64(1), int64(2)}, []any{int64(3), int64(4)}}},
		{`array['2025-01-02'::timestamptz at time zone 'UTC']`, []any{day}},
		{`array[1.50, 2]`, []any{value.Number("1.50"), value.Number("2")}},
		{`array['{"a":1}'::jsonb]`, []any{map[string]any{"a": int64(1)}}},
		{`array['so so', 'happy']::mood[]`, []any{"so so", "happy"}},
		{`array[1::cents]`, []any{int64(1)}},
		{`row(1, 'x')::pair`, "(1,x)"}, {`array[row(1, 'x')::pair]`, `{"(1,x)"}`}, {`array['10.0.0.1'::inet]`, "{10.0.0.1}"},
		{`pg_typeof(1)::text`, "integer"}, {`'\x00ff'::bytea`, []byte{0, 255}},
		{strings.Repeat(`jsonb_build_array(`, 70) + strings.Repeat(`)`, 70), &value.Raw{Bytes: []byte(strings.Repeat("[", 70) + strings.Repeat("]", 70))}},
	} {
		if got := one(t, s, "select "+tt.sql); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s reads %#v, want %#v", tt.sql, got, tt.want)
		}
	}
}

func TestParameters(t *testing.T) {
	s := open(t, database(t), store.Options{})
	exec(t, s, `create type mood as enum ('happy', 'so so')`)
	exec(t, s, `create domain notes as jsonb`)
	noon := time.Date(2025, 1, 2, 23, 30, 0, 0, time.FixedZone("", -3600))
	for _, tt := range []struct {
		sql      string
		in, want any
	}{
		{`$1::boolean`, "yes", true}, {`$1::boolean`, int64(1), true}, {`$1::int`, " 42 ", int64(42)}, {`$1::int`, 4.0, int64(4)},
		{`$1::text`, true, "true"}, {`$1::text`, 1e6, "1000000"}, {`$1::text`, noon, "2025-01-03T00:30:00.000000Z"},
		{`$1::date`, noon, "2025-01-03"}, {`$1::time`, noon, "00:30:00"}, {`$1::timestamp`, noon, noon.UTC()},
		{`$1::timestamp`, "2025-01-02T23:30:00-01:00", noon.UTC()}, {`$1::timestamptz`, "2025-01-02T23:30:00-01:00", noon.UTC()},
		{`$1::jsonb`, []any{"a"}, []any{"a"}}, {`$1::notes`, []any{"a"}, []any{"a"}}, {`$1::text[]`, []any{"a"}, []any{"a"}},
		{`$1::int[]`, []any{int64(1), "2", nil}, []any{int64(1), int64(2), nil}}, {`$1::mood[]`, []any{"so so"}, []any{"so so"}},
		{`$1::bytea[]`, []any{[]byte{0, 255}}, []any{[]byte{0, 255}}}, {`$1::jsonb[]`, []any{map[string]any{"a": `"`}}, []any{map[string]any{"a": `"`}}},
		{`$1::bytea`, `\x00ff`, []byte{0, 255}}, {`$1::text`, []byte("x"), "x"}, {`3 = any($1::bigint[])`, []any{int64(3)}, true},
		{`$1::uuid`, "{0C8F1D9E-6A3B-4F0A-9B1C-2D3E4F5A6B7C}", "0c8f1d9e-6a3b-4f0a-9b1c-2d3e4f5a6b7c"},
		{`$1::numeric`, value.Number("1.10"), value.Number("1.10")}, {`$1::float8`, math.Inf(-1), "-Infinity"},
	} {
		if got := one(t, s, "select "+tt.sql, tt.in); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s of %#v is %#v, want %#v", tt.sql, tt.in, got, tt.want)
		}
	}
}

func TestZoneOfDatabase(t *testing.T) {
	url := database(t)
	exec(t, open(t, url, store.Options{}), `do $$ begin execute format('alter database %I set timezone to %L', current_database(), 'America/New_York'); end $$`)
	want := time.Date(2025, 1, 2, 10, 0, 0, 0, time.UTC)
	if got := one(t, open(t, url, store.Options{}), "select $1::timestamptz", "2025-01-02 10:00:00"); got != want {
		t.Errorf("text without a zone is %v, want %v", got, want)
	}
}

// TestBadParameters: what a stranger may send is the stranger's fault, and the answer
// tells which value.
func TestBadParameters(t *testing.T) {
	s := open(t, database(t), store.Options{})
	exec(t, s, `create type mood as enum ('happy')`)
	for _, tt := range []struct {
		sql string
		bad any
	}{
		{"$2::int", "abc"}, {"$2::smallint", int64(40000)}, {"$2::bigint", 1e30}, {"$2::date", "2025-02-30"}, {"$2::timestamptz", "soon"},
		{"$2::uuid", "1"}, {"$2::jsonb", "{"}, {"$2::jsonb", `"\u0000"`}, {"$2::mood", "sad"}, {"$2::text", "\x00"}, {"$2::text", "\xff"},
		{"$2::int[]", []any{"x"}}, {"$2::int", []any{int64(1)}}, {"$2::text", struct{}{}}, {"$2::inet", "x"}, {"$2::numeric", "1,5"},
	} {
		_, err := s.Query(t.Context(), &store.Statement{SQL: "select $1::int, " + tt.sql, Params: 2}, []any{int64(1), tt.bad}, 1)
		var invalid *store.Invalid
		if !errors.As(err, &invalid) || invalid.Param != 2 {
			t.Errorf("%s of %#v: %#v, want Invalid of parameter 2", tt.sql, tt.bad, err)
		}
	}
	for _, sql := range []string{"select 1 where 'a' ~ $1", "select 1 where 'a(b' like $1", "select 1 limit $1::int"} {
		_, err := s.Query(t.Context(), &store.Statement{SQL: sql, Params: 1}, []any{map[bool]string{true: "-1", false: `a(\`}[strings.Contains(sql, "limit")]}, 1)
		var invalid *store.Invalid
		if !errors.As(err, &invalid) {
			t.Errorf("%s: %#v, want Invalid", sql, err)
		}
	}
	_, err := s.Query(t.Context(), &store.Statement{SQL: "select 'x'::int"}, nil, 1)
	var fault *store.Fault
	if !errors.As(err, &fault) || fault.Position != 8 {
		t.Errorf("bad data in the SQL itself: %#v, want Fault at 8", err)
	}
}

func TestConflictDetails(t *testing.T) {
	s := open(t, database(t), store.Options{})
	exec(t, s, `create table "My Users" (id int primary key, "first (n)" text unique, parent int references "My Users",
		age int constraint age_limit check (age > 0), during int4range, exclude using gist (during with &&))`)
	exec(t, s, `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not on sundays'; end $$`)
	exec(t, s, `insert into "My Users" (id, "first (n)", during) values (1, 'a', '[1,3]')`)
	for _, tt := range []struct {
		values string
		want   store.Conflict
	}{
		{`(2, 'a', null, 1, null)`, store.Conflict{Kind: store.Unique, Table: "My Users", Columns: []string{"first (n)"}, Constraint: "My Users_first (n)_key"}},
		{`(2, 'b', 9, 1, null)`, store.Conflict{Kind: store.ForeignKey, Table: "My Users", Columns: []string{"parent"}, Constraint: "My Users_parent_fkey"}},
		{`(2, 'b', null, 0, null)`, store.Conflict{Kind: store.Check, Table: "My Users", Constraint: "age_limit"}},
		{`(2, 'b', null, 1, '[2,5]')`, store.Conflict{Kind: store.Unique, Table: "My Users", Columns: []string{"during"}, Constraint: "My Users_during_excl"}},
	} {
		_, err := s.Exec(t.Context(), &store.Statement{SQL: `insert into "My Users" values ` + tt.values}, nil)
		var got *store.Conflict
		if !errors.As(err, &got) {
			t.Fatalf("%s: %v", tt.values, err)
		}
		tt.want.Message, tt.want.Told = got.Message, got.Told
		if !reflect.DeepEqual(*got, tt.want) || strings.Contains(got.Message, "'") || !strings.HasPrefix(got.Told.Code, "23") || got.Told.Details == "" {
			t.Errorf("%s: %+v, want %+v", tt.values, *got, tt.want)
		}
	}
	exec(t, s, `create trigger closed before insert on "My Users" execute function refuse()`)
	_, err := s.Exec(t.Context(), &store.Statement{SQL: `insert into "My Users" (id) values (3)`}, nil)
	var got *store.Conflict
	if !errors.As(err, &got) || got.Kind != store.Check || got.Message != "not on sundays" {
		t.Errorf("a trigger's refusal: %v", err)
	}
}
