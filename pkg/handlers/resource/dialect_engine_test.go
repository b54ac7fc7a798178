package resource_test

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// engines is what one engine has alone: tables that the database declares.
const engines = `version: 1
name: engines
stores: {main: {url: "${env.DATABASE_URL}"}}
scopes:
  - routes:
      - resources: /things
        table: things
        fields: all
        public: true
        aggregates: true
        max_rows: 3
      - resources: /names
        table: things
        fields: [name, at]
        public: true
`

// words are tables without a total order of their own.
const words = `      - {resources: /words, table: words, fields: all, public: true}
      - {resources: /loud, table: things, fields: [name, loud], where: "id > 1"}
      - {resources: /short, table: words, fields: all, public: true, max_rows: 1}
`

const (
	things = `insert into things (id, name, at) values (1, 'a', '2023-10-18T12:37:59.611000Z'), (2, 'b', null), (3, 'c', null), (4, 'd', null), (5, 'e', null)`
	zone   = "Prefer: timezone=America/Los_Angeles"
)

// TestReadingOnPostgres is about what Postgres alone has: types, guesses, time zones, words.
func TestReadingOnPostgres(t *testing.T) {
	url := apptest.Postgres(t)
	setUp(t, url,
		`create table things (id bigint primary key, name text, at timestamptz, span int4range, mac macaddr, point point, nums int[], n numeric(6,3))`, things,
		`update things set span = '[1,5)', mac = '08:00:2b:01:02:03', point = '(1,2)', nums = '{1,2}', n = 1.5 where id = 1`, `analyze things`,
		`create function loud(things) returns text language sql stable as $$ select upper($1.name) || '!' $$`,
		`create function quiet(things) returns text language sql volatile as $$ select $1.name $$`,
		`create function loses(things) returns bigint language sql as $$ delete from things where id = $1.id returning id $$`,
		`create table words (word text primary key)`, `insert into words values ('b'), ('a')`)
	a := apptest.Compile(t, engines+words, url)
	for _, f := range []fact{
		{"GET /things?id=eq.1", 200, `[{"id":1,"name":"a","at":"2023-10-18T12:37:59.611+00:00","span":"[1,5)","mac":"08:00:2b:01:02:03","point":"(1,2)","nums":[1,2],"n":1.500}]`, ""},
		{"GET /things/1", 200, `{"id":1,"name":"a","at":"2023-10-18T12:37:59.611+00:00","span":"[1,5)","mac":"08:00:2b:01:02:03","point":"(1,2)","nums":[1,2],"n":1.500}`, ""},
		{"GET /things?limit=1", 200, `~"span":"[1,5)"`, "Content-Range: 0-0/*"},
		{"GET /things?span=cs.[3,4)&select=id", 200, `[{"id":1}]`, ""},
		{"GET /things?nums=cs.{2}&select=id", 200, `[{"id":1}]`, ""},
		{"GET /things?name=fts.a&select=id", 200, `[]`, ""},
		{"GET /things?select=id&id=gt.3 | Prefer: count=planned", 200, `[{"id":4},{"id":5}]`, "Content-Range: 0-1/2 | Preference-Applied: count=planned"},
		{"HEAD /things?limit=2&offset=1 | Prefer: count=planned", 206, "~", "Content-Range: 1-2/5"},
		{"GET /things?select=id | Prefer: count=estimated", 206, `[{"id":1},{"id":2},{"id":3}]`, "Content-Range: 0-2/5"},
		{"GET /things?select=id&id=gt.2 | Prefer: count=estimated", 200, `[{"id":3},{"id":4},{"id":5}]`, "Content-Range: 0-2/3"},
		{"GET /things?select=at&id=eq.1 | " + zone, 200, `[{"at":"2023-10-18T05:37:59.611-07:00"}]`, "Preference-Applied: timezone=America/Los_Angeles"},
		{"GET /things/1?select=at | " + zone, 200, `{"at":"2023-10-18T05:37:59.611-07:00"}`, "Preference-Applied: timezone=America/Los_Angeles"},
		{"GET /things?select=at&id=eq.1", 200, `[{"at":"2023-10-18T12:37:59.611+00:00"}]`, ""},
		{"GET /things?select=at&id=eq.1 | Prefer: timezone=No/Where", 200, `[{"at":"2023-10-18T12:37:59.611+00:00"}]`, "Preference-Applied: -"},
		{"GET /things?id=eq.1 | Prefer: handling=strict, timezone=No/Where", 400, `~"code":"PGRST122"~Invalid preferences: timezone=No/Where`, ""},
		{"GET /things?id=eq.abc", 400, wrong("400", "22P02", `invalid input syntax for type bigint: \"abc\"`, "", ""), ""},
		{"GET /things?id=eq.99999999999999999999", 400, `~"code":"22003"`, ""},
		{"GET /things?name=match.(", 400, `~"code":"2201B"`, ""},
		{"GET /things?nums=cs.{", 400, `~"code":"22P02"`, ""},
		{"GET /things?point=eq.1", 404, `~"code":"42883"`, ""},
		{"GET /things?select=id&order=id&after=WyJ4Il0", 400, `~"code":"22P02"`, ""},
		{"GET /things?select=at&order=at.asc.nullsfirst&limit=1&offset=4", 200, `[{"at":"2023-10-18T12:37:59.611+00:00"}]`, `Link: </things?select=at&order=at.asc.nullsfirst&limit=1&after=WyIyMDIzLTEwLTE4VDEyOjM3OjU5LjYxMVoiLDFd>; rel="next"`},
		{"GET /things?select=id&order=at&limit=1&after=WyIyMDIzLTEwLTE4VDEyOjM3OjU5LjYxMVoiLDFd", 200, `[{"id":2}]`, ""},
		{"GET /things?loud=eq.B!&select=id,loud", 200, `[{"id":2,"loud":"B!"}]`, ""},
		{"GET /things?order=loud.desc&select=id&limit=1", 200, `[{"id":5}]`, "Link: -"},
		{"GET /things/2?select=loud,name", 200, `{"loud":"B!","name":"b"}`, ""},
		{"GET /things?id=eq.2&select=*", 200, `[{"id":2,"name":"b","at":null,"span":null,"mac":null,"point":null,"nums":null,"n":null}]`, ""},
		{"GET /things?quiet=eq.b&select=id,quiet&order=quiet", 200, `[{"id":2,"quiet":"b"}]`, ""},
		{"GET /things?quiet=eq.b&select=id | Prefer: count=exact", 200, `[{"id":2}]`, "Content-Range: 0-0/1"},
		{"GET /things/2?select=quiet | " + zone, 200, `{"quiet":"b"}`, ""},
		{"GET /things?select=loses", 405, `~"code":"25006"`, ""},
		{"GET /things?id=eq.2&select=id", 200, `[{"id":2}]`, ""},
		{"GET /names?loud=eq.B!", 400, `~"code":"42703"`, ""},
		{"GET /loud?loud=eq.B!", 200, `[{"name":"b"}]`, ""},
		{"GET /words", 200, `[{"word":"b"},{"word":"a"}]`, "Link: -"},
		{"GET /words?word=in.(a,b)", 200, `[{"word":"b"},{"word":"a"}]`, "Link: -"},
		{"GET /words?limit=1", 200, `[{"word":"a"}]`, `Link: </words?limit=1&after=WyJhIl0>; rel="next"`},
		{"GET /words?limit=1&select=word", 200, `[{"word":"a"}]`, ""},
		{"GET /words?select=word | Range: 0-0", 200, `[{"word":"a"}]`, ""},
		{"GET /short", 200, `[{"word":"a"}]`, `Link: </short?after=WyJhIl0>; rel="next"`},
		{"GET /short?select=word", 200, `[{"word":"a"}]`, `Link: </short?select=word&after=WyJhIl0>; rel="next"`},
		{"GET /names?name=eq.a", 200, `[{"name":"a","at":"2023-10-18T12:37:59.611+00:00"}]`, ""},
		{"GET /names?limit=1", 200, `~"name":"a"`, "Link: -"},
		{"GET /names?select=name&order=name&limit=1&after=WyJhIiwxXQ", 400, `~these rows have no key to go on behind`, ""},
		{"GET /names?order=id", 400, `~"code":"42703"`, ""},
		{"GET /names?id=eq.1", 400, `~"code":"42703"`, ""},
	} {
		t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
	}
}

