package resource_test

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// A role that may write rows of which it may not read all gets back what it may read.
func TestWritesOfColumnsThatAreNotGranted(t *testing.T) {
	const manifest = `version: 1
name: granted
stores: {main: {url: "${env.DATABASE_URL}"}}
scopes:
  - routes:
      - {resources: /accounts, table: accounts, fields: [id, email, team_id], public: true, aggregates: true, embed: [teams], row_security: {role: gateway_test_reader}}
      - {resources: /teams, table: teams, fields: all, public: true, row_security: {role: gateway_test_reader}}
`
	url := apptest.Postgres(t)
	setUp(t, url,
		`do $$ begin create role gateway_test_reader; exception when duplicate_object then null; end $$`,
		`create table teams (id integer primary key, name text)`, `insert into teams values (1, 'red')`,
		`create table accounts (id integer primary key, email text, team_id integer references teams (id), password text default 'secret')`,
		`grant select on teams to gateway_test_reader`, `grant select (id, email, team_id), insert, update, delete on accounts to gateway_test_reader`)
	a := apptest.Compile(t, manifest, url)
	run(t, a, []step{
		{"POST /accounts", `{"id":1,"email":"a@x","team_id":1}`, prefer(rep), 201, `[{"id":1,"email":"a@x","team_id":1}]`, ""},
		{"POST /accounts?select=email,teams(name)", `[{"id":2,"email":"b@x","team_id":1},{"id":3,"email":"c@x","team_id":null}]`, prefer(rep), 201, `[{"email":"b@x","teams":{"name":"red"}},{"email":"c@x","teams":null}]`, ""},
		{"POST /accounts?select=email&on_conflict=id", `{"id":1,"email":"d@x"}`, prefer(rep, merge), 200, `[{"email":"d@x"}]`, ""},
		{"PATCH /accounts?id=lt.3&select=id&order=email.desc", `{"team_id":null}`, prefer(rep), 200, `[{"id":1},{"id":2}]`, ""},
		{"PATCH /accounts/3?select=email", `{"team_id":1}`, prefer(rep), 200, `{"email":"c@x"}`, ""},
		{"DELETE /accounts?id=eq.3&select=...teams(name)", "", prefer(rep), 200, `[{"name":"red"}]`, ""},
		{"DELETE /accounts?id=gt.0&select=count()", "", prefer(rep), 200, `[{"count":2}]`, ""},
		{"GET /accounts", "", nil, 200, "[]", ""},
	})
}
