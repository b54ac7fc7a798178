package bench

import (
	"net/http/httptest"
	"testing"
)

// answers is a manifest with the answers that are measured.
const answers = `version: 1
endpoint: {plugs: [request_id]}
pipelines:
  secured: [put_secure_browser_headers]
scopes:
  - routes:
      - get: /hello
        json: {hello: world, ok: true}
  - pipe_through: secured
    routes:
      - get: /items/:id
        json: {id: "${params.id}", name: item, ok: true}
`

func BenchmarkAnswer(b *testing.B) {
	a := load(b, write(b, answers))
	for _, path := range []string{"/hello", "/items/42"} {
		b.Run(path[1:], func(b *testing.B) {
			w, r := newSink(), httptest.NewRequest("GET", path, nil)
			b.ReportAllocs()
			for b.Loop() {
				w.reset()
				clear(r.Header) // of the id that the run before put there
				a.ServeHTTP(w, r)
			}
			if w.status != 200 {
				b.Fatalf("%d %s", w.status, w.body)
			}
		})
	}
}
