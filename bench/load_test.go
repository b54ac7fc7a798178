package bench

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/openmanifest/gateway/bench/manifest"
	"github.com/openmanifest/gateway/pkg/server"
)

const many = 10_000

// BenchmarkCheck reads and compiles 10,000 routes; no two texts are alike.
func BenchmarkCheck(b *testing.B) {
	path := write(b, manifest.Routes(many, ""))
	b.ReportAllocs()
	for b.Loop() {
		if a := load(b, path); len(a.Routes) != many {
			b.Fatalf("%d routes", len(a.Routes))
		}
	}
}

// BenchmarkReload swaps in a manifest of 10,000 routes whose answers have all changed.
func BenchmarkReload(b *testing.B) {
	path := write(b, manifest.Routes(many, ""))
	s, err := server.New(server.Options{
		Path: path, Environment: "prod", Log: slog.New(slog.DiscardHandler), Getenv: os.LookupEnv, Random: rand.Reader, Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Start(); err != nil {
		b.Fatal(err)
	}
	texts := [2]string{manifest.Routes(many, "one"), manifest.Routes(many, "two")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := os.WriteFile(path, []byte(texts[i%2]), 0o600); err != nil {
			b.Fatal(err)
		}
		if err := s.Reload(); err != nil {
			b.Fatal(err)
		}
	}
}

// The manifest that is measured answers as it should, at both of its ends.
func TestManyRoutesAnswer(t *testing.T) {
	const n = 250
	a := load(t, write(t, manifest.Routes(n, "e")))
	for _, i := range []int{0, 99, 100, n - 1} {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest("GET", manifest.Path(i), nil))
		want := fmt.Sprintf(`{"thing":"%d","page":%d,"edit":"e%d"}`, 1000+i, i, i)
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s, expected %s", manifest.Path(i), w.Code, w.Body, want)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: its pipeline did not run", manifest.Path(i))
		}
	}
}
