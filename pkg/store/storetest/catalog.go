package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/drift"
)

// facts writes what a catalog says of a relation, a line for each fact.
func facts(r store.CatalogRelation) (lines []string) {
	kind := "table"
	if r.View {
		kind = "view"
	}
	for _, may := range []struct {
		on   bool
		word string
	}{{r.Insertable, " insert"}, {r.Updatable, " update"}, {r.Deletable, " delete"}} {
		if may.on {
			kind += may.word
		}
	}
	lines = append(lines, kind)
	if r.Key != nil {
		lines = append(lines, "key "+strings.Join(r.Key, ","))
	}
	for _, u := range r.Uniques {
		lines = append(lines, "unique "+u.Name+" "+strings.Join(u.Columns, ","))
	}
	for _, f := range r.References {
		line := fmt.Sprintf("%s %s -> %s %s", f.Name, strings.Join(f.Columns, ","), f.Table, strings.Join(f.Refers, ","))
		if f.OnDelete != store.NoAction {
			line += " on delete " + strings.ToLower(f.OnDelete.String())
		}
		if f.Single {
			line += " single"
		}
		if f.Seen {
			line += " seen"
		}
		lines = append(lines, line)
	}
	return lines
}

func catalogKeys(t *testing.T, open Open) {
	d := base(t, open)
	for _, sql := range []string{
		"create table people (a integer not null, b integer not null, note varchar(20), primary key (b, a), constraint by_note unique (note, a))",
		"create unique index whole on people (b)",
		"create unique index partly on people (a) where b > 0",
		"create unique index lowered on people (lower(note))",
		`create table homes (id integer primary key, "the x" integer, y integer, owner integer unique, above integer references homes on delete set null,
			foreign key (y, "the x") references people on delete cascade, constraint who foreign key (owner) references people (b))`,
		`create view "odd (view" as select y as "a b", "the x" as x, owner, id, above from homes where id > 0`,
		`create view deep as select id, "a b" as y, x as "the x" from "odd (view"`,
		"create view half as select y, count(*) as n from homes group by y",
		"create view both_of as select a, b from people union select y, y from homes",
		"create view people_too as select note, b, a from (select * from people) x",
	} {
		d.exec(sql)
	}
	c, err := d.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]string)
	for _, r := range c.Relations {
		got[r.Name] = facts(r)
		if !r.Visible || (r.Schema == "") != (d.Dialect() == store.SQLite) {
			t.Errorf("%s is visible %v, in the schema %q", r.Name, r.Visible, r.Schema)
		}
	}
	for _, want := range []struct {
		name  string
		facts []string
	}{
		{"people", []string{"table insert update delete", "key b,a", "unique by_note note,a", "unique whole b"}},
		{"people_too", []string{"view", "key b,a"}},
		{"homes", []string{"table insert update delete", "key id", "unique homes_owner_key owner",
			"homes_above_fkey above -> homes id on delete set null",
			"homes_above_fkey above -> deep id on delete set null seen",
			"homes_above_fkey above -> odd (view id on delete set null seen",
			"homes_y_the x_fkey y,the x -> people b,a on delete cascade",
			"homes_y_the x_fkey y,the x -> people_too b,a on delete cascade seen",
			"who owner -> people b single", "who owner -> people_too b single seen"}},
		{"odd (view", []string{"view", "key id",
			"homes_above_fkey above -> deep id on delete set null seen", "homes_above_fkey above -> homes id on delete set null seen",
			"homes_above_fkey above -> odd (view id on delete set null seen",
			"homes_y_the x_fkey a b,x -> people b,a on delete cascade seen", "homes_y_the x_fkey a b,x -> people_too b,a on delete cascade seen",
			"who owner -> people b single seen", "who owner -> people_too b single seen"}},
		{"deep", []string{"view", "key id",
			"homes_y_the x_fkey y,the x -> people b,a on delete cascade seen", "homes_y_the x_fkey y,the x -> people_too b,a on delete cascade seen"}},
		{"half", []string{"view"}},
		{"both_of", []string{"view"}},
	} {
		g, w := slices.Clone(got[want.name]), slices.Clone(want.facts)
		if d.Dialect() == store.Postgres && strings.HasPrefix(g[0], "view") {
			g[0] = "view" // simple views may be written there
		}
		slices.Sort(g)
		slices.Sort(w)
		if !slices.Equal(g, w) {
			t.Errorf("%s:\ngot  %s\nwant %s", want.name, strings.Join(g, "\n     "), strings.Join(w, "\n     "))
		}
	}
}

// catalogCreated compares the catalog with the tables that were made.
func catalogCreated(t *testing.T, open Open) {
	d := base(t, open)
	made := []store.Table{users(), posts(), allTypes(), defaulted()}
	d.create(made...)
	d.exec("create view shown as select id, status from users")
	c, err := d.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]store.CatalogRelation)
	for _, r := range c.Relations {
		byName[r.Name] = r
	}
	for _, table := range made {
		sameColumns(t, byName[table.Name], table)
	}
	if differences := drift.Compare(made, c, d.Dialect()); len(differences) > 0 {
		t.Errorf("tables just made differ from what they should be: %v", differences)
	}
	if surplus := drift.Surplus(made, c, d.Dialect()); len(surplus) != 1 || surplus[0].Table != "shown" {
		t.Errorf("besides there is %v, want the view alone", surplus)
	}
	shown := byName["shown"].Columns
	if len(shown) != 2 || shown[0].Type != store.Bigint || shown[1].Type != store.String {
		t.Errorf("the view's columns: %+v", shown)
	}
	if got := byName["posts"].References; len(got) != 6 || got[0].OnDelete != store.SetNull {
		t.Errorf("references of posts: %+v", got)
	}
}

func sameColumns(t *testing.T, got store.CatalogRelation, want store.Table) {
	t.Helper()
	if len(got.Columns) != len(want.Columns) {
		t.Fatalf("%s has the columns %+v", want.Name, got.Columns)
	}
	for i, w := range want.Columns {
		g := got.Columns[i]
		typ := w.Type
		if typ == store.Enum {
			typ = store.String // it is kept as text with a check
		}
		if g.Name != w.Name || g.Type != typ || g.Nullable != w.Nullable || g.Filled != (w.Generated || w.Default != nil) || g.Generated ||
			!slices.Equal(g.Values, w.Values) || (g.Default != "") != (w.Default != nil || w.Generated && w.Type == store.UUID) || g.Native == "" {
			t.Errorf("%s.%s reads %+v, want %+v", want.Name, w.Name, g, w)
		}
	}
}

// defaulted has a default of each kind.
func defaulted() store.Table {
	return store.Table{Name: "defaulted", Columns: []store.Column{
		{Name: "key", Type: store.UUID, Primary: true, Generated: true},
		{Name: "word", Type: store.String, Default: ptr("it's")},
		{Name: "count", Type: store.Integer, Default: ptr(int64(-7))},
		{Name: "big", Type: store.Bigint, Default: ptr(int64(1) << 40)},
		{Name: "on", Type: store.Boolean, Default: ptr(true)},
		{Name: "data", Type: store.JSON, Default: ptr(map[string]any{"a": []any{int64(1), "it's"}})},
		{Name: "list", Type: store.Array, Default: ptr([]any{"a", "b'c"})},
		{Name: "price", Type: store.Decimal, Default: ptr(1.5)},
		{Name: "at", Type: store.Datetime, Default: ptr(noon)},
		{Name: "state", Type: store.Enum, Values: []string{"a b", "it's", `back\slash, and (more)`}, Default: ptr(`back\slash, and (more)`)},
	}}
}
