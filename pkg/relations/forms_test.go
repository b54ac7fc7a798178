package relations

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

// A value has one form, in the row and in an embedded object, on both databases.
func TestFormsAreTheSameInEmbeddings(t *testing.T) {
	const own = "id, name, client_id, active, budget, started"
	inserts := map[store.Dialect]string{
		store.Postgres: "insert into projects (" + own + ") values (20, 'a', 1, false, 7.125, '2021-02-03T04:05:06.000100Z'), (21, 'b', 1, true, -0.5, '2021-02-03T04:05:06Z')",
		store.SQLite:   "insert into projects (" + own + ") values (20, 'a', 1, 0, 7.125, '2021-02-03T04:05:06.000100Z'), (21, 'b', 1, 1, -0.5, '2021-02-03 04:05:06')",
	}
	const want = `{"id":20,"active":false,"budget":7.125,"started":"2021-02-03T04:05:06.0001+00:00","data":null},{"id":21,"active":true,"budget":-0.5,"started":"2021-02-03T04:05:06+00:00","data":null}`
	for _, k := range kits(t) {
		if _, err := k.Exec(t.Context(), &store.Statement{SQL: inserts[k.Dialect()]}, nil); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{
			"projects?select=id,active,budget,started,data&id=gte.20&order=id":                                    "[" + want + "]",
			"clients?select=projects(id,active,budget,started,data)&id=eq.1&projects.id=gte.20&projects.order=id": `[{"projects":[` + want + "]}]",
			"clients?select=...projects(active,started)&id=eq.1&projects.id=gte.20&projects.order=id":             `[{"active":[false,true],"started":["2021-02-03T04:05:06.0001+00:00","2021-02-03T04:05:06+00:00"]}]`,
			"projects?select=id,...clients(projects(active,started))&id=eq.20&clients.projects.id=eq.20":          `[{"id":20,"projects":[{"active":false,"started":"2021-02-03T04:05:06.0001+00:00"}]}]`,
		} {
			got, err := k.get(t, path)
			expect(t, got, err, want)
		}
	}
}

// An embedded object may have more members than SQLite's functions have arguments.
func TestWideObjects(t *testing.T) {
	for _, k := range kits(t) {
		var items, members []string
		for i := range 2*maxMembers + 5 {
			items = append(items, fmt.Sprintf("a%d:id", i))
			members = append(members, fmt.Sprintf(`"a%d":1`, i))
		}
		got, err := k.get(t, "clients?select=projects("+strings.Join(items, ",")+")&projects.id=eq.1&id=eq.1")
		expect(t, got, err, `[{"projects":[{`+strings.Join(members, ",")+"}]}]")
	}
}
