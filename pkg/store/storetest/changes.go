package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/migrate"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/drift"
	"github.com/openmanifest/gateway/pkg/value"
)

// differing is a store that is changed by what it writes itself.
type differing struct {
	scripted
	store.Changer
	dir string
}

func withChanges(t *testing.T, open Open) differing {
	t.Helper()
	d := withScripts(t, open)
	changer, ok := d.Store.(store.Changer)
	if !ok {
		t.Fatalf("%T tells no changes", d.Store)
	}
	return differing{d, changer, t.TempDir()}
}

func (d differing) changes(tables []store.Table) *store.Changes {
	d.Helper()
	c, err := d.Changes(d.Context(), tables, migrate.Table)
	if err != nil {
		d.Fatalf("changes: %v", err)
	}
	return c
}

// runner runs what is in the folder.
func (d differing) runner() *migrate.Runner {
	d.Helper()
	files, faults := migrate.Read(d.dir)
	if len(faults) > 0 {
		d.Fatalf("migrations: %v", faults)
	}
	return &migrate.Runner{Store: d.Store.(migrate.Database), Files: files, Now: time.Now}
}

// migrate writes the changes as a migration and runs it.
func (d differing) migrate(c *store.Changes) (up, down string) {
	d.Helper()
	up, down = migrate.Write(c)
	files, _ := migrate.Read(d.dir)
	version := len(files) + 1
	for kind, text := range map[string]string{"up": up, "down": down} {
		if err := os.WriteFile(filepath.Join(d.dir, fmt.Sprintf("%d_diff.%s.sql", version, kind)), []byte(text), 0o600); err != nil {
			d.Fatal(err)
		}
	}
	if err := d.runner().Up(d.Context(), migrate.Bounds{}); err != nil {
		d.Fatalf("up: %v\n%s", err, up)
	}
	return up, down
}

// changesOfMany: from any tables to any others, and back.
func changesOfMany(t *testing.T, open Open) {
	all := withChanges(t, open)
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 1))
		first, second := randomTables(r), randomTables(r)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			d := all.emptied(t, open)
			d.create(first...)
			if c := d.changes(first); len(c.Steps)+len(c.Notes) > 0 {
				t.Fatalf("what was created differs: %+v\n%+v", c, first)
			}
			c := d.changes(second)
			up, down := d.migrate(c)
			if left := d.changes(second); len(left.Steps) > 0 {
				t.Fatalf("after the migration: %+v\n%s", left.Steps, up)
			}
			d.noDrift(second, up)
			if err := d.runner().Down(d.Context(), migrate.Bounds{}); err != nil {
				t.Fatalf("down: %v\n%s", err, down)
			}
			if back := d.changes(first); len(back.Steps)+len(back.Notes) > 0 {
				t.Fatalf("after the way back: %+v\nup\n%s\ndown\n%s", back, up, down)
			}
		})
	}
}

// emptied is a store without tables: another, or the same where another takes long to make.
func (d differing) emptied(t *testing.T, open Open) differing {
	t.Helper()
	if d.Dialect() == store.SQLite {
		return withChanges(t, open)
	}
	d.T, d.dir = t, t.TempDir()
	d.exec("drop schema public cascade")
	d.exec("create schema public")
	return d
}

// noDrift asks the other one who compares.
func (d differing) noDrift(tables []store.Table, up string) {
	d.Helper()
	catalog, err := d.Store.(interface {
		Catalog(ctx context.Context) (*store.Catalog, error)
	}).Catalog(d.Context())
	if err != nil {
		d.Fatalf("catalog: %v", err)
	}
	for _, difference := range drift.Compare(tables, catalog, d.Dialect()) {
		if difference.Kind == drift.Demanded {
			continue // of a column that is declared no more: it is told and not dropped
		}
		d.Errorf("drift after the migration: %v\n%s", difference, up)
	}
}

