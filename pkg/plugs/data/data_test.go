package data_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
)

const head = `version: 1
name: data
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  user:
    table: users
    timestamps: true
    fields:
      email:         {type: string, required: true, unique: true}
      role:          {type: string, writable: false, default: member}
      password:      {type: string, virtual: true, length: {min: 4}}
      password_hash: {type: string, hidden: true, set: "${sha256(password)}"}
      age:           {type: integer}
  post:
    table: posts
    fields: {title: {type: string, required: true}, user_id: {references: user, on_delete: cascade}, data: {type: json}}
scopes:
  - routes:
`

const routes = `
      - post: /users
        do:
          - insert: {schema: user, values: "${params}"}
            as: user
          - json: {user: "${user}", hash: "${len(user.password_hash ?? '')}"}
            status: 201
      - post: /nested
        do:
          - insert: {schema: user, values: "${params.user}"}
            as: user
          - json: ${user.email}
      - post: /admins
        do:
          - insert: {schema: user, values: {email: "${params.email}", role: admin, password_hash: given}}
            as: user
          - json: [ "${user.role}", "${user.password_hash}", "${user.id}" ]
      - post: /many
        do:
          - insert: {schema: post, values: "${params.posts}"}
            as: posts
          - json: ${posts}
      - post: /two
        do:
          - insert: {schema: post, values: [{title: one}, {title: "${params.title}"}]}
            as: posts
          - json: ${map(posts, .title)}
      - post: /kept
        do:
          - insert: {schema: user, values: "${params}"}
            else:
              - json: {fields: "${failure.errors}", reason: "${failure.reason}"}
          - text: ok
      - get: /users
        do:
          - query: select id, email, password_hash from users order by id
            as: users
          - json: {users: "${users}", first: "${len(users) > 0 ? users[0].email : nil}"}
      - get: /users/:id
        do:
          - query_one: select id, email, age from users where id = ${params.id}
            as: user
          - json: ${user}
      - get: /maybe/:email
        do:
          - query_one: select id from users where email = ${params.email}
            as: user
            else: continue
          - json: ${user?.id}
      - post: /age/:id/:age
        do:
          - execute: update users set age = ${params.age} where id = ${params.id}
            as: n
          - json: ${n}
      - post: /raw/:email
        do:
          - execute: insert into users (email, inserted_at, updated_at) values (${params.email}, ${now()}, ${now()})
          - text: ok
      - post: /orphan
        do:
          - execute: insert into posts (title, user_id) values ('x', 99)
          - text: ok
      - get: /broken
        do:
          - query: select * from nothing where a = ${params.a}
            as: rows
          - json: ${rows}
      - get: /nil
        do:
          - query: "select id from users where age = ${params.age ?? nil}"
            as: rows
          - json: ${len(rows)}
`

type step struct {
	request, body string
	status        int
	want          string // the whole body, or a part after ~
}

