package rpc_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
)

const bare = "version: 1\nname: bare\nstores: {main: {url: \"${env.DATABASE_URL}\"}}\nscopes: []\n"

// database makes what the functions here are about.
const database = `
create table clients (id int primary key, name text not null, secret text);
create table projects (id int primary key, name text not null, client_id int references clients, owner int);
insert into clients values (1, 'Micro', 's1'), (2, 'Apple', 's2');
insert into projects values (1, 'Windows', 1, 7), (2, 'DOS', 1, 8), (3, 'IOS', 2, 7);
create function add_them(a int, b int) returns int language sql immutable as 'select a + b';
create function three(a int default 1, b int default 2, c int default 3) returns int language sql stable as 'select a + b + c';
create function hello(name text) returns text language sql as $$ select 'Hello, ' || name $$;
create function numbers(upto int) returns setof int language sql stable as 'select generate_series(1, upto)';
create function projects_of(client int) returns setof projects language sql stable as 'select * from projects where client_id = client order by id';
create function project(id int) returns projects language sql stable as 'select * from projects p where p.id = project.id';
create function client(id int) returns clients language sql stable as 'select * from clients c where c.id = client.id';
create function nothing() returns void language sql as '';
create function "dotted.name"() returns int language sql as 'select 5';
create table firm (id int primary key, other int references firm deferrable initially deferred);
create function late() returns void language sql as 'insert into firm values (1, 9)';
create function nil() returns int language sql as 'select null::int';
create function outs(out num int, out str text) language sql as $$ select 1, 'x' $$;
create function one_out(num int, out next int) language sql as 'select num + 1';
create function rows() returns table (a text, b numeric(6,2)) language sql as $$ select 'A', 1.50 union all select 'B', null $$;
create function some_record() returns record language sql as 'select p from projects p where id = 1';
create function joined(variadic v text[] default '{}') returns text[] language sql as 'select v';
create function total(list int[]) returns bigint language sql as 'select sum(x) from unnest(list) x';
create function moment(at timestamptz) returns timestamptz language sql as 'select at';
create function which() returns int language sql as 'select 0';
create function which(a int) returns int language sql as 'select 1';
create function which(a int, b int) returns int language sql as 'select 2';
create function which(jsonb) returns jsonb language sql as 'select $1';
create function same(arg int) returns int language sql as 'select 1';
create function same(arg text) returns int language sql as 'select 2';
create function length_of(text) returns int language sql as 'select length($1)';
create function size_of(bytea) returns int language sql as 'select length($1)';
create function echo(json) returns json language sql as 'select $1';
create domain "text/plain" as text;
create function plain() returns "text/plain" language sql as $$ select 'as it is' $$;
create domain "image/png" as bytea;
create function picture() returns "image/png" language sql as $$ select '\x0102ff'::bytea $$;
create function add_project(id int, name text) returns projects language sql as 'insert into projects values (id, name, 2, 9) returning *';
create sequence calls;
create function counted() returns setof int language sql as $$ select nextval('calls')::int from generate_series(1, 3) $$;
create function setting(name text) returns text language sql as 'select current_setting(name, true)';
create function header(name text) returns text language sql as $$ select current_setting('request.headers')::json ->> name $$;
create function answers(status text, headers text) returns int language plpgsql as $$ begin
  perform set_config('response.status', status, true); perform set_config('response.headers', headers, true); return 1; end $$;
create function raises(code text, message text, detail text) returns void language plpgsql as $$ begin
  raise using errcode = code, message = message, detail = detail, hint = 'a hint'; end $$;
create function asserts() returns void language plpgsql as $$ begin assert false, 'no'; end $$;
create function slow(n int) returns int language sql as 'select n from pg_sleep(0)';
`

