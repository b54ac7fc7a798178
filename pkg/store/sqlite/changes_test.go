package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/migrate"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/sqlite"
)

// changes compares, and runs what was found as a migration does.
func changes(t *testing.T, s *sqlite.Store, run bool, tables ...store.Table) *store.Changes {
	t.Helper()
	c, err := s.Changes(t.Context(), tables, migrate.Table)
	if err != nil {
		t.Fatal(err)
	}
	if !run {
		return c
	}
	up, _ := migrate.Write(c)
	r := &migrate.Runner{Store: s, Now: time.Now, Files: []migrate.Migration{{Version: time.Now().UnixNano(), Name: "c", Up: migrate.File{Path: "c.up.sql", SQL: up, NoForeignKeys: c.NoForeignKeys}}}}
	if err := r.Up(t.Context(), migrate.Bounds{}); err != nil {
		t.Fatalf("%v\n%s", err, up)
	}
	return c
}

func table(columns ...store.Column) store.Table {
	return store.Table{Name: "t", Columns: append([]store.Column{{Name: "id", Type: store.Bigint, Primary: true, Generated: true}}, columns...)}
}

func texts(c *store.Changes) (steps, notes string) {
	var all []string
	for _, s := range c.Steps {
		all = append(all, s.Note)
		all = append(all, s.Up...)
	}
	return strings.Join(all, ";\n"), strings.Join(c.Notes, "\n")
}

// TestChangesOfHandWrittenTables: a table that somebody else made is changed where the
// gateway needs it, and keeps what he wrote elsewhere.
func TestChangesOfHandWrittenTables(t *testing.T) {
	column := func(typ store.Type, nullable bool) store.Column {
		return store.Column{Name: "c", Type: typ, Nullable: nullable}
	}
	enum := column(store.Enum, true)
	enum.Values = []string{"a", "b"}
	refers := column(store.Bigint, true)
	refers.References = &store.Reference{Table: "t", Column: "id", OnDelete: store.Cascade}
	for _, tt := range []struct {
		name, sql string
		want      store.Column
		has       string // in the steps; "" for no steps
		note      string
	}{
		{"an integer of 64 bits", "create table t (id integer primary key, c int)", column(store.Bigint, true), "", ""},
		{"no type", "create table t (id integer primary key, c)", column(store.Text, true), "", ""},
		{"a reference to the key", "create table t (id integer primary key, c integer references t on delete cascade)", refers, "", ""},
		{"a rule of the table", "create table t (id integer primary key, c integer, foreign key (c) references t (id) on delete cascade)", refers, "", ""},
		{"another rule of the table", "create table t (id integer primary key, c integer, d int check (d > 0), foreign key (c) references t)", refers, `REFERENCES "t" ("id") ON DELETE CASCADE`, "t.d is in the database alone: "},
		{"an enum without a check", "create table t (id integer primary key, c text)", enum, `CHECK ("c" IN ('a', 'b'))`, ""},
		{"what a line said more", "create table t (id integer primary key, c text collate nocase check (c <> ''))", column(store.Text, false), "lost here: c text collate nocase check (c <> '')", ""},
		{"a computed default", "create table t (id integer primary key, c text default (upper('a')))", column(store.Text, false), "DEFAULT (upper('a'))", ""},
		{"a computed column", "create table t (id integer primary key, c integer as (1))", column(store.Text, true), "", ""},
		{"a strict table", "create table t (id integer primary key, c text) strict", column(store.Text, false), "", "t is STRICT or no plain table"},
		{"another key", "create table t (id integer primary key, c text)", store.Column{Name: "c", Type: store.Text, Primary: true}, "", "has another primary key"},
		{"unique alone", "create table t (id integer primary key, c text)", store.Column{Name: "c", Type: store.Text, Nullable: true, Unique: true}, `CREATE UNIQUE INDEX "t_c_key" ON "t" ("c")`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), store.Options{})
			exec(t, s, tt.sql)
			steps, notes := texts(changes(t, s, true, table(tt.want)))
			if !strings.Contains(steps, tt.has) || (steps == "") != (tt.has == "") {
				t.Errorf("steps\n%s\nwant %q", steps, tt.has)
			}
			if !strings.Contains(notes, tt.note) || (notes == "") != (tt.note == "") {
				t.Errorf("notes %q, want %q", notes, tt.note)
			}
			if left, _ := texts(changes(t, s, false, table(tt.want))); left != "" {
				t.Errorf("left\n%s", left)
			}
		})
	}
}

// TestMadeAnew: a table that is made anew keeps its rows, indexes, triggers and views, and
// what refers to it.
func TestMadeAnew(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), store.Options{})
	for _, sql := range []string{
		"create table t (id integer primary key autoincrement, c text, Kept text default 'k')",
		"create table child (t_id integer references t (id) on delete cascade)", "create view seen as select c from t", "create table log (n integer)",
		"create index by_c on t (c)", "create trigger logs after insert on t begin insert into log values (new.id); end",
		"insert into t (c) values ('42'), (null)", "insert into child values (1)",
	} {
		exec(t, s, sql)
	}
	number := store.Column{Name: "c", Type: store.Integer, Default: anyValue(int64(7))}
	c := changes(t, s, true, table(number))
	if !c.NoForeignKeys {
		t.Error("it needs foreign keys to be off")
	}
	for _, tt := range []struct {
		sql  string
		want int64
	}{
		{"select sum(c) from t", 49}, {"select count(*) from child", 1}, {"select count(*) from seen", 2}, {"select count(*) from t where Kept = 'k'", 2},
		{"select count(*) from sqlite_schema where name in ('by_c', 'logs')", 2}, {"insert into t default values returning id", 3}, {"select max(n) from log", 3},
	} {
		if got := one(t, s, tt.sql); got != tt.want {
			t.Errorf("%s gives %v, want %v", tt.sql, got, tt.want)
		}
	}
	exec(t, s, "delete from t where id = 1")
	if got := one(t, s, "select count(*) from child"); got != int64(0) {
		t.Errorf("%v rows refer to one that is gone", got)
	}
}

func anyValue(v any) *any { return &v }
