package storetest

import (
	"reflect"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

func create(t *testing.T, open Open) {
	d := base(t, open)
	if got := d.create(posts(), users()); !reflect.DeepEqual(got, []string{"users", "posts"}) {
		t.Errorf("made %v, want users before posts", got)
	}
	d.exec("insert into users (email) values ('a')")
	changed := users()
	changed.Columns = append(changed.Columns, store.Column{Name: "more", Type: store.Text})
	odd := store.Table{Name: `odd "name" select`, Columns: []store.Column{
		{Name: `a "b".c`, Type: store.String, Primary: true, Default: ptr("it's")},
		{Name: "order", Type: store.Integer, Primary: true, Default: ptr(int64(7))},
		{Name: "on", Type: store.Boolean, Default: ptr(true)},
		{Name: "data", Type: store.JSON, Default: ptr(map[string]any{"a": []any{int64(1)}})},
		{Name: "word", Type: store.JSON, Default: ptr("x")},
		{Name: "list", Type: store.Array, Default: ptr([]any{"a", "b'c"})},
		{Name: "price", Type: store.Decimal, Default: ptr(1.5)},
		{Name: "at", Type: store.Datetime, Default: ptr(noon)},
		{Name: "none", Type: store.Text, Nullable: true, Default: ptr(nil)},
	}}
	if got := d.create(changed, odd); !reflect.DeepEqual(got, []string{odd.Name}) {
		t.Errorf("made %v, want only the table that was missing", got)
	}
	if got := d.query("select * from users").Row(0).Names(); len(got) != 4 {
		t.Errorf("users was changed: %v", got)
	}
	got := d.query(`insert into "odd ""name"" select" ("on") values (false) returning *`).Rows[0]
	want := []any{"it's", int64(7), false, map[string]any{"a": []any{int64(1)}}, "x", []any{"a", "b'c"}, got[6], noon, nil}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("defaults: %#v, want %#v", got, want)
	}
	uuids := store.Table{Name: "uuids", Columns: []store.Column{{Name: "id", Type: store.UUID, Primary: true, Generated: true}, {Name: "n", Type: store.Integer}}}
	d.create(uuids)
	first := d.one("insert into uuids (n) values (1) returning id").(string)
	second := d.one("insert into uuids (n) values (2) returning id").(string)
	if len(first) != 36 || first == second || first[14] != '4' || d.one("select n from uuids where id = $1", second) != int64(2) {
		t.Errorf("uuids %s, %s", first, second)
	}
	d.exec("delete from users")
	if got := d.one("insert into users (email) values ('b') returning id"); got != int64(2) {
		t.Errorf("the key of a row that is gone is used again: %v", got)
	}
}

func ring(t *testing.T, open Open) {
	d := base(t, open)
	to := func(name, other string) store.Table {
		return store.Table{Name: name, Columns: []store.Column{id(),
			{Name: "other_id", Type: store.Bigint, Nullable: true, References: &store.Reference{Table: other, Column: "id"}}}}
	}
	if got := d.create(to("a", "b"), to("b", "a"), to("c", "c")); len(got) != 3 {
		t.Errorf("made %v", got)
	}
	d.exec("insert into a (other_id) values (null)")
	d.exec("insert into b (other_id) values (1)")
	_, err := d.Exec(t.Context(), d.st("insert into c (other_id) values ($1)"), []any{int64(9)})
	is[*store.Conflict](t, "a reference to nothing", err)
}

func createFails(t *testing.T, open Open) {
	d := base(t, open)
	twice := store.Table{Name: "twice", Columns: []store.Column{{Name: "a", Type: store.Text}, {Name: "a", Type: store.Text}}}
	made, err := d.Create(t.Context(), []store.Table{users(), twice})
	is[*store.Fault](t, "a column twice", err)
	if made != nil {
		t.Errorf("made %v", made)
	}
	if got, err := d.Tables(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("tables %v, %v", got, err)
	}
}

func tables(t *testing.T, open Open) {
	d := base(t, open)
	d.create(users(), posts(), allTypes())
	d.exec("create view listed as select id, email from users")
	d.exec("create table pairs (a integer not null, b integer not null, note varchar(20), primary key (b, a))")
	got, err := d.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	byName := make(map[string]store.Table)
	for _, table := range got {
		names = append(names, table.Name)
		byName[table.Name] = table
	}
	if want := []string{"listed", "pairs", "posts", "things", "users"}; !reflect.DeepEqual(names, want) {
		t.Fatalf("tables %v, want %v", names, want)
	}
	same(t, byName["users"], users())
	same(t, byName["posts"], posts())
	same(t, byName["things"], allTypes())
	same(t, byName["pairs"], store.Table{Columns: []store.Column{{Name: "a", Type: store.Integer, Primary: true},
		{Name: "b", Type: store.Integer, Primary: true}, {Name: "note", Type: store.String, Nullable: true}}})
	if c := byName["users"].Columns; !c[0].Filled || c[1].Filled || !c[3].Filled {
		t.Errorf("filled by the database: %+v", c)
	}
	if c := byName["listed"].Columns; len(c) != 2 || c[1].Name != "email" || c[1].Type != store.String {
		t.Errorf("the view: %+v", c)
	}
}

// same compares what is read off a database with what was made.
func same(t *testing.T, got, want store.Table) {
	t.Helper()
	if len(got.Columns) != len(want.Columns) {
		t.Fatalf("%s has columns %v", got.Name, got.Columns)
	}
	for i, w := range want.Columns {
		g := got.Columns[i]
		w.Default, w.Values, w.Filled, g.Filled = nil, nil, false, false
		if w.Type == store.Enum {
			w.Type = store.String // it is kept as text with a check
		}
		if !reflect.DeepEqual(g, w) {
			t.Errorf("%s.%s reads %+v (references %+v), want %+v (references %+v)", got.Name, w.Name, g, g.References, w, w.References)
		}
	}
}
