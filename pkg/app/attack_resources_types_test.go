package app_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
)

// strange serves tables with whatever Postgres can put into a column, and functions.
const strange = `version: 1
name: strange
stores: {main: {url: "${env.DATABASE_URL}"}}
scopes:
  - routes:
      - {resources: /things, table: things, fields: all, public: true, aggregates: true, whole_table: [update, delete]}
      - {resources: /sums, table: sums, fields: all, public: true, whole_table: [update, delete]}
      - {resources: /bare, table: bare, fields: all, public: true, whole_table: [update, delete]}
      - rpc: [twice, all_things, fails, pair]
        public: true
`

// strangeTables are the tables and functions of it.
func strangeTables() []string {
	return []string{
		"create extension if not exists citext", "create extension if not exists ltree", "create extension if not exists hstore",
		"create type mood as enum ('sad', 'glad')", "create type spot as (x int, y int)", "create domain small as int check (value < 100)",
		`create table things (id int generated always as identity primary key, i2 smallint, i4 int, i8 bigint, num numeric(6,2), f4 real, f8 double precision, b boolean, t text, c char(3), vc varchar(5), by bytea, d date, tm time, tz timetz, ts timestamp, tstz timestamptz, iv interval,
			j json, jb jsonb, u uuid, ip inet, net cidr, mac macaddr, bits bit(3), vb varbit, p point, bx box, poly polygon, x xml, ra int4range, rt tstzrange, mr int4multirange, ai int[], at text[], ajb jsonb[], e mood, ae mood[], sp spot, sm small, cash money, tsv tsvector, q tsquery, o oid, rc regclass, ci citext, lt ltree, hs hstore, pl pg_lsn,
			gen int generated always as (i4 * 2) stored, "we""ird, name" text unique, lower_only text check (lower_only = lower(lower_only)))`,
		"create view sums as select i4, count(*) as n from things group by i4", "create table bare (n int, t text)", "insert into bare values (1, 'a')",
		"insert into things (i4, t) values (1, 'one'), (2, 'two')",
		"create function twice(n int) returns int language sql immutable as 'select n * 2'", "create function all_things() returns setof things language sql stable as 'select * from things'",
		"create function fails(code text) returns int language plpgsql as $$ begin raise exception using errcode = code, message = 'failed'; end $$", "create function pair(a int[], j jsonb, variadic more text[]) returns text language sql as 'select a::text || j::text || more::text'",
	}
}

func strangeColumns() []string {
	return strings.Fields("id i2 i4 i8 num f4 f8 b t c vc by d tm tz ts tstz iv j jb u ip net mac bits vb p bx poly x ra rt mr ai at ajb e ae sp sm cash tsv q o rc ci lt hs pl gen lower_only nope")
}

