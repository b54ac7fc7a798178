package relations

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

func TestEmbed(t *testing.T) {
	tests := []struct{ path, want string }{
		{"projects?select=id,clients(name)&order=id", `[{"id":1,"clients":{"name":"Microsoft"}},{"id":2,"clients":{"name":"Microsoft"}},{"id":3,"clients":{"name":"Apple"}},{"id":4,"clients":{"name":"Apple"}},{"id":5,"clients":null}]`},
		{"projects?select=id,c:client_id(*)&id=eq.1", `[{"id":1,"c":{"id":1,"name":"Microsoft","country":"us"}}]`},
		{"clients?select=name,projects(id)&projects.order=id.desc&order=id", `[{"name":"Microsoft","projects":[{"id":2},{"id":1}]},{"name":"Apple","projects":[{"id":4},{"id":3}]}]`},
		{"clients?select=id,projects(id)&projects.id=eq.9&order=id", `[{"id":1,"projects":[]},{"id":2,"projects":[]}]`},
		{"clients?select=id,projects(id)&projects.order=id&projects.limit=1&projects.offset=1&order=id", `[{"id":1,"projects":[{"id":2}]},{"id":2,"projects":[{"id":4}]}]`},
		{"clients?select=id,projects(*)&id=eq.2&projects.id=eq.4", `[{"id":2,"projects":[{"id":4,"name":"OSX","client_id":2,"active":true,"budget":5.25,"data":[1,2],"tags":[],"due":null,"started":null}]}]`},
		{"clients?select=id,projects(*)&id=eq.1&projects.id=eq.1", `[{"id":1,"projects":[{"id":1,"name":"Windows 7","client_id":1,"active":true,"budget":10.5,"data":{"a":{"b":[1,2,"x"]},"n":5,"ok":true},"tags":["a","b"],"due":"2020-01-02","started":"2020-01-02T03:04:05.5+00:00"}]}]`},
		{"clients?select=id,projects(id,tasks(id))&id=eq.1&projects.order=id&projects.tasks.order=id", `[{"id":1,"projects":[{"id":1,"tasks":[{"id":1},{"id":2}]},{"id":2,"tasks":[{"id":3},{"id":4}]}]}]`},
		{"clients?select=id,projects!inner(id)&projects.active=is.false", `[{"id":2,"projects":[{"id":3}]}]`},
		{"clients?select=id,projects!inner(id,tasks!inner(id))&projects.tasks.hours=eq.8", `[{"id":1,"projects":[{"id":2,"tasks":[{"id":4}]}]}]`},
		{"clients?select=s:id,t0:projects(s:id,t1:name,c0:tasks(s:name))&t0.order=id&t0.c0.order=id&id=eq.2", `[{"s":2,"t0":[{"s":3,"t1":"IOS","c0":[{"s":"Design IOS"},{"s":"Code IOS"}]},{"s":4,"t1":"OSX","c0":[{"s":"Design OSX"}]}]}]`},
		{"projects?select=id,s:clients(s:name)&id=eq.1", `[{"id":1,"s":{"s":"Microsoft"}}]`},
		{"projects?select=id,tasks()&tasks=is.null", `[{"id":5}]`},
		{"projects?select=id,tasks()&tasks=not.is.null&tasks.hours=gt.4&order=id", `[{"id":1},{"id":2}]`},
		{"projects?select=id,clients(),tasks()&or=(clients.is.null,id.eq.1)&order=id", `[{"id":1},{"id":5}]`},
		{"projects?select=clients()&limit=1", `[{}]`},
		{"projects?select=id,clients(projects())&id=eq.1", `[{"id":1}]`},
		{"users?select=name,tasks(id)&tasks.order=id&order=id", `[{"name":"Angela","tasks":[{"id":1},{"id":2},{"id":3}]},{"name":"Michael","tasks":[{"id":5},{"id":6}]},{"name":"Dwight","tasks":[{"id":1}]}]`},
		{"tasks?select=id,users!users_tasks(name)&users.order=name.desc&id=lte.2&order=id", `[{"id":1,"users":[{"name":"Dwight"},{"name":"Angela"}]},{"id":2,"users":[{"name":"Angela"}]}]`},
		{"people?select=name,parent(name)&order=id&limit=2", `[{"name":"Ada","parent":null},{"name":"Byron","parent":{"name":"Ada"}}]`},
		{"people?select=name,children:people(name,children:people(name))&id=eq.1&children.order=id", `[{"name":"Ada","children":[{"name":"Byron","children":[{"name":"Dan"}]},{"name":"Cleo","children":[]}]}]`},
		{"projects?select=id,details(note)&order=id&limit=3", `[{"id":1,"details":{"note":"first"}},{"id":2,"details":{"note":"second"}},{"id":3,"details":null}]`},
		{"projects?select=id,clients(name)&order=clients(name),id.desc", `[{"id":4,"clients":{"name":"Apple"}},{"id":3,"clients":{"name":"Apple"}},{"id":2,"clients":{"name":"Microsoft"}},{"id":1,"clients":{"name":"Microsoft"}},{"id":5,"clients":null}]`},
		{"projects?select=id,clients()&order=clients(name).desc.nullslast,clients(id),id&limit=3", `[{"id":1},{"id":2},{"id":3}]`},
		{"projects?select=id,clients()&clients.name=eq.Apple&order=clients(name).nullsfirst,id", `[{"id":1},{"id":2},{"id":5},{"id":3},{"id":4}]`},
		{"projects?select=id,clients!inner()&order=clients(name),id", `[{"id":3},{"id":4},{"id":1},{"id":2}]`},
		{"tasks?select=id,projects(id,clients!inner())&projects.clients.name=eq.Apple&order=projects(id),id&limit=4", `[{"id":5,"projects":{"id":3}},{"id":6,"projects":{"id":3}},{"id":7,"projects":{"id":4}},{"id":1,"projects":null}]`},
		{"clients?select=id,projects(id,details())&projects.order=details(note).desc,id&order=id", `[{"id":1,"projects":[{"id":2},{"id":1}]},{"id":2,"projects":[{"id":3},{"id":4}]}]`},
		{"people?select=id,parent()&order=parent(name).desc,id", `[{"id":1},{"id":4},{"id":2},{"id":3}]`},
		{"clients?select=id,projects!inner(id)&projects.offset=2", `[]`},
		{"clients?select=id,projects!inner(id)&projects.offset=1&projects.order=id&order=id", `[{"id":1,"projects":[{"id":2}]},{"id":2,"projects":[{"id":4}]}]`},
		{"clients?select=id,projects!inner(id)&projects.limit=0", `[]`},
		{"clients?select=id,projects(id)&projects=is.null&projects.offset=2&order=id", `[{"id":1,"projects":[]},{"id":2,"projects":[]}]`},
		{"clients?select=id,projects!inner(count)&projects.limit=1&order=id", `[{"id":1,"projects":[{"count":2}]},{"id":2,"projects":[{"count":2}]}]`},
		{"projects?select=id&order=client_id&limit=0", `[]`},
		{"projects?select=id,...clients(client:name)&order=id", `[{"id":1,"client":"Microsoft"},{"id":2,"client":"Microsoft"},{"id":3,"client":"Apple"},{"id":4,"client":"Apple"},{"id":5,"client":null}]`},
		{"tasks?select=id,...projects(p:name,...clients(c:name))&order=id&limit=1", `[{"id":1,"p":"Windows 7","c":"Microsoft"}]`},
		{"projects?select=id,...clients(client:name)&order=clients(client),id.desc&limit=3", `[{"id":4,"client":"Apple"},{"id":3,"client":"Apple"},{"id":2,"client":"Microsoft"}]`},
		{"projects?select=id,...clients(name)&clients.name=eq.Apple&order=clients(name),id&limit=3", `[{"id":3,"name":"Apple"},{"id":4,"name":"Apple"},{"id":1,"name":null}]`},
		{"projects?select=id,...clients!inner(name)&clients.name=eq.Apple&order=id", `[{"id":3,"name":"Apple"},{"id":4,"name":"Apple"}]`},
		{"clients?select=name,...projects(ids:id,names:name,active)&projects.order=id.desc&order=id", `[{"name":"Microsoft","ids":[2,1],"names":["Windows 10","Windows 7"],"active":[true,true]},{"name":"Apple","ids":[4,3],"names":["OSX","IOS"],"active":[true,false]}]`},
		{"clients?select=id,...projects(n:name,...tasks(t:id))&projects.order=id&projects.tasks.order=id&id=eq.1", `[{"id":1,"n":["Windows 7","Windows 10"],"t":[[1,2],[3,4]]}]`},
		{"clients?select=id,...projects(id,tasks(id),...details(note))&projects.order=id&projects.tasks.order=id&id=eq.1", `[{"id":[1,2],"tasks":[[{"id":1},{"id":2}],[{"id":3},{"id":4}]],"note":["first","second"]}]`},
		{"users?select=name,...tasks(t:name)&tasks.order=name&id=eq.3", `[{"name":"Dwight","t":["Design w7"]}]`},
		{"clients?select=id,...projects(p:id)&projects.id=eq.0&order=id", `[{"id":1,"p":[]},{"id":2,"p":[]}]`},
		{"users?select=id,users_tasks(...tasks(id,name))&id=eq.3", `[{"id":3,"users_tasks":[{"id":1,"name":"Design w7"}]}]`},
	}
	answers(t, tests)
}

