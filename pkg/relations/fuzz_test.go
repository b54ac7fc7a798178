package relations

import (
	"strings"
	"testing"
)

// Whatever a stranger asks, the statement is no fault of ours: on both databases it runs, or
// a value of it is refused.
func FuzzSelect(f *testing.F) {
	for _, path := range ways() {
		f.Add(path)
	}
	for _, path := range []string{
		"projects?select=*,c:clients(*)&order=name.desc.nullsfirst,data->>n&limit=3&offset=1",
		"projects?select=data->a->b->>0::int,tags,due::text&tags=cs.{a}&data->n=eq.5&budget=gt.1.5",
		"projects?name=like(any).{*a,b}&or=(id.eq.1,and(name.ilike.x*,not.active.is.true))&due=isdistinct.2020-01-01",
		"tasks?select=hours.sum()::text,n:count(),...projects(budget.avg(),...clients(country))&order=projects(client_id)",
		"clients?select=...projects(name,tags,data,...tasks(t:name))&projects.order=name&projects.tasks.limit=1",
		"people?select=name,parent(name,people(*))&parent=not.is.null&people.order=id",
		`projects?data=cs.{"a":[1]}&started=gte.2020-01-01T00:00:00Z&name=in.("a,b",c)&name=match.^a`,
		"projects?select=a:id,a:id,\"x\"\"y\":name&select=id", "users?select=tasks(users(tasks(id)))",
	} {
		f.Add(path)
	}
	both := kits(f)
	f.Fuzz(func(t *testing.T, path string) {
		name, query, _ := strings.Cut(path, "?")
		for _, k := range both {
			if r := k.relations[name]; r != nil {
				k.harmless(t, r, query)
			}
		}
	})
}
