package resource_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// foundTypes serves a table whose types are the database's own, and what the database itself
// makes of its rows.
const foundTypes = `version: 1
name: found
stores: {main: {url: "${env.DATABASE_URL}"}}
scopes:
  - routes:
      - {resources: /found, table: found, fields: all, public: true, aggregates: true, embed: all}
      - resources: /guarded
        table: found
        fields: all
        allow: {read: true, write: record.id > 0, create: false}
      - {resources: /parts, table: parts, fields: all, public: true, embed: all}
      - get: /json
        do:
          - query: select coalesce(json_agg(to_json(f) order by id), '[]')::text as rows from found f
            as: made
          - json: "${made}"
`

// foundTable makes a table with a column of each kind: domains, and types of extensions and of
// the database alone.
func foundTable(t *testing.T) *app.App {
	t.Helper()
	url := apptest.Postgres(t)
	setUp(t, url,
		`create extension ltree`, `create extension hstore`, `create extension cube`,
		`create type weights as range (subtype = float8)`,
		`create type mood as enum ('sad', 'glad')`,
		`create type pair as (a integer, b text)`,
		`create domain words as tsvector`,
		`create domain spans as int4range`,
		`create domain few as spans check (upper(value) < 100)`,
		`create domain address as inet`,
		`create domain notes as jsonb`,
		`create domain pages as integer check (value > 0)`,
		`create domain day as date`,
		`create domain place as ltree`,
		`create domain places as ltree[]`,
		`create domain hours as interval[]`,
		`create domain facts as hstore`,
		`create table found (id integer primary key, words words, spans spans, few few, address address, notes notes, pages pages, day day,
			path ltree, place place, places places, paths ltree[], hours hours, attrs hstore, facts facts, cube cube, weights weights, moods mood[], pair pair)`,
		`create text search configuration own_words (copy = simple)`,
		`create table parts (id integer primary key, found_id integer references found (id))`,
		`create function tops(found) returns words language sql stable as $$ select $1.words $$`,
		`insert into found values
			(1, 'cat dog', '[1,4)', '[1,4)', '10.0.0.1', '{"a":{"b":1}}', 3, '2020-01-02', 'top.science', 'a.b', '{a.b,c}', '{a.b}', '{1 day}',
				'x=>1,y=>NULL', 'k=>v', '(1,2)', '[1,2.5]', '{sad}', '(1,"x y")'),
			(2, 'bird', '[5,9)', '[5,9)', '192.168.0.1', '[1]', 7, '2021-01-02', 'top.science.astronomy', 'c', '{}', '{}', '{}',
				'x=>2', '', '(3,4)', '[5,6]', '{glad,sad}', '(,)'),
			(3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)`,
		`insert into parts values (1, 2)`)
	return apptest.Compile(t, foundTypes, url)
}

