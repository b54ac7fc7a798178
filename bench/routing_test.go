package bench

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/openmanifest/gateway/bench/manifest"
	"github.com/openmanifest/gateway/pkg/routes"
)

// BenchmarkRouting finds routes among few and many: the same four paths over and over, and
// all paths at random, where the table does not stay in the processor's caches. The bare
// httprouter beside it shows what of the difference is our table's own.
func BenchmarkRouting(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		table := load(b, write(b, manifest.Routes(n, ""))).Table
		bare := manifest.Bare(n)
		for _, visited := range []int{4, 10_000} {
			requests := manifest.Paths(n, visited)
			name := fmt.Sprintf("routes=%d/paths=%d", n, visited)
			b.Run("gateway/"+name, func(b *testing.B) {
				var m routes.Match
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if table.Lookup("GET", "localhost:4000", requests[i%len(requests)], &m); m.Status != http.StatusOK {
						b.Fatalf("%s: %d", requests[i%len(requests)], m.Status)
					}
				}
			})
			b.Run("httprouter/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if handle, _, _ := bare.Lookup("GET", requests[i%len(requests)]); handle == nil {
						b.Fatal(requests[i%len(requests)])
					}
				}
			})
		}
	}
}