// strangeRequests ask every operator of every column, and write every kind of value.
func strangeRequests() []probe {
	var list []probe
	operators := strings.Fields("eq neq gt gte lt lte like ilike match imatch is in cs cd ov sl sr nxl nxr adj fts plfts phfts wfts isdistinct eq(any) like(all) not.eq")
	filters := []string{"zqx", "1", "(1,zqx)", "{1,2}", "{", "[1,2)", "[", `{"a":1}`, "null", "99999999999999999999", "1e999", "NaN", "\x00", "\xff", "(1", "infinity", "2024-02-30", "'"}
	values := []string{`"zqx"`, "1", "-1", "1.5", "true", "null", "[]", "[1]", `["zqx"]`, "{}", `{"a":1}`, "1e999", "99999999999999999999", `"\u0000"`, `"{"`, `"{1,null}"`, `"(1,2)"`, `"infinity"`, `[[1],[2,3]]`, `"\\x0"`, `""`}
	for i, column := range append(strangeColumns(), `we"ird, name`) {
		at := url.QueryEscape(column)
		for k, operator := range operators {
			value := url.QueryEscape(filters[(i*7+k*3)%len(filters)])
			list = append(list, probe("GET /things?"+at+"="+operator+"."+value), probe("GET /things?select=id&or=("+url.QueryEscape(`"`+strings.ReplaceAll(column, `"`, `\"`)+`"`)+"."+operator+"."+value+",id.eq.0)"), probe("PATCH /things?"+at+"="+operator+"."+value+` <- {"t":"x"}`), probe("DELETE /things?id=eq.-1&"+at+"="+operator+"."+value))
		}
		for _, value := range values {
			name := strings.ReplaceAll(column, `"`, `\"`)
			list = append(list, probe(`POST /things <- {"`+name+`":`+value+`} | Prefer: return=representation`), probe(`PATCH /things?id=eq.1 <- {"`+name+`":`+value+`}`), probe(`PATCH /things/1 <- {"`+name+`":`+value+`} | Prefer: return=representation`), probe(`POST /things <- [{"id":1,"`+name+`":`+value+`},{"id":1}] | Prefer: resolution=merge-duplicates`))
		}
		for _, rest := range []string{"select=" + at, "select=" + at + "::text", "select=" + at + "::int", "select=" + at + ".sum()", "select=" + at + ".max()", "select=" + at + ",count()", "select=" + at + "->zqx", "select=" + at + "->0->>zqx", "order=" + at, "order=" + at + "->a.desc", at + "->>a=eq.1", "order=" + at + "&limit=1&after=WzEsMV0", "order=" + at + "&limit=1&after=WyJ4IiwxXQ"} {
			list = append(list, probe("GET /things?"+rest), probe("GET /things?"+rest+" | Accept: text/csv"), probe("GET /rpc/all_things?"+rest))
		}
	}
	for _, write := range []string{`POST /sums <- {"i4":1}`, `PATCH /sums <- {"i4":1}`, "DELETE /sums", `PUT /sums?i4=eq.1 <- {"i4":1}`, `POST /bare <- {"n":1} | Prefer: resolution=merge-duplicates`, `PUT /bare?n=eq.1 <- {"n":1}`, `POST /bare?on_conflict=n <- {"n":1} | Prefer: resolution=merge-duplicates`, `PATCH /bare <- {"n":"zqx"}`, `DELETE /bare?n=eq.zqx`,
		`PATCH /things <- {"id":5}`, `PATCH /things <- {"gen":5}`, `POST /things <- {"gen":5}`, `POST /things <- {"id":1}`, `POST /things <- {"i4":1073741824}`, `POST /things?on_conflict=gen <- {"t":"x"} | Prefer: resolution=merge-duplicates`, `POST /things <- {"lower_only":"UP"}`} {
		list = append(list, probe(write), probe(write+" | Prefer: return=representation"))
	}
	for _, payload := range append(payloads(), "1", "99999999999", "{1}", "null", "") {
		if in := url.QueryEscape(payload); len(payload) < 1000 {
			list = append(list, probe("GET /rpc/twice?n="+in), probe("GET /rpc/twice?"+in+"=1"), probe("GET /rpc/"+url.PathEscape(payload)), probe("GET /rpc/pair?a="+in+"&j="+in+"&more="+in), probe("GET /rpc/all_things?select="+in), probe("POST /rpc/twice <- "+payload), probe(`POST /rpc/pair <- {"a":1,"j":1,"more":1}`), probe("GET /rpc/fails?code="+in))
		}
	}
	for _, code := range []string{"P0001", "PT402", "PT999", "PGRST", "00000", "23505", "40001", "57014", "XX000", "22012", "42501", "53100"} {
		list = append(list, probe("POST /rpc/fails <- {\"code\":\""+code+"\"}"))
	}
	return list
}

// TestHostileTypes asks and writes every type of Postgres wrongly. No answer is a fault of
// ours; only a function that says that the server is to blame answers so.
func TestHostileTypes(t *testing.T) {
	database := apptest.Postgres(t)
	a := apptest.Compile(t, "version: 1\nname: setup\nstores: {main: {url: \"${env.DATABASE_URL}\"}}\nscopes: [{routes: [{get: /, text: OK}]}]\n", database)
	for _, sql := range strangeTables() {
		if _, err := a.Env.Store("").Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	a = apptest.Compile(t, strange, database)
	for _, p := range strangeRequests() {
		got := p.send(a)
		if got.status >= 500 && !strings.Contains(string(p), "/rpc/fails") {
			t.Errorf("%.300s: %d %.600s", p, got.status, got.body)
		}
		if got.status >= 400 && !inDialect(got) {
			t.Errorf("%.300s: %d is no error of the dialect: %.300s", p, got.status, got.body)
		}
	}
}