// What is numbers in JSON is ordered as numbers.
func TestOrderWithinJSON(t *testing.T) {
	for _, k := range kits(t) {
		if _, err := k.Exec(t.Context(), &store.Statement{SQL: `insert into projects (id, name, data) values (8, 'ten', '{"n":10}')`}, nil); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{
			"projects?select=id&id=in.(1,2,8)&order=data->n.desc":         `[{"id":8},{"id":2},{"id":1}]`,
			"details?select=note,projects()&order=projects(data->n).desc": `[{"note":"second"},{"note":"first"}]`,
		} {
			if got, err := k.get(t, path); err != nil || got != want {
				t.Errorf("%s %s: %s, %v", k.Dialect(), path, got, err)
			}
		}
	}
}

func TestAggregates(t *testing.T) {
	answers(t, []struct{ path, want string }{
		{"clients?select=name,projects(count)&order=id", `[{"name":"Microsoft","projects":[{"count":2}]},{"name":"Apple","projects":[{"count":2}]}]`},
		{"projects?select=id,tasks(hours.sum(),hours.max(),n:count())&id=gte.4&order=id", `[{"id":4,"tasks":[{"sum":4,"max":4,"n":1}]},{"id":5,"tasks":[{"sum":null,"max":null,"n":0}]}]`},
		{"clients?select=name,...projects(budget.sum(),n:count())&order=id", `[{"name":"Microsoft","sum":30.5,"n":2},{"name":"Apple","sum":5.25,"n":2}]`},
		{"clients?select=id,...projects(active,n:count())&order=id", `[{"id":1,"active":[true],"n":[2]},{"id":2,"active":[false,true],"n":[1,1]}]`},
		{"users?select=id,...tasks(n:count(),...projects(budget.sum()))&order=id", `[{"id":1,"n":3,"sum":41},{"id":2,"n":2,"sum":null},{"id":3,"n":1,"sum":10.5}]`},
		{"users?select=u:id,...tasks(id,...projects(...details(n:count())))&tasks.order=id&id=eq.1", `[{"u":1,"id":[1,2,3],"n":[1,1,1]}]`},
		{"clients?select=c:id,...projects(id,...tasks(hours.sum()))&projects.order=id&order=id", `[{"c":1,"id":[1,2],"sum":[8,8]},{"c":2,"id":[3,4],"sum":[3,4]}]`},
		{"projects?select=name,...tasks(n:count())&id=eq.5", `[{"name":"Orphan","n":0}]`},
		{"projects?select=name,...tasks(hours,n:count())&id=eq.5", `[{"name":"Orphan","hours":[],"n":[]}]`},
		{"clients?select=id,...projects(n:count(),tasks(count))&id=eq.1", `[{"id":1,"n":[2],"tasks":[[{"count":2}]]}]`},
		{"tasks?select=hours.sum()::text", `[{"sum":"32"}]`},
		{"projects?select=x:data->>n::integer.sum()", `[{"x":12}]`},
		{"tasks?select=project_id,h:hours.sum(),projects(name)&project_id=lte.2&order=project_id", `[{"project_id":1,"h":8,"projects":{"name":"Windows 7"}},{"project_id":2,"h":8,"projects":{"name":"Windows 10"}}]`},
		{"tasks?select=hours.sum(),...projects(client_id)&project_id=not.is.null&order=projects(client_id)", `[{"sum":16,"client_id":1},{"sum":7,"client_id":2}]`},
		{"tasks?select=...projects(budget.sum(),n:count())", `[{"sum":66.25,"n":7}]`},
		{"tasks?select=n:count(),...projects(...clients(name))&order=projects(id)", `refused 42803`},
		{"clients?select=name,projects(n:count(),active)&projects.order=active&id=eq.2", `[{"name":"Apple","projects":[{"n":1,"active":false},{"n":1,"active":true}]}]`},
		{"projects?select=data,n:count()&id=eq.1", `[{"data":{"a":{"b":[1,2,"x"]},"n":5,"ok":true},"n":1}]`},
		{"users?select=name,users_tasks(...tasks(hours.sum(),...projects(client_id)))&id=lte.2&order=id", `[{"name":"Angela","users_tasks":[{"sum":8,"client_id":1}]},{"name":"Michael","users_tasks":[{"sum":3,"client_id":2}]}]`},
		{"users_tasks?select=...tasks(projects(name),hours.sum())&user_id=eq.2", `[{"projects":{"name":"IOS"},"sum":3}]`},
		{"tasks?select=*,n:count()&id=eq.1", `[{"id":1,"name":"Design w7","project_id":1,"hours":3,"n":1}]`},
		{"tasks?select=hours.sum(),...projects(...clients(country))&order=projects(id)", `refused 42803`},
		{"projects?select=count&active=is.true", `[{"count":4}]`},
		{"clients?select=n:count(),projects(id)&id=eq.1&projects.order=id", `[{"n":1,"projects":[{"id":1},{"id":2}]}]`},
	})
}

