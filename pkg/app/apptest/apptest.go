// Package apptest compiles manifests into Apps that serve, so that the test of what needs a
// whole application is a table of requests and answers.
package apptest

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// Now is the time of every App here.
func Now() time.Time { return time.Date(2024, 2, 29, 12, 0, 0, 123456789, time.UTC) }

// Load reads a manifest for the dev environment from a folder of its own. DATABASE_URL is
// database.
func Load(t testing.TB, yaml, database string) *app.Loaded {
	t.Helper()
	return LoadIn(t, t.TempDir(), yaml, database)
}

// Folder makes a folder of files, for LoadIn.
func Folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// LoadIn is Load for a folder that holds more, such as templates.
func LoadIn(t testing.TB, dir, yaml, database string) *app.Loaded {
	t.Helper()
	path := filepath.Join(dir, "app.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return app.Load(path, "dev", app.Deps{
		Log: slog.New(slog.NewTextHandler(testLog{t}, nil)), Now: Now, Random: rand.Reader, Hub: app.NoHub{}, Hasher: password.NewHasher(2), Dev: true,
		Getenv: func(name string) (string, bool) { return database, name == "DATABASE_URL" },
	})
}

// testLog shows what the App logs with the test that failed.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// Compile gives an App that is open. The test fails when there is a problem.
func Compile(t testing.TB, yaml, database string) *app.App {
	t.Helper()
	return CompileIn(t, t.TempDir(), yaml, database)
}

// CompileIn is Compile for a folder that holds more, such as templates.
func CompileIn(t testing.TB, dir, yaml, database string) *app.App {
	t.Helper()
	l := LoadIn(t, dir, yaml, database)
	for _, p := range l.Problems {
		if p.Severity == diag.Error {
			t.Errorf("compile: %v", p)
		}
	}
	if l.App == nil {
		t.FailNow()
	}
	if err := l.App.Open(&pipeline.Shared{}); err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(l.App.Release)
	return l.App
}

// Problems gives what is wrong with a manifest, each as line:column: message (hint).
func Problems(t testing.TB, yaml string) []string {
	t.Helper()
	return ProblemsIn(t, t.TempDir(), yaml)
}

// ProblemsIn is Problems for a folder that holds more, such as templates.
func ProblemsIn(t testing.TB, dir, yaml string) []string {
	t.Helper()
	l := LoadIn(t, dir, yaml, "sqlite::memory:")
	var out []string
	for _, p := range l.Problems {
		text := p.Error()
		if i := strings.Index(text, "app.yaml:"); i >= 0 {
			text = text[i+len("app.yaml:"):]
		}
		out = append(out, text)
	}
	return out
}

// Request sends one request. A body that begins with { or [ is JSON. headers are "Name:
// value".
func Request(a http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	} else {
		r.Body = http.NoBody
	}
	for _, h := range headers {
		name, text, _ := strings.Cut(h, ": ")
		r.Header.Set(name, text)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// A Database makes an empty database and gives its url.
type Database struct {
	Name string
	URL  func(t testing.TB) string
}

// Databases lists one of each kind.
func Databases() []Database {
	return []Database{{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "test.db") }}, {"postgres", Postgres}}
}

// setupTime bounds the making and dropping of a database.
const setupTime = time.Minute

// Postgres makes a database, dropped when the test ends, on the server that
// GATEWAY_TEST_POSTGRES names.
func Postgres(t testing.TB) string {
	t.Helper()
	server := cmp.Or(os.Getenv("GATEWAY_TEST_POSTGRES"), "postgres://postgres@127.0.0.1:5432/postgres")
	name := "gateway_test_" + strings.ToLower(rand.Text())
	admin(t, server, "create database "+name)
	t.Cleanup(func() { admin(t, server, "drop database "+name+" with (force)") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func admin(t testing.TB, server, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), setupTime)
	defer cancel()
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("this test needs a Postgres server, by GATEWAY_TEST_POSTGRES or on 127.0.0.1:5432: %v", err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, sql); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}
