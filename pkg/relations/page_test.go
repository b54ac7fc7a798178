package relations

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

// Pages by cursor give the rows of one long list, in its order, each once.
func TestCursor(t *testing.T) {
	for _, k := range kits(t) {
		for _, order := range []string{"", "order=id.desc", "order=client_id", "order=client_id.desc", "order=client_id.nullsfirst,active.desc",
			"order=client_id.desc.nullslast,name", "order=active,budget.desc", "order=started.desc,due", "order=budget.nullsfirst,client_id.desc"} {
			for _, size := range []string{"1", "2"} {
				whole, _ := k.page(t, order, nil)
				var paged []string
				after := []any(nil)
				for range 10 {
					rows, last := k.page(t, order+"&limit="+size, after)
					paged = append(paged, rows...)
					if after = last; len(rows) == 0 {
						break
					}
				}
				if got, want := strings.Join(paged, " "), strings.Join(whole, " "); got != want || len(whole) != 5 {
					t.Errorf("%s %s by %s:\ngot  %s\nwant %s", k.Dialect(), order, size, got, want)
				}
			}
		}
	}
}

// page gives the rows of a page of projects, and the cursor behind it.
func (k *kit) page(t *testing.T, query string, after []any) (rows []string, last []any) {
	t.Helper()
	o := k.options()
	o.Total, o.After, o.Kept = true, after, []string{"secret"}
	plan, err := Select(k.relations["projects"], &parse(t, "select=id&"+query).Read, o)
	if err != nil {
		t.Fatal(err)
	}
	answer, kept, err := k.rows(t, plan)
	if err != nil {
		t.Fatalf("%v\n%s\n%v", err, plan.SQL, plan.Args)
	}
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(answer), &list); err != nil {
		t.Fatal(err)
	}
	for _, row := range list {
		rows = append(rows, string(row))
	}
	if len(kept) > 0 {
		if last = kept[len(kept)-1][1:]; len(last) != len(plan.Cursor) {
			t.Fatalf("%v for the cursor %v", last, plan.Cursor)
		}
	}
	return rows, last
}

// There is no next page by cursor where the order is not one of plain columns, and a cursor
// of another order is refused.
func TestNoCursor(t *testing.T) {
	relations := schema()
	for path, cursor := range map[string]string{
		"projects?order=name":     "name id",
		"projects?order=id":       "id",
		"projects?order=data->>n": "",
		"projects?select=id,clients(name)&order=clients(name)": "",
		"projects?select=active,n:count()&order=active":        "",
		"users_tasks?order=task_id.desc":                       "task_id user_id",
	} {
		name, query, _ := strings.Cut(path, "?")
		o := Options{Dialect: store.Postgres, Reach: everything, Total: true}
		plan, err := Select(relations[name], &parse(t, query).Read, o)
		if err != nil || strings.Join(plan.Cursor, " ") != cursor {
			t.Errorf("%s: %v, %v, want %s", path, plan, err, cursor)
		}
		o.After = []any{int64(1), int64(2), int64(3)}
		if _, err := Select(relations[name], &parse(t, query).Read, o); codeOf(err) != "PGRST100" {
			t.Errorf("%s with a cursor of three: %v", path, err)
		}
	}
}

// No request gets more rows than the relation allows, in no list.
func TestMaxRows(t *testing.T) {
	for _, k := range kits(t) {
		k.relations["projects"].MaxRows = 1
		for path, want := range map[string]string{
			"projects?select=id&order=id":                                                     `[{"id":1}]`,
			"projects?select=id&order=id&limit=3":                                             `[{"id":1}]`,
			"projects?select=id&order=id&limit=0":                                             `[]`,
			"clients?select=projects(id)&projects.order=id&order=id&limit=1":                  `[{"projects":[{"id":1}]}]`,
			"clients?select=projects(id)&projects.order=id&order=id&limit=1&projects.limit=5": `[{"projects":[{"id":1}]}]`,
			"clients?select=...projects(id)&projects.order=id&order=id&limit=1":               `[{"id":[1]}]`,
		} {
			got, err := k.get(t, path)
			expect(t, got, err, want)
		}
	}
}

func TestCount(t *testing.T) {
	for _, k := range kits(t) {
		for path, want := range map[string]string{
			"projects": `[{"count":5}]`,
			"projects?active=is.true&limit=1&offset=3&order=name":         `[{"count":4}]`,
			"clients?select=id,projects!inner()&projects.active=is.false": `[{"count":1}]`,
			"projects?select=id,tasks()&tasks=is.null":                    `[{"count":1}]`,
			"projects?select=count()":                                     `[{"count":5}]`,
			"tasks?select=...projects(name)":                              `[{"count":8}]`,
		} {
			name, query, _ := strings.Cut(path, "?")
			plan, err := Count(k.relations[name], &parse(t, query).Read, k.options())
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := k.rows(t, plan)
			expect(t, got, err, want)
		}
		most, err := CountTo(3, k.relations["tasks"], &parse(t, "hours=gt.1").Read, k.options())
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := k.rows(t, most)
		expect(t, got, err, `[{"count":3}]`)
	}
}

