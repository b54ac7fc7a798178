package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

func users() store.Table {
	return store.Table{Name: "users", Columns: []store.Column{
		id(),
		{Name: "email", Type: store.String, Unique: true},
		{Name: "password_hash", Type: store.String, Nullable: true},
		{Name: "status", Type: store.Enum, Values: []string{"on", "off"}, Default: ptr("on")},
	}}
}

func posts() store.Table {
	return store.Table{Name: "posts", Columns: []store.Column{
		id(),
		{Name: "title", Type: store.Text},
		{Name: "user_id", Type: store.Bigint, References: &store.Reference{Table: "users", Column: "id", OnDelete: store.Cascade}},
		{Name: "editor_id", Type: store.Bigint, Nullable: true, References: &store.Reference{Table: "users", Column: "id", OnDelete: store.SetNull}},
		{Name: "judge_id", Type: store.Bigint, Nullable: true, References: &store.Reference{Table: "users", Column: "id"}},
	}}
}

const counting = "with recursive n(i) as (select 1 union all select i + 1 from n where i < $1) select i from n"

func rows(t *testing.T, open Open) {
	d := base(t, open)
	for _, tt := range []struct {
		rows, limit int
		fits        bool
	}{
		{0, 1, true}, {1, 1, true}, {2, 1, false}, {500, 499, false}, {500, 500, true}, {10_000, 0, true}, {10_001, 0, false},
	} {
		sql := "select i from (" + counting + ") x where i <= $2"
		if d.Dialect() == store.Postgres {
			sql = strings.Replace(sql, "i < $1", "i < $1::int", 1)
		}
		result, err := d.Query(t.Context(), d.st(sql), []any{int64(max(tt.rows, 1)), int64(tt.rows)}, tt.limit)
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
		if len(result.Rows) != tt.rows || result.Columns == nil || !reflect.DeepEqual(result.Columns.Names(), []string{"i"}) {
			t.Errorf("%d rows, columns %v, want %d of i", len(result.Rows), result.Columns, tt.rows)
		}
	}
	if got := d.one("select 1"); got != int64(1) {
		t.Errorf("after too many rows: %v", got)
	}
}

func hidden(t *testing.T, open Open) {
	d := db{t, open(t, store.Options{Hidden: func(c string) bool { return strings.HasSuffix(c, "_hash") }})}
	d.create(users())
	d.exec("insert into users (email, password_hash) values ('a', 'secret')")
	row := d.query("select * from users").Row(0)
	if want := []string{"id", "email", "status"}; !reflect.DeepEqual(row.Names(), want) {
		t.Errorf("names that leave: %v, want %v", row.Names(), want)
	}
	if v, ok := row.Member("password_hash"); !ok || v != "secret" {
		t.Errorf("password_hash reads %v, %v", v, ok)
	}
	if v, ok := row.Member("nothing"); ok {
		t.Errorf("a column that is not there reads %v", v)
	}
}

func affected(t *testing.T, open Open) {
	d := base(t, open)
	d.create(users(), posts())
	for _, tt := range []struct {
		sql  string
		want int64
	}{
		{"insert into users (email) values ('a'), ('b'), ('c')", 3},
		{"update users set status = 'off' where email <> 'a'", 2},
		{"update users set status = 'off' where email = 'z'", 0},
		{"insert into posts (title, user_id) select 't', id from users", 3},
		{"select * from users", 0},
		{"delete from users where email = 'a'", 1}, // what cascades is not counted
		{"insert into users (email) values ('b') on conflict do nothing", 0},
		{"with x as (select 1) delete from users", 2},
		{"create table other (id bigint)", 0},
		{"select * from users", 0},
	} {
		if got := d.exec(tt.sql); got != tt.want {
			t.Errorf("%s affects %d rows, want %d", tt.sql, got, tt.want)
		}
	}
	result := d.query("insert into users (email) values ('x'), ('y') returning email")
	if result.Affected != 2 || !reflect.DeepEqual(result.Rows, [][]any{{"x"}, {"y"}}) {
		t.Errorf("returning: %d affected, rows %v", result.Affected, result.Rows)
	}
	if got := d.one("select count(*) from users"); got != int64(2) {
		t.Errorf("a read after a write sees %v rows, want 2", got)
	}
	dropped, err := d.Exec(t.Context(), d.st("insert into users (email) values ('z') returning email"), nil)
	if err != nil || dropped.Affected != 1 || len(dropped.Rows) != 0 {
		t.Errorf("exec with returning: %+v, %v", dropped, err)
	}
}

