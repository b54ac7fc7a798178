package sqlite_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/sqlite"
)

// encode gives the rows of a statement as they are answered.
func encode(t *testing.T, s *sqlite.Store, sql string, shape *store.Shape, args ...any) store.Encoded {
	t.Helper()
	got, err := s.Encode(t.Context(), &store.Statement{SQL: sql, Params: len(args), Shape: shape}, args, 0, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

// TestEncodedColumns writes what tables of others hold in the form that Postgres has for it.
func TestEncodedColumns(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	for _, tt := range []struct{ declared, stored, json, csv string }{
		{"", "null", `null`, ``}, {"", "1", `1`, `1`}, {"", "'a \"b\"'", `"a \"b\""`, `"a ""b"""`}, {"", "''", `""`, `""`},
		{"", "x'00ff'", `"\\x00ff"`, `"\\x00ff"`}, {"", "x''", `"\\x"`, `"\\x"`}, {"", "1.0", `1`, `1`}, {"", "1.5e300", `1.5e+300`, `1.5e+300`},
		{"", "1e-5", `1e-05`, `1e-05`}, {"", "0.0001", `0.0001`, `0.0001`}, {"", "1e15", `1e+15`, `1e+15`}, {"", "123456789012345.0", `123456789012345`, `123456789012345`},
		{"", "9e999", `"Infinity"`, `Infinity`}, {"", "-9e999", `"-Infinity"`, `-Infinity`}, {"", "-9223372036854775808", `-9223372036854775808`, `-9223372036854775808`},
		{"", "'" + "\u2028\x01é'", "\"\u2028" + `\u0001é"`, "\u2028\x01é"}, {"", "cast(x'61ff' as text)", "\"a\uFFFD\"", "a\xff"},
		{"BOOLEAN", "1", `true`, `t`}, {"bool", "0", `false`, `f`}, {"BOOLEAN", "2", `true`, `t`}, {"BOOLEAN", "'true'", `"true"`, `true`}, {"TINYINT(1)", "1", `1`, `1`},
		{"DATETIME", "'2025-01-01T00:05:00.123000Z'", `"2025-01-01T00:05:00.123+00:00"`, `"2025-01-01 00:05:00.123+00"`},
		{"DATETIME", "'2025-01-01T00:05:00.000000Z'", `"2025-01-01T00:05:00+00:00"`, `"2025-01-01 00:05:00+00"`},
		{"DATETIME", "'2025-01-01T00:05:00.000001Z'", `"2025-01-01T00:05:00.000001+00:00"`, `"2025-01-01 00:05:00.000001+00"`},
		{"DATETIME", "'2025-01-01T00:05:00.120Z'", `"2025-01-01T00:05:00.12+00:00"`, `"2025-01-01 00:05:00.12+00"`},
		{"DATETIME", "'2025-01-01T00:05:00Z'", `"2025-01-01T00:05:00+00:00"`, `"2025-01-01 00:05:00+00"`},
		{"timestamp", "'2025-01-01 00:05:00'", `"2025-01-01T00:05:00+00:00"`, `"2025-01-01 00:05:00+00"`},
		{"TIMESTAMP", "'2025-01-01T02:05:00.1234567+02:00'", `"2025-01-01T00:05:00.123456+00:00"`, `"2025-01-01 00:05:00.123456+00"`},
		{"DATETIME", "'2025-01-01T00:05:00.1\"3000Z'", `"2025-01-01T00:05:00.1\"3000Z"`, `"2025-01-01T00:05:00.1""3000Z"`},
		{"DATETIME", "1735776000", `1735776000`, `1735776000`}, {"DATE", "'2025-01-02'", `"2025-01-02"`, `2025-01-02`}, {"TIME", "'10:00:00'", `"10:00:00"`, `10:00:00`},
		{"DECIMAL(10,2)", "'12.50'", `12.5`, `12.5`}, {"DECIMAL TEXT", "'12.50'", `12.50`, `12.50`}, {"DECIMAL TEXT", "'1.'", `"1."`, `1.`},
		{"DECIMAL", "'x'", `"x"`, `x`}, {"DECIMAL", "1e20", `100000000000000000000`, `100000000000000000000`}, {"REAL", "2", `2`, `2`},
		{"JSON", `'{"a": [1, null]}'`, `{"a": [1, null]}`, `"{""a"": [1, null]}"`}, {"JSON", `'{'`, `"{"`, `{`}, {"JSON", `'1'`, `1`, `1`},
		{"ARRAY TEXT", `'["a", null, 1, "b c", ["x"], ""]'`, `["a",null,"1","b c",["x"],""]`, `"{a,NULL,1,""b c"",{x},""""}"`}, {"ARRAY TEXT", `'{'`, `"{"`, `{`},
		{"UUID", "'0C8F1D9E-6A3B-4F0A-9B1C-2D3E4F5A6B7C'", `"0c8f1d9e-6a3b-4f0a-9b1c-2d3e4f5a6b7c"`, `0c8f1d9e-6a3b-4f0a-9b1c-2d3e4f5a6b7c`},
		{"UUID", "x'0c8f1d9e6a3b4f0a9b1c2d3e4f5a6b7c'", `"0c8f1d9e-6a3b-4f0a-9b1c-2d3e4f5a6b7c"`, `0c8f1d9e-6a3b-4f0a-9b1c-2d3e4f5a6b7c`},
		{"BLOB", "'text'", `"\\x74657874"`, `"\\x74657874"`}, {"varchar(3)", "7", `"7"`, `7`}, {"TEXT", "'(a)'", `"(a)"`, `"(a)"`},
	} {
		exec(t, s, "drop table if exists a")
		exec(t, s, "create table a (v "+tt.declared+")")
		exec(t, s, "insert into a values ("+tt.stored+")")
		got := encode(t, s, "select v from a", nil)
		if string(got.JSON) != `{"v":`+tt.json+`}` || got.Rows != 1 || !json.Valid(got.JSON) {
			t.Errorf("%s holding %s is answered as %s, want %s", tt.declared, tt.stored, got.JSON, tt.json)
		}
		if got := encode(t, s, "select v from a", &store.Shape{CSV: true}); string(got.JSON) != tt.csv+"\n" {
			t.Errorf("%s holding %s is the line %q, want %q", tt.declared, tt.stored, got.JSON, tt.csv)
		}
	}
}

func TestShapes(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{Hidden: func(c string) bool { return c == "secret" }})
	exec(t, s, "create table a (id integer primary key, name text, secret text, at datetime)")
	exec(t, s, "insert into a values (1, 'x', 's', '2025-01-01 00:00:00'), (2, null, 's', null)")
	for _, tt := range []struct {
		sql   string
		shape store.Shape
		want  string
		kept  [][]any
	}{
		{"select id, name from a order by id", store.Shape{}, `{"id":1,"name":"x"},{"id":2,"name":null}`, nil},
		{"select * from a where id = 1", store.Shape{}, `{"id":1,"name":"x","at":"2025-01-01T00:00:00+00:00"}`, nil},
		{"select * from a where id = 3", store.Shape{}, ``, nil},
		{"select id, name from a order by id", store.Shape{StripNulls: true}, `{"id":1,"name":"x"},{"id":2}`, nil},
		{"select name from a where id = 2", store.Shape{StripNulls: true}, `{}`, nil},
		{"select null as a, name, null as b, id from a where id = 1", store.Shape{StripNulls: true}, `{"name":"x","id":1}`, nil},
		{`select '{"a":null,"b":[null,{"c":null}]}' as v`, store.Shape{StripNulls: true, Forms: []store.Form{store.FormJSON}}, `{"v":{"b":[null,{}]}}`, nil},
		{"select name, id, secret, at from a order by id", store.Shape{Kept: 3}, `{"name":"x"},{"name":null}`,
			[][]any{{int64(1), "s", "2025-01-01 00:00:00"}, {int64(2), "s", nil}}},
		{"select id from a where id = 1", store.Shape{Kept: 1}, `{}`, [][]any{{int64(1)}}},
		{"select max(at) as m, id = 1 as yes, json_object('a', id) as o, 5 as rest from a", store.Shape{Forms: []store.Form{store.FormTime, store.FormBool, store.FormJSON}},
			`{"m":"2025-01-01T00:00:00+00:00","yes":true,"o":{"a":1},"rest":5}`, nil},
		{`select 1 as "a ""b"""`, store.Shape{}, `{"a \"b\"":1}`, nil},
		{"select id, name, at from a order by id", store.Shape{CSV: true}, "1,x,\"2025-01-01 00:00:00+00\"\n2,,\n", nil},
		{"select name, id from a order by id", store.Shape{CSV: true, Kept: 1}, "x\n\n", [][]any{{int64(1)}, {int64(2)}}},
	} {
		got := encode(t, s, tt.sql, &tt.shape)
		if string(got.JSON) != tt.want || !reflect.DeepEqual(got.Kept, tt.kept) {
			t.Errorf("%s as %+v:\n%s, kept %v, want\n%s, kept %v", tt.sql, tt.shape, got.JSON, got.Kept, tt.want, tt.kept)
		}
	}
}

// TestEncodeStandsBehind: what is given stays in front, also of rows that are written.
func TestEncodeStandsBehind(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	exec(t, s, "create table a (id integer primary key, n integer unique)")
	insert := &store.Statement{SQL: "insert into a (n) values (?1), (?1 + 1) returning id, n", Params: 1}
	got, err := s.Encode(t.Context(), insert, []any{int64(5)}, 0, []byte("["))
	if err != nil || string(got.JSON) != `[{"id":1,"n":5},{"id":2,"n":6}` || got.Affected != 2 || got.Rows != 2 {
		t.Errorf("%s, %+v, %v", got.JSON, got, err)
	}
	_, err = s.Encode(t.Context(), insert, []any{int64(6)}, 0, nil)
	var conflict *store.Conflict
	if !errors.As(err, &conflict) || conflict.Kind != store.Unique {
		t.Errorf("the same again: %v", err)
	}
	quiet := &store.Statement{SQL: "with x as (select 7) insert into a (n) select * from x"}
	got, err = s.Encode(t.Context(), quiet, nil, 0, []byte("["))
	if err != nil || string(got.JSON) != "[" || got.Affected != 1 || got.Rows != 0 {
		t.Errorf("without returning: %s, %+v, %v", got.JSON, got, err)
	}
	all := &store.Statement{SQL: "select n from a order by n", Reads: true}
	if _, err := s.Encode(t.Context(), all, nil, 2, nil); !errors.Is(err, store.ErrTooManyRows) {
		t.Errorf("3 rows within 2: %v", err)
	}
	if got, err := s.Encode(t.Context(), all, nil, 3, nil); err != nil || got.Rows != 3 {
		t.Errorf("3 rows within 3: %+v, %v", got, err)
	}
	exec(t, s, "alter table a rename column n to m")
	exec(t, s, "alter table a add column b boolean not null default true")
	star := &store.Statement{SQL: "select * from a where id = 1"}
	for range 2 {
		if got, err := s.Encode(t.Context(), star, nil, 0, nil); err != nil || string(got.JSON) != `{"id":1,"m":5,"b":true}` {
			t.Errorf("after a change of the table: %s, %v", got.JSON, err)
		}
		exec(t, s, "create index if not exists i on a (m)")
	}
}

func TestTransactionsThatRead(t *testing.T) {
	for _, url := range []string{"sqlite::memory:", "sqlite:" + t.TempDir() + "/a.db"} {
		s := open(t, url, store.Options{Pool: 2})
		exec(t, s, "create table a (n integer)")
		exec(t, s, "insert into a values (1)")
		count, insert := "select count(*) as c from a", &store.Statement{SQL: "insert into a values (2)"}
		err := s.TxWith(t.Context(), store.TxOptions{ReadOnly: true}, func(tx store.Tx) error {
			if got := one(t, tx, count); got != int64(1) {
				t.Errorf("%s: %v rows, want 1", url, got)
			}
			if !strings.Contains(url, "memory") { // in memory a write waits until the reading is over
				exec(t, s, "insert into a values (3)")
				if got := one(t, tx, count); got != int64(1) {
					t.Errorf("%s: %v rows of the moment it began, want 1", url, got)
				}
			}
			_, err := tx.Exec(t.Context(), insert, nil)
			return err
		})
		var fault *store.Fault
		if !errors.As(err, &fault) || !strings.Contains(fault.Message, "only reads") {
			t.Errorf("%s: a write: %v", url, err)
		}
		for name, o := range map[string]store.TxOptions{"role": {Role: "web"}, "settings": {Settings: map[string]string{"a.b": "c"}, ReadOnly: true}} {
			err := s.TxWith(t.Context(), o, func(store.Tx) error { t.Errorf("a transaction with %s began", name); return nil })
			if !errors.As(err, &fault) {
				t.Errorf("%s: %v, want a fault", name, err)
			}
		}
		exec(t, s, "insert into a values (2)") // nobody holds it
		if s.Stats().InUse != 0 {
			t.Errorf("%s: after it: %+v", url, s.Stats())
		}
	}
}

// FuzzEncoded stores anything in columns of any type: what is answered is JSON.
func FuzzEncoded(f *testing.F) {
	s, err := sqlite.Open(f.Context(), "sqlite::memory:", store.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	types := []string{"", "BOOLEAN", "DATETIME", "DECIMAL TEXT", "JSON TEXT", "ARRAY TEXT", "UUID TEXT", "BLOB", "REAL"}
	for i, declared := range types {
		sql := "create table a" + string(rune('0'+i)) + " (v " + declared + ")"
		if _, err := s.Exec(f.Context(), &store.Statement{SQL: sql}, nil); err != nil {
			f.Fatal(err)
		}
	}
	for _, text := range []string{"2025-01-01T00:00:00.000000Z", `[1,"a"]`, `{"a":null}`, "-1.5e3", "1.", "\xff\x00", "", `"`} {
		for i := range types {
			f.Add(byte(i), true, []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, asText bool, stored []byte) {
		table := "a" + string(rune('0'+int(which)%len(types)))
		place := "?1"
		if asText {
			place = "cast(?1 as text)"
		}
		exec(t, s, "delete from "+table)
		exec(t, s, "insert into "+table+" values ("+place+")", stored)
		for _, shape := range []store.Shape{{}, {StripNulls: true}} {
			if got := encode(t, s, "select v, v as w from "+table, &shape); !json.Valid(got.JSON) {
				t.Errorf("%q in %s is answered as %s", stored, types[int(which)%len(types)], got.JSON)
			}
		}
		got := encode(t, s, "select v, v as w from "+table, &store.Shape{CSV: true})
		lines, err := csv.NewReader(strings.NewReader(string(got.JSON))).ReadAll()
		if err != nil || len(lines) > 1 || len(lines) == 1 && (len(lines[0]) != 2 || lines[0][0] != lines[0][1]) {
			t.Errorf("%q in %s is the line %q: %v", stored, types[int(which)%len(types)], got.JSON, err)
		}
	})
}