const manifest = `version: 1
name: functions
stores: {main: {url: "${env.DATABASE_URL}"}}
pipelines:
  known:
    - assign: {me: "${request.headers['x-user'] ?? ''}"}
scopes:
  - pipe_through: known
    routes:
      - resources: /projects
        table: projects
        fields: [id, name, client_id]
        public: true
        aggregates: true
        embed: [clients]
      - resources: /clients
        table: clients
        fields: [id, name]
        where: id < 2
        embed: [projects]
      - rpc: [add_them, three, hello, numbers, projects_of, project, client, nothing, nil, outs, one_out, rows, some_record, joined, total, moment,
              which, same, length_of, size_of, echo, plain, picture, add_project, counted, setting, header, answers, raises, asserts, dotted.name, late]
        public: true
  - path: /ruled
    pipe_through: known
    routes:
      - rpc: [add_them, hello, slow]
        allow: {call: me == 'ann', hello: me != ''}
  - path: /one
    pipe_through: known
    routes:
      - rpc: public.add_them
        allow: me == 'ann' and request.method == 'POST'
`

func run(t *testing.T, a *app.App, sql string) {
	t.Helper()
	for _, one := range statements(sql) {
		if _, err := a.Env.Store("").Exec(context.Background(), &store.Statement{SQL: one}, nil); err != nil {
			t.Fatalf("%s: %v", one, err)
		}
	}
}

// statements splits a script at the ends of lines.
func statements(sql string) []string {
	var list []string
	for _, one := range strings.Split(sql, ";\n") {
		if n := len(list); n > 0 && strings.Count(list[n-1], "$$")%2 == 1 {
			list[n-1] += ";\n" + one
		} else if strings.TrimSpace(one) != "" {
			list = append(list, one)
		}
	}
	return list
}

func open(t *testing.T) *app.App {
	t.Helper()
	url := apptest.Postgres(t)
	run(t, apptest.Compile(t, bare, url), database)
	return apptest.Compile(t, manifest, url)
}

// A fact is one call and what must come back.
type fact struct {
	request string // METHOD URL, and headers behind it, each after " | "
	body    string
	status  int
	want    string // the whole body; a part of it after "~"; several parts with "~" between
	header  string // one that the answer has, "Name: value"; "Name: -" is one it has not
}

const (
	exact = " | Prefer: count=exact"
	one   = " | Accept: application/vnd.pgrst.object+json"
	form  = " | Content-Type: application/x-www-form-urlencoded"
	plain = " | Content-Type: text/plain"
	bytea = " | Content-Type: application/octet-stream"
	csv   = " | Accept: text/csv"
)

func judge(t *testing.T, a *app.App, facts []fact) {
	t.Helper()
	for _, f := range facts {
		parts := strings.Split(f.request, " | ")
		method, url, _ := strings.Cut(parts[0], " ")
		w := apptest.Request(a, method, url, f.body, parts[1:]...)
		got := dense(w.Body.String())
		if w.Code != f.status {
			t.Errorf("%s %s: status %d, want %d: %s", f.request, f.body, w.Code, f.status, got)
		}
		if rest, ok := strings.CutPrefix(f.want, "~"); ok {
			for _, part := range strings.Split(rest, "~") {
				if !strings.Contains(got, part) {
					t.Errorf("%s %s: %s\nlacks %s", f.request, f.body, got, part)
				}
			}
		} else if got != dense(f.want) {
			t.Errorf("%s %s: %s\nwant %s", f.request, f.body, got, f.want)
		}
		if name, text, ok := strings.Cut(f.header, ": "); ok {
			have := strings.Join(w.Header()[name], ", ")
			if text == "-" {
				text = ""
			}
			if have != text {
				t.Errorf("%s: %s is %q, want %q", f.request, name, have, text)
			}
		}
	}
}