func TestEstimate(t *testing.T) {
	k := openPostgres(t)
	plan, err := Estimate(k.relations["projects"], &parse(t, "id=eq.1").Read, k.options())
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := k.rows(t, plan)
	if err != nil || !strings.Contains(got, `"Plan Rows":`) {
		t.Errorf("%s, %v", got, err)
	}
}

// A function's rows, or any other SQL, can stand in place of the table.
func TestSource(t *testing.T) {
	for _, k := range kits(t) {
		o := k.options()
		o.Reach = mine
		o.Source = &Source{With: Limit{Pieces: []string{"with given as (select * from projects where id <> ", ")"}, Args: []any{int64(2)}}, Pieces: []string{"given"}}
		plan, err := Select(k.relations["projects"], &parse(t, "select=id,clients(name)&id=gte.1").Read, o)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := k.rows(t, plan)
		expect(t, got, err, `[{"id":1,"clients":{"name":"Microsoft"}}]`)
	}
}

// Quick is what finds its row by the key and reads nothing else.
func TestQuick(t *testing.T) {
	relations := schema()
	for path, want := range map[string]bool{
		"projects?id=eq.1": true, "projects?id=eq.1&active=is.true": true, "projects?id=gt.1": false, "projects?id=not.eq.1": false, "projects": false,
		"projects?id=in.(1)": false, "projects?or=(id.eq.1,name.eq.a)": false, "projects?id=eq.1&select=tasks(id)": false, "projects?id=eq(any).{1}": false,
		"projects?id=eq.1&select=count()": false, "users_tasks?user_id=eq.1": false, "users_tasks?user_id=eq.1&task_id=eq.2": true,
	} {
		name, query, _ := strings.Cut(path, "?")
		plan, err := Select(relations[name], &parse(t, query).Read, Options{Dialect: store.Postgres, Reach: everything})
		if err != nil || plan.Quick != want {
			t.Errorf("%s: %v, %v, want %t", path, plan, err, want)
		}
	}
}

// Nulls are stripped at every depth, but for those in the lists of a column of JSON.
func TestStripNulls(t *testing.T) {
	for _, k := range kits(t) {
		o := k.options()
		o.StripNulls = true
		for path, want := range map[string]string{
			"people?select=id,parent_id,parent(id,parent_id),people(name,parent(parent_id))&id=in.(1,2)&order=id&people.order=id": `[{"id":1,"people":[{"name":"Byron","parent":{}},{"name":"Cleo","parent":{}}]},{"id":2,"parent_id":1,"parent":{"id":1},"people":[{"name":"Dan","parent":{"parent_id":1}}]}]`,
			"clients?select=projects(data)&id=eq.2&projects.order=id":                                                             `[{"projects":[{},{"data":[1,2]}]}]`,
			"projects?select=id,data,due&id=eq.4":                                                                                 `[{"id":4,"data":[1,2]}]`,
			"projects?select=id,clients(country)&id=eq.3":                                                                         `[{"id":3,"clients":{}}]`,
		} {
			name, query, _ := strings.Cut(path, "?")
			plan, err := Select(k.relations[name], &parse(t, query).Read, o)
			if codeOf(err) == "" && err != nil {
				t.Fatal(err)
			}
			got, _, err := k.rows(t, plan)
			expect(t, got, err, want)
		}
	}
}

// On Postgres a function of the row can be a column, also of rows that are limited.
func TestComputedColumns(t *testing.T) {
	k := openPostgres(t)
	if _, err := k.Exec(t.Context(), &store.Statement{SQL: "create function shout(p projects) returns text stable language sql as 'select upper(p.name)'"}, nil); err != nil {
		t.Fatal(err)
	}
	projects := k.relations["projects"]
	projects.Columns = append(projects.Columns, Column{Name: "shout", Call: `"public"."shout"`, Type: store.Text, Nullable: true})
	o := k.options()
	o.Reach = mine
	for path, want := range map[string]string{
		"projects?select=shout&shout=like.*7":                      `[{"shout":"WINDOWS 7"}]`,
		"projects?select=id,s:shout&order=shout.desc":              `[{"id":1,"s":"WINDOWS 7"},{"id":2,"s":"WINDOWS 10"}]`,
		"clients?select=projects(shout)&id=eq.1&projects.order=id": `[{"projects":[{"shout":"WINDOWS 7"},{"shout":"WINDOWS 10"}]}]`,
		"projects?select=due&id=eq.1&shout=not.is.null":            `[{"due":"2020-01-02"}]`,
		"clients?select=...projects(*)&id=eq.9":                    `[]`,
	} {
		name, query, _ := strings.Cut(path, "?")
		plan, err := Select(k.relations[name], &parse(t, query).Read, o)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := k.rows(t, plan)
		expect(t, got, err, want)
	}
	w, err := Update(projects, &parse(t, "id=eq.1&select=shout").Read, &Change{Columns: []string{"name"}, Rows: [][]any{{"w"}}}, true, o)
	got, err := k.answered(t, w, err)
	expect(t, got, err, `[{"shout":"W"}]`)
}
