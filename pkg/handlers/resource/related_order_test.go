package resource_test

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// relatedOrders serves rows that are ordered by a row they belong to, of which a client sees
// those of its country alone.
const relatedOrders = `version: 1
name: related
stores: {main: {url: "${env.DATABASE_URL}"}}
scopes:
  - routes:
      - {resources: /jobs, table: jobs, fields: all, public: true, embed: all, aggregates: true}
      - {resources: /firms, table: firms, fields: all, owner: {country: "${request.headers['x-country'] ?? 'us'}"}, embed: all}
`

// TestOrderByRelatedRows is about order=relation(column): rows come once each, in the order of
// what may be seen, and those without a related row are where nulls are.
func TestOrderByRelatedRows(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			url := db.URL(t)
			setUp(t, url,
				`create table firms (id integer primary key, name text not null, country text not null)`,
				`create table jobs (id integer primary key, title text, firm_id integer references firms (id))`,
				`insert into firms values (1, 'Zeta', 'us'), (2, 'Alpha', 'us'), (3, 'Mid', 'de')`,
				`insert into jobs values (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', null), (5, 'e', 1)`)
			a := apptest.Compile(t, relatedOrders, url)
			for _, f := range []fact{
				{"GET /jobs?select=id,firms()&order=firms(name),id", 200, `[{"id":2},{"id":1},{"id":5},{"id":3},{"id":4}]`, ""},
				{"GET /jobs?select=id,firms()&order=firms(name).desc,id", 200, `[{"id":3},{"id":4},{"id":1},{"id":5},{"id":2}]`, ""},
				{"GET /jobs?select=id,firms()&order=firms(name).nullsfirst,id", 200, `[{"id":3},{"id":4},{"id":2},{"id":1},{"id":5}]`, ""},
				{"GET /jobs?select=id,firms()&order=firms(name),id | X-Country: de", 200, `[{"id":3},{"id":1},{"id":2},{"id":4},{"id":5}]`, ""},
				{"GET /jobs?select=id,firms()&order=firms(country),firms(name),id.desc", 200, `[{"id":2},{"id":5},{"id":1},{"id":4},{"id":3}]`, ""},
				{"GET /jobs?select=id,firms(name)&firms.name=eq.Zeta&order=firms(name),id&limit=3", 200, `[{"id":1,"firms":{"name":"Zeta"}},{"id":5,"firms":{"name":"Zeta"}},{"id":2,"firms":null}]`, ""},
				{"GET /jobs?select=id,firms!inner()&order=firms(name),id | Prefer: count=exact", 200, `[{"id":2},{"id":1},{"id":5}]`, "Content-Range: 0-2/3"},
				{"GET /jobs?select=id,firms()&order=firms(name),id&limit=2&offset=1 | Prefer: count=exact", 206, `[{"id":1},{"id":5}]`, "Content-Range: 1-2/5"},
				{"GET /jobs?select=id,firms()&firms=is.null&order=firms(name),id", 200, `[{"id":3},{"id":4}]`, ""},
				{"GET /jobs?select=n:count(),...firms(name)&order=firms(name)", 200, `[{"n":1,"name":"Alpha"},{"n":2,"name":"Zeta"},{"n":2,"name":null}]`, ""},
				{"GET /jobs?select=n:count(),firm_id,firms()&order=firms(name)", 400, `~"code":"42803"`, ""},
				{"PATCH /jobs?select=id,firms()&id=lt.4&order=firms(name),id <- {\"title\":\"x\"} | Prefer: return=representation | Content-Type: application/json", 200, `[{"id":2},{"id":1},{"id":3}]`, ""},
				{"GET /firms?select=id,jobs!inner(id)&jobs.offset=1&jobs.order=id&limit=1 | Prefer: count=exact", 200, `[{"id":1,"jobs":[{"id":5}]}]`, "Content-Range: 0-0/1"},
				{"GET /firms?select=id,jobs!inner(id)&jobs.offset=2", 200, `[]`, ""},
				{"GET /firms?select=id,jobs!inner(id)&jobs.limit=0", 200, `[]`, ""},
			} {
				t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
			}
		})
	}
}