// randomTables makes tables that refer to each other.
func randomTables(r *rand.Rand) []store.Table {
	names := []string{"alpha", "beta", "Gamma delta"}
	var tables []store.Table
	for _, name := range names {
		if r.IntN(4) > 0 {
			tables = append(tables, store.Table{Name: name, Columns: []store.Column{id()}})
		}
	}
	for i := range tables {
		for _, column := range []string{"a", "b", "c d", "status", "other_id"} {
			if r.IntN(4) > 0 {
				tables[i].Columns = append(tables[i].Columns, randomColumn(r, column, tables))
			}
		}
		if c := tables[i].Columns; len(c) > 3 && r.IntN(3) == 0 {
			tables[i].Uniques = [][]string{{c[1].Name, c[2].Name}}
		}
	}
	return tables
}

func randomColumn(r *rand.Rand, name string, tables []store.Table) store.Column {
	c := store.Column{Name: name, Type: store.Types()[r.IntN(len(store.Types()))], Nullable: r.IntN(2) == 0, Unique: r.IntN(4) == 0}
	if name == "other_id" && r.IntN(4) > 0 {
		c.Type = store.Bigint
		c.References = &store.Reference{Table: tables[r.IntN(len(tables))].Name, Column: "id", OnDelete: []store.OnDelete{store.NoAction, store.Cascade, store.SetNull}[r.IntN(3)]}
		return c
	}
	if c.Type == store.Enum {
		c.Values = [][]string{{"x"}, {"x", "it's"}, {"y", "x", "z"}, {"x", "a AND b", `c\d`}}[r.IntN(4)]
	}
	values := map[store.Type][]any{
		store.String: {"x", "it's", ""}, store.Text: {"x", "(1)"}, store.Integer: {int64(7), int64(-7)}, store.Bigint: {int64(7), int64(1) << 40},
		store.Float: {1.5, float64(2)}, store.Decimal: {value.Number("1.50"), value.Number("-3")}, store.Boolean: {true, false}, store.Date: {"2025-01-02"},
		store.Time: {"10:00:00"}, store.UUID: {"0c8f1d9e-6a3b-4f0a-9b1c-2d3e4f5a6b7c"}, store.JSON: {map[string]any{"a": int64(1)}, "x"}, store.Enum: {"x"},
		store.Array: {[]any{"a", "b'c"}}, store.Datetime: {noon},
	}[c.Type]
	if len(values) > 0 && r.IntN(3) == 0 {
		c.Default = ptr(values[r.IntN(len(values))])
	}
	return c
}

// changesKeepRows: rows, keys that are gone, references, indexes, triggers and views stay
// what they were.
func changesKeepRows(t *testing.T, open Open) {
	d := withChanges(t, open)
	before := []store.Table{users(), posts()}
	d.create(before...)
	d.exec("create view listed as select id, email from users")
	d.exec("create index users_hash on users (password_hash)")
	d.exec("insert into users (email) values ('a'), ('b')")
	d.exec("insert into users (email) values ('gone')")
	d.exec("delete from users where email = 'gone'")
	posted := d.exec("insert into posts (title, user_id) values ('1', 1), ('2', 2)")
	after := []store.Table{users(), posts()}
	for i := range after[0].Columns {
		if c := &after[0].Columns[i]; c.Name == "password_hash" {
			c.Nullable, c.Default = false, ptr("none")
		}
	}
	after[0].Columns = append(after[0].Columns, store.Column{Name: "code", Type: store.String, Nullable: true, Unique: true},
		store.Column{Name: "level", Type: store.Integer, Default: ptr(int64(3))})
	up, _ := d.migrate(d.changes(after))
	if c := d.changes(after); len(c.Steps)+len(c.Notes) > 0 {
		t.Errorf("afterwards: %+v", c)
	}
	if got := d.one("select count(*) from posts"); got != posted {
		t.Errorf("%v posts are left of %d\n%s", got, posted, up)
	}
	row := d.query("select email, password_hash, level from users where id = 2").Rows[0]
	if !reflect.DeepEqual(row, []any{"b", "none", int64(3)}) {
		t.Errorf("user 2 is %v", row)
	}
	if got := d.one("insert into users (email) values ('c') returning id"); got != int64(4) {
		t.Errorf("the next key is %v, want 4: the key of a row that is gone is used again", got)
	}
	if got := d.one("select count(*) from listed"); got != int64(3) {
		t.Errorf("the view has %v rows", got)
	}
	_, err := d.Exec(t.Context(), d.st("insert into posts (title, user_id) values ('x', $1)"), []any{int64(99)})
	is[*store.Conflict](t, "a reference to nothing", err)
	if err := d.runner().Down(t.Context(), migrate.Bounds{}); err != nil {
		t.Fatal(err)
	}
	if c := d.changes(before); len(c.Steps)+len(c.Notes) > 0 || d.one("select count(*) from users") != int64(3) {
		t.Errorf("back again: %+v", c)
	}
}

