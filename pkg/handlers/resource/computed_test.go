package resource_test

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// catalogs serves tables among which the database knows more relations than foreign keys say.
const catalogs = `version: 1
name: catalogs
stores: {main: {url: "${env.DATABASE_URL}"}}
scopes:
  - routes:
      - {resources: /makers, table: makers, fields: all, public: true, embed: all}
      - {resources: /games, table: games, fields: all, public: true, embed: [maker_of]}
      - {resources: /tags, table: tags, fields: all, public: true, embed: all}
`

// TestRelationsOfFunctions is about functions that give rows for a row.
func TestRelationsOfFunctions(t *testing.T) {
	url := apptest.Postgres(t)
	setUp(t, url,
		`create table makers (id bigint primary key, name text)`,
		`create table games (id bigint primary key, name text, maker_id bigint references makers (id))`,
		`create table tags (id bigint primary key, name text)`,
		`create schema inside`,
		`create table inside.tagged (game_id bigint references games (id), tag_id bigint references tags (id), primary key (game_id, tag_id))`,
		`insert into makers values (1, 'Sid'), (2, 'Roberta')`,
		`insert into games values (1, 'Civilization', 1), (2, 'Quest', 2), (3, 'Pirates', 1)`,
		`create function maker_of(games) returns setof makers rows 1 language sql stable as $$ select * from makers where id = $1.maker_id $$`,
		`create function works(makers) returns setof games language sql stable as $$ select * from games where maker_id = $1.id order by id desc $$`,
		`create function games(makers) returns setof games language sql stable as $$ select * from games where false $$`,
		`create function says(makers) returns setof games language sql as $$ select * from games where maker_id = $1.id and name like 'P%' $$`,
		`create function writes(makers) returns setof games language sql volatile as $$ insert into games values (9, 'x', $1.id) returning * $$`)
	a := apptest.Compile(t, catalogs, url)
	for _, f := range []fact{
		{"GET /games?select=id,maker_of(name)&id=lt.3&order=id", 200, `[{"id":1,"maker_of":{"name":"Sid"}},{"id":2,"maker_of":{"name":"Roberta"}}]`, ""},
		{"GET /games?select=id,...maker_of(by:name)&order=maker_of(name),id", 200, `[{"id":2,"by":"Roberta"},{"id":1,"by":"Sid"},{"id":3,"by":"Sid"}]`, ""},
		{"GET /makers?select=id,works(id)&order=id", 200, `[{"id":1,"works":[{"id":3},{"id":1}]},{"id":2,"works":[{"id":2}]}]`, ""},
		{"GET /makers?select=id,works!inner(id)&works.name=eq.Quest | Prefer: count=exact", 200, `[{"id":2,"works":[{"id":2}]}]`, "Content-Range: 0-0/1"},
		{"GET /makers?select=id,works(id)&order=works(id)", 400, `~"code":"PGRST118"`, ""},
		// In place of the relation that has its name.
		{"GET /makers?select=id,games(id)&order=id", 200, `[{"id":1,"games":[]},{"id":2,"games":[]}]`, ""},
		// What `embed` does not list stays closed.
		{"GET /games?select=id,makers(id)", 400, `~"code":"PGRST200"`, ""},
		// What may write, by the word of its function, cannot.
		{"GET /makers?select=id,says(name)&id=eq.1", 200, `[{"id":1,"says":[{"name":"Pirates"}]}]`, ""},
		{"GET /makers?select=id,says()&says=not.is.null&order=id | Prefer: count=exact", 200, `[{"id":1}]`, "Content-Range: 0-0/1"},
		{"GET /makers?select=id,writes(id)&id=eq.1", 405, `~"code":"25006"`, ""},
		{"GET /makers/1?select=id,writes(id)", 405, `~"code":"25006"`, ""},
		{"GET /games?select=id&id=eq.9", 200, `[]`, ""},
		// A junction of a schema that is not served.
		{"GET /tags?select=id,games(id)", 400, `~"code":"PGRST200"`, ""},
	} {
		t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
	}
}
