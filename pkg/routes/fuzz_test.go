package routes

import (
	"math/rand/v2"
	"testing"
)

func FuzzLookup(f *testing.F) {
	f.Add([]byte{0, 0, 2, 0, 3, 2, 4, 0, 1, 0, 1, 2, 3, 0, 1, 0, 1})
	f.Add([]byte("\x01\x02\x03\x00\x01\x05\x04\x04\x00\x04\x01\x00\x02\x03\x02\x04\x01\x01\x00"))
	f.Fuzz(checkAgainstNaive)
}

// The same comparison on tables that a plain `go test` makes anew each time from one seed.
func TestLookupAgainstReference(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 30000 {
		data := make([]byte, 10+rnd.IntN(120))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		checkAgainstNaive(t, data)
	}
}

// Bytes of any kind as a path never panic, and what is answered is a known status.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/a/%2e%2e/b", "//", "/a//", "%", "/%00", "/a%2Fb/c", "/\\", "*", ""} {
		f.Add("GET", "a.example:80", path)
	}
	table := build(f, "GET /", "GET /a", "GET /a/:b", "GET /a/b/*c", "POST {t}.example/:x/:y", "any a.example/*z")
	f.Fuzz(func(t *testing.T, method, host, path string) {
		var m Match
		table.Lookup(method, host, path, &m)
		table.Covers(method, path)
		table.Nearest(method, path)
		table.Explain(method, host, path)
		switch m.Status {
		case 200, 204, 301, 308, 400, 404, 405:
		default:
			t.Fatalf("%q %q %q: status %d", method, host, path, m.Status)
		}
		if len(m.Location) > 1 && (m.Location[1] == '/' || m.Location[1] == '\\') {
			t.Fatalf("%q: Location %q", path, m.Location)
		}
	})
}
