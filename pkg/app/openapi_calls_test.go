package app_test

import (
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
)

const callsDatabase = `
create table clients (id int primary key, name text not null, secret text);
create table projects (id int primary key, name text not null, client_id int references clients, tags text[], "order" int);
insert into clients values (1, 'Micro', 's1'), (2, 'Apple', 's2');
insert into projects values (1, 'Windows', 1, '{a,null}', 1), (2, 'DOS', 1, null, null), (3, 'IOS', 2, '{}', 3);
create type color as enum ('red', 'green');
create type point3 as (x int, y float8, label text);
create domain money_of as numeric(9,2);
create domain "text/plain" as text;
create domain "image/png" as bytea;
create function add_them(a int, b int default 10) returns int language sql immutable as 'select a + b';
comment on function add_them(int, int) is 'Add two numbers.

The second is 10 when it is left out.';
create function nil() returns bigint language sql stable as 'select null::bigint';
create function every(i smallint, f float8, n numeric, t text, b boolean, d date, at timestamptz, l timestamp, u uuid, j jsonb, c color, p point3, list int[], m money_of, span interval)
  returns table (i smallint, f float8, n numeric, t text, b boolean, d date, at timestamptz, l timestamp, u uuid, j jsonb, c color, p point3, list int[], m money_of, span interval, cs color[], ps point3[], raw bytea, no text)
  language sql stable as $$ select i, f, n, t, b, d, at, l, u, j, c, p, list, m, span, array[c], array[p], '\x01'::bytea, null::text $$;
create function joined(variadic v text[] default '{}') returns text[] language sql stable as 'select v';
create function total(list int[]) returns bigint language sql stable as 'select sum(x) from unnest(list) x';
create function numbers(upto int) returns setof int language sql stable as 'select generate_series(1, upto)';
create function instants(at timestamp) returns setof timestamp language sql stable as 'select at';
create function stamps(at timestamp) returns timestamptz[] language sql stable as $$ select array[at at time zone 'UTC', null] $$;
create function color_of(i int) returns color language sql stable as $$ select 'red'::color $$;
create function point_of(i int) returns point3 language sql stable as $$ select row(i, 0.5, 'a')::point3 $$;
create function price(i int) returns money_of language sql stable as 'select i::money_of';
create function anything() returns record language sql stable as 'select 1, 2';
create function projects_of(client int) returns setof projects language sql stable as 'select * from projects where client_id = client order by id';
create function project(id int) returns projects language sql stable as 'select * from projects p where p.id = project.id';
create function client(id int) returns clients language sql stable as 'select * from clients c where c.id = client.id';
create function outs(out num int, out str text) language sql stable as $$ select 1, 'x' $$;
create function rename(id int, name text) returns void language sql as 'update projects p set name = rename.name where p.id = rename.id';
create function paged("limit" int, "order" int default 1) returns int language sql stable as 'select "limit"';
create function which() returns int language sql stable as 'select 0';
create function which(a int) returns text language sql stable as $$ select 'one' $$;
create function which(a text, b int) returns void language sql stable as '';
create function echo(json) returns json language sql stable as 'select $1';
create function length_of(text) returns int language sql stable as 'select length($1)';
create function size_of(bytea) returns int language sql stable as 'select length($1)';
create function plain() returns "text/plain" language sql stable as $$ select 'as it is' $$;
create function picture() returns "image/png" language sql stable as $$ select '\x0102ff'::bytea $$;
`

const callsManifest = `
version: 1
name: calls
endpoint: {secret_key_base: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
stores: {main: {url: "${env.DATABASE_URL}"}}
tokens: {user: {salt: user auth}}
schemas:
  post: {table: posts, fields: {title: {type: string, required: true, length: {max: 20}}, votes: {type: integer}, info: {type: json}}}
  comment: {table: comments, fields: {body: {type: text, required: true}, post_id: {references: post, on_delete: cascade}}}
pipelines:
  members: [{verify_token: user}]
scopes:
  - routes:
      - get: /openapi.json
        openapi: {}
      - resources: /projects
        table: projects
        fields: [id, name, tags, order]
        only: [index]
        public: true
      - rpc: [add_them, nil, every, joined, total, numbers, instants, stamps, color_of, point_of, price, anything, projects_of, project, client, outs, rename, paged,
              which, echo, length_of, size_of, plain, picture]
        public: true
  - path: /members
    pipe_through: members
    routes:
      - rpc: [add_them]
        public: true
  - path: /api/:tenant
    routes:
      - batch: /batch
      - resources: /posts
        schema: post
        public: true
        routes:
          - resources: /comments
            schema: comment
            wrap: data
            only: [index, create]
            public: true
`

