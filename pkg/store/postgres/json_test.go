package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/postgres"
	"github.com/openmanifest/gateway/pkg/store/storetest"
)

func TestEncodeContract(t *testing.T) {
	storetest.RunEncode(t, func(t *testing.T, options store.Options) store.Store {
		return open(t, database(t), options)
	})
}

// asToJSON checks that each expression is encoded as row_to_json gives it. An expression
// may stand for many values: it is one of rows of r.
func asToJSON(t *testing.T, s *postgres.Store, exprs []string, from string) {
	t.Helper()
	for _, expr := range exprs {
		query := "select " + expr + " as v " + from
		want, err := s.Query(t.Context(), &store.Statement{SQL: "select row_to_json(x)::text from (" + query + ") x"}, nil, 0)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		got, err := s.Encode(t.Context(), &store.Statement{SQL: query}, nil, 0, []byte("["))
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		var values []json.RawMessage
		if err := json.Unmarshal(append(got.JSON, ']'), &values); err != nil {
			t.Fatalf("%s is encoded as %s: %v", expr, got.JSON, err)
		}
		for i, v := range values {
			if w := want.Rows[i][0].(string); string(v) != w && !sameJSON(t, string(v), w) {
				t.Errorf("%s is encoded as %s, want %s", expr, v, w)
			}
		}
	}
}

// sameJSON compares what may be written in two ways: \b and \u0008, and the last digit of
// the few floats whose shortest form Postgres does not take.
func sameJSON(t *testing.T, got, want string) bool {
	t.Helper()
	if !strings.Contains(want, `\b`) && !strings.Contains(want, `\f`) && !strings.Contains(want, "e-") && !strings.Contains(want, "e+") {
		return false
	}
	var g, w any
	if json.Unmarshal([]byte(got), &g) != nil || json.Unmarshal([]byte(want), &w) != nil {
		return false
	}
	return reflect.DeepEqual(g, w)
}

// TestEncodeAsToJSON covers every form that a type of Postgres may have.
func TestEncodeAsToJSON(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 1})
	for _, sql := range []string{
		`create type mood as enum ('happy', 'so "so"')`, `create domain cents as bigint`, `create domain notes as jsonb`,
		`create domain label as text`, `create domain labels as label[]`, `create type pair as (a int, "b c" text, d timestamptz, e numeric[])`,
		`create type nest as (p pair, ps pair[], m mood, ok bool, j jsonb, at timestamp, i inet, f float8, raw bytea, c cents)`,
		`create table items (id int primary key, name text, gone int)`, `alter table items drop column gone`,
		`insert into items values (1, 'one'), (2, null)`,
	} {
		exec(t, s, sql)
	}
	asToJSON(t, s, strings.Split(strings.TrimSpace(expressions), "\n"), "")
	asToJSON(t, s, []string{"items", "array[items]", "array[items, null]", "row(id, items)::text"}, "from items")
}

