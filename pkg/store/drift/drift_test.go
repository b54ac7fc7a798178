package drift_test

import (
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/drift"
	"github.com/openmanifest/gateway/pkg/value"
)

func ptr(v any) *any { return &v }

// needed is a table with one column beside its key.
func needed(c store.Column) []store.Table {
	c.Name = "a"
	return []store.Table{{Name: "t", Columns: []store.Column{{Name: "id", Type: store.Bigint, Primary: true, Generated: true}, c}}}
}

// there is what the database has of it; change is told the relation, whose second column
// is a.
func there(c store.CatalogColumn, change func(*store.CatalogRelation)) *store.Catalog {
	c.Name = "a"
	r := store.CatalogRelation{Name: "t", Visible: true, Key: []string{"id"}, Columns: []store.CatalogColumn{{Name: "id", Type: store.Bigint, Filled: true}, c}}
	if change != nil {
		change(&r)
	}
	return &store.Catalog{Relations: []store.CatalogRelation{r}}
}

func TestCompareColumns(t *testing.T) {
	reference := &store.Reference{Table: "o", Column: "id", OnDelete: store.Cascade}
	pointing := func(f store.CatalogReference) func(*store.CatalogRelation) {
		f.Columns, f.Refers = []string{"a"}, []string{"id"}
		return func(r *store.CatalogRelation) { r.References = append(r.References, f) }
	}
	const rule, fails = drift.Rule, drift.Fails
	for _, tt := range []struct {
		want     store.Column
		have     store.CatalogColumn
		change   func(*store.CatalogRelation)
		severity drift.Severity // 0: as declared
		kind     drift.Kind
		says     string
	}{
		{want: store.Column{Type: store.String}, have: store.CatalogColumn{Type: store.Text}},
		{want: store.Column{Type: store.Text}, have: store.CatalogColumn{Type: store.String, MaxLength: 20},
			severity: rule, kind: drift.OtherLength, says: "t.a has at most 20 characters in the database"},
		{want: store.Column{Type: store.Boolean}, have: store.CatalogColumn{Type: store.Integer, Native: "integer"},
			severity: fails, kind: drift.OtherType, says: "t.a is integer in the database, and boolean in the schema"},
		{want: store.Column{Type: store.Text}, have: store.CatalogColumn{Native: "inet"},
			severity: rule, kind: drift.OtherType, says: "t.a is inet in the database, and text in the schema"},
		{want: store.Column{Type: store.Bigint}, have: store.CatalogColumn{Type: store.Integer, Native: "integer"},
			severity: fails, kind: drift.OtherType, says: "t.a is integer in the database, which holds less than bigint"},
		{want: store.Column{Type: store.Integer}, have: store.CatalogColumn{Type: store.Bigint, Native: "bigint"},
			severity: rule, kind: drift.OtherType, says: "t.a is bigint in the database, and integer in the schema"},
		{want: store.Column{Type: store.Text}, have: store.CatalogColumn{Type: store.Text, Nullable: true},
			severity: rule, kind: drift.MayBeNull, says: "t.a may be null in the database, and the schema requires it"},
		{want: store.Column{Type: store.Text, Nullable: true}, have: store.CatalogColumn{Type: store.Text},
			severity: fails, kind: drift.MustNotBeNull, says: "t.a must not be null in the database, and the schema does not require it"},
		{want: store.Column{Type: store.Text, Nullable: true}, have: store.CatalogColumn{Type: store.Text, Filled: true},
			severity: rule, kind: drift.MustNotBeNull, says: "t.a must not be null in the database, and the schema does not require it"},
		{want: store.Column{Type: store.Text, Unique: true}, have: store.CatalogColumn{Type: store.Text},
			severity: rule, kind: drift.MissingUnique, says: "t.a may be the same in two rows in the database, and the schema says unique"},
		{want: store.Column{Type: store.Text, Unique: true}, have: store.CatalogColumn{Type: store.Text},
			change: func(r *store.CatalogRelation) { r.Uniques = []store.CatalogKey{{Columns: []string{"a"}}} }},
		{want: store.Column{Type: store.Text, Unique: true}, have: store.CatalogColumn{Type: store.Text},
			change:   func(r *store.CatalogRelation) { r.Uniques = []store.CatalogKey{{Columns: []string{"a", "id"}}} },
			severity: rule, kind: drift.MissingUnique, says: "t.a may be the same in two rows in the database, and the schema says unique"},
		{want: store.Column{Type: store.Enum, Values: []string{"x", "y"}}, have: store.CatalogColumn{Type: store.String, Values: []string{"y", "x"}}},
		{want: store.Column{Type: store.Enum, Values: []string{"x"}}, have: store.CatalogColumn{Type: store.String},
			severity: rule, kind: drift.OtherValues, says: "t.a may have any value in the database, and the schema names them"},
		{want: store.Column{Type: store.Enum, Values: []string{"x", "y"}}, have: store.CatalogColumn{Type: store.Enum, Values: []string{"x"}},
			severity: fails, kind: drift.OtherValues, says: `t.a cannot be "y" in the database, which the schema allows`},
		{want: store.Column{Type: store.Enum, Values: []string{"x"}}, have: store.CatalogColumn{Type: store.Enum, Values: []string{"x", "z"}},
			severity: rule, kind: drift.OtherValues, says: "t.a may have values in the database that the schema does not name: z"},
		{want: store.Column{Type: store.Text}, have: store.CatalogColumn{Type: store.Enum, Values: []string{"x", "z"}},
			severity: fails, kind: drift.OtherValues, says: "t.a can only be one of x, z in the database, and any text in the schema"},
		{want: store.Column{Type: store.Bigint, References: reference}, have: store.CatalogColumn{Type: store.Bigint},
			severity: rule, kind: drift.MissingReference, says: "t.a does not reference o.id in the database"},
		{want: store.Column{Type: store.Bigint, References: reference}, have: store.CatalogColumn{Type: store.Bigint},
			change: pointing(store.CatalogReference{Table: "o", OnDelete: store.Cascade})},
		{want: store.Column{Type: store.Bigint, References: reference}, have: store.CatalogColumn{Type: store.Bigint},
			change:   pointing(store.CatalogReference{Table: "o", OnDelete: store.Cascade, Seen: true}),
			severity: rule, kind: drift.MissingReference, says: "t.a does not reference o.id in the database"},
		{want: store.Column{Type: store.Bigint, References: reference}, have: store.CatalogColumn{Type: store.Bigint},
			change:   pointing(store.CatalogReference{Table: "o"}),
			severity: rule, kind: drift.OtherDelete, says: "t.a has ON DELETE NO ACTION in the database, and the schema says CASCADE"},
		{want: store.Column{Type: store.Text}, have: store.CatalogColumn{Type: store.Text},
			change: func(r *store.CatalogRelation) {
				r.Columns = append(r.Columns, store.CatalogColumn{Name: "b"}, store.CatalogColumn{Name: "c", Filled: true}, store.CatalogColumn{Name: "d", Nullable: true})
			},
			severity: fails, kind: drift.Demanded, says: "t.b wants a value in the database, and the schema does not declare it"},
		{want: store.Column{Type: store.Text}, have: store.CatalogColumn{Type: store.Text},
			change:   func(r *store.CatalogRelation) { r.Columns = r.Columns[:1] },
			severity: fails, kind: drift.MissingColumn, says: "t.a is not in the database"},
		{want: store.Column{Type: store.Text}, have: store.CatalogColumn{Type: store.Text},
			change:   func(r *store.CatalogRelation) { r.Columns[0].Filled = false },
			severity: fails, kind: drift.NotFilled, says: "t.id is not made by the database, and the schema counts on it"},
		{want: store.Column{Type: store.Text}, have: store.CatalogColumn{Type: store.Text},
			change:   func(r *store.CatalogRelation) { r.Key = nil },
			severity: rule, kind: drift.OtherKey, says: "t has no primary key in the database, and the schema's is id"},
		{want: store.Column{Type: store.Text}, have: store.CatalogColumn{Type: store.Text},
			change:   func(r *store.CatalogRelation) { r.Name = "T" },
			severity: fails, kind: drift.MissingTable, says: "t is not in the database"},
		{want: store.Column{Type: store.Text}, have: store.CatalogColumn{Type: store.Text},
			change:   func(r *store.CatalogRelation) { r.Visible = false },
			severity: fails, kind: drift.MissingTable, says: "t is not in the database"},
		{want: store.Column{Type: store.Text, Unique: true, References: reference}, have: store.CatalogColumn{Type: store.Text, Nullable: true},
			change: func(r *store.CatalogRelation) { r.View, r.Key = true, nil }},
	} {
		got := drift.Compare(needed(tt.want), there(tt.have, tt.change), store.Postgres)
		if tt.severity == 0 {
			if len(got) != 0 {
				t.Errorf("%+v beside %+v: %v, want nothing", tt.want, tt.have, got)
			}
			continue
		}
		if len(got) != 1 || got[0].String() != tt.says || got[0].Severity != tt.severity || got[0].Kind != tt.kind {
			t.Errorf("%+v beside %+v: %v, want %s (%s)", tt.want, tt.have, got, tt.says, tt.severity)
		}
	}
}