// TestOperatorsOfFoundTypes is about operators that no type of ours has: a domain has those of
// its base, and of a type that we do not know the database decides.
func TestOperatorsOfFoundTypes(t *testing.T) {
	a := foundTable(t)
	for _, f := range []fact{
		{"GET /found?select=id&words=fts(simple).cat", 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&words=fts(own_words).cat", 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&tops=wfts(Own_Words).bird&or=(words.plfts(own_words).bird,id.eq.1)", 200, `[{"id":2}]`, ""},
		{"GET /found?select=id&words=fts(nowhere).cat", 400, `~"code":"42704","message":"text search configuration \"nowhere\" does not exist"`, ""},
		{"GET /found?select=id&words=fts(3748).cat", 400, `~"code":"42704","message":"text search configuration \"3748\" does not exist"`, ""},
		{"GET /found?select=id&words=fts(own words).cat", 400, `~"code":"42704"`, ""},
		{"GET /found?select=id&words=not.wfts.dog", 200, `[{"id":2}]`, ""},
		{"GET /found?select=id&tops=plfts.bird", 200, `[{"id":2}]`, ""},
		{"GET /found?select=id&spans=ov.[3,6)&order=id", 200, `[{"id":1},{"id":2}]`, ""},
		{"GET /found?select=id&spans=cs.[2,3)", 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&few=adj.[9,12)", 200, `[{"id":2}]`, ""},
		{"GET /found?select=id&few=sl.[4,9)", 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&address=ov.10.0.0.0/8", 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&address=gt.11.0.0.0", 200, `[{"id":2}]`, ""},
		{`GET /found?select=id&notes=cs.{"a":{}}`, 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&notes->a->>b=eq.1", 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&pages=gt.3", 200, `[{"id":2}]`, ""},
		{"GET /found?select=id&path=cd.top.science&order=id", 200, `[{"id":1},{"id":2}]`, ""},
		{"GET /found?select=id&path=cs.top.science.astronomy.stars&order=id", 200, `[{"id":1},{"id":2}]`, ""},
		{"GET /found?select=id&path=match.*.astronomy", 200, `[{"id":2}]`, ""},
		{"GET /found?select=id&path=in.(top.science,c)", 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&place=cd.a", 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&place=eq(any).{c,d}", 200, `[{"id":2}]`, ""},
		{"GET /found?select=id&path=is.null", 200, `[{"id":3}]`, ""},
		{"GET /found?select=id&order=path.desc.nullslast", 200, `[{"id":2},{"id":1},{"id":3}]`, ""},
		{"GET /found?select=id&attrs=cs.x=>1", 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&facts=cs.k=>v", 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&attrs->>x=eq.2", 200, `[{"id":2}]`, ""},
		{"GET /found?select=id&cube=ov.(3,4),(5,6)", 200, `[{"id":2}]`, ""},
		{"GET /found?select=id&weights=ov.[2,3]", 200, `[{"id":1}]`, ""},
		{"GET /found?select=id&weights=cs.[5,5.5]", 200, `[{"id":2}]`, ""},
		{"GET /found?select=id&moods=cs.{glad}", 200, `[{"id":2}]`, ""},
		// The database refuses in its own words, by the type's own name.
		{"GET /found?spans=ov.[3,", 400, `~"code":"22P02"`, ""},
		{"GET /found?path=like.top*", 404, `~"code":"42883"~ltree ~~`, ""},
		{"GET /found?weights=ov.some", 400, `~"code":"22P02"`, ""},
		{"GET /found?path=cd.a..b", 400, `~"code":"42601"`, ""},
		{"GET /found?attrs=cs.x", 400, `~"code":"22P02"`, ""},
		{"GET /found?order=attrs", 200, `~"id":1`, ""},
		{"GET /found?order=pair->a", 200, `~"id":1`, ""},
		{"GET /found?path=is.true", 400, `~"code":"42804"`, ""},
		{"GET /found?path=fts.a", 404, `~"code":"42883"`, ""},
		{"GET /found?select=path.sum()", 404, `~"code":"42883"`, ""},
		{"GET /found?select=path::integer", 400, `~"code":"42846"`, ""},
		{"GET /found?pages=cs.1", 404, `~"code":"42883"~pages @> unknown`, ""},
		{"GET /found?select=words.max()", 404, `~"code":"42883"~max(words)`, ""},
		{"GET /found?select=spans::day", 400, `~cannot cast type spans to day`, ""},
		{"GET /found?pages=is.true", 400, `~not type pages`, ""},
	} {
		t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
	}
}

// TestFormsOfFoundTypes is about answers: they have what to_json of Postgres makes of a value.
func TestFormsOfFoundTypes(t *testing.T) {
	a := foundTable(t)
	for _, f := range []fact{
		{"GET /found?select=id,attrs,facts&id=eq.1", 200, `[{"id":1,"attrs":{"x":"1","y":null},"facts":{"k":"v"}}]`, ""},
		{"GET /found/1?select=attrs,path", 200, `{"attrs":{"x":"1","y":null},"path":"top.science"}`, ""},
		{"GET /parts?select=found(attrs,path,weights,places)", 200, `[{"found":{"attrs":{"x":"2"},"path":"top.science.astronomy","weights":"[5,6]","places":[]}}]`, ""},
		{"GET /parts?select=...found(attrs,path)", 200, `[{"attrs":{"x":"2"},"path":"top.science.astronomy"}]`, ""},
		{"GET /found?select=places,hours,moods&id=eq.1", 200, `[{"places":["a.b","c"],"hours":["1 day"],"moods":["sad"]}]`, ""},
		{"GET /found?select=attrs::text,path::text,pages::text&id=eq.2", 200, `[{"attrs":"\"x\"=>\"2\"","path":"top.science.astronomy","pages":"7"}]`, ""},
		{"GET /found?select=n:id::text,day::timestamp,t:notes::text&id=eq.1", 200, `[{"n":"1","day":"2020-01-02T00:00:00","t":"{\"a\": {\"b\": 1}}"}]`, ""},
		{"GET /found?select=pages::day&id=eq.1", 400, `~cannot cast type pages to day`, ""},
		{"GET /found?select=path,count()&order=path", 200, `[{"path":"top.science","count":1},{"path":"top.science.astronomy","count":1},{"path":null,"count":1}]`, ""},
		{"GET /found?select=attrs,count()&id=eq.1", 200, `[{"attrs":{"x":"1","y":null},"count":1}]`, ""},
		{"GET /found?select=pages.sum()", 200, `[{"sum":10}]`, ""},
		{"GET /found?select=id,notes&id=eq.1 | Accept: application/vnd.pgrst.object+json;nulls=stripped", 200, `{"id":1,"notes":{"a":{"b":1}}}`, ""},
		{"GET /found?select=id,path,weights&id=eq.1 | Accept: text/csv", 200, "id,path,weights\n1,top.science,\"[1,2.5]\"", ""},
	} {
		t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
	}
	var made [1]struct{ Rows string }
	if err := json.Unmarshal(apptest.Request(a, "GET", "/json", "").Body.Bytes(), &made); err != nil {
		t.Fatal(err)
	}
	if got, want := dense(apptest.Request(a, "GET", "/found?order=id", "").Body.Bytes()), dense([]byte(made[0].Rows)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestWritingFoundTypes is about values that only the database knows.
func TestWritingFoundTypes(t *testing.T) {
	a := foundTable(t)
	run(t, a, []step{
		{"POST /found?select=id,words,spans,address,path,attrs,weights", `{"id":4,"words":"a b","spans":"[1,3)","address":"10.0.0.9","path":"x.y","attrs":"p=>q","weights":"[0,1]"}`,
			prefer(rep), 201, `[{"id":4,"words":"'a' 'b'","spans":"[1,3)","address":"10.0.0.9","path":"x.y","attrs":{"p":"q"},"weights":"[0,1]"}]`, ""},
		{"POST /found?select=id,places,hours,pair,notes,pages", `{"id":5,"places":["a.b"],"hours":["1:00"],"pair":{"a":1,"b":"z"},"notes":{"n":1},"pages":9}`,
			prefer(rep), 201, `[{"id":5,"places":["a.b"],"hours":["01:00:00"],"pair":{"a":1,"b":"z"},"notes":{"n":1},"pages":9}]`, ""},
		{"POST /found", `{"id":6,"path":"a..b"}`, nil, 400, `~"code":"42601"`, ""},
		{"POST /found", `{"id":6,"weights":"none"}`, nil, 400, `~"code":"22P02"`, ""},
		{"POST /found", `{"id":6,"few":"[1,500)"}`, nil, 400, `~"code":"23514"`, ""},
		{"POST /found", `{"id":6,"attrs":"p"}`, nil, 400, `~"code":"22P02"`, ""},
		{"POST /found", `{"id":6,"attrs":{"p":"q"}}`, nil, 400, `~"code":"22P02"`, ""},
		{"PATCH /found?path=cd.x&select=id,path,weights", `{"path":"x.z","weights":"[2,3]"}`, prefer(rep), 200, `[{"id":4,"path":"x.z","weights":"[2,3]"}]`, ""},
		{"PATCH /found?weights=ov.[2.6,2.7]&select=id&order=id", `{"spans":"[7,8)"}`, prefer(rep), 200, `[{"id":4}]`, ""},
		{"PATCH /found?attrs=cs.p=>q&select=attrs", `{"attrs":"r=>s"}`, prefer(rep), 200, `[{"attrs":{"r":"s"}}]`, ""},
		{"PATCH /found/4?select=attrs,path", `{"attrs":"r=>t"}`, prefer(rep), 200, `{"attrs":{"r":"t"},"path":"x.z"}`, ""},
		{"PATCH /found/4", `{"path":"a..b"}`, nil, 400, `~"code":"42601"`, ""},
		{"POST /found?select=id,attrs", `{"id":4,"attrs":"u=>v"}`, prefer(rep, merge), 200, `[{"id":4,"attrs":{"u":"v"}}]`, ""},
		{"PUT /found?id=eq.7", `{"id":7,"path":"q.r"}`, nil, 204, "", ""},
		{"PATCH /guarded?path=cd.q&select=id,path,attrs", `{"attrs":"w=>1"}`, prefer(rep), 200, `[{"id":7,"path":"q.r","attrs":{"w":"1"}}]`, ""},
		{"DELETE /found?words=fts(simple).a&select=id", "", prefer(rep), 200, `[{"id":4}]`, ""},
		{"DELETE /found?path=cs.q.r.s&select=id", "", prefer(rep), 200, `[{"id":7}]`, ""},
	})
}

// TestNoFaultOfFoundTypes is about what strangers send: whatever they ask of such a column, it
// is answered or refused.
func TestNoFaultOfFoundTypes(t *testing.T) {
	a := foundTable(t)
	columns := []string{"words", "spans", "few", "address", "notes", "pages", "day", "path", "place", "places", "paths", "hours", "attrs",
		"facts", "cube", "weights", "moods", "pair", "tops"}
	questions := []string{"%s=eq.x", "%s=neq.{}", "%s=gt.1", "%s=like.*a", "%s=ilike(any).{a,b}", "%s=match.[", "%s=in.(a,b)", "%s=in.()", "%s=isdistinct.a",
		"%s=cs.a", "%s=cd.{a", "%s=ov.[1,2]", "%s=sl.a", "%s=sr.[1,2]", "%s=nxl.a", "%s=nxr.a", "%s=adj.a", "%s=fts.a", "%s=wfts(english).a", "%s=is.true",
		"%s=not.is.null", "%s->a=eq.1", "%s->>0=gt.1", "select=%s,count()", "select=%s.max()", "select=%s.sum()", "select=%s.avg()", "select=%s::text",
		"select=%s::integer", "select=%s::jsonb", "select=%s::ltree", "select=%s::few", "select=id::few,x:%s::mood", "order=%s", "order=%s->a.desc&limit=1"}
	for _, column := range columns {
		for _, question := range questions {
			url := "/found?" + strings.ReplaceAll(question, "%s", column)
			if w := apptest.Request(a, "GET", url, ""); w.Code >= 500 {
				t.Errorf("%s: status %d: %s", url, w.Code, w.Body)
			}
		}
		for _, sent := range []string{`"x"`, `1`, `{"a":1}`, `["a"]`, `true`, `""`} {
			if w := apptest.Request(a, "PATCH", "/found?id=eq.1", `{"`+column+`":`+sent+`}`); w.Code >= 500 {
				t.Errorf("%s of %s: status %d: %s", sent, column, w.Code, w.Body)
			}
		}
	}
}
