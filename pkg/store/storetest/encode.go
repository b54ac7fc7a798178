package storetest

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// RunEncode checks the part of the contract that says how rows become JSON, and what a
// transaction is begun with.
func RunEncode(t *testing.T, open Open) {
	for _, part := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"types", encodedTypes}, {"shapes", shapes}, {"csv", csv}, {"rows", encodedRows}, {"writes", encodedWrites},
		{"hidden", encodedHidden}, {"within a transaction", encodedWithin}, {"read only", readOnly},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, open) })
	}
}

// shaped is st with a shape.
func (d db) shaped(sql string, shape store.Shape) *store.Statement {
	st := d.st(sql)
	st.Shape = &shape
	return st
}

// encode makes JSON behind what is given.
func (d db) encode(st *store.Statement, limit int, dst string, args ...any) (store.Encoded, error) {
	d.Helper()
	return d.Encode(d.Context(), st, args, limit, []byte(dst))
}

// text is the JSON of a statement's rows.
func (d db) text(st *store.Statement, args ...any) string {
	d.Helper()
	got, err := d.encode(st, 0, "", args...)
	if err != nil {
		d.Fatalf("encode %s: %v", st.SQL, err)
	}
	return string(got.JSON)
}

func encodedTypes(t *testing.T, open Open) {
	d := base(t, open)
	d.create(allTypes())
	for _, tt := range []struct {
		column store.Type
		in     any
		want   string
	}{
		{store.String, "naïve 'quoted' \"text\" \\ \n\t\x01", `"naïve 'quoted' \"text\" \\ \n\t\u0001"`},
		{store.String, "", `""`},
		{store.Text, "𝄞 \u2028", "\"𝄞 \u2028\""},
		{store.Integer, int64(math.MinInt32), "-2147483648"},
		{store.Bigint, int64(math.MaxInt64), "9223372036854775807"},
		{store.Float, 0.1, "0.1"},
		{store.Float, int64(3), "3"},
		{store.Float, math.NaN(), `"NaN"`},
		{store.Float, math.Inf(-1), `"-Infinity"`},
		{store.Decimal, value.Number("12.25"), "12.25"},
		{store.Decimal, int64(10000), "10000"},
		{store.Boolean, true, "true"},
		{store.Boolean, false, "false"},
		{store.Date, "2024-02-29", `"2024-02-29"`},
		{store.Time, "23:59:59.25", `"23:59:59.25"`},
		{store.Datetime, noon, `"2025-01-02T12:30:15.123456+00:00"`},
		{store.Datetime, midnight, `"2025-01-02T00:00:00+00:00"`},
		{store.Datetime, "2025-01-02T00:05:00.1200Z", `"2025-01-02T00:05:00.12+00:00"`},
		{store.UUID, someUUID, `"` + someUUID + `"`},
		{store.Binary, []byte{0, 1, 255}, `"\\x0001ff"`},
		{store.Binary, []byte{}, `"\\x"`},
		{store.Enum, "it's", `"it's"`},
		{store.JSON, map[string]any{"a": []any{int64(1), nil, "x"}}, `{"a":[1,null,"x"]}`},
		{store.JSON, `"text"`, `"text"`},
		{store.Array, []any{"a", `b "c" \ {},`, "", nil, "NULL"}, `["a","b \"c\" \\ {},","",null,"NULL"]`},
		{store.Array, []any{}, `[]`},
	} {
		name := `"` + tt.column.String() + `"`
		got := d.text(d.st("insert into things ("+name+") values ($1) returning "+name), tt.in)
		if want := "{" + name + ":" + tt.want + "}"; compact(t, got) != want {
			t.Errorf("%s: %#v is encoded as %s, want %s", tt.column, tt.in, got, want)
		}
	}
	for _, typ := range store.Types() {
		name := `"` + typ.String() + `"`
		got := d.text(d.st("insert into things ("+name+") values ($1) returning "+name), nil)
		if got != "{"+name+":null}" {
			t.Errorf("%s: NULL is encoded as %s", typ, got)
		}
	}
}

// compact leaves out the spaces that a database keeps in JSON.
func compact(t *testing.T, text string) string {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%s is no object: %v", text, err)
	}
	return strings.NewReplacer(`": `, `":`, `, `, `,`).Replace(text)
}

