package relations

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// ways are requests that read relations in every way there is.
func ways() []string {
	return []string{
		"projects", "projects?select=count()", "projects?id=eq.1&or=(id.eq.1,name.like.*)",
		"projects?select=id,clients(name)", "clients?select=projects(id)", "clients?select=projects(tasks(users(name)))",
		"clients?select=id,projects!inner()&projects.id=eq.1", "clients?select=id,projects!inner(tasks!inner(id))",
		"projects?select=id,tasks()&tasks=is.null", "projects?select=id,tasks()&tasks=not.is.null", "projects?select=id,tasks()&or=(tasks.is.null,id.eq.1)",
		"projects?select=id,clients(name)&order=clients(name)", "projects?select=...clients(name)&order=clients(name)",
		"tasks?select=...projects(name,...clients(c:name))", "clients?select=...projects(name,...tasks(t:id))", "users?select=...tasks(name)",
		"users?select=tasks(id)", "tasks?select=users!inner(name)", "people?select=parent(people(name))", "tasks?select=hours.sum(),...projects(budget.sum())",
	}
}

// marked makes every relation's table a name that stands nowhere else, and gives a reach
// that can be seen in the SQL.
func marked() (map[string]*Relation, func(*Relation) (Limit, error)) {
	all := schema()
	for _, r := range all {
		r.Table = "table of " + r.Name
		for _, l := range r.Links {
			if l.Through != nil {
				l.Through.Table = "table of users_tasks"
			}
		}
	}
	return all, func(r *Relation) (Limit, error) {
		return Limit{Pieces: []string{"'" + r.Name + "' = ", " and owned"}, Args: []any{r.Name}}, nil
	}
}

var (
	anyTable = regexp.MustCompile(`"table of (\w+)"`)
	limited  = regexp.MustCompile(`\(select \* from "table of (\w+)" where '(\w+)' = [$?]\d+ and owned\) as "t\d+"`)
)

// unlimited are the relations in SQL that are read without their limit.
func unlimited(sql string) []string {
	rest := limited.ReplaceAllStringFunc(sql, func(s string) string {
		if m := limited.FindStringSubmatch(s); m[1] == m[2] {
			return ""
		}
		return s
	})
	return anyTable.FindAllString(rest, -1)
}

