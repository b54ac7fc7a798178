package relations

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// What is refused, in PostgREST's words: status, code, message | details | hint.
func TestRefusals(t *testing.T) {
	tests := []struct{ path, want string }{
		{"projects?select=nope", "400 42703 column projects.nope does not exist||Perhaps you meant to reference the column \"projects.name\"."},
		{"projects?select=secret", "400 42703 column projects.secret does not exist||"},
		{"projects?secret=eq.s1", "400 42703 column projects.secret does not exist||"},
		{"projects?order=secret", "400 42703 column projects.secret does not exist||"},
		{"projects?select=secret.max()", "400 42703 column projects.secret does not exist||"},
		{"clients?select=projects(secret)", "400 42703 column projects_1.secret does not exist||"},
		{"clients?select=projects(tasks(nope))", "400 42703 column tasks_2.nope does not exist||Perhaps you meant to reference the column \"tasks_2.name\"."},
		{"users?select=tasks(nope)", "400 42703 column tasks.nope does not exist||Perhaps you meant to reference the column \"tasks.name\"."},
		{"clients?select=...projects(secret)", "400 42703 column projects_1.secret does not exist||"},
		{"projects?select=id,clints(name)", "400 PGRST200 Could not find a relationship between 'projects' and 'clints' in the schema cache|Searched for a foreign key relationship between 'projects' and 'clints' in the schema 'public', but no matches were found.|Perhaps you meant 'clients' instead of 'clints'."},
		{"projects?select=clients!space(name)", "400 PGRST200 Could not find a relationship between 'projects' and 'clients' in the schema cache|Searched for a foreign key relationship between 'projects' and 'clients' using the hint 'space' in the schema 'public', but no matches were found.|"},
		{"projects?select=id&order=clients(name)", "400 PGRST108 'clients' is not an embedded resource in this request||Verify that 'clients' is included in the 'select' query parameter."},
		{"clients?select=id,projects(id)&order=projects(id)", "400 PGRST118 A related order on 'projects' is not possible|'clients' and 'projects' do not form a many-to-one or one-to-one relationship|"},
		{"clients?select=id,projects(id)&projects=eq.1", "400 PGRST120 Bad operator on the 'projects' embedded resource|Only is null or not is null filters are allowed on embedded resources|"},
		{"projects?select=id::nothing", `400 42704 type "nothing" does not exist||`},
		{"clients?select=id,projects!space(id)", "400 PGRST200 Could not find a relationship between 'clients' and 'projects' in the schema cache|Searched for a foreign key relationship between 'clients' and 'projects' using the hint 'space' in the schema 'public', but no matches were found.|"},
		{"projects?select=active::date", "400 42846 cannot cast type boolean to date||"},
		{"projects?id=like.1", "404 42883 operator does not exist: bigint ~~ unknown||No operator matches the given name and argument types. You might need to add explicit type casts."},
		{"projects?name=cs.{a}", "404 42883 operator does not exist: text @> unknown||No operator matches the given name and argument types. You might need to add explicit type casts."},
		{"projects?id=is.true", "400 42804 argument of IS TRUE must be type boolean, not type bigint||"},
		{"projects?select=name.sum()", "404 42883 function sum(text) does not exist||No function matches the given name and argument types. You might need to add explicit type casts."},
		{"projects?select=id,n:count()&order=name", `400 42803 column "projects.name" must appear in the GROUP BY clause or be used in an aggregate function||`},
	}
	for _, d := range []store.Dialect{store.Postgres, store.SQLite} {
		for _, tt := range tests {
			t.Run(d.String()+" "+tt.path, func(t *testing.T) {
				if got := refusal(t, d, schema(), tt.path); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
			})
		}
	}
}

func refusal(t *testing.T, d store.Dialect, relations map[string]*Relation, path string) string {
	t.Helper()
	name, query, _ := strings.Cut(path, "?")
	plan, err := Select(relations[name], &parse(t, query).Read, Options{Dialect: d, Reach: everything})
	var e *postgrest.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v, %v: want a refusal", plan, err)
	}
	status, _ := json.Marshal(e.Status)
	return string(status) + " " + e.Code + " " + e.Message + "|" + e.Details + "|" + e.Hint
}

