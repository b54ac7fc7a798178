package relations

import (
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// answered runs a write in a transaction and gives its rows.
func (k *kit) answered(t testing.TB, w *Write, err error) (string, error) {
	t.Helper()
	if err != nil {
		return "", err
	}
	answer := ""
	err = k.Tx(t.Context(), func(tx store.Tx) error {
		run := func(p *Plan) (string, [][]any, error) {
			st := &store.Statement{SQL: p.SQL, Params: len(p.Args), Shape: p.Shape}
			encoded, err := tx.(encoder).Encode(t.Context(), st, p.Args, 0, nil)
			if err != nil {
				t.Logf("%s\n%v", p.SQL, p.Args)
			}
			return "[" + string(encoded.JSON) + "]", encoded.Kept, err
		}
		if w.Before != nil {
			var err error
			if answer, _, err = run(w.Before); err != nil {
				return err
			}
			_, _, err = run(w.Plan)
			return err
		}
		rows, keys, err := run(w.Plan)
		if answer = rows; err != nil || w.After == nil {
			return err
		}
		read, err := w.After(keys)
		if err == nil {
			answer, _, err = run(read)
		}
		return err
	})
	return answer, err
}

// natively fills in what a table's catalog would say.
func natively(r *Relation, c *Change) *Change {
	for _, name := range c.Columns {
		known, _ := r.column(name)
		c.Natives = append(c.Natives, typeOf(known, store.Postgres).name)
	}
	return c
}

// mine limits projects to those of client 1, and tasks to those that have hours.
func mine(r *Relation) (Limit, error) {
	switch r.Name {
	case "projects":
		return Limit{Pieces: []string{"client_id = ", ""}, Args: []any{int64(1)}}, nil
	case "tasks":
		return Limit{Pieces: []string{"hours is not null"}}, nil
	}
	return Limit{}, nil
}

func TestInsert(t *testing.T) {
	tests := []struct {
		name, table, query string
		change             Change
		want               string
	}{
		{"values", "clients", "", Change{Columns: []string{"id", "name"}, Rows: [][]any{{int64(7), "a"}, {int64(6), "b"}}},
			`[{"id":7,"name":"a","country":null},{"id":6,"name":"b","country":null}]`},
		{"a default", "projects", "select=id,active", Change{Columns: []string{"id", "name", "active"}, Rows: [][]any{{int64(11), "a", Default{}}}},
			`[{"id":11,"active":true}]`},
		{"some defaults", "projects", "select=id,active", Change{Columns: []string{"id", "name", "active"}, Rows: [][]any{{int64(12), "a", Default{}}, {int64(13), "b", false}}, DefaultSQL: []string{"", "", "true"}},
			`[{"id":12,"active":true},{"id":13,"active":false}]`},
		{"json", "projects", "select=id,active,data,tags,started,budget", Change{Columns: []string{"id", "name", "active", "data", "started", "budget"}, JSON: []byte(`[{"id":14,"name":"x","active":false,"data":{"a":[1,null]},"started":"2020-01-01T01:00:00+01:00","budget":1.5}]`)},
			`[{"id":14,"active":false,"data":{"a":[1,null]},"tags":null,"started":"2020-01-01T00:00:00+00:00","budget":1.5}]`},
		{"json without a key", "projects", "select=id,active", Change{Columns: []string{"id", "name", "active"}, JSON: []byte(`[{"id":15,"name":"x"},{"id":16,"name":"y","active":false}]`), Defaults: true, DefaultSQL: []string{"", "", "true"}},
			`[{"id":15,"active":true},{"id":16,"active":false}]`},
		{"embeds", "tasks", "select=name,projects(name,clients(name))", Change{Columns: []string{"id", "name", "project_id"}, JSON: []byte(`[{"id":20,"name":"t","project_id":"1"}]`)},
			`[{"name":"t","projects":{"name":"Windows 7","clients":{"name":"Microsoft"}}}]`},
		{"composite key", "users_tasks", "", Change{Columns: []string{"user_id", "task_id"}, Rows: [][]any{{int64(3), int64(5)}, {int64(3), int64(2)}}},
			`[{"user_id":3,"task_id":5},{"user_id":3,"task_id":2}]`},
		{"upsert", "clients", "select=id,name,country", Change{Columns: []string{"id", "name"}, Rows: [][]any{{int64(1), "MS"}, {int64(9), "new"}}, OnConflict: []string{"id"}, Merge: true},
			`[{"id":1,"name":"MS","country":"us"},{"id":9,"name":"new","country":null}]`},
		{"ignore", "clients", "select=id", Change{Columns: []string{"id", "name"}, Rows: [][]any{{int64(1), "no"}, {int64(10), "yes"}}, OnConflict: []string{"id"}},
			`[{"id":10}]`},
		{"upsert out of reach", "projects", "select=id,name", Change{Columns: []string{"id", "name", "client_id"}, Rows: [][]any{{int64(3), "stolen", int64(1)}, {int64(1), "W7", int64(1)}}, OnConflict: []string{"id"}, Merge: true},
			`[{"id":1,"name":"W7"}]`},
		{"upsert of some columns, counted", "tasks", "select=id,name,hours", Change{Columns: []string{"id", "name", "hours"}, Rows: [][]any{{int64(1), "no", int64(9)}, {int64(30), "new", int64(1)}}, OnConflict: []string{"id"}, Merge: true, Merged: []string{"hours"}, Counted: "hours"},
			`[{"id":1,"name":"Design w7","hours":4},{"id":30,"name":"new","hours":1}]`},
		{"upsert of all columns, counted", "tasks", "select=id,name,hours", Change{Columns: []string{"id", "name", "hours"}, Rows: [][]any{{int64(2), "C", int64(0)}}, OnConflict: []string{"id"}, Merge: true, Counted: "hours"},
			`[{"id":2,"name":"C","hours":6}]`},
		{"no such constraint", "clients", "", Change{Columns: []string{"name"}, Rows: [][]any{{"x"}}, OnConflict: []string{"name"}, Merge: true}, "refused 42P10"},
		{"no such column", "clients", "", Change{Columns: []string{"name"}, Rows: [][]any{{"x"}}, OnConflict: []string{"nope"}, Merge: true}, "refused 42703"},
		{"bad value", "projects", "", Change{Columns: []string{"id", "name", "due"}, JSON: []byte(`[{"id":90,"name":"x","due":"soon"}]`)}, "invalid"},
		{"answer of nothing", "clients", "select=nope", Change{Columns: []string{"id", "name"}, Rows: [][]any{{int64(99), "x"}}}, "refused 42703"},
	}
	for _, k := range kits(t) {
		for _, tt := range tests {
			t.Run(k.Dialect().String()+" "+tt.name, func(t *testing.T) {
				r, o := k.relations[tt.table], k.options()
				if strings.Contains(tt.name, "reach") {
					o.Reach = mine
				}
				change := tt.change
				w, err := Insert(r, &parse(t, tt.query).Read, natively(r, &change), true, o)
				got, err := k.answered(t, w, err)
				expect(t, got, err, tt.want)
			})
		}
	}
}

// expect compares an answer with what is wanted: rows, or how it is refused.
func expect(t *testing.T, got string, err error, want string) {
	t.Helper()
	if code := codeOf(err); code != "" {
		got = "refused " + code
	}
	if want == "invalid" {
		if !refusedValue(err) {
			t.Errorf("%s, %v: want a refusal of the value", got, err)
		}
		return
	}
	if err != nil && codeOf(err) == "" {
		t.Fatal(err)
	}
	if got != want && !sameJSON(t, got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestUpdateAndDelete(t *testing.T) {
	set := func(column string, v any) *Change { return &Change{Columns: []string{column}, Rows: [][]any{{v}}} }
	tests := []struct {
		name, table, query string
		change             *Change // nil: delete
		reach              func(*Relation) (Limit, error)
		want               string
	}{
		{"by key", "clients", "id=eq.2&select=id,name", set("name", "A"), everything, `[{"id":2,"name":"A"}]`},
		{"by filter", "projects", "active=is.true&id=lte.2&select=id,budget", set("budget", 3.5), everything, `[{"id":1,"budget":3.5},{"id":2,"budget":3.5}]`},
		{"with embeds", "projects", "id=eq.1&select=name,tasks(id)&tasks.order=id", set("name", "W"), everything, `[{"name":"W","tasks":[{"id":1},{"id":2}]}]`},
		{"by json", "projects", "id=eq.1&select=active,data,due", &Change{Columns: []string{"active", "data", "due"}, JSON: []byte(`[{"active":false,"data":[true],"due":"2022-02-02"}]`)}, everything, `[{"active":false,"data":[true],"due":"2022-02-02"}]`},
		{"of the key", "users_tasks", "user_id=eq.2&task_id=eq.5&select=*", set("task_id", int64(7)), everything, `[{"user_id":2,"task_id":7}]`},
		{"counted", "tasks", "id=eq.7&select=hours", &Change{Columns: []string{"name"}, Rows: [][]any{{"x"}}, Counted: "hours"}, everything, `[{"hours":5}]`},
		{"out of reach", "projects", "id=eq.3&select=id", set("name", "stolen"), mine, `[]`},
		{"in reach", "projects", "id=eq.2&select=id,tasks(id)", set("name", "ten"), mine, `[{"id":2,"tasks":[{"id":4}]}]`},
		{"json in reach", "projects", "select=id&order=id", &Change{Columns: []string{"client_id"}, JSON: []byte(`[{"client_id":1}]`)}, mine, `[{"id":1},{"id":2}]`},
		{"no columns", "clients", "id=eq.1", &Change{}, everything, `[]`},
		{"no such column", "clients", "nope=eq.1", set("name", "x"), everything, "refused 42703"},
		{"delete out of reach", "tasks", "id=eq.3&select=id", nil, mine, `[]`},
		{"delete", "users_tasks", "user_id=eq.3&select=task_id,tasks(name)", nil, everything, `[{"task_id":1,"tasks":{"name":"Design w7"}}]`},
		{"delete again", "users_tasks", "user_id=eq.3", nil, everything, `[]`},
	}
	for _, k := range kits(t) {
		for _, tt := range tests {
			t.Run(k.Dialect().String()+" "+tt.name, func(t *testing.T) {
				r, q, o := k.relations[tt.table], &parse(t, tt.query).Read, k.options()
				o.Reach = tt.reach
				var w *Write
				var err error
				if tt.change == nil {
					w, err = Delete(r, q, true, o)
				} else {
					c := *tt.change
					w, err = Update(r, q, natively(r, &c), true, o)
				}
				got, err := k.answered(t, w, err)
				expect(t, got, err, tt.want)
			})
		}
	}
}

// Without an answer a write is one statement, and tells how many rows it was.
func TestBareWrites(t *testing.T) {
	for _, k := range kits(t) {
		r, o := k.relations["clients"], k.options()
		run := func(what string, w *Write, err error, want int64) {
			t.Helper()
			if err != nil || w.Before != nil || w.After != nil {
				t.Fatalf("%s: %+v, %v", what, w, err)
			}
			result, err := k.Exec(t.Context(), &store.Statement{SQL: w.Plan.SQL, Params: len(w.Plan.Args)}, w.Plan.Args)
			if err != nil || result.Affected != want {
				t.Errorf("%s %s: %v, %v, want %d", k.Dialect(), what, result, err, want)
			}
		}
		w, err := Insert(r, &postgrest.Read{}, &Change{Columns: []string{"id", "name"}, Rows: [][]any{{int64(50), "x"}, {int64(51), "y"}}}, false, o)
		run("insert", w, err, 2)
		w, err = Update(r, &parse(t, "id=gte.50").Read, &Change{Columns: []string{"country"}, Rows: [][]any{{"de"}}}, false, o)
		run("update", w, err, 2)
		w, err = Update(r, &parse(t, "id=eq.50").Read, &Change{}, false, o)
		run("update of nothing", w, err, 0)
		o.Match = []Match{{"id", "50"}}
		moved, err := Update(r, &postgrest.Read{}, &Change{Columns: []string{"id"}, Rows: [][]any{{int64(60)}}}, true, o)
		got, err := k.answered(t, moved, err)
		expect(t, got, err, `[{"id":60,"name":"x","country":"de"}]`)
		o.Match = []Match{{"id", "60"}}
		w, err = Delete(r, &postgrest.Read{}, false, o)
		run("delete", w, err, 1)
		if !w.Plan.Quick {
			t.Errorf("a delete by key is quick: %s", w.Plan.SQL)
		}
	}
}

// Others may wait behind a write of few rows, or of one that its key finds.
func TestQuickWrites(t *testing.T) {
	r, o := schema()["clients"], Options{Dialect: store.Postgres, Reach: everything}
	many := &Change{Columns: []string{"name"}}
	for range quickRows + 1 {
		many.Rows = append(many.Rows, []any{"x"})
	}
	one := &Change{Columns: []string{"name"}, Rows: [][]any{{"x"}}}
	for what, tt := range map[string]struct {
		plan func(q *postgrest.Read, answer bool) (*Write, error)
		q    string
		want bool
	}{
		"insert":              {func(q *postgrest.Read, a bool) (*Write, error) { return Insert(r, q, one, a, o) }, "", true},
		"insert with embeds":  {func(q *postgrest.Read, a bool) (*Write, error) { return Insert(r, q, one, true, o) }, "select=projects(id)", false},
		"insert of many":      {func(q *postgrest.Read, a bool) (*Write, error) { return Insert(r, q, many, a, o) }, "", false},
		"update by key":       {func(q *postgrest.Read, a bool) (*Write, error) { return Update(r, q, one, a, o) }, "id=eq.1", true},
		"update by filter":    {func(q *postgrest.Read, a bool) (*Write, error) { return Update(r, q, one, a, o) }, "name=eq.1", false},
		"update of all":       {func(q *postgrest.Read, a bool) (*Write, error) { return Update(r, q, one, a, o) }, "", false},
		"delete of all":       {func(q *postgrest.Read, a bool) (*Write, error) { return Delete(r, q, a, o) }, "", false},
		"delete by key":       {func(q *postgrest.Read, a bool) (*Write, error) { return Delete(r, q, a, o) }, "id=eq.1", true},
		"delete by two terms": {func(q *postgrest.Read, a bool) (*Write, error) { return Delete(r, q, a, o) }, "or=(id.eq.1,id.eq.2)", false},
	} {
		for _, answer := range []bool{false, true} {
			w, err := tt.plan(&parse(t, tt.q).Read, answer)
			if err != nil || w.Plan.Quick != tt.want {
				t.Errorf("%s: %+v, %v, want %t", what, w, err, tt.want)
			}
		}
	}
}