func shapes(t *testing.T, open Open) {
	d := base(t, open)
	d.create(allTypes())
	d.exec(`insert into things (string, "integer", boolean, "json") values ('a', null, true, '{"a": null, "b": [null, {"c": null, "d": "n\"u,ll"}]}')`)
	for _, tt := range []struct {
		name, sql string
		shape     store.Shape
		want      string
		kept      [][]any
	}{
		{"every column", `select string, "integer", boolean from things`, store.Shape{}, `{"string":"a","integer":null,"boolean":true}`, nil},
		{"a name that needs escapes", `select string as "a ""b"" \" from things`, store.Shape{}, `{"a \"b\" \\":"a"}`, nil},
		{"one kept back", `select string, "integer", boolean from things`, store.Shape{Kept: 1}, `{"string":"a","integer":null}`, [][]any{{true}}},
		{"all kept back", `select string, "integer" from things`, store.Shape{Kept: 2}, `{}`, [][]any{{"a", nil}}},
		{"no nulls", `select "integer", string from things`, store.Shape{StripNulls: true}, `{"string":"a"}`, nil},
		{"nulls only", `select "integer" from things`, store.Shape{StripNulls: true}, `{}`, nil},
		{"no nulls, and one kept back", `select string, "integer" as n, "integer" from things`, store.Shape{StripNulls: true, Kept: 1}, `{"string":"a"}`, [][]any{{nil}}},
		{"no nulls inside JSON", `select "json" from things`, store.Shape{StripNulls: true, Forms: []store.Form{store.FormJSON}},
			`{"json":{"b":[null,{"d":"n\"u,ll"}]}}`, nil},
		{"the same name twice", `select string, string from things`, store.Shape{}, `{"string":"a","string":"a"}`, nil},
	} {
		got, err := d.encode(d.shaped(tt.sql, tt.shape), 0, "")
		if err != nil || string(got.JSON) != tt.want || !reflect.DeepEqual(got.Kept, tt.kept) || got.Rows != 1 {
			t.Errorf("%s: %s, kept %v, %d rows, %v, want %s, kept %v", tt.name, got.JSON, got.Kept, got.Rows, err, tt.want, tt.kept)
		}
	}
}

// csv: what a record holds is quoted as Postgres quotes it, which PostgREST answers.
func csv(t *testing.T, open Open) {
	d := base(t, open)
	d.create(allTypes())
	d.exec(`insert into things (id, string, boolean, "float", "datetime") values
		(1, 'plain', true, 0.5, '2025-01-02T00:05:00.120000Z'), (2, 'a "b", c\d', false, null, null), (3, '', null, 2, null), (4, 'it is', null, null, null)`)
	got, err := d.encode(d.shaped(`select id, string, boolean, "float", "datetime", id from things order by id`, store.Shape{CSV: true, Kept: 1}), 0, "head\n")
	want := "head\n1,plain,t,0.5,\"2025-01-02 00:05:00.12+00\"\n2,\"a \"\"b\"\", c\\\\d\",f,,\n3,\"\",,2,\n4,\"it is\",,,\n"
	if err != nil || string(got.JSON) != want || got.Rows != 4 || !reflect.DeepEqual(got.Kept, [][]any{{int64(1)}, {int64(2)}, {int64(3)}, {int64(4)}}) {
		t.Errorf("csv: %s(kept %v) %v, want %s", got.JSON, got.Kept, err, want)
	}
	last, err := d.encode(d.shaped(`select string, id, "float" from things order by id`, store.Shape{Kept: 2, KeptLast: true}), 0, "")
	if err != nil || last.Rows != 4 || !reflect.DeepEqual(last.Kept, [][]any{{int64(4), nil}}) {
		t.Errorf("the last alone is kept: %v of %d rows, %v", last.Kept, last.Rows, err)
	}
}

func encodedRows(t *testing.T, open Open) {
	d := base(t, open)
	sql := "select i from (" + counting + ") x where i <= $2"
	if d.Dialect() == store.Postgres {
		sql = strings.Replace(sql, "i < $1", "i < $1::int", 1)
	}
	st := d.st(sql)
	for _, tt := range []struct {
		rows, limit int
		fits        bool
	}{{0, 1, true}, {1, 1, true}, {2, 1, false}, {500, 499, false}, {500, 500, true}, {10_000, 0, true}, {10_001, 0, false}} {
		got, err := d.encode(st, tt.limit, "[", int64(max(tt.rows, 1)), int64(tt.rows))
		if fits := err == nil; fits != tt.fits {
			t.Errorf("%d rows within %d: %v", tt.rows, tt.limit, err)
		}
		if err != nil {
			is[*store.Fault](t, "too many rows", err)
			if !errors.Is(err, store.ErrTooManyRows) {
				t.Errorf("%d rows within %d: %v is not ErrTooManyRows", tt.rows, tt.limit, err)
			}
			continue
		}
		var list []struct{ I int }
		if err := json.Unmarshal(append(got.JSON, ']'), &list); err != nil || len(list) != tt.rows || got.Rows != tt.rows || got.Kept != nil {
			t.Errorf("%d rows: %d in JSON, %d counted, kept %v, %v", tt.rows, len(list), got.Rows, got.Kept, err)
		}
	}
	if got := d.text(d.st("select 1 as a union all select 2")); got != `{"a":1},{"a":2}` {
		t.Errorf("after too many rows: %s", got)
	}
	_, err := d.encode(d.st("select nope"), 0, "")
	is[*store.Fault](t, "a wrong statement", err)
}

