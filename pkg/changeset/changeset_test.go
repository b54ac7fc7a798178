package changeset

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// compile reads `fields:` of a schema as a manifest has it.
func compile(t *testing.T, yaml string, ps *diag.Problems) *Set {
	t.Helper()
	root := source.Parse("app.yaml", []byte("version: 1\nschemas:\n  parent: {table: parents, primary_key: uuid, fields: {}}\n  thing:\n    table: things\n    timestamps: true\n    fields:\n"+indent(yaml)), ps)
	m := &config.Manifest{}
	f := spec.NewFields("the manifest")
	config.Describe(f, m)
	f.Decode(&spec.Decoder{Problems: ps, Load: config.NewLoader(&expr.Functions{}, false)}, root, diag.Pos{})
	if ps.Failed() {
		t.Fatalf("manifest: %v", ps.All()[0])
	}
	functions := &expr.Functions{
		Now: func() time.Time { return time.Unix(1700000000, 0) },
		HashPassword: func(s string) (string, error) {
			if len(s) > 72 {
				return "", &password.TooLong{Limit: 72}
			}
			return "hash:" + s, nil
		},
	}
	return OfSchema(spec.Find(m.Schemas, "thing"), Options{Functions: functions, Schemas: m.Schemas, Problems: ps})
}

func indent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString("      " + line)
	}
	return b.String()
}

func mustCompile(t *testing.T, yaml string) *Set {
	t.Helper()
	var ps diag.Problems
	s := compile(t, yaml, &ps)
	for _, p := range ps.All() {
		t.Fatalf("unexpected problem: %v", p)
	}
	return s
}

func TestCastTypes(t *testing.T) {
	day := time.Date(2024, 2, 29, 13, 5, 0, 123456000, time.UTC)
	tests := []struct {
		typ  string
		in   any
		want any // nil with ok false: is invalid
		ok   bool
	}{
		{"string", "a", "a", true},
		{"string", "  ", nil, true},
		{"string", int64(5), nil, false},
		{"string", "a\x00b", nil, false},
		{"string", "a\xffb", nil, false},
		{"text", []any{}, nil, false},
		{"integer", int64(42), int64(42), true},
		{"integer", "42", int64(42), true},
		{"integer", "", nil, true},
		{"integer", "4 2", nil, false},
		{"integer", "0x2a", nil, false},
		{"integer", 1.5, nil, false},
		{"integer", 2.0, int64(2), true},
		{"integer", int64(2147483648), nil, false},
		{"integer", "99999999999999999999", nil, false},
		{"bigint", int64(9223372036854775807), int64(9223372036854775807), true},
		{"bigint", value.Number("9223372036854775808"), nil, false},
		{"bigint", true, nil, false},
		{"float", int64(2), 2.0, true},
		{"float", "2.5", 2.5, true},
		{"float", "1e400", nil, false},
		{"float", "NaN", nil, false},
		{"float", "0x1p4", nil, false},
		{"decimal", "10.50", value.Number("10.50"), true},
		{"decimal", value.Number("0.10"), value.Number("0.10"), true},
		{"decimal", int64(3), value.Number("3"), true},
		{"decimal", 0.1, value.Number("0.1"), true},
		{"decimal", "1e999999999", nil, false},
		{"decimal", "Infinity", nil, false},
		{"decimal", "1_000", nil, false},
		{"decimal", ".5", nil, false},
		{"decimal", strings.Repeat("1", maxDigits+1), nil, false},
		{"boolean", true, true, true},
		{"boolean", "true", true, true},
		{"boolean", "0", false, true},
		{"boolean", "yes", nil, false},
		{"boolean", int64(1), nil, false},
		{"boolean", []any{true}, nil, false},
		{"date", "2024-02-29", "2024-02-29", true},
		{"date", "2023-02-29", nil, false},
		{"date", "29.2.2024", nil, false},
		{"date", day, "2024-02-29", true},
		{"time", "13:05", "13:05:00", true},
		{"time", "13:05:00.5", "13:05:00.5", true},
		{"time", "25:00", nil, false},
		{"datetime", "2024-02-29T13:05:00.123456Z", day, true},
		{"datetime", "2024-02-29 14:05:00.1234567+01:00", day, true},
		{"datetime", "2024-02-29T13:05", day.Truncate(time.Minute), true},
		{"datetime", "2024-02-29", nil, false},
		{"datetime", "yesterday, but much later than this", nil, false},
		{"uuid", "0190A0B0-1111-7222-8333-444455556666", "0190a0b0-1111-7222-8333-444455556666", true},
		{"uuid", "0190a0b011117222833344445555666", nil, false},
		{"json", map[string]any{"a": int64(1)}, map[string]any{"a": int64(1)}, true},
		{"json", false, false, true},
		{"json", make(chan int), nil, false},
		{"binary", "aGk=", []byte("hi"), true},
		{"binary", "aGk", nil, false},
		{"array", []any{"a", "b"}, []any{"a", "b"}, true},
		{"array", []any{"a", int64(1)}, nil, false},
		{"array", "a", nil, false},
		{"enum", "on", "on", true},
		{"enum", "ON", nil, false},
		{"string", &value.Raw{Bytes: []byte(`"raw"`)}, "raw", true},
		{"string", &value.Raw{Bytes: []byte(`{`)}, nil, false},
		{"string", nil, nil, true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %v", tt.typ, tt.in), func(t *testing.T) {
			f := Field{Type: typeOf(tt.typ), values: []string{"on", "off"}}
			got, ok := f.Cast(tt.in)
			if ok != tt.ok || ok && !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Cast(%#v) = %#v, %v, want %#v, %v", tt.in, got, ok, tt.want, tt.ok)
			}
		})
	}
}

