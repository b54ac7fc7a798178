package sqlite_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

func TestCatalogColumns(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	for _, sql := range []string{
		`create table kinds (id integer primary key autoincrement, word varchar(20) not null default 'a', n int, price decimal(10, 2), at datetime, -- it's
			twice as (n * 2), stored int generated always as (n * 3) stored, bare, loose any, ok boolean default true,
			state text constraint "st (ate" check (state in ('on', 'it''s, off')), low text check (low = lower(low)), [odd "one] text unique)`,
		`create table counted (id int primary key) `,
		`create table plain (id integer primary key, n text) without rowid`,
		`create table pairs (a integer, b integer, primary key (b, a))`,
		`create view shown as select id, state, price * 2 as twice, cast(n as numeric) as num from kinds`,
	} {
		exec(t, s, sql)
	}
	c, err := s.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]store.CatalogColumn{
		"kinds": {
			{Name: "id", Native: "INTEGER", Type: store.Bigint, Filled: true},
			{Name: "word", Native: "varchar(20)", Type: store.String, Filled: true, Default: "'a'"},
			{Name: "n", Native: "INT", Type: store.Integer, Nullable: true},
			{Name: "price", Native: "decimal(10, 2)", Type: store.Decimal, Nullable: true},
			{Name: "at", Native: "datetime", Type: store.Datetime, Nullable: true},
			{Name: "twice", Nullable: true, Filled: true, Generated: true},
			{Name: "stored", Native: "INT", Type: store.Integer, Nullable: true, Filled: true, Generated: true},
			{Name: "bare", Nullable: true},
			{Name: "loose", Native: "ANY", Nullable: true},
			{Name: "ok", Native: "boolean", Type: store.Boolean, Nullable: true, Filled: true, Default: "true"},
			{Name: "state", Native: "TEXT", Type: store.Text, Nullable: true, Values: []string{"on", "it's, off"}},
			{Name: "low", Native: "TEXT", Type: store.Text, Nullable: true},
			{Name: `odd "one`, Native: "TEXT", Type: store.Text, Nullable: true},
		},
		"counted": {{Name: "id", Native: "INT", Type: store.Integer}},
		"plain":   {{Name: "id", Native: "INTEGER", Type: store.Integer}, {Name: "n", Native: "TEXT", Type: store.Text, Nullable: true}},
		"pairs":   {{Name: "a", Native: "INTEGER", Type: store.Integer}, {Name: "b", Native: "INTEGER", Type: store.Integer}},
		"shown": {{Name: "id", Native: "INTEGER", Type: store.Bigint, Nullable: true},
			{Name: "state", Native: "TEXT", Type: store.Text, Nullable: true, Values: []string{"on", "it's, off"}}, {Name: "twice", Nullable: true},
			{Name: "num", Native: "NUM", Type: store.Decimal, Nullable: true}},
	}
	var names []string
	for _, r := range c.Relations {
		names = append(names, r.Name)
		if len(r.Columns) != len(want[r.Name]) {
			t.Errorf("%s has the columns %+v", r.Name, r.Columns)
			continue
		}
		for i, w := range want[r.Name] {
			if !reflect.DeepEqual(r.Columns[i], w) {
				t.Errorf("%s: got  %+v\nwant %+v", r.Name, r.Columns[i], w)
			}
		}
	}
	if wanted := []string{"counted", "kinds", "pairs", "plain", "shown"}; !slices.Equal(names, wanted) {
		t.Errorf("relations %v, want %v", names, wanted)
	}
}

func TestCatalogReferences(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	for _, sql := range []string{
		`create table People (Id integer primary key, code text constraint coded unique)`,
		`create table a (p1 int constraint first references people, p2 int references PEOPLE (ID), p3 text /* constraint lost */ references people(code),
			gone int references nowhere, x int check (x > 0) constraint "se cond" references people(id), constraint "third ""one" foreign key (p2, x) references pairs,
			constraint fo unique (p1, x), unique (x, p2), foreign key (p1) references pairs)`,
		`create table pairs (a int, b int, primary key (a, b))`,
	} {
		exec(t, s, sql)
	}
	c, err := s.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range c.Relations[slices.IndexFunc(c.Relations, func(r store.CatalogRelation) bool { return r.Name == "a" })].References {
		got = append(got, f.Name+" "+f.Columns[0]+" "+f.Table+" "+f.Refers[0])
	}
	want := []string{"a_p2_fkey p2 People Id", "a_p3_fkey p3 People code", "first p1 People Id", "se cond x People Id", `third "one p2 pairs a`}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestCatalogOfViewsWithTriggers(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	exec(t, s, `create table t (id integer primary key)`)
	exec(t, s, `create view written as select id from t`)
	exec(t, s, `create view after_all as select id from t`)
	exec(t, s, `create trigger "instead of delete" instead of insert on written begin insert into t values (new.id); end`)
	exec(t, s, `create trigger u instead /* not after */ of update of id on written begin select 'instead of delete'; end`)
	c, err := s.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][3]bool)
	for _, r := range c.Relations {
		got[r.Name] = [3]bool{r.Insertable, r.Updatable, r.Deletable}
	}
	if want := (map[string][3]bool{"t": {true, true, true}, "written": {true, true, false}, "after_all": {}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
