package resource_test

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// inSQLite serves tables and views of SQLite, whose columns hold more than their types say.
const inSQLite = `version: 1
name: file
stores: {main: {url: "${env.DATABASE_URL}"}}
scopes:
  - routes:
      - {resources: /things, table: things, fields: all, public: true, aggregates: true, embed: all}
      - {resources: /parts, table: parts, fields: all, public: true, embed: all}
      - {resources: /counted, table: counted, fields: all, public: true, aggregates: true}
      - {resources: /loose, table: loose, fields: all, public: true}
      - resources: /ruled
        table: things
        fields: [id, n]
        allow: {read: true, create: changes.n > 0, update: changes.n > 0 and record.id > 0, delete: false}
`

func openFile(t *testing.T) *app.App {
	t.Helper()
	url := apptest.Databases()[0].URL(t)
	setUp(t, url,
		`create table things (id integer primary key, n integer, price decimal, r real, ok boolean, word text, day date, at datetime, b blob, j json, u uuid)`,
		`create table parts (id integer primary key, thing_id integer references things (id))`,
		`create table loose (id integer primary key, v any, other any) strict`,
		`create view counted as select thing_id, count(*) as n, count(*) > 1 as many, max(id) * 1.5 as most, 'p' || thing_id as word from parts group by thing_id`,
		`insert into things values (1, 1700000000123, 1.5, 2.5, true, '12', '2023-10-18', '2023-10-18T12:37:59.000000Z', null, '{"n": 9, "e": {"b": 1, "a": 2}}', null),
			(2, 5, 100, 1e20, false, 'École', null, null, x'00ff', '{"n":10}', null), (3, null, null, null, null, null, null, null, null, null, null)`,
		`insert into parts values (1, 1), (2, 1), (9, 2), (10, 2), (11, 2), (12, 3)`,
		`insert into loose values (1, 5, 10), (2, '5', 9), (3, 'five', null), (4, 10, 'x')`)
	return apptest.Compile(t, inSQLite, url)
}

// TestUntypedColumns is about columns of which the database declares no type: numbers are found as
// numbers, texts as texts.
func TestUntypedColumns(t *testing.T) {
	a := openFile(t)
	for _, f := range []fact{
		{"GET /counted?select=thing_id&n=gt.1&order=n.desc", 200, `[{"thing_id":2},{"thing_id":1}]`, ""},
		{"GET /counted?select=thing_id&n=eq.2", 200, `[{"thing_id":1}]`, ""},
		{"GET /counted?select=thing_id&n=neq.2&order=n", 200, `[{"thing_id":3},{"thing_id":2}]`, ""},
		{"GET /counted?select=thing_id&n=in.(2,3)&order=n", 200, `[{"thing_id":1},{"thing_id":2}]`, ""},
		{"GET /counted?select=thing_id&n=not.in.(2,3)", 200, `[{"thing_id":3}]`, ""},
		{"GET /counted?select=thing_id&n=gt(all).{1,2}", 200, `[{"thing_id":2}]`, ""},
		{"GET /counted?select=thing_id&n=eq(any).{1,2}&order=n", 200, `[{"thing_id":3},{"thing_id":1}]`, ""},
		{"GET /counted?select=thing_id&n=isdistinct.2&order=n", 200, `[{"thing_id":3},{"thing_id":2}]`, ""},
		{"GET /counted?select=thing_id&many=is.true&order=thing_id", 200, `[{"thing_id":1},{"thing_id":2}]`, ""},
		{"GET /counted?select=thing_id&many=is.false", 200, `[{"thing_id":3}]`, ""},
		{"GET /counted?select=thing_id&many=eq.false", 200, `[{"thing_id":3}]`, ""},
		{"GET /counted?select=thing_id&word=is.false", 200, `[]`, ""},
		{"GET /counted?select=thing_id&most=gte.16.5&order=most", 200, `[{"thing_id":2},{"thing_id":3}]`, ""},
		{"GET /counted?select=thing_id&most=lt.1e1", 200, `[{"thing_id":1}]`, ""},
		{"GET /counted?select=thing_id&word=eq.p2", 200, `[{"thing_id":2}]`, ""},
		{"GET /counted?select=thing_id&word=like.p*&n=eq.1", 200, `[{"thing_id":3}]`, ""},
		{"GET /counted?select=n.sum(),most.avg(),word.sum(),word.max()", 200, `~"sum":6`, ""},
		{"GET /counted?select=w:word.sum()", 200, `[{"w":null}]`, ""},
		{"GET /counted?select=n::text,m:n::int,many::boolean&thing_id=eq.1", 200, `[{"n":"2","m":2,"many":true}]`, ""},
		{"GET /counted?n=cs.{1}", 404, `~"code":"42883"`, ""},
		{"GET /loose?select=id&v=eq.5&order=id", 200, `[{"id":1},{"id":2}]`, ""},
		{"GET /loose?select=id&v=eq.five", 200, `[{"id":3}]`, ""},
		{"GET /loose?select=id&v=gt.9&order=id", 200, `[{"id":3},{"id":4}]`, ""},
		{"GET /loose?select=id&order=v&after=WzUsMV0", 200, `[{"id":4},{"id":2},{"id":3}]`, ""}, // behind [5,1]
		{"GET /loose?select=id&order=v&after=WyI1IiwyXQ", 200, `[{"id":3}]`, ""},                // behind ["5",2]
		{"GET /loose?select=id&other=gte.10&order=id", 200, `[{"id":1},{"id":4}]`, ""},
		{"GET /loose?select=id&other=in.(10,x)&order=id", 200, `[{"id":1},{"id":4}]`, ""},
	} {
		t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
	}
	run(t, a, []step{
		{"POST /loose?select=v,other", `{"v":7,"other":"7"}`, prefer(rep), 201, `[{"v":7,"other":"7"}]`, ""},
		{"POST /loose?select=v,other", `{"v":1.5,"other":{"a":1}}`, prefer(rep), 201, `[{"v":1.5,"other":"{\"a\":1}"}]`, ""},
	})
}

