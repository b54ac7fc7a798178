package bench

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/password"
)

// deps are what an App is compiled with; nothing is logged, as with the access log off.
func deps() app.Deps {
	return app.Deps{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Reader, Getenv: os.LookupEnv, Hub: app.NoHub{}, Hasher: password.NewHasher(0),
	}
}

// write puts a manifest into a folder of the test.
func write(tb testing.TB, text string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "app.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// load compiles the manifest at path.
func load(tb testing.TB, path string) *app.App {
	tb.Helper()
	l := app.Load(path, "prod", deps())
	if l.Failed() {
		tb.Fatalf("%d problems, the first: %v", len(l.Problems), l.Problems[0])
	}
	return l.App
}

// A sink is the answer's side of a request without a network. Like net/http's it gives a
// map that may be kept for one request only.
type sink struct {
	header http.Header
	status int
	body   []byte
}

func newSink() *sink { return &sink{header: make(http.Header, 8), body: make([]byte, 0, 1024)} }

// Header implements http.ResponseWriter.
func (s *sink) Header() http.Header { return s.header }

// WriteHeader implements http.ResponseWriter.
func (s *sink) WriteHeader(status int) { s.status = status }

// Write implements http.ResponseWriter.
func (s *sink) Write(b []byte) (int, error) {
	s.body = append(s.body, b...)
	return len(b), nil
}

func (s *sink) reset() {
	clear(s.header)
	s.status, s.body = 0, s.body[:0]
}