func TestCompareDefaults(t *testing.T) {
	for _, tt := range []struct {
		typ  store.Type
		want any
		have string
		same bool
	}{
		{store.Text, "a", "'a'::text", true}, {store.Text, "a", "'A'::text", false}, {store.Text, "it's", "('it''s'::character varying)::text", true},
		{store.Text, `a\b`, `E'a\\b'::text`, true}, {store.Text, "a", "", false}, {store.Enum, "a", "'a'", true}, {store.Text, nil, "", true}, {store.Text, nil, "NULL::text", true}, {store.Text, nil, "'a'", false},
		{store.Integer, int64(-1), "'-1'::integer", true}, {store.Integer, int64(1), "1", true}, {store.Integer, int64(1), "(2)", false},
		{store.Boolean, true, "true", true}, {store.Boolean, true, "TRUE", true}, {store.Boolean, true, "false", false},
		{store.JSON, map[string]any{"b": int64(1), "a": nil}, `'{"a": null, "b": 1}'::jsonb`, true}, {store.JSON, []any{}, `'[1]'::jsonb`, false},
		{store.JSON, []any{}, `gen()`, false}, {store.Array, []any{"a"}, "'{a}'::text[]", true}, {store.Array, []any{"a"}, "", false},
		{store.Decimal, value.Number("1.50"), "1.5", true},
	} {
		column := store.Column{Type: tt.typ, Default: ptr(tt.want), Values: []string{"a"}}
		have := store.CatalogColumn{Type: tt.typ, Default: tt.have, Values: column.Values}
		if tt.typ != store.Enum {
			column.Values, have.Values = nil, nil
		}
		got := drift.Compare(needed(column), there(have, nil), store.Postgres)
		if same := len(got) == 0; same != tt.same || !same && got[0].Kind != drift.MissingDefault {
			t.Errorf("default %v beside %s: %v", tt.want, tt.have, got)
		}
	}
}