// TestIntegersOfAFile is about `integer`, which has 64 bits there.
func TestIntegersOfAFile(t *testing.T) {
	a := openFile(t)
	for _, f := range []fact{
		{"GET /things?select=id&n=eq.1700000000123", 200, `[{"id":1}]`, ""},
		{"GET /things?select=id&n=in.(1700000000123,5)&order=id", 200, `[{"id":1},{"id":2}]`, ""},
		{"GET /things?select=n::int&id=eq.1", 200, `[{"n":1700000000123}]`, ""},
		{"GET /things?select=id&n=eq.9223372036854775808", 400, `~"code":"22003"~type integer`, ""},
		{"GET /things?select=id&n=eq.1.5", 400, `~"code":"22P02"`, ""},
	} {
		t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
	}
	run(t, a, []step{
		{"POST /ruled", `{"id":7,"n":1700000000999}`, prefer(rep), 201, `[{"id":7,"n":1700000000999}]`, ""},
		{"PATCH /ruled?n=gt.1700000000500", `{"n":1700000001000}`, prefer(rep), 200, `[{"id":7,"n":1700000001000}]`, ""},
		{"PATCH /ruled?n=eq.1700000001000", `{"n":-1700000001000}`, nil, 403, `~"code":"42501"`, ""},
	})
}

// TestCastsOfAFile is about casts, which SQLite makes of anything.
func TestCastsOfAFile(t *testing.T) {
	a := openFile(t)
	for _, f := range []fact{
		{"GET /things?select=word::int&id=eq.1", 200, `[{"word":12}]`, ""},
		{"GET /things?select=word::int&id=eq.2", 400, `~"code":"22P02"~invalid input syntax for type integer: \"École\"`, ""},
		{"GET /things?select=word::numeric&id=eq.2", 400, `~"code":"22P02"`, ""},
		{"GET /things?select=word::date&id=eq.2", 400, `~"code":"22007"`, ""},
		{"GET /things?select=word::uuid&id=eq.2", 400, `~"code":"22P02"`, ""},
		{"GET /things?select=word::boolean&id=eq.2", 400, `~"code":"22P02"~type boolean`, ""},
		{"GET /things?select=word::jsonb&id=eq.2", 400, `~"code":"22P02"~type json`, ""},
		{"GET /things?select=word::jsonb,o:ok::boolean&id=eq.1", 200, `[{"word":12,"o":true}]`, ""},
		{"GET /things?select=price::int,r::bigint&id=eq.1", 200, `[{"price":2,"r":3}]`, ""},
		{"GET /things?select=r::int&id=eq.2", 400, `~"code":"22003"`, ""},
		{"GET /things?select=at::date,t:at::time,day::timestamp&id=eq.1", 200, `[{"at":"2023-10-18","t":"12:37:59","day":"2023-10-18T00:00:00+00:00"}]`, ""},
		{"GET /things?select=ok::int,j->n::int&id=eq.1", 200, `[{"ok":1,"n":9}]`, ""},
		{"GET /things?select=j->e::int&id=eq.1", 400, `~"code":"22P02"`, ""},
		{"GET /things?select=n::int,word::int,at::date,j->n::int&id=eq.3", 200, `[{"n":null,"word":null,"at":null,"n":null}]`, ""},
		{"GET /things?select=price.sum()::int&id=lt.3", 200, `[{"sum":102}]`, ""},
		{"GET /things?select=b,t:b::text&order=id", 200, `[{"b":null,"t":null},{"b":"\\x00ff","t":"\\x00ff"},{"b":null,"t":null}]`, ""},
		{"GET /parts?select=things(b)&id=in.(1,9)&order=id", 200, `[{"things":{"b":null}},{"things":{"b":"\\x00ff"}}]`, ""},
		{"GET /parts?select=...things(b)&id=eq.1", 200, `[{"b":null}]`, ""},
	} {
		t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
	}
}

