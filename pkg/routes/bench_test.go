package routes

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// manyRoutes makes n routes as an API has them: half with a parameter. They are spread
// over 10 groups of collections, so that neighbours share long prefixes.
func manyRoutes(tb testing.TB, n int) []Route {
	tb.Helper()
	rs := []Route{{Methods: []string{"GET"}, Pattern: mustPattern(tb, "/:slug")}}
	for i := 0; len(rs) < n; i++ {
		base := fmt.Sprintf("/api/v%d/things%d", i%10, i)
		rs = append(rs,
			Route{Methods: []string{"GET"}, Pattern: mustPattern(tb, base)},
			Route{Methods: []string{"GET"}, Pattern: mustPattern(tb, base+"/:id")})
	}
	return rs[:n]
}

func mustPattern(tb testing.TB, path string) Pattern {
	tb.Helper()
	p, err := ParsePattern(path)
	if err != nil {
		tb.Fatalf("ParsePattern(%q): %v", path, err)
	}
	return p
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{10, 10000} {
		var ps diag.Problems
		t := Build(manyRoutes(b, n), &ps)
		collections := (n - 1) / 2
		for _, kind := range []string{"static", "param", "missing"} {
			suffix := map[string]string{"static": "", "param": "/4711", "missing": "/4711/x"}[kind]
			var paths []string
			for i := range 4 {
				k := i * (collections - 1) / 3
				paths = append(paths, fmt.Sprintf("/api/v%d/things%d%s", k%10, k, suffix))
			}
			b.Run(strconv.Itoa(n)+"/"+kind, func(b *testing.B) {
				var m Match
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					t.Lookup("GET", "example.com:4000", paths[i&3], &m)
				}
				if want := map[string]int{"missing": 404}[kind]; want == 0 && m.Status != 200 || want != 0 && m.Status != want {
					b.Fatalf("%s: status %d", paths[0], m.Status)
				}
			})
		}
	}
}

// nestedRoutes makes n routes as a REST API has them: five behind each collection, two of
// them deeper.
func nestedRoutes(tb testing.TB, n int) []Route {
	tb.Helper()
	var rs []Route
	for i := 0; len(rs) < n; i++ {
		base := fmt.Sprintf("/api/v%d/things%d", i%10, i)
		for _, path := range []string{base, base + "/:id", base + "/:id/notes", base + "/:id/notes/:note", base + "/:id/archive"} {
			rs = append(rs, Route{Methods: []string{"GET"}, Pattern: mustPattern(tb, path)})
		}
	}
	return rs[:n]
}

// All routes of nestedRoutes at random: what a lookup costs when little of the table is in
// the caches of the processor.
func BenchmarkLookupNested(b *testing.B) {
	for _, n := range []int{10, 10000} {
		var ps diag.Problems
		rs := nestedRoutes(b, n)
		t := Build(rs, &ps)
		paths := make([]string, 10000)
		for i, k := range rand.New(rand.NewPCG(1, 2)).Perm(len(paths)) {
			paths[i] = rs[k%n].Pattern.example()
		}
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var m Match
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if t.Lookup("GET", "example.com:4000", paths[i%len(paths)], &m); m.Status != http.StatusOK {
					b.Fatalf("%s: status %d", paths[i%len(paths)], m.Status)
				}
			}
		})
	}
}

func BenchmarkBuild10000(b *testing.B) {
	rs := manyRoutes(b, 10000)
	b.ReportAllocs()
	for b.Loop() {
		var ps diag.Problems
		Build(rs, &ps)
	}
}

// Every one of many routes is found, and the one parameter at the root takes the others.
func TestTenThousandRoutes(t *testing.T) {
	rs := manyRoutes(t, 10000)
	var ps diag.Problems
	table := Build(rs, &ps)
	if ps.Len() != 0 {
		t.Fatalf("problem: %v", ps.All()[0])
	}
	var m Match
	for i, r := range rs {
		if table.Lookup("GET", "", r.Pattern.example(), &m); m.Route != i {
			t.Fatalf("%s: route %d, status %d", r.Pattern, m.Route, m.Status)
		}
	}
}