func TestPlugs(t *testing.T) {
	tests := []struct {
		name  string
		steps []step
	}{
		{"insert of a whole map takes what a client may write", []step{
			{"POST /users", `{"email":"a@b","role":"admin","password":"secret","id":9,"nope":1}`, 201, `{"user":{"id":1,"email":"a@b","role":"member","age":null,"inserted_at":"2024-02-29T12:00:00.123456Z","updated_at":"2024-02-29T12:00:00.123456Z"},"hash":64}`},
			{"POST /users", `{"email":"c@d","age":"42"}`, 201, `~"age":42,`},
			{"GET /users", "", 200, `{"users":[{"id":1,"email":"a@b"},{"id":2,"email":"c@d"}],"first":"a@b"}`},
		}},
		{"errors by field", []step{
			{"POST /users", `{}`, 422, `~"errors":{"email":["can't be blank"]}`},
			{"POST /users", `{"email":"a","password":"x","age":"y"}`, 422, `~"errors":{"age":["is invalid"],"password":["should be at least 4 character(s)"]}`},
			{"POST /users", `{"email":"a@b"}`, 201, "~"},
			{"POST /users", `{"email":"a@b"}`, 422, `~"reason":"invalid","detail":"some fields are not valid","errors":{"email":["has already been taken"]}`},
			{"POST /kept", `{"email":"a@b"}`, 422, `{"fields":{"email":["has already been taken"]},"reason":"invalid"}`},
			{"POST /nested", `{}`, 422, `~"errors":{"email":["can't be blank"]}`},
			{"POST /nested", `{"user":"x"}`, 422, `~expected values by field, found text`},
			{"POST /nested", `{"user":{"email":"n@x"}}`, 200, `"n@x"`},
		}},
		{"keys written out are any field", []step{
			{"POST /admins", `{"email":"root@x"}`, 200, `["admin","given",1]`},
		}},
		{"a list is inserted whole or not at all", []step{
			{"POST /two", `{"title":"two"}`, 200, `["one","two"]`},
			{"POST /two", `{}`, 422, `~"errors":{"1.title":["can't be blank"]}`},
			{"POST /many", `{"posts":[{"title":"a","data":{"k":[1]}},{"title":"b","user_id":77}]}`, 422, `~user_id":["does not exist"]`},
			{"POST /many", `{"posts":[{"title":"a","data":{"k":[1]}},{"title":"b","data":"text"}]}`, 200, `~"title":"a","user_id":null,"data":{"k":[1]}}`},
			{"POST /many", `{"posts":[]}`, 200, `[]`},
		}},
		{"query_one", []step{
			{"GET /users/1", "", 404, `~"reason":"not_found"`},
			{"POST /users", `{"email":"a@b"}`, 201, "~"},
			{"GET /users/1", "", 200, `{"id":1,"email":"a@b","age":null}`},
			{"GET /maybe/a@b", "", 200, `1`},
			{"GET /maybe/nobody", "", 200, `null`},
		}},
		{"execute", []step{
			{"POST /users", `{"email":"a@b"}`, 201, "~"},
			{"POST /age/1/30", "", 200, `1`},
			{"POST /age/7/30", "", 200, `0`},
			{"POST /age/1/old", "", 400, `~"reason":"invalid"`},
			{"POST /raw/a@b", "", 409, `~"reason":"conflict","detail":"a rule of the database is broken: unique","errors":{"email":["has already been taken"]}`},
			{"POST /raw/b@b", "", 200, `ok`},
			{"POST /orphan", "", 409, `~"reason":"conflict"`},
			{"GET /nil", "", 200, `0`},
		}},
		{"a statement that is wrong is ours", []step{
			{"GET /broken", "", 500, `~"reason":"internal"`},
		}},
	}
	for _, db := range apptest.Databases() {
		for _, tt := range tests {
			t.Run(db.Name+"/"+tt.name, func(t *testing.T) {
				run(t, apptest.Compile(t, head+routes, db.URL(t)), tt.steps)
			})
		}
	}
}

func run(t *testing.T, a *app.App, steps []step) {
	t.Helper()
	for i, s := range steps {
		method, path, _ := strings.Cut(s.request, " ")
		w := apptest.Request(a, method, path, s.body)
		got := w.Body.String()
		part, isPart := strings.CutPrefix(s.want, "~")
		if w.Code != s.status || isPart && !strings.Contains(got, part) || !isPart && got != s.want {
			t.Fatalf("step %d, %s %s: %d %s, want %d %s", i+1, s.request, s.body, w.Code, got, s.status, s.want)
		}
	}
}

// On Postgres text is converted to the type of its place, so what is no number is invalid.
func TestInvalidParameter(t *testing.T) {
	a := apptest.Compile(t, head+routes, apptest.Postgres(t))
	run(t, a, []step{{"GET /users/abc", "", 400, `~"reason":"invalid"`}})
}

func TestProblems(t *testing.T) {
	route := func(list string) string {
		return head + "      - get: /x\n        do:\n" + list + "          - text: ok\n"
	}
	without := func(list string) string {
		return "version: 1\nschemas: {user: {table: users, fields: {a: {type: text}}}}\nscopes:\n  - routes:\n      - get: /x\n        do:\n" + list + "          - text: ok\n"
	}
	tests := []struct {
		yaml string
		want []string // each a part
	}{
		{without("          - query: select 1\n"), []string{"no store is declared (declare one: `stores: {main: {url: sqlite:data/app.db}}`)"}},
		{without("          - insert: {schema: user, values: {a: b}}\n"), []string{"no store is declared"}},
		{route("          - query: {sql: select 1, store: mian}\n"), []string{`there is no store "mian" (did you mean "main"?)`}},
		{route("          - query: select '${params.a}'\n"), []string{"${ inside a string literal"}},
		{route("          - query: select ${nope}\n"), []string{`"nope"`}},
		{route("          - query: {store: main}\n"), []string{`needs "sql"`}},
		{route("          - insert: {schema: usr, values: {}}\n"), []string{`there is no schema "usr" (did you mean "user"?)`}},
		{route("          - insert: {schema: user}\n"), []string{`needs "values"`}},
		{route("          - insert: {schema: user, values: {emial: x}}\n"), []string{`"emial" is not a field of the schema (did you mean "email"?)`}},
		{route("          - insert: {schema: user, values: {email: x}}\n            as: u\n          - json: ${u.password}\n            when: params.a == '1'\n"), []string{"password"}},
		{route("          - query: select 1\n            else: continue\n            as: x\n"), nil},
		{route("          - execute: select 1\n            else: {json: {a: b}}\n"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.yaml[strings.LastIndex(tt.yaml, "do:"):], func(t *testing.T) {
			got := apptest.Problems(t, tt.yaml)
			if !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}