// TestDocumentsOfAFile is about JSON, which is text there and compared by what it says.
func TestDocumentsOfAFile(t *testing.T) {
	a := openFile(t)
	for _, f := range []fact{
		{`GET /things?select=id&j=eq.{"e":{"a":2,"b":1},"n":9.0}`, 200, `[{"id":1}]`, ""},
		{`GET /things?select=id&j=neq.{"n": 10}`, 200, `[{"id":1}]`, ""},
		{`GET /things?select=id&j=isdistinct.{"n": 10}&order=id`, 200, `[{"id":1},{"id":3}]`, ""},
		{`GET /things?select=id&j=in.("{\"n\": 10}",1)`, 200, `[{"id":2}]`, ""},
		{`GET /things?select=id&j=not.in.("{\"n\": 10}",1)`, 200, `[{"id":1}]`, ""},
		{"GET /things?select=id&j->n=gt.9", 200, `[{"id":2}]`, ""},
		{"GET /things?select=id&j->n=lte.9", 200, `[{"id":1}]`, ""},
		{"GET /things?select=id&j->n=eq(any).{9,10}&order=id", 200, `[{"id":1},{"id":2}]`, ""},
		{`GET /things?select=id&j->e=eq.{"a":2,"b":1}`, 200, `[{"id":1}]`, ""},
		{"GET /things?select=id&j->n=eq.nine", 400, `~"code":"22P02"~type json`, ""},
	} {
		t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
	}
}

// TestValuesThatDoNotFit is about JSON that a column of SQLite would take, and Postgres would not.
func TestValuesThatDoNotFit(t *testing.T) {
	a := openFile(t)
	run(t, a, []step{
		{"POST /things?select=word,ok,n,price,r", `{"word":true,"ok":1,"n":7,"price":1.25,"r":2}`, prefer(rep), 201, `[{"word":"true","ok":true,"n":7,"price":1.25,"r":2}]`, ""},
		{"POST /things?select=word", `{"word":{"a":[1]}}`, prefer(rep), 201, `[{"word":"{\"a\":[1]}"}]`, ""},
		{"POST /things", `{"n":1.5}`, nil, 400, `~invalid input syntax for type integer: \"1.5\"`, ""},
		{"POST /things", `{"n":true}`, nil, 400, `~"code":"22P02"`, ""},
		{"POST /things", `{"n":12345678901234567890}`, nil, 400, `~"code":"22003"`, ""},
		{"POST /things", `{"price":true}`, nil, 400, `~"code":"22P02"`, ""},
		{"POST /things", `{"ok":7}`, nil, 400, `~"code":"22P02"`, ""},
		{"POST /things", `{"day":5}`, nil, 400, `~"code":"22007"`, ""},
		{"POST /things", `{"at":5}`, nil, 400, `~"code":"22007"`, ""},
		{"POST /things", `{"u":5}`, nil, 400, `~"code":"22P02"`, ""},
		{"PATCH /things?id=eq.1", `{"n":1.5}`, nil, 400, `~"code":"22P02"`, ""},
		{"POST /things", `{"id":1}`, nil, 409, `~"code":"23505"`, ""},
		{"PATCH /things?id=eq.2", `{"id":1}`, nil, 409, `~"code":"23505"`, ""},
	})
}