// TestReadingOnSQLite is about how SQLite answers what it has not.
func TestReadingOnSQLite(t *testing.T) {
	url := apptest.Databases()[0].URL(t)
	setUp(t, url, `create table things (id integer primary key, name text, at datetime)`, things)
	a := apptest.Compile(t, engines, url)
	for _, f := range []fact{
		{"GET /things?id=eq.1", 200, `[{"id":1,"name":"a","at":"2023-10-18T12:37:59.611+00:00"}]`, ""},
		{"GET /things?select=id&id=gt.3 | Prefer: count=planned", 200, `[{"id":4},{"id":5}]`, "Content-Range: 0-1/2 | Preference-Applied: count=planned"},
		{"GET /things?select=id | Prefer: count=estimated", 206, `[{"id":1},{"id":2},{"id":3}]`, "Content-Range: 0-2/5"},
		{"GET /things?id=eq.1&select=id | " + zone, 200, `[{"id":1}]`, "Preference-Applied: -"},
		{"GET /things?id=eq.1 | Prefer: handling=strict, timezone=America/Los_Angeles", 400, `~"code":"PGRST122"`, ""},
		{"GET /things?id=eq.abc", 400, `~"code":"22P02"`, ""},
		{"GET /things?name=match.(", 400, `~"code":"2201B"`, ""},
		{"GET /things?name=cs.x", 404, `~"code":"42883"`, ""},
		{"GET /things?select=id&after=WyJ4Il0", 400, `~"code":"22P02"`, ""},
		{"GET /names?name=eq.a", 200, `[{"name":"a","at":"2023-10-18T12:37:59.611+00:00"}]`, ""},
		{"GET /names?order=id", 400, `~"code":"42703"`, ""},
	} {
		t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
	}
}

// setUp runs SQL in a database before an application reads what it has.
func setUp(t *testing.T, url string, statements ...string) {
	t.Helper()
	a := apptest.Compile(t, "version: 1\nname: setup\nstores: {main: {url: \"${env.DATABASE_URL}\"}}\nscopes:\n  - routes:\n      - get: /\n        do:\n          - query: select 1 as n\n            as: rows\n          - json: \"${rows}\"\n", url)
	for _, sql := range statements {
		execute(t, a, sql)
	}
}
