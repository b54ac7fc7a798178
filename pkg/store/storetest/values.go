package storetest

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// allTypes is a table with a column of each type, named as the type is.
func allTypes() store.Table {
	t := store.Table{Name: "things", Columns: []store.Column{id()}}
	for _, typ := range store.Types() {
		c := store.Column{Name: typ.String(), Type: typ, Nullable: true}
		if typ == store.Enum {
			c.Values = []string{"draft", "it's"}
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

var (
	noon     = time.Date(2025, 1, 2, 12, 30, 15, 123456000, time.UTC)
	midnight = time.Date(2025, 1, 2, 0, 0, 0, 0, time.UTC)
)

const someUUID = "0c8f1d9e-6a3b-4f0a-9b1c-2d3e4f5a6b7c"

func values(t *testing.T, open Open) {
	d := base(t, open)
	d.create(allTypes())
	for _, tt := range []struct {
		column   store.Type
		in, want any
	}{
		{store.String, "naïve 'quoted' \"text\" \\ \n", "naïve 'quoted' \"text\" \\ \n"},
		{store.String, "", ""},
		{store.String, int64(42), "42"},
		{store.String, value.Number("1.50"), "1.50"},
		{store.Text, strings.Repeat("x", 100_000), strings.Repeat("x", 100_000)},
		{store.Integer, int64(math.MaxInt32), int64(math.MaxInt32)},
		{store.Integer, int64(math.MinInt32), int64(math.MinInt32)},
		{store.Integer, 7, int64(7)},
		{store.Integer, 1e6, int64(1000000)},
		{store.Bigint, int64(math.MaxInt64), int64(math.MaxInt64)},
		{store.Bigint, int64(math.MinInt64), int64(math.MinInt64)},
		{store.Bigint, value.Number("9007199254740993"), int64(9007199254740993)},
		{store.Float, 0.1, 0.1},
		{store.Float, 1e-300, 1e-300},
		{store.Float, int64(3), 3.0},
		{store.Float, math.NaN(), "NaN"},
		{store.Float, math.Inf(1), "Infinity"},
		{store.Float, math.Inf(-1), "-Infinity"},
		{store.Decimal, value.Number("12.25"), value.Number("12.25")},
		{store.Decimal, value.Number("-0.0625"), value.Number("-0.0625")},
		{store.Decimal, int64(10000), value.Number("10000")},
		{store.Decimal, 0.5, value.Number("0.5")},
		{store.Boolean, true, true},
		{store.Boolean, false, false},
		{store.Date, "2024-02-29", "2024-02-29"},
		{store.Time, "23:59:59", "23:59:59"},
		{store.Time, "23:59:59.25", "23:59:59.25"},
		{store.Datetime, noon, noon},
		{store.Datetime, midnight.In(time.FixedZone("", 7200)), midnight},
		{store.Datetime, noon.Add(999), noon},
		{store.Datetime, "2025-01-02T12:30:15.123456Z", noon},
		{store.Datetime, "2025-01-02 00:00:00", midnight},
		{store.UUID, someUUID, someUUID},
		{store.UUID, strings.ToUpper(someUUID), someUUID},
		{store.Binary, []byte{0, 1, 255}, []byte{0, 1, 255}},
		{store.Binary, []byte{}, []byte{}},
		{store.Enum, "it's", "it's"},
	} {
		name := `"` + tt.column.String() + `"`
		got := d.one("insert into things ("+name+") values ($1) returning "+name, tt.in)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %#v came back as %#v, want %#v", tt.column, tt.in, got, tt.want)
		}
		d.exec("insert into things (" + name + ") values (null)")
	}
	for _, typ := range store.Types() {
		name := `"` + typ.String() + `"`
		if got := d.one("insert into things ("+name+") values ($1) returning "+name, nil); got != nil {
			t.Errorf("%s: NULL came back as %#v", typ, got)
		}
	}
}

// texts are what forms and paths carry: the database takes them for the type they meet.
func texts(t *testing.T, open Open) {
	d := base(t, open)
	d.create(allTypes())
	for _, tt := range []struct {
		column store.Type
		in     string
		want   any
	}{
		{store.Integer, "42", int64(42)},
		{store.Bigint, "-9223372036854775808", int64(math.MinInt64)},
		{store.Float, "2.5", 2.5},
		{store.Decimal, "2.5", value.Number("2.5")},
		{store.Date, "2025-01-02", "2025-01-02"},
		{store.UUID, someUUID, someUUID},
		{store.JSON, `{"a":[1,null]}`, map[string]any{"a": []any{int64(1), nil}}},
	} {
		name := `"` + tt.column.String() + `"`
		d.exec("insert into things ("+name+") values ($1)", tt.in)
		if tt.column == store.JSON {
			continue // json has no equality
		}
		got := d.query("select "+name+" from things where "+name+" = $1", tt.in)
		if len(got.Rows) != 1 || !reflect.DeepEqual(got.Rows[0][0], tt.want) {
			t.Errorf("%s = %q finds %#v, want %#v", tt.column, tt.in, got.Rows, tt.want)
		}
	}
	if got := d.query("select id from things order by id limit $1 offset $2", "2", "1"); len(got.Rows) != 2 {
		t.Errorf("limit '2' gives %d rows", len(got.Rows))
	}
	hostile := `'; drop table things; --`
	d.exec("insert into things (string) values ($1)", hostile)
	if got := d.one("select string from things where string = $1", hostile); got != hostile {
		t.Errorf("got %q, want %q", got, hostile)
	}
}

func refused(t *testing.T, open Open) {
	d := base(t, open)
	d.create(allTypes())
	for _, tt := range []struct {
		column store.Type
		in     any
	}{
		{store.Integer, "abc"}, {store.Integer, ""}, {store.Integer, 1.5}, {store.Integer, int64(1) << 31}, {store.Integer, "2147483648"},
		{store.Bigint, "9223372036854775808"}, {store.Bigint, "1e"}, {store.Float, "x"}, {store.Decimal, "1,5"}, {store.Boolean, "maybe"},
		{store.Boolean, int64(2)}, {store.Date, "2025-02-30"}, {store.Date, "x"}, {store.Time, "25:00:00"}, {store.Datetime, "yesteryear"},
		{store.Datetime, "2025-13-01T00:00:00Z"}, {store.UUID, "12"}, {store.UUID, someUUID + "0"}, {store.JSON, "{"}, {store.JSON, "hello"},
		{store.String, "a\x00b"}, {store.Text, "\xff"}, {store.String, struct{}{}}, {store.String, []string{"a"}},
	} {
		name := `"` + tt.column.String() + `"`
		_, err := d.Exec(t.Context(), d.st("insert into things ("+name+") values ($1)"), []any{tt.in})
		e := is[*store.Invalid](t, tt.column.String(), err)
		if e.Message == "" || e.Param != 1 && e.Column != tt.column.String() {
			t.Errorf("%s: %#v gives %#v, which does not say which value", tt.column, tt.in, e)
		}
	}
	_, err := d.Query(t.Context(), d.st("select id from things limit $1"), []any{"abc"}, 0)
	is[*store.Invalid](t, "limit abc", err)
	if got := d.one("select count(*) from things"); got != int64(0) {
		t.Errorf("%v rows were kept", got)
	}
}

func nested(t *testing.T, open Open) {
	d := base(t, open)
	d.create(allTypes())
	for _, tt := range []struct {
		column   store.Type
		in, want any
	}{
		{store.JSON, map[string]any{"n": int64(1), "s": "x", "l": []any{true, nil, 1.5}}, map[string]any{"n": int64(1), "s": "x", "l": []any{true, nil, 1.5}}},
		{store.JSON, []any{}, []any{}},
		{store.JSON, map[string]any{}, map[string]any{}},
		{store.JSON, []any{map[string]any{"at": midnight}}, []any{map[string]any{"at": "2025-01-02T00:00:00Z"}}},
		{store.JSON, value.Claims{"sub": "7"}, map[string]any{"sub": "7"}},
		{store.JSON, &value.Raw{Bytes: []byte(`{"a": 1}`)}, map[string]any{"a": int64(1)}},
		{store.JSON, `"text"`, "text"},
		{store.JSON, `12345678901234567890.5`, value.Number("12345678901234567890.5")},
		{store.Array, []any{}, []any{}},
		{store.Array, []any{"a", `b "c" \ {},`, "", nil, "NULL"}, []any{"a", `b "c" \ {},`, "", nil, "NULL"}},
		{store.Array, []any{int64(1), true, 2.5}, []any{"1", "true", "2.5"}},
		{store.Array, []any{[]any{"a", "b"}, []any{"c", "d"}}, []any{[]any{"a", "b"}, []any{"c", "d"}}},
	} {
		name := `"` + tt.column.String() + `"`
		got := d.one("insert into things ("+name+") values ($1) returning "+name, tt.in)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %#v came back as %#v, want %#v", tt.column, tt.in, got, tt.want)
		}
	}
	row := d.query("select 1 as a, 'x' as b").Row(0)
	got := d.one("insert into things (json) values ($1) returning json", row)
	if want := map[string]any{"a": int64(1), "b": "x"}; !reflect.DeepEqual(got, want) {
		t.Errorf("a row came back as %#v, want %#v", got, want)
	}
}
