package resource_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// BenchmarkWrite measures creates from the routing to the last byte, with the store's work.
func BenchmarkWrite(b *testing.B) {
	const body = `{"title":"A book","pages":12,"price":"9.99","lent":true,"at":"2024-01-01T10:00:00Z","owner_id":1}`
	for _, db := range apptest.Databases() {
		a := apptest.Compile(b, library, db.URL(b))
		for _, bench := range []struct{ name, url, prefer string }{
			{"one", "/books", ""},
			{"one, answered", "/books", "return=representation"},
			{"one, planned", "/books?select=id", "return=representation"},
		} {
			b.Run(db.Name+" "+bench.name, func(b *testing.B) {
				w := &sink{header: http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest(http.MethodPost, bench.url, strings.NewReader(body))
					r.Header.Set("Content-Type", "application/json")
					if bench.prefer != "" {
						r.Header.Set("Prefer", bench.prefer)
					}
					clear(w.header)
					a.ServeHTTP(w, r)
				}
				if w.status != http.StatusCreated {
					b.Fatalf("status %d", w.status)
				}
			})
		}
	}
}