func answers(t *testing.T, tests []struct{ path, want string }) {
	t.Helper()
	for _, k := range kits(t) {
		for _, tt := range tests {
			t.Run(k.Dialect().String()+" "+tt.path, func(t *testing.T) {
				got, err := k.get(t, tt.path)
				if code := codeOf(err); code != "" {
					got = "refused " + code
				} else if err != nil {
					t.Fatal(err)
				}
				if got != tt.want && !sameJSON(t, got, tt.want) {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
			})
		}
	}
}

// What a view or a function says of its rows is not certain: an order by them doubles none.
func TestOrderByRowsOfAView(t *testing.T) {
	for _, k := range kits(t) {
		sql := "create view doubled as select id, name from clients union all select id, name || '2' from clients"
		if _, err := k.Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
			t.Fatal(err)
		}
		clients := *k.relations["clients"]
		clients.Name, clients.Table, clients.View = "doubled", "doubled", true
		projects := k.relations["projects"]
		projects.Links = append(projects.Links, &Link{Names: []string{"doubled"}, To: &clients, On: []Pair{{"client_id", "id"}}})
		got, err := k.get(t, "projects?select=id,doubled()&order=doubled(id),id")
		if want := `[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]`; err != nil || got != want {
			t.Errorf("%s: %s, %v", k.Dialect(), got, err)
		}
	}
}
