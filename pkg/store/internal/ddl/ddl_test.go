package ddl_test

import (
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/ddl"
	"github.com/openmanifest/gateway/pkg/value"
)

func TestUniques(t *testing.T) {
	table := store.Table{Uniques: [][]string{{"org_id", "slug"}, {`a"b`, "c"}}}
	if got, want := strings.Join(ddl.Uniques(table), "; "), `UNIQUE ("org_id", "slug"); UNIQUE ("a""b", "c")`; got != want {
		t.Errorf("Uniques() = %s, want %s", got, want)
	}
}

func TestInOrder(t *testing.T) {
	for _, tt := range []struct{ tables, want string }{
		{"a b c", "a b c"},
		{"a>b b", "b a"},
		{"a>b b>c c", "c b a"},
		{"a>b,c b>c c d", "c b a d"},
		{"a>a b", "a b"},
		{"a>b b>a c", "b a c"}, // a ring
		{"a>elsewhere b", "a b"},
		{"", ""},
	} {
		var tables []store.Table
		for word := range strings.FieldsSeq(tt.tables) {
			name, to, _ := strings.Cut(word, ">")
			table := store.Table{Name: name}
			for other := range strings.SplitSeq(to, ",") {
				table.Columns = append(table.Columns, store.Column{References: &store.Reference{Table: other}})
			}
			tables = append(tables, table)
		}
		var got []string
		for _, table := range ddl.InOrder(tables) {
			got = append(got, table.Name)
		}
		if g := strings.Join(got, " "); g != tt.want {
			t.Errorf("%s in order is %q, want %q", tt.tables, g, tt.want)
		}
	}
}

func TestLiteral(t *testing.T) {
	for _, tt := range []struct {
		typ  store.Type
		v    any
		want string // "" where it is refused
	}{
		{store.Text, nil, "NULL"}, {store.JSON, nil, "NULL"}, {store.Boolean, true, "TRUE"}, {store.Integer, int64(-1), "-1"},
		{store.Text, "it's", "'it''s'"}, {store.Text, "a\x00", ""}, {store.JSON, "it's", `'"it''s"'`}, {store.Float, 1e6, "1000000"},
		{store.Decimal, value.Number("1.50"), "1.50"}, {store.Decimal, value.Number("1; drop table x"), ""}, {store.Decimal, value.Number("NaN"), ""},
		{store.Datetime, time.Unix(0, 0), "'1970-01-01T00:00:00.000000Z'"}, {store.JSON, []any{int64(1)}, "'[1]'"}, {store.Text, struct{}{}, ""},
	} {
		got, err := ddl.Literal(tt.typ, tt.v)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s default %#v is %s, %v, want %s", tt.typ, tt.v, got, err, tt.want)
		}
	}
}
