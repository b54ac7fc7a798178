package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/postgres"
	"github.com/openmanifest/gateway/pkg/value"
)

// changed gives the statements that make table t of the database what column says, having
// run them; and what is left then.
func changed(t *testing.T, s *postgres.Store, columns ...store.Column) (steps, left []string, notes []string) {
	t.Helper()
	table := store.Table{Name: "t", Columns: append([]store.Column{{Name: "id", Type: store.Bigint, Primary: true, Generated: true}}, columns...)}
	statements := func(run bool) (all, notes []string) {
		c, err := s.Changes(t.Context(), []store.Table{table})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range c.Steps {
			for _, sql := range step.Up {
				all = append(all, strings.TrimPrefix(sql, `ALTER TABLE "t" `))
				if run {
					script(t, s, sql)
				}
			}
		}
		return all, c.Notes
	}
	steps, notes = statements(true)
	left, _ = statements(false)
	return steps, left, notes
}

func script(t *testing.T, s *postgres.Store, sql string) {
	t.Helper()
	err := s.Locked(t.Context(), "test", func(session store.Session) error { return session.Script(context.Background(), sql) })
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func anyValue(v any) *any { return &v }

// TestChangesOfColumns: what a table has that somebody else made, rows and all, and what
// becomes of it.
func TestChangesOfColumns(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 2})
	column := func(typ store.Type, change func(*store.Column)) store.Column {
		c := store.Column{Name: "c", Type: typ, Nullable: true}
		if change != nil {
			change(&c)
		}
		return c
	}
	required := func(c *store.Column) { c.Nullable = false }
	values := func(list ...string) func(*store.Column) { return func(c *store.Column) { c.Values = list } }
	filled := func(v any) func(*store.Column) { return func(c *store.Column) { c.Default = anyValue(v) } }
	const alter = `ALTER COLUMN "c" `
	for _, tt := range []struct {
		has, row string // the line of column c, and a value of a row
		want     store.Column
		steps    string
		note     string
	}{
		{"c text", "'a'", column(store.String, nil), "", ""},
		{"c varchar(20)", "'a'", column(store.Text, nil), "", ""},
		{"c timestamp default now()", "now()", column(store.Datetime, nil), "", ""},
		{"c json", "'{}'", column(store.JSON, nil), "", ""},
		{"c integer[]", "'{1}'", column(store.Array, nil), "", ""},
		{"c numeric(10,2)", "1.5", column(store.Decimal, nil), "", ""},
		{"c serial", "7", column(store.Integer, required), "", ""},
		{"c integer generated always as (1) stored", "default", column(store.Text, nil), "", ""},
		{"c text", "'42'", column(store.Integer, nil), alter + `TYPE integer USING "c"::text::integer`, ""},
		{"c text default 'a'", "'42'", column(store.Integer, filled(int64(7))), alter + `DROP DEFAULT; ` + alter + `TYPE integer USING "c"::text::integer; ` + alter + `SET DEFAULT 7`, ""},
		{"c integer", "42", column(store.Bigint, nil), alter + `TYPE bigint USING "c"::bigint`, ""},
		{"c double precision", "1.5", column(store.Integer, nil), alter + `TYPE integer USING "c"::integer`, ""},
		{"c boolean", "true", column(store.Bigint, nil), alter + `TYPE bigint USING "c"::integer::bigint`, ""},
		{"c bigint", "1", column(store.Boolean, nil), alter + `TYPE boolean USING ("c" <> 0)`, ""},
		{"c timestamptz", "now()", column(store.Date, nil), alter + `TYPE date USING "c"::date`, ""},
		{"c text", "null", column(store.Text, func(c *store.Column) { required(c); filled("none")(c) }), alter + `SET DEFAULT 'none'::text; UPDATE "t" SET "c" = 'none'::text WHERE "c" IS NULL; ` + alter + `SET NOT NULL`, ""},
		{"c text not null", "'a'", column(store.Text, nil), alter + `DROP NOT NULL`, ""},
		{"c text default 'a'", "'b'", column(store.Text, nil), alter + `DROP DEFAULT`, ""},
		{"c text default upper('a')", "'b'", column(store.Text, nil), "", ""},
		{"c numeric default 1.50", "2", column(store.Decimal, filled(value.Number("1.50"))), "", ""},
		{"c text check (c in ('a', 'b'))", "'a'", column(store.Enum, values("b", "a")), "", ""},
		{"c text check (c in ('a', 'b'))", "'a'", column(store.Enum, values("a", "z")), `DROP CONSTRAINT "t_c_check"; ADD CONSTRAINT "t_c_check" CHECK ("c" IN ('a', 'z'))`, ""},
		{"c text constraint mine check (c in ('a', 'b'))", "'a'", column(store.Enum, values("a")), `DROP CONSTRAINT "mine"; ADD CONSTRAINT "t_c_check" CHECK ("c" IN ('a'))`, ""},
		{"c text check (c in ('a'))", "'a'", column(store.String, nil), `DROP CONSTRAINT "t_c_check"`, ""},
		{"c text check (length(c) > 0)", "'a'", column(store.String, nil), "", ""},
		{"c text check (c in ('1'))", "'1'", column(store.Integer, nil), `DROP CONSTRAINT "t_c_check"; ` + alter + `TYPE integer USING "c"::text::integer`, ""},
		{"c mood default 'sad'", "'sad'", column(store.Enum, func(c *store.Column) { values("sad", "glad")(c); filled("sad")(c) }), "", ""},
		{"c mood", "'sad'", column(store.Enum, values("sad", "mad")), "", "t.c is the type mood of the database, with the values sad, glad: change it by ALTER TYPE"},
		{"c text unique", "'a'", column(store.String, func(c *store.Column) { c.Unique = true }), "", ""},
		{"c text unique", "'a'", column(store.String, nil), "", `t (c) is unique in the database alone: ALTER TABLE "t" DROP CONSTRAINT "t_c_key"`},
		{"c text", "'a'", column(store.String, func(c *store.Column) { c.Unique = true }), `ADD CONSTRAINT "t_c_key" UNIQUE ("c")`, ""},
		{"c text, d text not null", "'a', 'b'", column(store.String, nil), "", `t.d is in the database alone, and the database requires it: every create fails: ALTER TABLE "t" DROP COLUMN "d"`},
	} {
		t.Run(fmt.Sprintf("%s to %s", tt.has, tt.want.Type), func(t *testing.T) {
			script(t, s, "drop table if exists t; drop type if exists mood; create type mood as enum ('sad', 'glad')")
			script(t, s, "create table t (id bigserial primary key, "+tt.has+"); insert into t values (1, "+tt.row+")")
			steps, left, notes := changed(t, s, tt.want)
			if got := strings.Join(steps, "; "); got != tt.steps {
				t.Errorf("steps %q, want %q", got, tt.steps)
			}
			if got := strings.Join(notes, "; "); got != tt.note {
				t.Errorf("notes %q, want %q", got, tt.note)
			}
			if len(left) > 0 {
				t.Errorf("left %q", left)
			}
		})
	}
}

// TestChangesOfKeys: a key that nobody counts up, another key, and a view in a table's place.
func TestChangesOfKeys(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 2})
	script(t, s, "create table t (id bigint primary key); insert into t values (41)")
	if _, left, _ := changed(t, s); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	result, err := s.Query(t.Context(), &store.Statement{SQL: "insert into t default values returning id"}, nil, 1)
	if err != nil || result.Rows[0][0] != int64(42) {
		t.Errorf("the next key: %v, %v, want 42", result, err)
	}
	script(t, s, "drop table t; create table t (id uuid, name text primary key)")
	if steps, _, notes := changed(t, s); len(steps) > 0 || !strings.Contains(strings.Join(notes, "\n"), "a key is changed by hand") || !strings.Contains(strings.Join(notes, "\n"), "has the primary key (name), and needs (id)") {
		t.Errorf("another key: %q, %q", steps, notes)
	}
	script(t, s, "drop table t; create view t as select 1 as id")
	if steps, _, notes := changed(t, s); len(steps)+len(notes) > 0 {
		t.Errorf("a view: %q, %q", steps, notes)
	}
}