// callsApp is that of the manifest, on a database of its own.
func callsApp(t *testing.T) *app.App {
	t.Helper()
	url := apptest.Postgres(t)
	bare := apptest.Compile(t, "version: 1\nstores: {main: {url: \"${env.DATABASE_URL}\"}}\nscopes: []\n", url)
	for one := range strings.SplitSeq(callsDatabase, ";\n") {
		if strings.TrimSpace(one) == "" {
			continue
		}
		if _, err := bare.Env.Store("").Exec(t.Context(), &store.Statement{SQL: one}, nil); err != nil {
			t.Fatalf("%s: %v", one, err)
		}
	}
	return apptest.Compile(t, callsManifest, url)
}

const (
	asOne   = " | Accept: application/vnd.pgrst.object+json"
	asCSV   = " | Accept: text/csv"
	counted = " | Prefer: count=exact"
	shown   = " | Prefer: return=representation"
)

// functionCalls has one at least for each success that is described of functions.
func functionCalls() []call {
	const all = `"i":1,"f":0.5,"n":1.25,"t":"x","b":true,"d":"2024-02-29","at":"2024-02-29T12:00:00Z","l":"2024-02-29T12:00:00Z","u":"00000000-0000-0000-0000-000000000001","j":{"a":[1]},"c":"red","p":{"x":1,"y":0.5,"label":null},"list":[1,null],"m":9.5,"span":"1 day"`
	const allText = `i=1&f=0.5&n=1.25&t=x&b=true&d=2024-02-29&at=2024-02-29T12:00:00Z&l=2024-02-29T12:00:00Z&u=00000000-0000-0000-0000-000000000001&j={"a":[1]}&c=red&p=(1,0.5,a)&list={1,2}&m=9.5&span=1+day`
	return []call{
		{"GET /rpc/add_them?a=1&b=2", "", 200},
		{"GET /rpc/add_them?a=1", "", 200},
		{"GET /rpc/add_them?b=1", "", 404},
		{"GET /rpc/add_them?a=x", "", 400},
		{"POST /rpc/add_them", `{"a":1,"b":2}`, 200},
		{"POST /rpc/add_them", `{"a":null}`, 200},
		{"POST /rpc/add_them", `{"b":2}`, 404},
		{"POST /rpc/add_them", `{"a":1,"c":2}`, 404},
		{"POST /rpc/add_them", `{"a":"x"}`, 400},
		{"POST /rpc/add_them?columns=a | Prefer: tx=rollback", `{"a":1}`, 200},
		{"POST /rpc/add_them | Content-Type: text/yaml", "", 415},
		{"GET /rpc/add_them?a=1 | Accept: text/xml", "", 406},
		{"GET /rpc/nil", "", 200}, {"POST /rpc/nil", "", 200},
		{"GET /rpc/every?" + allText, "", 200}, {"GET /rpc/every?" + allText + counted + asCSV, "", 200}, {"GET /rpc/every?limit=0&" + allText + counted, "", 206},
		{"POST /rpc/every", "{" + all + "}", 200}, {"POST /rpc/every?limit=0" + counted, "{" + all + "}", 206}, {"POST /rpc/every?i=eq.1&order=d&select=i" + asOne, "{" + all + "}", 200},
		{"GET /rpc/joined?v=a&v=b", "", 200}, {"GET /rpc/joined", "", 200}, {"POST /rpc/joined", `{"v":["a",null]}`, 200},
		{"GET /rpc/total?list={1,2}", "", 200}, {"POST /rpc/total", `{"list":[1,2]}`, 200},
		{"GET /rpc/numbers?upto=3", "", 200}, {"GET /rpc/numbers?upto=3&limit=1" + counted, "", 206}, {"GET /rpc/numbers?upto=3&offset=9" + counted, "", 416}, {"GET /rpc/numbers?upto=3" + asCSV, "", 200},
		{"POST /rpc/numbers", `{"upto":3}`, 200}, {"POST /rpc/numbers?limit=1&offset=1" + counted, `{"upto":3}`, 206},
		{"GET /rpc/instants?at=2024-02-29T12:00:00Z", "", 200}, {"GET /rpc/instants?at=2024-02-29T12:00:00Z&limit=0" + counted, "", 206},
		{"POST /rpc/instants", `{"at":"2024-02-29T12:00:00Z"}`, 200}, {"POST /rpc/instants?limit=0" + counted, `{"at":"2024-02-29T12:00:00Z"}`, 206},
		{"GET /rpc/stamps?at=2024-02-29T12:00:00Z", "", 200}, {"POST /rpc/stamps", `{"at":"2024-02-29T12:00:00Z"}`, 200},
		{"GET /rpc/color_of?i=1", "", 200}, {"POST /rpc/color_of", `{"i":1}`, 200},
		{"GET /rpc/point_of?i=1", "", 200}, {"POST /rpc/point_of", `{"i":1}`, 200},
		{"GET /rpc/price?i=1", "", 200}, {"POST /rpc/price", `{"i":1}`, 200},
		{"GET /rpc/anything", "", 200}, {"POST /rpc/anything", "", 200},
		{"GET /rpc/projects_of?client=1", "", 200}, {"GET /rpc/projects_of?client=1&id=gt.1&or=(id.eq.1,id.eq.2)&order=name&select=name" + asOne, "", 200},
		{"GET /rpc/projects_of?client=1&limit=1" + counted, "", 206}, {"GET /rpc/projects_of?client=1" + asCSV, "", 200}, {"GET /rpc/projects_of?client=1" + asOne, "", 406},
		{"POST /rpc/projects_of", `{"client":1}`, 200}, {"POST /rpc/projects_of?id=eq.1&limit=0" + counted, `{"client":1}`, 206},
		{"GET /rpc/project?id=2", "", 200}, {"GET /rpc/project?id=2&select=name" + asOne, "", 200}, {"GET /rpc/project?id=9", "", 200}, {"POST /rpc/project", `{"id":1}`, 200},
		{"GET /rpc/client?id=1", "", 200}, {"POST /rpc/client?select=name,secret", `{"id":1}`, 200},
		{"GET /rpc/outs", "", 200}, {"POST /rpc/outs", "", 200},
		{"POST /rpc/rename", `{"id":1,"name":"x"}`, 204},
		{"POST /rpc/paged", `{"limit":1}`, 200},
		{"GET /rpc/which", "", 200}, {"GET /rpc/which?a=1", "", 200}, {"GET /rpc/which?a=x&b=1", "", 204},
		{"POST /rpc/which", "", 200}, {"POST /rpc/which", `{"a":1}`, 200}, {"POST /rpc/which", `{"a":"x","b":1}`, 204}, {"POST /rpc/which", `{"b":1}`, 404},
		{"POST /rpc/echo", `{"any":["thing"]}`, 200}, {"POST /rpc/echo", `[1]`, 200},
		{"POST /rpc/length_of | Content-Type: text/plain", "abc", 200},
		{"POST /rpc/size_of | Content-Type: application/octet-stream", "\x01\xff", 200},
		{"GET /rpc/plain", "", 200}, {"GET /rpc/plain | Accept: application/json", "", 200}, {"POST /rpc/plain", "", 200},
		{"GET /rpc/picture", "", 200}, {"POST /rpc/picture", "", 200},
		{"GET /members/rpc/add_them?a=1", "", 401},
		{"GET /projects", "", 200}, {"GET /projects?id=eq.1" + asOne, "", 200}, {"GET /projects?id=gt.0&limit=1" + counted, "", 206},
	}
}