const expressions = `
true
false
null::int
(-32768)::smallint
2147483647
(-9223372036854775808)::bigint
0::numeric
'-0.00'::numeric(5,2)
'12.50'::numeric
0.00001::numeric
1e-30::numeric
1e40::numeric
'-12345678901234567890.000000001'::numeric
'100000000'::numeric
'10000.0001'::numeric
'NaN'::numeric
'Infinity'::numeric
'-Infinity'::numeric
'0'::float8
'-0'::float8
0.1::float8
1e14::float8
123456789012345::float8
1e15::float8
999999999999999.9::float8
1e-4::float8
9.999e-5::float8
1e-5::float8
1.5e300::float8
5e-324::float8
'NaN'::float8
'-Infinity'::float8
0.1::real
999999::real
1e6::real
1234567::real
0.0001::real
0.00009999::real
3.4e38::real
'NaN'::real
'text'::text
'a"b\c/d'||chr(8)||chr(9)||chr(10)||chr(12)||chr(13)||chr(1)||chr(31)||chr(127)||'é𝄞'||chr(8232)
'ab'::char(4)
'x'::name
'a'::"char"
'happy'::mood
'so "so"'::mood
'2025-01-02'::date
'0044-03-15 BC'::date
'0001-01-01'::date
'0001-12-31 BC'::date
'4713-01-01 BC'::date
'10000-12-31'::date
'5874897-12-31'::date
'2000-02-29'::date
'1999-12-31'::date
'infinity'::date
'-infinity'::date
'2025-01-01 00:05:00'::timestamp
'2025-01-01 00:05:00.123'::timestamp
'2025-01-01 00:05:00.000001'::timestamp
'1969-12-31 23:59:59.999999'::timestamp
'0044-03-15 10:00:00.5 BC'::timestamp
'294276-12-31 23:59:59.999999'::timestamp
'infinity'::timestamp
'2025-01-01 00:05:00+00'::timestamptz
'2025-01-01 00:05:00.1200+02'::timestamptz
'0044-03-15 10:00:00+00 BC'::timestamptz
'-infinity'::timestamptz
'24:00'::time
'00:00'::time
'01:02:03.0004'::time
'01:02:03+02'::timetz
'01:02:03.5-03:30'::timetz
'1 year 2 days 03:04:05.6'::interval
'-1 day'::interval
'0c8f1d9e-6a3b-4f0a-9b1c-2d3e4f5a6b7c'::uuid
'\x00ff10'::bytea
''::bytea
'{"a": [1.0, 1e2, null]}'::json
' [1 ,2 ] '::json
'{"b": 1, "a": {"x": "é\u00e9"}}'::jsonb
'null'::jsonb
'"x"'::jsonb
'{"a":1}'::notes
5::cents
'x'::label
array['x', null]::labels
12.5::money
'10.0.0.1/8'::inet
'10.0.0.0/8'::cidr
'08:00:2b:01:02:03'::macaddr
'(1,2)'::point
'((1,2),(3,4))'::box
'101'::bit(3)
'101'::varbit
'<a>"x"</a>'::xml
'a fat cat'::tsvector
'a & b'::tsquery
'[1,5)'::int4range
'empty'::int4range
'["2025-01-01 10:00","2025-01-02 10:00")'::tstzrange
'{[1,2],[5,8)}'::int4multirange
17::oid
'pg_class'::regclass
'$.a'::jsonpath
'1 2 3'::int2vector
'0/16B3748'::pg_lsn
array[1, null, 3]
'{}'::int[]
'[5:6]={1,2}'::bigint[]
array[[1, 2], [3, 4]]
array[[['a']], [['b"']]]
array[1.50, 'NaN'::numeric]
array[0.1::real, 1e7::real]
array[true, false, null]
array['a', 'NULL', null, '', 'x"\y', '{}', 'a,b']
array['2025-01-02'::date, null]
array['2025-01-02 10:00'::timestamp]
array['2025-01-02 10:00+00'::timestamptz]
array['01:02'::time]
array['\x00ff'::bytea, ''::bytea]
array['{"a": 1}'::json, '[]'::json]
array['{"a":1}'::jsonb, 'null'::jsonb, null]
array['0c8f1d9e-6a3b-4f0a-9b1c-2d3e4f5a6b7c'::uuid]
array['so "so"', 'happy', null]::mood[]
array[1::cents, null]
array['10.0.0.1'::inet, null]
array[array['10.0.0.1'::inet], array['10.0.0.2'::inet]]
'[2:3]={10.0.0.1,NULL}'::inet[]
array['(1,2)'::point]
array['((1,2),(3,4))'::box, '((5,6),(7,8))'::box]
array['1 day'::interval]
array['[1,5)'::int4range, null]
array[1::oid]
array['a'::"char"]
row(1, 'x', null, null)::pair
row(null, null, null, null)::pair
row(1, '', '2025-01-02 10:00+00', array[1.50, null])::pair
row(1, 'a "b" \c (d), e', null, '{}')::pair
array[row(1, 'x', null, null)::pair, null]
row(row(1, 'q"', '2025-01-02 10:00+00', null)::pair, array[row(2, 'NULL', null, array[1, 2])::pair], 'happy', true, '{"k": "v\"w"}', '2025-01-02 10:00:00.5', '10.0.0.1', 'NaN', '\x01', 5)::nest
row(null, null, null, false, '[1, "a"]', 'infinity', null, 1e20, null, null)::nest
array[[row(1, 'x', null, null)::pair], [row(2, 'y', null, null)::pair]]
`