// wrong are statements that no database accepts; at is the character meant, 0 where
// databases differ.
var wrong = []struct {
	sql string
	at  int
}{
	{"selec 1", 1},
	{"select é from users", 0},
	{"select 1 as é, nope from users", 16},
	{"select * from nowhere", 0},
	{"select 1; select 2", 0}, {"select 1; 42", 0},
	{"select (1", 0},
	{"begin", 0}, {"COMMIT", 0}, {"-- x\n rollback", 0}, {"/* x */ savepoint a", 0}, {"start transaction", 0},
}

func faults(t *testing.T, open Open) {
	d := base(t, open)
	d.create(users())
	for _, tt := range wrong {
		for name, run := range map[string]func(*store.Statement) error{
			"query": func(st *store.Statement) error { _, err := d.Query(t.Context(), st, nil, 0); return err },
			"exec":  func(st *store.Statement) error { _, err := d.Exec(t.Context(), st, nil); return err },
			"check": func(st *store.Statement) error { return d.Check(t.Context(), st) },
		} {
			e := is[*store.Fault](t, name+" "+tt.sql, run(d.st(tt.sql)))
			if e.Message == "" || tt.at > 0 && e.Position != tt.at {
				t.Errorf("%s %q: %q at %d, want a place of %d", name, tt.sql, e.Message, e.Position, tt.at)
			}
		}
	}
	for _, args := range [][]any{nil, {int64(1), int64(2)}} {
		_, err := d.Query(t.Context(), d.st("select id from users where id = $1"), args, 0)
		is[*store.Fault](t, fmt.Sprint(len(args), " values for one place"), err)
	}
	if got := d.one("select count(*) from users"); got != int64(0) {
		t.Errorf("after faults: %v", got)
	}
}

func check(t *testing.T, open Open) {
	d := base(t, open)
	d.create(users())
	for _, sql := range []string{
		"select * from users", "select id from users where email = $1 and id > $2", "select $1",
		"insert into users (email) values ($1)", "delete from users", "drop table users", "select 1;",
	} {
		if err := d.Check(t.Context(), d.st(sql)); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if got := d.one("select count(*) from users"); got != int64(0) {
		t.Errorf("a check has run: %v", got)
	}
	st := d.st("select id from users where email = $1")
	st.Params = 2
	is[*store.Fault](t, "wrong count of places", d.Check(t.Context(), st))
}

func conflicts(t *testing.T, open Open) {
	d := base(t, open)
	d.create(users(), posts())
	d.exec("insert into users (email) values ('a'), ('z')")
	d.exec("insert into posts (title, user_id, judge_id) values ('t', 2, 1)")
	d.exec("create table pairs (a integer, b integer, unique (a, b), check (a < 10))")
	d.exec("insert into pairs values (1, 2)")
	for _, tt := range []struct {
		sql     string
		kind    store.Kind
		table   string
		columns []string // nil: not every database tells
	}{
		{"insert into users (email) values ($1)", store.Unique, "users", []string{"email"}},
		{"insert into users (id, email) values (1, $1 || 'b')", store.Unique, "users", []string{"id"}},
		{"insert into pairs values (1, 2 + length($1) - 1)", store.Unique, "pairs", []string{"a", "b"}},
		{"insert into users (email, status) values ('b', $1)", store.Check, "users", []string{"status"}},
		{"insert into pairs values (11, length($1))", store.Check, "", nil},
		{"insert into users (email) values (nullif($1, 'a'))", store.NotNull, "users", []string{"email"}},
		{"insert into posts (title, user_id) values ($1, 99)", store.ForeignKey, "posts", []string{"user_id"}},
		{"delete from users where email = $1", store.ForeignKey, "posts", nil},
	} {
		_, err := d.Exec(t.Context(), d.st(tt.sql), []any{"a"})
		e := is[*store.Conflict](t, tt.sql, err)
		if e.Kind != tt.kind || e.Message == "" {
			t.Errorf("%s: %+v, want %s", tt.sql, e, tt.kind)
		}
		if d.Dialect() == store.SQLite && tt.kind == store.ForeignKey {
			tt.table, tt.columns = "", nil
		}
		if tt.columns != nil && !reflect.DeepEqual(e.Columns, tt.columns) || tt.table != "" && e.Table != tt.table {
			t.Errorf("%s: %s%v, want %s%v", tt.sql, e.Table, e.Columns, tt.table, tt.columns)
		}
	}
}