func encodedWrites(t *testing.T, open Open) {
	d := base(t, open)
	d.create(users())
	insert := d.st("insert into users (email) values ($1), ($2) returning email, status")
	got, err := d.encode(insert, 0, "[", "a", "b")
	if err != nil || string(got.JSON) != `[{"email":"a","status":"on"},{"email":"b","status":"on"}` || got.Rows != 2 || got.Affected != 2 {
		t.Errorf("insert: %s, %+v, %v", got.JSON, got, err)
	}
	_, err = d.encode(insert, 0, "", "c", "a")
	is[*store.Conflict](t, "an insert that breaks a rule", err)
	got, err = d.encode(d.st("update users set status = 'off' where email = $1"), 0, "", "b")
	if err != nil || len(got.JSON) != 0 || got.Rows != 0 || got.Affected != 1 {
		t.Errorf("update: %s, %+v, %v", got.JSON, got, err)
	}
	if got := d.text(d.st("select email, status from users order by email")); got != `{"email":"a","status":"on"},{"email":"b","status":"off"}` {
		t.Errorf("kept: %s", got)
	}
}

func encodedHidden(t *testing.T, open Open) {
	d := db{t, open(t, store.Options{Hidden: func(c string) bool { return strings.HasSuffix(c, "_hash") }})}
	d.create(users())
	d.exec("insert into users (email, password_hash) values ('a', 'secret')")
	for _, tt := range []struct {
		sql   string
		shape store.Shape
		want  string
	}{
		{"select password_hash, email from users", store.Shape{}, `{"email":"a"}`},
		{"select password_hash from users", store.Shape{}, `{}`},
		{"select email, password_hash, status from users", store.Shape{CSV: true}, "a,on\n"},
	} {
		if got := d.text(d.shaped(tt.sql, tt.shape)); got != tt.want {
			t.Errorf("%s gives %s, want %s", tt.sql, got, tt.want)
		}
	}
}

func encodedWithin(t *testing.T, open Open) {
	d := base(t, open)
	d.create(users())
	insert := d.st("insert into users (email) values ($1) returning email")
	err := d.Tx(t.Context(), func(tx store.Tx) error {
		first, err := tx.Encode(t.Context(), insert, []any{"a"}, 1, []byte("["))
		if err != nil || string(first.JSON) != `[{"email":"a"}` {
			t.Errorf("within: %s, %v", first.JSON, err)
		}
		_, err = tx.Encode(t.Context(), insert, []any{"a"}, 1, nil)
		is[*store.Conflict](t, "the same again", err)
		_, err = tx.Encode(t.Context(), insert, []any{"b"}, 1, nil)
		is[*store.Conflict](t, "after a failure", err)
		return nil
	})
	is[*store.Conflict](t, "the transaction", err)
	if got := d.one("select count(*) from users"); got != int64(0) {
		t.Errorf("%v rows were kept", got)
	}
}

func readOnly(t *testing.T, open Open) {
	d := base(t, open)
	d.create(users())
	d.exec(insertUser, "a")
	insert := d.st(insertUser)
	err := d.TxWith(t.Context(), store.TxOptions{ReadOnly: true}, func(tx store.Tx) error {
		got, err := tx.Encode(t.Context(), d.st("select email from users"), nil, 1, nil)
		if err != nil || string(got.JSON) != `{"email":"a"}` {
			t.Errorf("a read: %s, %v", got.JSON, err)
		}
		_, err = tx.Exec(t.Context(), insert, []any{"b"})
		is[*store.Fault](t, "a write", err)
		return nil
	})
	is[*store.Fault](t, "the transaction", err)
	err = d.TxWith(t.Context(), store.TxOptions{}, func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), insert, []any{"c"})
		return err
	})
	if got := d.one("select count(*) from users"); err != nil || got != int64(2) {
		t.Errorf("after one that writes: %v rows, %v, want 2", got, err)
	}
}