func TestCompareTables(t *testing.T) {
	need := needed(store.Column{Type: store.Text})
	need[0].Uniques = [][]string{{"a", "id"}}
	got := drift.Compare(need, there(store.CatalogColumn{Type: store.Text}, nil), store.Postgres)
	if len(got) != 1 || got[0].Kind != drift.MissingUnique || got[0].String() != "t may hold two rows with the same a, id in the database" {
		t.Errorf("a unique of two columns: %v", got)
	}
	have := there(store.CatalogColumn{Type: store.Text}, func(r *store.CatalogRelation) { r.Uniques = []store.CatalogKey{{Columns: []string{"id", "a"}}} })
	if got := drift.Compare(need, have, store.Postgres); len(got) != 0 {
		t.Errorf("one in another order: %v", got)
	}
}

func TestSQLite(t *testing.T) {
	upper := func(r *store.CatalogRelation) { r.Name, r.Columns[1].Name, r.Key = "T", "A", []string{"ID"} }
	if got := drift.Compare(needed(store.Column{Type: store.Bigint}), there(store.CatalogColumn{Type: store.Bigint}, upper), store.SQLite); len(got) != 0 {
		t.Errorf("names in other letters: %v", got)
	}
	got := drift.Compare(needed(store.Column{Type: store.Datetime}), there(store.CatalogColumn{Type: store.Text, Native: "TEXT"}, nil), store.SQLite)
	if len(got) != 1 || got[0].Severity != drift.Rule {
		t.Errorf("another type, of which SQLite stores any: %v", got)
	}
}

func TestSurplus(t *testing.T) {
	have := there(store.CatalogColumn{Type: store.Text}, func(r *store.CatalogRelation) {
		r.Columns = append(r.Columns, store.CatalogColumn{Name: "old", Nullable: true})
	})
	have.Relations = append(have.Relations, store.CatalogRelation{Name: "left", Visible: true}, store.CatalogRelation{Name: "t", Schema: "far"})
	need := needed(store.Column{Type: store.Text})
	var got []string
	for _, d := range drift.Surplus(need, have, store.Postgres) {
		got = append(got, d.String())
	}
	want := []string{"t.old is in the database and the schema does not declare it", "left is in the database and no schema declares it"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if d := drift.Compare(need, have, store.Postgres); len(d) != 0 {
		t.Errorf("what is there besides differs: %v", d)
	}
}