// TestEncodeMany compares many values of each type with row_to_json.
func TestEncodeMany(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 1})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	exec(t, s, fmt.Sprintf(`create table r as select setseed(%v)::text is null as x, n, random() as a, random() as b, 10 ^ (random() * 40 - 20) as e from generate_series(1, 3000) n`, float64(seed>>12)/(1<<52)))
	asToJSON(t, s, []string{
		`(a * 65535 - 32768)::smallint`, `((a - 0.5) * 4294967295)::int`, `((a - 0.5) * 1.8e19)::bigint`, `(a - 0.5) * e`, `e`, `floor(e)`, `round(e)`,
		`((a - 0.5) * e)::real`, `e::real`, `floor(e)::real`, `((a - 0.5) * e)::numeric`, `round(((a - 0.5) * 1e9)::numeric, (b * 12)::int)`,
		`(a * e)::numeric(60, 25)`, `trunc((e * a)::numeric)`, `date '4713-01-01 BC' + (a * 5000000)::int`, `date '1900-01-01' + (a * 100000)::int`,
		`timestamp '4713-01-01 BC' + a * interval '9000 years'`, `timestamptz '1900-01-01' + a * interval '200 years' + b * interval '1 second'`,
		`date_trunc('milliseconds', timestamp '2000-01-01' + a * interval '30 years')`, `time '00:00' + a * interval '1 day'`,
		`md5(n::text)::uuid`, `decode(md5(n::text), 'hex')`, `(select string_agg(chr(1 + n * 7919 * g % 55000), '') from generate_series(1, 20) g)`,
		`array[(a * 100)::int, null, n]`, `array[a, e]`, `jsonb_build_object('a', a, 'n', n, 't', md5(n::text), 'z', null)`,
	}, "from r")
}

// TestEncodeStripped: what is null goes as json_strip_nulls has it.
func TestEncodeStripped(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 1})
	for _, doc := range []string{
		`{}`, `[]`, `null`, `1`, `"a\\"`, `{"a":null}`, `{"a":null,"b":1}`, `{"b":1,"a":null}`, `{"a":null,"b":null}`, `[null,{"a":null}]`,
		`{"a":{"b":null}}`, `{"a":{"b":null,"c":[null,{"d":null,"e":"null"}]},"f":null,"g":"x,null:{}"}`, `{"null":null,"n":[[null],{}]}`,
		`{"a\"":null,"b\\":null,"c":"\"null"}`, `{ "a" : null , "b" : [ 1 , null ] , "c" : false }`, `[[],{"a":null},null,true]`,
	} {
		want := one(t, s, `select json_build_object('v', json_strip_nulls($1::json))::text`, doc).(string)
		st := &store.Statement{SQL: `select $1::json as v, null::int as w`, Params: 1, Shape: &store.Shape{StripNulls: true}}
		got, err := s.Encode(t.Context(), st, []any{doc}, 1, nil)
		want = strings.Replace(want, `" : `, `":`, 1)
		if doc == "null" {
			want = "{}"
		}
		if err != nil || string(got.JSON) != want {
			t.Errorf("%s: %s, %v, want %s", doc, got.JSON, err, want)
		}
	}
}

// TestEncodeZone: a moment is told as the transaction's time zone has it.
func TestEncodeZone(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 1})
	st := &store.Statement{SQL: `select '2025-07-01 12:00+00'::timestamptz as a, array['1880-01-01 12:00+00'::timestamptz] as b`}
	want := &store.Statement{SQL: `select row_to_json(x)::text from (` + st.SQL + `) x`}
	for _, zone := range []string{"UTC", "America/New_York", "Asia/Kolkata", "Europe/Amsterdam", "UTC"} {
		err := s.TxWith(t.Context(), store.TxOptions{Settings: map[string]string{"timezone": zone}}, func(tx store.Tx) error {
			got, err := tx.(encodes).Encode(t.Context(), st, nil, 1, nil)
			if w := one(t, tx, want.SQL); err != nil || string(got.JSON) != w {
				t.Errorf("%s: %s, %v, want %s", zone, got.JSON, err, w)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

type encodes interface {
	Encode(ctx context.Context, st *store.Statement, args []any, limit int, dst []byte) (store.Encoded, error)
}
