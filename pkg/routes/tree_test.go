package routes

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
)

// A leaf has room for two routes, more are linked to it; which one answers does not depend
// on where it stands.
func TestManyMethodsOfOneShape(t *testing.T) {
	lines := []string{"any /x/:id", "PUT /x/:id", "POST /x/:id", "PATCH /x/:id", "GET /x/:id", "DELETE /x/:id"}
	for range lines {
		lines = append(lines[1:], lines[0])
		table := build(t, lines...)
		for method, want := range map[string]string{"GET": "GET", "HEAD": "GET", "PUT": "PUT", "POST": "POST", "PATCH": "PATCH", "DELETE": "DELETE", "OPTIONS": "any", "PURGE": "any"} {
			var m Match
			table.Lookup(method, "", "/x/7", &m)
			if m.Status != 200 || lines[m.Route] != want+" /x/:id" || m.Head != (method == "HEAD") || !slices.Equal(m.Params, []string{"7"}) {
				t.Errorf("%s in %q: %+v", method, lines, m)
			}
		}
	}
}

// Behind a parameter few runs are compared one by one, many stand in a tree, very many in a
// map: all find the same.
func TestFewAndManyRunsBehindAParameter(t *testing.T) {
	few := []string{"GET /:a/b/c", "GET /:a/b/:x", "GET /:a/b", "GET /:a/*rest"}
	many := append(few, "GET /:a/d", "GET /:a/e/:x", "GET /:a/f/g/h", "GET /:a/i")
	veryMany := slices.Clone(many)
	for i := range manyRuns {
		veryMany = append(veryMany, fmt.Sprintf("GET /:a/n%d/x", i))
	}
	want := map[string]string{"/1/b/c": "GET /:a/b/c", "/1/b/2": "GET /:a/b/:x", "/1/b": "GET /:a/b", "/1": "GET /:a/*rest", "/1/b/2/3": "GET /:a/*rest", "/1/z": "GET /:a/*rest"}
	for _, lines := range [][]string{few, many, veryMany} {
		table := build(t, lines...)
		for path, route := range want {
			var m Match
			if table.Lookup("GET", "", path, &m); m.Route < 0 || lines[m.Route] != route {
				t.Errorf("%s of %d routes: %+v", path, len(lines), m)
			}
		}
	}
}

// What httprouter points at is one cache line: a branch and the address of its function.
func TestABranchFillsACacheLine(t *testing.T) {
	if size := reflect.TypeFor[branch]().Size(); size+reflect.TypeFor[uintptr]().Size() != 64 {
		t.Errorf("%d bytes", size)
	}
}