// changesDropNothing: what only the database has is told.
func changesDropNothing(t *testing.T, open Open) {
	d := withChanges(t, open)
	d.create(users(), posts())
	less := users()
	less.Columns = slices.DeleteFunc(less.Columns, func(c store.Column) bool { return c.Name == "password_hash" })
	for i := range less.Columns {
		less.Columns[i].Unique = false
	}
	c := d.changes([]store.Table{less})
	notes := strings.Join(c.Notes, "\n")
	for _, want := range []string{"users.password_hash is in the database alone", "table posts is in the database alone", "users (email) is unique in the database alone"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes\n%s\nlack %q", notes, want)
		}
	}
	if len(c.Steps) > 0 {
		t.Errorf("steps %+v", c.Steps)
	}
}

// changesOfOthers: a table that was written by hand needs no change where the gateway does
// not see one.
func changesOfOthers(t *testing.T, open Open) {
	d := withChanges(t, open)
	key := "id bigint generated by default as identity primary key"
	if d.Dialect() == store.SQLite {
		key = "id integer primary key"
	}
	d.exec("create table teams (" + key + ", name varchar(40) not null, -- its name, as shown\n note text default 'a, b' check (length(note) > 1), at timestamp not null default current_timestamp)")
	d.exec("create table players (" + key + `, team_id bigint, "nick ""name""" text, foreign key (team_id) references teams (id) on delete cascade)`)
	d.exec(`create unique index nicks on players ("nick ""name""")`)
	column := func(name string, typ store.Type) store.Column {
		return store.Column{Name: name, Type: typ, Nullable: true}
	}
	teams := store.Table{Name: "teams", Columns: []store.Column{id(), {Name: "name", Type: store.String}, column("note", store.String), {Name: "at", Type: store.Datetime}}}
	teams.Columns[2].Default = ptr("a, b")
	players := store.Table{Name: "players", Columns: []store.Column{id(), column("team_id", store.Bigint), column(`nick "name"`, store.String)}}
	players.Columns[1].References = &store.Reference{Table: "teams", Column: "id", OnDelete: store.Cascade}
	players.Columns[2].Unique = true
	both := []store.Table{players, teams}
	if c := d.changes(both); len(c.Steps)+len(c.Notes) > 0 {
		t.Fatalf("changes %+v", c)
	}
	players.Columns[1].References.OnDelete = store.SetNull
	teams.Columns[2].Default = nil
	up, _ := d.migrate(d.changes(both))
	if c := d.changes(both); len(c.Steps)+len(c.Notes) > 0 {
		t.Errorf("after\n%s\nchanges %+v", up, c)
	}
	d.exec("insert into teams (name, note) values ('a', 'note')")
	d.exec("insert into players (team_id) values (1)")
	d.exec("delete from teams")
	if got := d.one("select count(*) from players where team_id is null"); got != int64(1) {
		t.Errorf("%v players without a team, want 1", got)
	}
}

// noTables is an application without schemas.
func noTables(t *testing.T, open Open) {
	d := withChanges(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, err := d.Changes(ctx, nil)
	if err != nil || len(c.Steps)+len(c.Notes) > 0 {
		t.Errorf("%+v, %v", c, err)
	}
}