const rules = `
title: {type: string, required: true, length: {min: 2, max: 5}}
pin: {type: string, length: {min: 4, max: 4}}
tags: {type: array, length: {max: 2}}
age: {type: integer, number: {min: 18, max: 99}}
price: {type: decimal, number: {min: 0.5}}
mail: {type: string, format: email}
site: {type: string, format: url}
key: {type: string, format: uuid}
status: {type: enum, values: [draft, published], default: draft}
slug: {type: string, immutable: true}
role: {type: string, writable: false}
parent_id: {references: parent}
seen: {type: datetime, default: "${now()}"}
`

func TestMessages(t *testing.T) {
	set := mustCompile(t, rules)
	long := map[string]any{"title": "ok"}
	with := func(key string, v any) map[string]any {
		m := map[string]any{key: v}
		for k, x := range long {
			if _, there := m[k]; !there {
				m[k] = x
			}
		}
		return m
	}
	tests := []struct {
		name  string
		mode  Mode
		keys  Keys
		given map[string]any
		want  map[string][]string
	}{
		{"all there", Create, Strict, long, nil},
		{"missing", Create, Strict, nil, map[string][]string{"title": {"can't be blank"}}},
		{"missing on update", Update, Strict, nil, nil},
		{"null on update", Update, Strict, map[string]any{"title": nil}, map[string][]string{"title": {"can't be blank"}}},
		{"blank", Create, Strict, map[string]any{"title": " "}, map[string][]string{"title": {"can't be blank"}}},
		{"wrong type is not also missed", Create, Strict, map[string]any{"title": int64(1)}, map[string][]string{"title": {"is invalid"}}},
		{"short", Create, Strict, with("title", "x"), map[string][]string{"title": {"should be at least 2 character(s)"}}},
		{"long", Create, Strict, with("title", "abcdef"), map[string][]string{"title": {"should be at most 5 character(s)"}}},
		{"characters, not bytes", Create, Strict, with("title", "äöüßé"), nil},
		{"exact", Create, Strict, with("pin", "123"), map[string][]string{"pin": {"should be 4 character(s)"}}},
		{"items", Create, Strict, with("tags", []any{"a", "b", "c"}), map[string][]string{"tags": {"should have at most 2 item(s)"}}},
		{"low", Create, Strict, with("age", int64(17)), map[string][]string{"age": {"must be greater than or equal to 18"}}},
		{"high", Create, Strict, with("age", "100"), map[string][]string{"age": {"must be less than or equal to 99"}}},
		{"low decimal", Create, Strict, with("price", "0.49"), map[string][]string{"price": {"must be greater than or equal to 0.5"}}},
		{"email", Create, Strict, with("mail", "a@b@c"), map[string][]string{"mail": {"has invalid format"}}},
		{"email with a space", Create, Strict, with("mail", "a b@c"), map[string][]string{"mail": {"has invalid format"}}},
		{"good email", Create, Strict, with("mail", "a@b.example"), nil},
		{"url", Create, Strict, with("site", "javascript:alert(1)"), map[string][]string{"site": {"has invalid format"}}},
		{"good url", Create, Strict, with("site", "https://a.example/x"), nil},
		{"uuid", Create, Strict, with("key", "x"), map[string][]string{"key": {"has invalid format"}}},
		{"enum", Create, Strict, with("status", "gone"), map[string][]string{"status": {"is invalid"}}},
		{"reference has the parent's type", Create, Strict, with("parent_id", "7"), map[string][]string{"parent_id": {"is invalid"}}},
		{"immutable on create", Create, Strict, with("slug", "a"), nil},
		{"immutable on update", Update, Strict, map[string]any{"slug": "a"}, map[string][]string{"slug": {"cannot be changed"}}},
		{"not writable", Create, Strict, with("role", "admin"), map[string][]string{"role": {"cannot be set"}}},
		{"not writable in a whole map", Create, Loose, with("role", "admin"), nil},
		{"not writable, written out", Create, Trusted, with("role", "admin"), nil},
		{"id", Create, Strict, with("id", int64(1)), map[string][]string{"id": {"cannot be set"}}},
		{"stranger", Create, Strict, with("nope", int64(1)), map[string][]string{"nope": {"is not a field"}}},
		{"stranger in a whole map", Create, Loose, with("nope", int64(1)), nil},
		{"several", Create, Strict, map[string]any{"age": "x", "nope": 1}, map[string][]string{"title": {"can't be blank"}, "age": {"is invalid"}, "nope": {"is not a field"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := set.Cast(Input{Mode: tt.mode, Keys: tt.keys, Given: tt.given})
			var bad *Invalid
			errors.As(err, &bad)
			switch {
			case err != nil && bad == nil:
				t.Fatalf("Cast: %v", err)
			case bad == nil && tt.want != nil:
				t.Errorf("Cast(%v) found nothing, want %v", tt.given, tt.want)
			case bad != nil && !reflect.DeepEqual(bad.Errors, tt.want):
				t.Errorf("Cast(%v) = %v, want %v", tt.given, bad.Errors, tt.want)
			}
		})
	}
}

func TestDefaultsAndFixed(t *testing.T) {
	set := mustCompile(t, rules)
	c, err := set.Cast(Input{Keys: Loose, Given: map[string]any{"title": "ok", "status": "", "role": "admin"}, Fixed: []Fixed{{set.Index("slug"), "fixed"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"title": "ok", "status": "draft", "slug": "fixed", "seen": time.Unix(1700000000, 0).UTC()}
	for name, v := range want {
		if got, ok := c.Member(name); !ok || !reflect.DeepEqual(got, v) {
			t.Errorf("%s = %v, %v, want %v", name, got, ok, v)
		}
	}
	if v, ok := c.Member("role"); ok {
		t.Errorf("role = %v, want nothing: no client sets it", v)
	}
	_, err = set.Cast(Input{Given: map[string]any{"title": "ok", "slug": "mine"}, Fixed: []Fixed{{set.Index("slug"), "fixed"}}})
	var bad *Invalid
	if !errors.As(err, &bad) || !reflect.DeepEqual(bad.Errors, map[string][]string{"slug": {"cannot be set"}}) {
		t.Errorf("naming a fixed field gave %v, want that it cannot be set", err)
	}
	c, err = set.Cast(Input{Mode: Update, Given: map[string]any{"status": ""}})
	if v, _ := c.Member("status"); err != nil || v != "draft" {
		t.Errorf("blank status on update = %v, %v, want draft", v, err)
	}
	if c, err = set.Cast(Input{Mode: Update}); err != nil || !c.Empty() {
		t.Errorf("an update of nothing gave %v, %v", c.Given(), err)
	}
}

const computedFields = `
password: {type: string, virtual: true, required: true}
password_hash: {type: string, hidden: true, set: "${hash_password(password)}"}
first: {type: string}
last: {type: string}
full: {type: string, set: "${first ?? ''} ${last ?? ''}"}
loud: {type: string, required: true, set: "${upper(full)}"}
made: {type: datetime, set: "${now()}"}
`

func TestCompute(t *testing.T) {
	set := mustCompile(t, computedFields)
	if !set.NeedsRow() {
		t.Error("NeedsRow() = false, want true: full reads two fields")
	}
	columns := value.NewColumns([]string{"first", "last", "full"}, nil)
	row := &value.Row{Columns: columns, Values: []any{"Ann", "Lee", "Ann Lee"}}
	tests := []struct {
		name   string
		mode   Mode
		given  map[string]any
		record value.Object
		want   map[string]any // nil: it has no value
	}{
		{"create", Create, map[string]any{"password": "s", "first": "Ann"}, nil, map[string]any{"password_hash": "hash:s", "full": "Ann ", "loud": "ANN ", "made": time.Unix(1700000000, 0).UTC()}},
		{"update of one part", Update, map[string]any{"last": "Fox"}, row, map[string]any{"full": "Ann Fox", "loud": "ANN FOX", "password_hash": nil, "made": nil}},
		{"update of nothing", Update, nil, row, map[string]any{"full": nil, "loud": nil}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := set.Cast(Input{Mode: tt.mode, Given: tt.given})
			if err == nil {
				err = set.Compute(tt.mode, c, tt.record)
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range tt.want {
				if got, ok := c.Member(name); ok != (want != nil) || !reflect.DeepEqual(got, want) {
					t.Errorf("%s = %v, %v, want %v", name, got, ok, want)
				}
			}
			if slices.Contains(c.Names(), "password_hash") || slices.Contains(c.Names(), "password") {
				t.Errorf("Names() = %v holds what is hidden or virtual", c.Names())
			}
		})
	}
}

func TestComputeRefuses(t *testing.T) {
	set := mustCompile(t, computedFields)
	refused := func(given map[string]any) error {
		c, err := set.Cast(Input{Given: given})
		if err == nil {
			err = set.Compute(Create, c, nil)
		}
		return err
	}
	for _, tt := range []struct {
		name  string
		given map[string]any
		want  map[string][]string
	}{
		{"computed and required", map[string]any{"password": "s"}, map[string][]string{"loud": {"can't be blank"}}},
		{"too long a password", map[string]any{"password": strings.Repeat("x", 73), "first": "a"}, map[string][]string{"password": {"should be at most 72 byte(s)"}}},
		{"a client sets the hash", map[string]any{"password": "s", "password_hash": "x", "first": "a"}, map[string][]string{"password_hash": {"cannot be set"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var bad *Invalid
			if err := refused(tt.given); !errors.As(err, &bad) || !reflect.DeepEqual(bad.Errors, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	tests := []struct{ yaml, want string }{
		{`n: {type: integer, default: x}`, "app.yaml:8:35: this is no value for a field of type integer"},
		{`n: {type: string, length: {max: 1}, default: ab}`, "it should be at most 1 character(s)"},
		{`n: {type: string, set: "${titel}"}`, "titel"},
		{"a: {type: string, set: \"${b}\"}\nb: {type: string, set: \"${a}\"}", "a → b → a"},
		{`n: {references: nobody}`, `there is no schema "nobody"`},
		{`n: {type: string, default: "${params.x}"}`, "params"},
	}
	for _, tt := range tests {
		t.Run(tt.yaml, func(t *testing.T) {
			var ps diag.Problems
			compile(t, tt.yaml+"\n", &ps)
			if len(ps.All()) != 1 || !strings.Contains(ps.All()[0].Error(), tt.want) {
				t.Errorf("problems %v, want one with %q", ps.All(), tt.want)
			}
		})
	}
}

func TestTable(t *testing.T) {
	set := mustCompile(t, "name: {type: string, required: true, unique: true}\nkind: {type: enum, values: [a, b], default: a}\nseen: {type: datetime, default: \"${now()}\"}\nsecret: {type: string, virtual: true}\nparent_id: {references: parent, on_delete: cascade}\n")
	var draft any = "a"
	want := store.Table{Name: "things", Columns: []store.Column{
		{Name: "id", Type: store.Bigint, Primary: true, Generated: true},
		{Name: "name", Type: store.String, Unique: true},
		{Name: "kind", Type: store.Enum, Nullable: true, Values: []string{"a", "b"}, Default: &draft},
		{Name: "seen", Type: store.Datetime, Nullable: true},
		{Name: "parent_id", Type: store.UUID, Nullable: true, References: &store.Reference{Table: "parents", Column: "id", OnDelete: store.Cascade}},
		{Name: "inserted_at", Type: store.Datetime},
		{Name: "updated_at", Type: store.Datetime},
	}}
	if got := set.Table("things"); !reflect.DeepEqual(got, want) {
		t.Errorf("Table() = %+v\nwant %+v", got, want)
	}
}

func TestMap(t *testing.T) {
	set := mustCompile(t, rules)
	c, err := set.Cast(Input{Given: map[string]any{"title": "ok", "age": "20"}})
	if err != nil {
		t.Fatal(err)
	}
	m := c.Map()
	if _, there := m["role"]; there || m["age"] != int64(20) || m["mail"] != nil {
		t.Errorf("Map() = %v", m)
	}
}

func TestArg(t *testing.T) {
	for _, tt := range []struct {
		typ  store.Type
		in   any
		want any
	}{
		{store.JSON, "text", `"text"`},
		{store.JSON, nil, nil},
		{store.JSON, []any{int64(1)}, "[1]"},
		{store.String, "text", "text"},
	} {
		f := Field{Type: tt.typ}
		if got, err := f.Arg(tt.in); err != nil || got != tt.want {
			t.Errorf("Arg(%v) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
	}
}