// What is described of functions is what they answer.
func TestOpenAPIOfFunctions(t *testing.T) {
	a := callsApp(t)
	d := describedBy(t, a)
	d.judges(a, functionCalls())
	// Rows of a table that is served show what its entry shows, and callers show what the scope asks for.
	if got, want := encoded(t, d.at("components", "schemas", "projects_row", "properties")), `{"id":{"format":"int32","type":["integer","null"]},"name":{"type":["string","null"]},"order":{"format":"int32","type":["integer","null"]},"tags":{"items":{"type":["string","null"]},"type":["array","null"]}}`; got != want {
		t.Errorf("rows of a table that is served: %s", got)
	}
	if got := encoded(t, d.at("paths", "/members/rpc/add_them", "post", "security")); got != `[{"bearer":[]}]` {
		t.Errorf("who may call: %s", got)
	}
	if got := encoded(t, d.at("paths", "/rpc/add_them", "get", "summary")); got != `"Add two numbers."` {
		t.Errorf("the comment of a function: %s", got)
	}
	for _, path := range []string{"/rpc/rename", "/rpc/paged", "/rpc/echo"} { // it writes, its name is taken, the body is the argument
		if d.at("paths", path, "get") != nil {
			t.Errorf("%s is described as one to GET", path)
		}
	}
	if d.at("paths", "/rpc/{function}") != nil {
		t.Error("names that no function has are described")
	}
	for _, line := range d.unseen() {
		if strings.Contains(line, " /rpc/") || strings.Contains(line, " /projects") {
			t.Errorf("%s is described, and was not seen", line)
		}
	}
}