// Every relation in every statement that reads has its limit inside its own from.
func TestReachStandsInEveryFrom(t *testing.T) {
	all, reach := marked()
	for _, d := range []store.Dialect{store.Postgres, store.SQLite} {
		for _, path := range ways() {
			name, query, _ := strings.Cut(path, "?")
			q := &parse(t, query).Read
			o := Options{Dialect: d, Reach: reach, Total: true}
			plan, err := Select(all[name], q, o)
			if err != nil {
				t.Fatal(err)
			}
			count, err := Count(all[name], q, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, sql := range []string{plan.SQL, count.SQL} {
				if found := unlimited(sql); len(found) > 0 || !strings.Contains(sql, "owned") {
					t.Errorf("%s %s: %v in %s", d, path, found, sql)
				}
			}
		}
	}
}

// A write's own table has the limit in its where, and its answer reads nothing without one.
func TestReachStandsInEveryWrite(t *testing.T) {
	all, reach := marked()
	change := &Change{Columns: []string{"id", "name"}, Rows: [][]any{{int64(1), "x"}}, OnConflict: []string{"id"}, Merge: true, Natives: []string{"bigint", "text"}}
	q := &parse(t, "select=id,tasks(users(name)),clients!inner(name)").Read
	for _, d := range []store.Dialect{store.Postgres, store.SQLite} {
		o := Options{Dialect: d, Reach: reach}
		for what, plan := range map[string]func() (*Write, error){
			"insert": func() (*Write, error) { return Insert(all["projects"], q, change, true, o) },
			"update": func() (*Write, error) { return Update(all["projects"], q, change, true, o) },
			"delete": func() (*Write, error) { return Delete(all["projects"], q, true, o) },
		} {
			w, err := plan()
			if err != nil {
				t.Fatal(err)
			}
			statements := []*Plan{w.Plan, w.Before}
			if w.After != nil {
				after, err := w.After([][]any{{int64(1)}})
				if err != nil {
					t.Fatal(err)
				}
				statements = append(statements, after)
			}
			own := regexp.MustCompile(`(insert into|update|delete from) "table of projects" as "t0".* where .*'projects' = [$?]\d+ and owned`)
			for _, p := range statements {
				if p == nil {
					continue
				}
				sql := p.SQL
				if own.MatchString(sql) {
					sql = regexp.MustCompile(`(insert into|update|delete from) "table of projects"`).ReplaceAllString(sql, "")
				}
				if found := unlimited(sql); len(found) > 0 {
					t.Errorf("%s %s: %v in %s", d, what, found, p.SQL)
				}
			}
		}
	}
}

// What is out of reach is not seen by any way.
func TestReach(t *testing.T) {
	tests := []struct{ path, want string }{
		{"projects?select=id&order=id", `[{"id":1},{"id":2}]`},
		{"projects?select=id&or=(id.eq.3,id.eq.1)", `[{"id":1}]`},
		{"projects?select=count()", `[{"count":2}]`},
		{"clients?select=id,projects(id)&projects.order=id&order=id", `[{"id":1,"projects":[{"id":1},{"id":2}]},{"id":2,"projects":[]}]`},
		{"clients?select=id,projects!inner()&order=id", `[{"id":1}]`},
		{"clients?select=id,projects()&projects=is.null", `[{"id":2}]`},
		{"tasks?select=id,projects(id)&id=gte.5&order=id", `[{"id":5,"projects":null},{"id":6,"projects":null},{"id":7,"projects":null},{"id":8,"projects":null}]`},
		{"tasks?select=id,...projects(p:id)&id=in.(1,5)&order=id", `[{"id":1,"p":1},{"id":5,"p":null}]`},
		{"users?select=id,tasks(id)&tasks.order=id&id=eq.1", `[{"id":1,"tasks":[{"id":1},{"id":2}]}]`},
		{"tasks?select=id,projects(budget)&order=projects(budget).desc.nullslast,id&limit=3", `[{"id":4,"projects":{"budget":20}},{"id":1,"projects":{"budget":10.5}},{"id":2,"projects":{"budget":10.5}}]`},
		{"clients?select=id,...projects(p:id)&id=eq.2", `[{"id":2,"p":[]}]`},
	}
	for _, k := range kits(t) {
		for _, tt := range tests {
			name, query, _ := strings.Cut(tt.path, "?")
			o := k.options()
			o.Reach = mine
			plan, err := Select(k.relations[name], &parse(t, query).Read, o)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := k.rows(t, plan)
			if err != nil || !sameJSON(t, got, tt.want) {
				t.Errorf("%s %s\ngot  %s, %v\nwant %s", k.Dialect(), tt.path, got, err, tt.want)
			}
		}
	}
}

// Who cannot tell the reach reads nothing.
func TestReachFails(t *testing.T) {
	broken := errors.New("no current user")
	o := Options{Dialect: store.Postgres, Reach: func(r *Relation) (Limit, error) {
		if r.Name == "tasks" {
			return Limit{}, broken
		}
		return Limit{}, nil
	}}
	r := schema()["projects"]
	for _, query := range []string{"select=tasks(id)", "select=...tasks(id)", "select=tasks()&tasks=is.null", "select=id,tasks!inner()"} {
		if _, err := Select(r, &parse(t, query).Read, o); !errors.Is(err, broken) {
			t.Errorf("%s: %v", query, err)
		}
	}
	if _, err := Delete(schema()["tasks"], &postgrest.Read{}, false, o); !errors.Is(err, broken) {
		t.Errorf("delete: %v", err)
	}
}
