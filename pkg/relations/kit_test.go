package relations

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/postgres"
	"github.com/openmanifest/gateway/pkg/store/sqlite"
)

// The fixture is one set of tables, in the words of both databases.
const fixture = `
create table clients (id {int} primary key, name text not null, country text);
create table projects (id {int} primary key, name text not null, client_id {int} references clients (id),
  active boolean not null default true, budget {numeric}, data {json}, tags {texts}, due date, started {datetime}, secret text);
create table tasks (id {int} primary key, name text not null, project_id {int} references projects (id), hours {int});
create table users (id {int} primary key, name text not null);
create table users_tasks (user_id {int} references users (id), task_id {int} references tasks (id), primary key (user_id, task_id));
create table details (project_id {int} primary key references projects (id), note text);
create table people (id {int} primary key, name text not null, parent_id {int} references people (id));
insert into clients values (1, 'Microsoft', 'us'), (2, 'Apple', null);
insert into projects values
 (1, 'Windows 7', 1, {true}, 10.50, '{"a":{"b":[1,2,"x"]},"n":5,"ok":true}', {tags:a,b}, '2020-01-02', '{2020-01-02 03:04:05.5}', 's1'),
 (2, 'Windows 10', 1, {true}, 20, '{"n":7,"s":"text"}', {tags:b}, null, '{2020-01-03 00:00:00}', 's2'),
 (3, 'IOS', 2, {false}, null, null, null, '2021-05-06', null, null),
 (4, 'OSX', 2, {true}, 5.25, '[1,2]', {tags:}, null, null, null),
 (5, 'Orphan', null, {true}, null, null, {tags:c d}, null, null, null);
insert into tasks values (1, 'Design w7', 1, 3), (2, 'Code w7', 1, 5), (3, 'Design w10', 2, null), (4, 'Code w10', 2, 8),
 (5, 'Design IOS', 3, 1), (6, 'Code IOS', 3, 2), (7, 'Design OSX', 4, 4), (8, 'Nobody', null, 9);
insert into users values (1, 'Angela'), (2, 'Michael'), (3, 'Dwight');
insert into users_tasks values (1, 1), (1, 2), (1, 3), (2, 5), (2, 6), (3, 1);
insert into details values (1, 'first'), (2, 'second');
insert into people values (1, 'Ada', null), (2, 'Byron', 1), (3, 'Cleo', 1), (4, 'Dan', 2);
`

func fixtureFor(d store.Dialect) string {
	pairs := []string{"{int}", "bigint", "{true}", "true", "{false}", "false"}
	if d == store.Postgres {
		pairs = append(pairs, "{numeric}", "numeric", "{json}", "jsonb", "{texts}", "text[]", "{datetime}", "timestamptz",
			"{tags:a,b}", "'{a,b}'", "{tags:b}", "'{b}'", "{tags:}", "'{}'", "{tags:c d}", `'{"c d"}'`,
			"{2020-01-02 03:04:05.5}", "2020-01-02T03:04:05.5Z", "{2020-01-03 00:00:00}", "2020-01-03T00:00:00Z")
	} else {
		pairs = append(pairs, "{numeric}", "decimal", "{json}", "json", "{texts}", "array", "{datetime}", "datetime",
			"{tags:a,b}", `'["a","b"]'`, "{tags:b}", `'["b"]'`, "{tags:}", "'[]'", "{tags:c d}", `'["c d"]'`,
			"{2020-01-02 03:04:05.5}", "2020-01-02T03:04:05.500000Z", "{2020-01-03 00:00:00}", "2020-01-03T00:00:00.000000Z")
	}
	return strings.NewReplacer(pairs...).Replace(fixture)
}

// schema is the fixture as requests see it: without projects.secret.
func schema() map[string]*Relation {
	id := Column{Name: "id", Type: store.Bigint}
	name := Column{Name: "name", Type: store.Text}
	ref := func(name string) Column { return Column{Name: name, Type: store.Bigint, Nullable: true} }
	null := func(name string, t store.Type) Column { return Column{Name: name, Type: t, Nullable: true} }
	all := map[string]*Relation{}
	add := func(name string, key []string, columns ...Column) *Relation {
		r := &Relation{Name: name, Table: name, Columns: columns, Key: key, Aggregates: true}
		all[name] = r
		return r
	}
	byID := []string{"id"}
	clients := add("clients", byID, id, name, null("country", store.Text))
	projects := add("projects", byID, id, name, ref("client_id"), Column{Name: "active", Type: store.Boolean},
		null("budget", store.Decimal), null("data", store.JSON), null("tags", store.Array), null("due", store.Date), null("started", store.Datetime))
	tasks := add("tasks", byID, id, name, ref("project_id"), null("hours", store.Bigint))
	users := add("users", byID, id, name)
	usersTasks := add("users_tasks", []string{"user_id", "task_id"}, Column{Name: "user_id", Type: store.Bigint}, Column{Name: "task_id", Type: store.Bigint})
	details := add("details", []string{"project_id"}, Column{Name: "project_id", Type: store.Bigint}, null("note", store.Text))
	people := add("people", byID, id, name, ref("parent_id"))

	one := func(from, to *Relation, column string, single bool) {
		key := to.Key[0]
		constraint := from.Table + "_" + column + "_fkey"
		from.Links = append(from.Links, &Link{Names: []string{to.Name, column, strings.TrimSuffix(column, "_id")}, Hints: []string{column, constraint, key},
			To: to, On: []Pair{{column, key}}, Constraint: constraint, Single: single})
		to.Links = append(to.Links, &Link{Names: []string{from.Name}, Hints: []string{column, constraint, key},
			To: from, Many: !single, On: []Pair{{key, column}}, Constraint: constraint, Single: single})
	}
	one(projects, clients, "client_id", false)
	one(tasks, projects, "project_id", false)
	one(details, projects, "project_id", true)
	one(usersTasks, users, "user_id", false)
	one(usersTasks, tasks, "task_id", false)
	people.Links = []*Link{
		{Names: []string{"parent_id", "parent"}, Hints: []string{"parent_id"}, To: people, On: []Pair{{"parent_id", "id"}}},
		{Names: []string{"people"}, Hints: []string{"parent_id"}, To: people, Many: true, On: []Pair{{"id", "parent_id"}}},
	}
	through := func(from, to *Relation, here, there string) {
		from.Links = append(from.Links, &Link{Names: []string{to.Name}, Hints: []string{"users_tasks"}, To: to, Many: true,
			Through: &Junction{Table: "users_tasks", Here: []Pair{{"id", here}}, There: []Pair{{"id", there}}, Relation: usersTasks}})
	}
	through(users, tasks, "user_id", "task_id")
	through(tasks, users, "task_id", "user_id")
	return all
}