// What is described of a batch, and of the resources that it takes, is what they answer.
func TestOpenAPIOfBatches(t *testing.T) {
	a := callsApp(t)
	d := describedBy(t, a)
	d.judges(a, []call{
		{"POST /api/x/posts", `{"title":"A"}`, 201},
		{"POST /api/x/posts" + shown, `[{"title":"B","info":null},{"title":"C","info":{"a":1}}]`, 201},
		{"POST /api/x/posts", `{"title":""}`, 422},
		{"GET /api/x/posts", "", 200},
		{"GET /api/x/posts?limit=1" + counted, "", 206},
		{"GET /api/x/posts/1", "", 200},
		{"PATCH /api/x/posts/1", `{"votes":1}`, 204},
		{"PATCH /api/x/posts/1" + shown, `{"votes":1}`, 200},
		{"POST /api/x/posts/1/comments" + shown, `{"body":"x"}`, 201},
		{"GET /api/x/posts/1/comments", "", 200},
		{"POST /api/x/batch", `[{"method":"POST","path":"/posts","body":{"title":"D","votes":3},"as":"post"},
			{"method":"POST","path":"/posts/${post.id}/comments","body":{"body":"on ${post.title}: ${post.votes}"},"as":"c"},
			{"method":"POST","path":"/posts/${post.id}/comments","body":[{"body":"${c.data.body}"},{"body":"b"}],"prefer":"return=minimal"},
			{"method":"PATCH","path":"/posts/${post.id}","body":{"votes":"${post.votes}"}},
			{"method":"PUT","path":"/posts/${post.id}","body":{"title":"${post.title}"}},
			{"method":"PUT","path":"/posts?id=eq.${post.id}","body":{"id":"${post.id}","title":"D"}},
			{"method":"PATCH","path":"/posts?title=eq.D","body":{"votes":5}},
			{"method":"GET","path":"/posts/${post.id}?select=title","if_match":"*"},
			{"method":"GET","path":"/posts/${post.id}/comments"},
			{"method":"GET","path":"/posts?select=id,info"},
			{"method":"DELETE","path":"/posts?title=eq.none"},
			{"method":"DELETE","path":"/posts?id=eq.1000","prefer":"return=minimal"}]`, 200},
		{"POST /api/x/batch | Prefer: tx=rollback", `[{"method":"POST","path":"/posts","body":{"title":"E"}}]`, 200},
		{"POST /api/x/batch", `[]`, 400},
		{"POST /api/x/batch", `[{"method":"GET","path":"/posts","what":1}]`, 400},
		{"POST /api/x/batch", `[{"method":"TRACE","path":"/posts"}]`, 400},
		{"POST /api/x/batch", `[{"method":"GET","path":"posts"}]`, 400},
		{"POST /api/x/batch", `[{"method":"GET","path":"/posts","as":"a b"}]`, 400},
		{"POST /api/x/batch", `[{"method":"GET","path":"/projects"}]`, 404},
		{"POST /api/x/batch", `[{"method":"POST","path":"/posts","body":{"votes":1}}]`, 422},
		{"POST /api/x/batch", `[{"method":"POST","path":"/posts","body":{"title":"F","post_id":1}}]`, 422},
		{"POST /api/x/batch", `[{"method":"DELETE","path":"/posts/1/comments/1"}]`, 404},
		{"PUT /api/x/posts/1" + shown, `{"title":"A"}`, 200}, {"PUT /api/x/posts/1", `{"title":"A"}`, 204},
		{"PUT /api/x/posts?id=eq.1" + shown, `{"id":1,"title":"A"}`, 200}, {"PUT /api/x/posts?id=eq.1", `{"id":1,"title":"A"}`, 204},
		{"POST /api/x/posts/1/comments" + shown, `[{"body":"y"},{"body":"z"}]`, 201},
		{"GET /api/x/posts/1/comments?limit=1" + counted, "", 206},
		{"PUT /api/x/posts?id=eq.77" + shown, `{"id":77,"title":"A"}`, 201}, {"PUT /api/x/posts?id=eq.77", `{"title":"A"}`, 400}, {"PUT /api/x/posts?title=eq.A", `{"id":77,"title":"A"}`, 405},
		{"PATCH /api/x/posts?id=eq.1", `{"votes":1}`, 204}, {"PATCH /api/x/posts?id=eq.1" + shown, `{"votes":1}`, 200},
		{"DELETE /api/x/posts?id=eq.2", "", 204}, {"DELETE /api/x/posts?id=eq.3" + shown, "", 200},
		{"DELETE /api/x/posts/2", "", 404}, {"DELETE /api/x/posts/77", "", 204}, {"DELETE /api/x/posts/4" + shown, "", 200},
	})
	for _, line := range d.unseen() {
		if strings.Contains(line, " /api/") {
			t.Errorf("%s is described, and was not seen", line)
		}
	}
}
