package resource_test

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// TestWritingViewsOfAFile is about views of SQLite, which triggers write.
func TestWritingViewsOfAFile(t *testing.T) {
	url := apptest.Databases()[0].URL(t)
	setUp(t, url,
		`create table notes (id integer primary key, body text, hidden boolean not null default false)`,
		`create view shown as select id, body from notes where not hidden`,
		`create trigger shown_i instead of insert on shown begin insert into notes (id, body) values (new.id, new.body); end`,
		`create trigger shown_u instead of update on shown begin update notes set body = new.body where id = old.id; end`,
		`create trigger shown_d instead of delete on shown begin delete from notes where id = old.id; end`,
		`create view bodies as select body from notes`,
		`create trigger bodies_i instead of insert on bodies begin insert into notes (body) values (new.body); end`,
		`create trigger bodies_u instead of update on bodies begin update notes set body = new.body where body = old.body; end`,
		`create trigger bodies_d instead of delete on bodies begin delete from notes where body = old.body; end`,
		`insert into notes (id, body) values (1, 'a'), (2, 'b'), (3, 'c')`)
	a := apptest.Compile(t, `version: 1
name: views
stores: {main: {url: "${env.DATABASE_URL}"}}
scopes:
  - routes:
      - {resources: /shown, table: shown, fields: all, public: true}
      - {resources: /bodies, table: bodies, fields: all, public: true}
      - resources: /some
        table: shown
        fields: all
        where: id < 3
        only: [index, update, delete]
`, url)
	run(t, a, []step{
		{"PATCH /shown?id=eq.1", `{"body":"A"}`, nil, 204, "", ""},
		{"PATCH /shown?id=gte.2&order=id", `{"body":"B"}`, prefer(rep), 200, `[{"id":2,"body":"B"},{"id":3,"body":"B"}]`, ""},
		{"PATCH /shown?id=eq.9", `{"body":"B"}`, prefer(rep), 200, `[]`, ""},
		{"PATCH /some?id=gt.1", `{"body":"C"}`, prefer(rep), 200, `[{"id":2,"body":"C"}]`, ""},
		{"DELETE /some?id=gt.2", "", prefer(rep), 200, `[]`, ""},
		{"DELETE /shown?or=(id.eq.3,body.eq.none)", "", prefer(rep), 200, `[{"id":3,"body":"B"}]`, ""},
		{"DELETE /shown?id=eq.2", "", nil, 204, "", ""},
		{"GET /shown", "", nil, 200, `[{"id":1,"body":"A"}]`, ""},
		{"POST /shown", `{"body":"d"}`, nil, 201, "", "Location: "},
		{"POST /shown", `{"id":7,"body":"e"}`, prefer(rep), 201, `[{"id":7,"body":"e"}]`, ""},
		{"POST /shown", `{"body":"f"}`, prefer(rep), 400, `~"code":"0A000"`, ""},
		{"GET /shown?body=eq.f", "", nil, 200, `[]`, ""},
		{"POST /shown", `{"id":7,"body":"g"}`, prefer(merge), 400, `~"code":"0A000"`, ""},
		{"POST /bodies", `{"body":"h"}`, nil, 201, "", ""},
		{"PATCH /bodies?body=eq.h", `{"body":"i"}`, nil, 204, "", ""},
		{"PATCH /bodies?body=eq.i", `{"body":"j"}`, prefer(rep), 400, `~"code":"0A000"`, ""},
		{"DELETE /bodies?body=eq.i", "", prefer(rep), 200, `[{"body":"i"}]`, ""},
		{"GET /bodies?order=body", "", nil, 200, `[{"body":"A"},{"body":"d"},{"body":"e"}]`, ""},
	})
}