func everything(*Relation) (Limit, error) { return Limit{}, nil }

// kit is a database with the fixture.
type kit struct {
	store.Store
	relations map[string]*Relation
}

// encoder is what stores and transactions have beside Query.
type encoder interface {
	Encode(ctx context.Context, st *store.Statement, args []any, limit int, dst []byte) (store.Encoded, error)
}

// refusedValue tells that a value was refused, here or by the database.
func refusedValue(err error) bool {
	var invalid *store.Invalid
	return errors.As(err, &invalid) || strings.HasPrefix(codeOf(err), "22")
}

func serverURL() string {
	if url := os.Getenv("GATEWAY_TEST_POSTGRES"); url != "" {
		return url
	}
	return "postgres://postgres@127.0.0.1:5432/postgres"
}

// kits opens one database of each kind.
func kits(t testing.TB) []*kit {
	t.Helper()
	return []*kit{openPostgres(t), openSQLite(t)}
}

func openSQLite(t testing.TB) *kit {
	t.Helper()
	s, err := sqlite.Open(t.Context(), "sqlite::memory:", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return fill(t, s)
}

func openPostgres(t testing.TB) *kit {
	t.Helper()
	admin, err := postgres.Open(t.Context(), serverURL(), store.Options{Pool: 1})
	if err != nil {
		t.Fatalf("these tests need a Postgres server, by GATEWAY_TEST_POSTGRES or on 127.0.0.1:5432: %v", err)
	}
	name := "gateway_relations_" + strings.ToLower(rand.Text())
	if _, err := admin.Exec(t.Context(), &store.Statement{SQL: "create database " + name}, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		defer admin.Close()
		if _, err := admin.Exec(ctx, &store.Statement{SQL: "drop database " + name + " with (force)"}, nil); err != nil {
			t.Error(err)
		}
	})
	s, err := postgres.Open(t.Context(), serverURL()[:strings.LastIndexByte(serverURL(), '/')+1]+name, store.Options{Pool: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return fill(t, s)
}

func fill(t testing.TB, s store.Store) *kit {
	t.Helper()
	for sql := range strings.SplitSeq(fixtureFor(s.Dialect()), ";\n") {
		if strings.TrimSpace(sql) == "" {
			continue
		}
		if _, err := s.Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	return &kit{s, schema()}
}

func (k *kit) options() Options { return Options{Dialect: k.Dialect(), Reach: everything} }

func parse(t testing.TB, query string) *postgrest.Query {
	t.Helper()
	q, err := postgrest.Parse(query, postgrest.Options{})
	if err != nil {
		t.Fatalf("parse %s: %v", query, err)
	}
	return q
}

// rows runs a plan and gives its rows as JSON.
func (k *kit) rows(t testing.TB, plan *Plan) (string, [][]any, error) {
	t.Helper()
	st := &store.Statement{SQL: plan.SQL, Params: len(plan.Args), Shape: plan.Shape, Reads: true}
	encoded, err := k.Store.(encoder).Encode(t.Context(), st, plan.Args, 0, nil)
	return "[" + string(encoded.JSON) + "]", encoded.Kept, err
}

// get answers a path such as "projects?select=id".
func (k *kit) get(t testing.TB, path string) (string, error) {
	t.Helper()
	name, query, _ := strings.Cut(path, "?")
	plan, err := Select(k.relations[name], &parse(t, query).Read, k.options())
	if err != nil {
		return "", err
	}
	answer, _, err := k.rows(t, plan)
	if err != nil {
		t.Logf("%s\n%v", plan.SQL, plan.Args)
	}
	return answer, err
}

func sameJSON(t testing.TB, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Errorf("%s: %v", a, err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Errorf("%s: %v", b, err)
	}
	return reflect.DeepEqual(x, y)
}

// codeOf is the code of a refusal, "" for what is none.
func codeOf(err error) string {
	var refused *postgrest.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}
