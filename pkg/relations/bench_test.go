package relations

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

// BenchmarkSelect measures what a request costs before its statement runs.
func BenchmarkSelect(b *testing.B) {
	for name, query := range map[string]string{
		"key":   "id=eq.1",
		"list":  "select=id,name&active=is.true&id=in.(1,2)&order=client_id.desc,id&limit=20&offset=40",
		"embed": "select=id,clients(name),tasks(id)&tasks.hours=gt.1&tasks.order=id&tasks.limit=2",
	} {
		r, q := schema()["projects"], parse(b, query)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Select(r, &q.Read, Options{Dialect: store.Postgres, Reach: mine}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