func dense(text string) string {
	var v json.RawMessage
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		if text[i] == '"' && (i == 0 || text[i-1] != '\\') {
			quoted = !quoted
		}
		if quoted || text[i] != ' ' && text[i] != '\n' {
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

func TestArguments(t *testing.T) {
	judge(t, open(t), []fact{
		{"GET /rpc/add_them?a=1&b=2", "", 200, "3", "Content-Type: application/json; charset=utf-8"},
		{"POST /rpc/add_them", `{"a":1,"b":2}`, 200, "3", "Content-Range: 0-0/*"},
		{"POST /rpc/add_them" + form, "a=1&b=2", 200, "3", ""},
		{"POST /rpc/add_them", `[{"a":1,"b":2},{"a":5,"b":6}]`, 200, "3", ""},
		{"POST /rpc/add_them?columns=a,b", `{"a":1,"b":2,"c":3}`, 200, "3", ""},
		{"POST /rpc/add_them", `{"a":"x","b":2}`, 400, `~"code":"22P02"`, ""},
		{"GET /rpc/add_them?a=x&b=2", "", 400, `~"code":"22P02"`, ""},
		{"GET /rpc/add_them?a=99999999999&b=2", "", 400, `~"code":"22003"`, ""},
		{"POST /rpc/add_them", `{"a":2147483647,"b":1}`, 400, `~"code":"22003"`, ""},
		{"POST /rpc/add_them?a=1", `{"a":1,"b":2}`, 400, `~PGRST100`, ""},
		{"POST /rpc/add_them", `{"a":`, 400, `~PGRST102~Empty or invalid json`, ""},
		{"POST /rpc/add_them | Content-Type: text/csv", "a,b\n1,2\n3,4", 200, "3", ""},
		{"POST /rpc/add_them | Content-Type: text/csv", "a,b\n1", 400, `~PGRST102`, ""},
		{"POST /rpc/add_them | Content-Type: text/yaml", "a: 1", 415, `~PGRST102~text/yaml`, ""},
		{"GET /rpc/dotted.name", "", 200, "5", ""},
		{"POST /rpc/add_them | Content-Encoding: br", `{"a":1,"b":2}`, 415, `~PGRST102`, ""},
		{"GET /rpc/three", "", 200, "6", ""},
		{"GET /rpc/three?b=10", "", 200, "14", ""},
		{"POST /rpc/three", "", 200, "6", ""},
		{"POST /rpc/three", `{"c":null}`, 200, "null", ""},
		{"GET /rpc/hello?name=a&name=b", "", 200, `"Hello, b"`, ""},
		{"GET /rpc/hello?name=not.now", "", 200, `"Hello, not.now"`, ""},
		{"POST /rpc/hello", `{"name":"😀"}`, 200, `"Hello, 😀"`, ""},
		{"GET /rpc/hello?name=%00", "", 400, `~"code":"22`, ""},
		{"GET /rpc/joined", "", 200, `[]`, ""},
		{"GET /rpc/joined?v=a&v=b", "", 200, `["a","b"]`, ""},
		{"POST /rpc/joined" + form, "v=a&v=b", 200, `["a","b"]`, ""},
		{"POST /rpc/joined", `{"v":["a","b"]}`, 200, `["a","b"]`, ""},
		{"GET /rpc/total?list={1,2,3}", "", 200, "6", ""},
		{"POST /rpc/total", `{"list":[1,2]}`, 200, "3", ""},
		{"GET /rpc/total?list=1", "", 400, `~"code":"22P02"`, ""},
		{"POST /rpc/echo", `{"A":[1,{"b":null}]}`, 200, `{"A":[1,{"b":null}]}`, ""},
		{"POST /rpc/echo", `[1,"x"]`, 200, `[1,"x"]`, ""},
		{"POST /rpc/length_of" + plain, "seven77", 200, "7", ""},
		{"POST /rpc/size_of" + bytea, "\x00\xff\x01", 200, "3", ""},
		{"POST /rpc/length_of", `{"a":1}`, 404, `~PGRST202~single unnamed json/jsonb`, ""},
		{"POST /rpc/add_them | Idempotency-Key: k", `{"a":1,"b":2}`, 400, `~idempotency_key`, ""},
		{"POST /rpc/add_them", `{"` + strings.Repeat("k", 100_000) + `":1}`, 404, `~PGRST202~"hint":null`, ""},
		{"POST /rpc/hello", `{"name":"\u0000"}`, 400, `~"code":"22P05"`, ""},
		{"GET /rpc/moment?at=2024-01-01T00:00:00Z", "", 200, `"2024-01-01T00:00:00+00:00"`, ""},
		{"GET /rpc/moment?at=2024-01-01T00:00:00Z | Prefer: timezone=Asia/Tokyo", "", 200, `"2024-01-01T09:00:00+09:00"`, "Preference-Applied: timezone=Asia/Tokyo"},
	})
}

func TestChoiceOfFunctions(t *testing.T) {
	judge(t, open(t), []fact{
		{"GET /rpc/which", "", 200, "0", ""},
		{"GET /rpc/which?a=1", "", 200, "1", ""},
		{"GET /rpc/which?a=1&b=1", "", 200, "2", ""},
		{"POST /rpc/which", `{}`, 200, "0", ""},
		{"POST /rpc/which", `{"x":1}`, 200, `{"x":1}`, ""},
		{"GET /rpc/which?x=1", "", 404, `~"code":"PGRST202"~public.which(x) in the schema cache~with parameter x,`, ""},
		{"GET /rpc/same?arg=1", "", 300, `~"code":"PGRST203"~between: public.same(arg => integer), public.same(arg => text)"`, ""},
		{"GET /rpc/hello?nam=x", "", 404, `~"hint":"Perhaps you meant to call the function public.hello(name)"`, ""},
		{"GET /rpc/hello", "", 404, `~Could not find the function public.hello without parameters in the schema cache`, ""},
		{"GET /rpc/hell?name=x", "", 404, `~"hint":"Perhaps you meant to call the function public.hello"`, ""},
		{"POST /rpc/xyz", "", 404, `~PGRST202~"hint":null`, ""},
		{"GET /rpc/pg_sleep?seconds=1", "", 404, `~PGRST202`, ""},
		{"POST /rpc/hell" + plain, "x", 404, `~"hint":null~with a single unnamed text parameter`, ""},
		{"DELETE /rpc/hello", "", 405, `~"code":"PGRST101","message":"Cannot use the DELETE method on RPC"`, "Allow: GET, HEAD, OPTIONS, POST"},
		{"GET /rpc/hello?name=x | Accept-Profile: other", "", 406, `~PGRST106`, ""},
		{"GET /rpc/hello?name=x | Accept-Profile: public", "", 200, `"Hello, x"`, "Content-Profile: public"},
	})
}

func TestAnswers(t *testing.T) {
	judge(t, open(t), []fact{
		{"POST /rpc/nothing", "", 204, "", "Content-Type: -"},
		{"POST /rpc/nil", "", 200, "null", ""},
		{"GET /rpc/numbers?upto=3", "", 200, "[1,2,3]", "Content-Range: 0-2/*"},
		{"GET /rpc/numbers?upto=3&limit=1&offset=1" + exact, "", 206, "[2]", "Content-Range: 1-1/3"},
		{"GET /rpc/numbers?upto=3&offset=9" + exact, "", 416, "~PGRST103", "Content-Range: */3"},
		{"GET /rpc/numbers?upto=0" + exact, "", 200, "[]", "Content-Range: */0"},
		{"GET /rpc/numbers?upto=3" + one, "", 406, "~PGRST116~The result contains 3 rows", ""},
		{"GET /rpc/numbers?upto=1" + one, "", 200, "1", ""},
		{"GET /rpc/numbers?upto=2" + csv, "", 200, "pgrst_scalar\n1\n2", "Content-Type: text/csv; charset=utf-8"},
		{"GET /rpc/add_them?a=1&b=2" + exact, "", 200, "3", "Content-Range: 0-0/1"},
		{"GET /rpc/add_them?a=1&b=2" + csv, "", 200, "pgrst_scalar\n3", ""},
		{"GET /rpc/outs", "", 200, `{"num":1,"str":"x"}`, ""},
		{"GET /rpc/one_out?num=1", "", 200, `{"next":2}`, ""},
		{"GET /rpc/rows", "", 200, `[{"a":"A","b":1.50},{"a":"B","b":null}]`, ""},
		{"GET /rpc/rows | Accept: application/vnd.pgrst.array+json;nulls=stripped", "", 200, `[{"a":"A","b":1.50},{"a":"B"}]`, ""},
		{"GET /rpc/rows?b=gt.1&select=x:b", "", 200, `[{"x":1.50}]`, ""},
		{"GET /rpc/rows?order=a.desc&limit=1" + csv, "", 200, "a,b\nB,", ""},
		{"GET /rpc/rows?c=eq.1", "", 400, `~"code":"42703"`, ""},
		{"POST /rpc/some_record", "", 200, "~Windows", ""},
		{"GET /rpc/plain | Accept: text/plain", "", 200, "as it is", "Content-Type: text/plain; charset=utf-8"},
		{"GET /rpc/plain", "", 200, "as it is", ""},
		{"GET /rpc/plain | Accept: application/json", "", 200, `"as it is"`, ""},
		{"GET /rpc/plain | Accept: text/xml", "", 406, "~PGRST107", ""},
		{"GET /rpc/picture | Accept: image/png, */*;q=0.5", "", 200, "\x01\x02\xff", "Content-Type: image/png"},
	})
}

func TestRowsOfTables(t *testing.T) {
	judge(t, open(t), []fact{
		{"GET /rpc/projects_of?client=1", "", 200, `[{"id":1,"name":"Windows","client_id":1},{"id":2,"name":"DOS","client_id":1}]`, "Content-Range: 0-1/*"},
		{"GET /rpc/projects_of?client=1&id=gt.1&select=name", "", 200, `[{"name":"DOS"}]`, ""},
		{"POST /rpc/projects_of?id=gt.1&select=name", `{"client":1}`, 200, `[{"name":"DOS"}]`, ""},
		{"GET /rpc/projects_of?client=1&order=name&limit=1" + exact, "", 206, `[{"id":2,"name":"DOS","client_id":1}]`, "Content-Range: 0-0/2"},
		{"GET /rpc/projects_of?client=1&offset=5" + exact, "", 416, "~PGRST103~there are only 2 rows", ""},
		{"GET /rpc/projects_of?client=9" + exact, "", 200, "[]", "Content-Range: */0"},
		{"GET /rpc/projects_of?client=1 | Range: 1-1", "", 200, `[{"id":2,"name":"DOS","client_id":1}]`, "Content-Range: 1-1/*"},
		{"POST /rpc/projects_of?select=id | Range: 1-1", `{"client":1}`, 200, `[{"id":1},{"id":2}]`, ""},
		{"HEAD /rpc/projects_of?client=1" + exact, "", 200, "~", "Content-Range: 0-1/2"},
		{"GET /rpc/projects_of?client=1&select=count()", "", 200, `[{"count":2}]`, ""},
		// The client 2 is out of reach, and owner is no column of what is served.
		{"GET /rpc/projects_of?client=1&select=name,clients(*)", "", 200, `[{"name":"Windows","clients":{"id":1,"name":"Micro"}},{"name":"DOS","clients":{"id":1,"name":"Micro"}}]`, ""},
		{"GET /rpc/projects_of?client=2&select=name,clients(*)", "", 200, `[{"name":"IOS","clients":null}]`, ""},
		{"GET /rpc/projects_of?client=1&select=owner", "", 400, `~"code":"42703"`, ""},
		{"GET /rpc/projects_of?client=1&owner=eq.7", "", 400, `~"code":"42703"`, ""},
		{"GET /rpc/projects_of?client=1&select=nobody(*)", "", 400, `~PGRST200`, ""},
		{"GET /rpc/project?id=1", "", 200, `{"id":1,"name":"Windows","client_id":1}`, "Content-Range: 0-0/*"},
		{"GET /rpc/project?id=1&select=name,clients(name)", "", 200, `{"name":"Windows","clients":{"name":"Micro"}}`, ""},
		{"GET /rpc/client?id=2&select=name,projects(name)", "", 200, `{"name":"Apple","projects":[{"name":"IOS"}]}`, ""},
		{"GET /rpc/client?id=2&select=secret", "", 400, `~"code":"42703"`, ""},
		{"POST /rpc/projects_of | Prefer: handling=strict, max-affected=1", `{"client":1}`, 400, "~PGRST124~affects 2 rows", ""},
		{"POST /rpc/project | Prefer: handling=strict, max-affected=1", `{"id":1}`, 400, "~PGRST128", ""},
		{"POST /rpc/projects_of | Prefer: handling=strict, anything", `{"client":1}`, 400, "~PGRST122", ""},
	})
}
