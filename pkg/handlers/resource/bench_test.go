package resource_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// sink takes an answer and keeps its header for the next one.
type sink struct {
	header http.Header
	status int
	bytes  int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { s.bytes += len(b); return len(b), nil }

// BenchmarkRead measures requests from the routing to the last byte, with the store's work:
// SQLite is in this process.
func BenchmarkRead(b *testing.B) {
	a := apptest.Compile(b, library, apptest.Databases()[0].URL(b))
	for i := range 200 {
		body := `{"title":"Book ` + strconv.Itoa(i) + `","pages":` + strconv.Itoa(i) + `,"price":"9.99","lent":true,"at":"2024-01-01T10:00:00Z","owner_id":1}`
		if w := apptest.Request(a, "POST", "/books", body); w.Code != http.StatusCreated {
			b.Fatalf("POST /books: %d %s", w.Code, w.Body)
		}
	}
	for _, bench := range []struct{ name, url string }{
		{"one", "/books/7"},
		{"one of mine", "/mine/books/7"},
		{"list of 20", "/books?limit=20"},
		{"list of 20 of mine", "/mine/books?limit=20&offset=20"},
		{"list of 20, planned", "/books?select=id,title,pages&limit=20"},
		{"list of 20, filtered", "/books?pages=gte.50&order=pages.desc&limit=20"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, bench.url, http.NoBody)
			r.Header.Set("X-User", "1")
			w := &sink{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				a.ServeHTTP(w, r)
			}
			if w.status != http.StatusOK {
				b.Fatalf("status %d", w.status)
			}
		})
	}
}
