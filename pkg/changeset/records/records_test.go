package records

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

func table(t *testing.T, dialect expr.Dialect) *Table {
	t.Helper()
	field := func(name string, f config.Field) spec.Named[config.Field] {
		return spec.Named[config.Field]{Name: name, At: diag.Pos{Line: 1}, Value: f}
	}
	m := &config.Manifest{
		Stores: []spec.Named[config.Store]{{Name: "main"}},
		Schemas: []spec.Named[config.Schema]{{Name: "user", Value: config.Schema{Table: `us"ers`, PrimaryKey: "bigint", Fields: []spec.Named[config.Field]{
			field("email", config.Field{Type: "string", Writable: true, Unique: true}),
			field("password", config.Field{Type: "string", Writable: true, Virtual: true}),
			field("boss_id", config.Field{Refers: spec.Ref{Name: "user"}, Writable: true}),
		}}}},
	}
	env := &pipeline.Env{Manifest: m, Functions: &expr.Functions{}}
	env.AddStore(&pipeline.Store{Name: "main", Dialect: dialect})
	var ps diag.Problems
	made := Of(env, spec.Ref{Name: "user"}, "", &ps)
	if made == nil || ps.Len() > 0 {
		t.Fatalf("problems %v", ps.All())
	}
	if again := Of(env, spec.Ref{Name: "user"}, "", &ps); again != made {
		t.Error("the table was made twice")
	}
	return made
}

func given(t *testing.T, x *Table, fields map[string]any) *changeset.Changes {
	t.Helper()
	c, err := x.Set.Cast(changeset.Input{Given: fields})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStatements(t *testing.T) {
	email := map[string]any{"email": "a", "password": "p"}
	both := map[string]any{"email": "a", "boss_id": "1"}
	tests := []struct {
		dialect expr.Dialect
		fields  map[string]any
		where   []int
		insert  string
		update  string
	}{
		{expr.Postgres, both, []int{0, 1}, `insert into "us""ers" ("email", "boss_id") values ($1, $2) returning "id", "email", "boss_id"`,
			`update "us""ers" set "email" = $1, "boss_id" = $2 where "id" = $3 and "email" = $4 returning "id"`},
		{expr.SQLite, email, []int{0}, `insert into "us""ers" ("email") values (?1) returning "id", "email", "boss_id"`,
			`update "us""ers" set "email" = ?1 where "id" = ?2 returning "id"`},
		{expr.SQLite, nil, []int{0}, `insert into "us""ers" default values returning "id", "email", "boss_id"`, ""},
	}
	for _, tt := range tests {
		x := table(t, tt.dialect)
		c := given(t, x, tt.fields)
		if got := x.insertSQL(c.Given(), 1, Conflict{}).SQL; got != tt.insert {
			t.Errorf("insert of %v: %s, want %s", tt.fields, got, tt.insert)
		}
		if x.Writes(c) != (tt.update != "") {
			t.Errorf("Writes(%v) = %v", tt.fields, x.Writes(c))
			continue
		}
		if tt.update == "" {
			continue
		}
		st := x.UpdateSQL(c.Given(), func(q *Text) { q.Where(x, tt.where) }, `"id"`)
		args, err := x.Args(nil, c)
		if err != nil || st.SQL != tt.update || st.Params != len(args)+len(tt.where) {
			t.Errorf("update of %v: %s with %d places for %v, want %s", tt.fields, st.SQL, st.Params, args, tt.update)
		}
	}
}

func TestShapesAreBounded(t *testing.T) {
	x := table(t, expr.Postgres)
	var shapes Shapes
	make := func() *store.Statement { return &store.Statement{} }
	first := given(t, x, map[string]any{"email": "a"}).Given()
	kept := shapes.Get(first, make)
	if shapes.Get(first, make) != kept {
		t.Error("the same fields gave another statement")
	}
	for i := range maxShapes + 10 {
		shapes.Get(changeset.Mask{1: uint64(i)}, make)
	}
	if len(shapes.list) != maxShapes {
		t.Errorf("%d statements are kept, want %d", len(shapes.list), maxShapes)
	}
}

func TestCulprit(t *testing.T) {
	x := table(t, expr.Postgres)
	c := given(t, x, map[string]any{"email": "a", "password": "p", "boss_id": "1"})
	tests := []struct {
		err  store.Invalid
		want string
	}{
		{store.Invalid{Param: 1}, "email"},
		{store.Invalid{Param: 2}, "boss_id"}, // the virtual one has no place
		{store.Invalid{Param: 3}, ""},        // a value of the where
		{store.Invalid{Column: "email"}, "email"},
		{store.Invalid{Column: "other"}, ""},
		{store.Invalid{}, ""},
	}
	for _, tt := range tests {
		if _, got := x.culprit(&tt.err, []*changeset.Changes{c}); got != tt.want {
			t.Errorf("culprit(%v) = %q, want %q", &tt.err, got, tt.want)
		}
	}
}

func TestBroken(t *testing.T) {
	x := table(t, expr.Postgres)
	c := given(t, x, map[string]any{"email": "a"})
	tests := []struct {
		err      error
		field    string
		message  string
		declared bool
	}{
		{&store.Conflict{Kind: store.Unique, Columns: []string{"email"}}, "email", "has already been taken", true},
		{&store.Conflict{Kind: store.ForeignKey, Columns: []string{"boss_id"}}, "boss_id", "does not exist", true},
		{&store.Conflict{Kind: store.NotNull, Columns: []string{"email"}}, "email", "can't be blank", false},
		{&store.Conflict{Kind: store.Check, Columns: []string{"email"}}, "email", "is invalid", false},
		{&store.Conflict{Kind: store.Unique, Columns: []string{"elsewhere"}}, "elsewhere", "has already been taken", false},
		{&store.Invalid{Param: 1}, "email", "is invalid", true},
	}
	for _, tt := range tests {
		b := x.Broken(t.Context(), tt.err, c)
		if b == nil || len(b.Errors[tt.field]) != 1 || b.Errors[tt.field][0] != tt.message || b.Declared != tt.declared {
			t.Errorf("Broken(%v) = %+v, want %s %q, declared %v", tt.err, b, tt.field, tt.message, tt.declared)
		}
	}
	if b := x.Broken(t.Context(), &store.Fault{}, c); b != nil {
		t.Errorf("a fault gave %+v", b)
	}
}
