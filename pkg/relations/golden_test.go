package relations

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

var update = flag.Bool("update", false, "write the statements anew")

// The statements themselves, for who wants to see what a request becomes: what is limited is
// so as mine says. They are also the proof that values never stand in the text.
func TestStatements(t *testing.T) {
	paths := []string{
		"projects?select=id,name&id=eq.1",
		"projects?select=id&active=is.true&name=like.W*&id=in.(1,2)&order=client_id.desc,id&limit=20&offset=40",
		"projects?select=id,x:data->a->>0,budget::text&or=(id.gt.1,not.and(due.is.null,tags.cs.{a}))",
		"projects?select=id,clients(name),tasks(id)&tasks.hours=gt.1&tasks.order=id&tasks.limit=2",
		"users?select=tasks!inner(id)",
		"people?select=parent(name),people(name)",
		"clients?select=...projects(name,active)",
		"tasks?select=hours.sum(),...projects(client_id)&order=projects(client_id)",
		"projects?select=id,tasks()&tasks=is.null",
		"projects?select=id,clients(name)&order=clients(name)",
		"projects?select=client_id,data,n:count()",
	}
	for _, d := range []store.Dialect{store.Postgres, store.SQLite} {
		var b strings.Builder
		for _, path := range paths {
			name, query, _ := strings.Cut(path, "?")
			plan, err := Select(schema()[name], &parse(t, query).Read, Options{Dialect: d, Reach: mine})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s\n%s\n%q\n\n", path, plan.SQL, plan.Args)
		}
		file := filepath.Join("testdata", d.String()+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s: the statements differ from %s:\n%s", d, file, b.String())
		}
	}
}

// One statement serves every request of a shape.
func TestOneShapeOneStatement(t *testing.T) {
	for _, d := range []store.Dialect{store.Postgres, store.SQLite} {
		var last string
		for _, query := range []string{
			"id=in.(1)&name=like.a*&data->>k=eq.x&tags=cs.{a}&limit=1&offset=2&order=data->>z",
			"id=in.(1,2,3,4)&name=like.*%25'--&data->>other=eq.y'&tags=cs.{a,b,c}&limit=10&offset=1&order=data->>q",
		} {
			plan, err := Select(schema()["projects"], &parse(t, query).Read, Options{Dialect: d, Reach: everything})
			if err != nil {
				t.Fatal(err)
			}
			if last != "" && plan.SQL != last {
				t.Errorf("%s:\n%s\n%s", d, last, plan.SQL)
			}
			last = plan.SQL
		}
	}
}
