package sqlite_test

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

// TestCatalogOfCompoundViews is about which views may have the key and the foreign keys of the table
// below: those whose columns come of one select.
func TestCatalogOfCompoundViews(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	exec(t, s, `create table a (id integer primary key, n integer)`)
	exec(t, s, `create table b (id integer primary key)`)
	for _, f := range []struct {
		name, sql string
		keyed     bool
	}{
		{"plain", "select id from a", true},
		{"counts", "select id, (select count(*) from (select id from a union select id from b)) as n from a", true},
		{"tested", "select id from a where id in (select id from a union select id from b) and n > 0", true},
		{"grouped", "select id, count(*) as n from a group by id having id in (select id from b except select 1)", true},
		{"named", `select id as "union" from a`, true},
		{"both", "select id from a union select id from b", false},
		{"less", "select id from a where n > 0 except select id from b where id > 0", false},
		{"within", "select id from (select id from a union all select id from b)", false},
		{"joined", "select a.id from (select id from a where n in (1) union select id from b) as a", false},
		{"first", "select (select id from a union select id from b) as id from b", false},
		{"only", "select (select distinct (id) from a union select id from b) as id from b", false},
		{"with", "with c as (select id from a union select id from b) select id from c", false},
		{"late", "select id from a where n = 1 and exists (select 1 from b) union select id from b", false},
	} {
		exec(t, s, `create view "v_`+f.name+`" as `+f.sql)
		c, err := s.Catalog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := len(c.Find("v_"+f.name).Key) > 0; got != f.keyed {
			t.Errorf("%s: the view has a key: %v", f.sql, got)
		}
	}
}