func TestAmbiguous(t *testing.T) {
	relations := schema()
	tasks := relations["tasks"]
	tasks.Links = append(tasks.Links, &Link{Names: []string{"users"}, Hints: []string{"owner_id"}, To: relations["users"],
		On: []Pair{{"owner_id", "id"}}, Constraint: "tasks_owner_id_fkey"})
	junction := tasks.Links[len(tasks.Links)-2].Through
	junction.HereConstraint, junction.ThereConstraint = "users_tasks_task_id_fkey", "users_tasks_user_id_fkey"
	_, err := Select(tasks, &parse(t, "select=users(*)").Read, Options{Dialect: store.Postgres, Reach: everything})
	var e *postgrest.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	details, err := json.Marshal(e.DetailsList)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range [][2]string{
		{e.Message, "Could not embed because more than one relationship was found for 'tasks' and 'users'"},
		{e.Hint, "Try changing 'users' to one of the following: 'users!tasks_owner_id_fkey', 'users!users_tasks'. Find the desired relationship in the 'details' key."},
		{string(details), `[{"cardinality":"many-to-one","embedding":"tasks with users","relationship":"tasks_owner_id_fkey using tasks(owner_id) and users(id)"},` +
			`{"cardinality":"many-to-many","embedding":"tasks with users","relationship":"users_tasks using users_tasks_task_id_fkey(task_id) and users_tasks_user_id_fkey(user_id)"}]`},
	} {
		if tt[0] != tt[1] {
			t.Errorf("got  %s\nwant %s", tt[0], tt[1])
		}
	}
	if e.Status != 300 || e.Code != "PGRST201" {
		t.Errorf("%d %s", e.Status, e.Code)
	}
}

// Aggregates are closed unless a relation opens them, each its own.
func TestAggregatesAreClosed(t *testing.T) {
	relations := schema()
	relations["projects"].Aggregates = false
	for _, path := range []string{"projects?select=count()", "projects?select=id,count", "projects?select=id.max()", "tasks?select=id,...projects(count)", "clients?select=projects(count())",
		"tasks?select=id,...projects(id.max())"} {
		if got := refusal(t, store.Postgres, relations, path); got != "400 PGRST123 Use of aggregate functions is not allowed||" {
			t.Errorf("%s: %s", path, got)
		}
	}
	for _, query := range []string{"select=count", "select=n:count&id=gt.1"} { // PostgREST's older count, which is a column to it
		if _, err := Select(relations["projects"], &parse(t, query).Read, Options{Dialect: store.Postgres, Reach: everything}); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
	if _, err := Select(relations["clients"], &parse(t, "select=id.max(),projects(id)").Read, Options{Dialect: store.Postgres, Reach: everything}); err != nil {
		t.Errorf("aggregates of another relation: %v", err)
	}
}

// What SQLite has no means for is refused in words.
func TestNotOnSQLite(t *testing.T) {
	for path, want := range map[string]string{
		"projects?name=fts.a":   "400 0A000 SQLite has no full-text search||",
		"projects?id=eq.a":      `400 22P02 invalid input syntax for type bigint: "a"||`,
		"projects?due=eq.x":     `400 22007 invalid input syntax for type date: "x"||`,
		"projects?tags=cs.x":    `400 22P02 malformed array literal: "x"||`,
		"projects?name=match.(": "400 2201B invalid regular expression: error parsing regexp: missing closing ): `(`||",
	} {
		if got := refusal(t, store.SQLite, schema(), path); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", path, got, want)
		}
	}
}

// What goes past a bound is refused before it becomes a statement.
func TestBounds(t *testing.T) {
	deep := strings.Repeat("people(", maxDepth+1) + "id" + strings.Repeat(")", maxDepth+1)
	for what, read := range map[string]*postgrest.Read{
		"deep":    readOf("people", deep),
		"columns": {Select: make([]postgrest.Item, maxColumns+1)},
	} {
		_, err := Select(schema()["people"], read, Options{Dialect: store.Postgres, Reach: everything})
		if codeOf(err) != "PGRST100" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// readOf nests embeddings of one name.
func readOf(name, text string) *postgrest.Read {
	read := &postgrest.Read{Limit: -1}
	for range strings.Count(text, name) {
		read = &postgrest.Read{Limit: -1, Select: []postgrest.Item{{Kind: postgrest.Embed, Embed: &postgrest.Embedded{Name: name, Read: *read}}}}
	}
	return read
}
