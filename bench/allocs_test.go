//go:build !race

// The race detector throws away what pools hold, so the counts are of builds without it.

package bench

import (
	"net/http/httptest"
	"testing"
)

// What an answer may allocate besides what net/http does; the README tells each of them.
func TestAnswersAllocateWhatIsExplained(t *testing.T) {
	a := load(t, write(t, answers))
	for _, c := range []struct {
		path, body string
		allocs     float64
	}{
		{"/hello", `{"hello":"world","ok":true}`, 2},
		{"/items/42", `{"id":"42","name":"item","ok":true}`, 3},
	} {
		w, r := newSink(), httptest.NewRequest("GET", c.path, nil)
		got := testing.AllocsPerRun(200, func() {
			w.reset()
			clear(r.Header) // of the id that the run before put there
			a.ServeHTTP(w, r)
		})
		if string(w.body) != c.body || w.status != 200 {
			t.Errorf("%s: %d %s", c.path, w.status, w.body)
		}
		if got != c.allocs {
			t.Errorf("%s: %v allocations, expected %v", c.path, got, c.allocs)
		}
	}
}
