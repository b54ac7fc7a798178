// Package pipetest compiles a list of plugs as a manifest would hold it and runs it, so
// that the test of a plug is a table of lists, requests and answers.
package pipetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// Secret is a secret_key_base for manifests of tests.
const Secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// An App is a list of plugs with what it is compiled against. Beside Defs there is `show`,
// which answers with its value as JSON, and outside of HTTP notes it in Result.Shown.
type App struct {
	Defs     []*pipeline.Def
	Place    pipeline.Place    // 0 is a route
	List     string            // YAML
	Unsafe   bool              // the route takes other methods than GET, HEAD and OPTIONS
	Sections string            // YAML of other sections, such as tokens
	Files    map[string]string // beside the manifest, by path
	Hub      pipeline.Broadcaster
	Shared   *pipeline.Shared // nil: one of its own
	Log      io.Writer        // nil: nowhere
	Now      func() time.Time // nil: the clock of time
}

// Problems compiles and gives what is wrong, each as line:column: message (hint), places
// in other files with the file's name.
func (a App) Problems(t testing.TB) []string {
	t.Helper()
	_, problems, dir := a.compile(t)
	var out []string
	for _, p := range problems {
		text := strings.ReplaceAll(p.Error(), dir+string(filepath.Separator), "")
		text = strings.TrimPrefix(text, "list:")
		if p.Severity == diag.Warning {
			text = "warning: " + text
		}
		out = append(out, text)
	}
	return out
}

// Compile compiles and opens. The test fails when there is a problem.
func (a App) Compile(t testing.TB) *Compiled {
	t.Helper()
	c, problems, _ := a.compile(t)
	for _, p := range problems {
		if p.Severity == diag.Error {
			t.Fatalf("compile: %v\n%s", p, a.List)
		}
	}
	shared := a.Shared
	if shared == nil {
		shared = &pipeline.Shared{}
	}
	lease := shared.Lease()
	t.Cleanup(lease.Release)
	if err := c.Env.Open(lease); err != nil {
		t.Fatalf("open: %v", err)
	}
	return c
}

func (a App) compile(t testing.TB) (*Compiled, []*diag.Problem, string) {
	t.Helper()
	dir := t.TempDir()
	a.write(t, dir)
	ps := &diag.Problems{}
	now := a.Now
	if now == nil {
		now = time.Now
	}
	hasher := password.NewHasher(2)
	functions := &expr.Functions{
		Now: now, Random: rand.Reader, BaseURL: "https://app.example",
		HashPassword: func(p string) (string, error) { return hasher.Hash(context.Background(), p) },
		Env:          func(string) (string, bool) { return "", false },
	}
	m := config.Load(filepath.Join(dir, "app.yaml"), config.Options{Environment: "test", Getenv: functions.Env}, ps)
	if m == nil {
		t.Fatalf("the manifest of the test cannot be read: %v", ps.All())
	}
	logTo := a.Log
	if logTo == nil {
		logTo = io.Discard
	}
	env := &pipeline.Env{Manifest: m, Functions: functions, Hub: a.Hub, Now: now, Hasher: hasher,
		Log: slog.New(slog.NewTextHandler(logTo, nil))}
	c := &Compiled{Env: env}
	list := source.Parse("list", []byte(a.List), ps)
	if list == nil {
		return c, ps.All(), dir
	}
	compiler := pipeline.NewCompiler(env, append([]*pipeline.Def{c.show()}, a.Defs...), ps)
	c.compile(compiler, a, list)
	return c, ps.All(), dir
}

func (a App) write(t testing.TB, dir string) {
	t.Helper()
	files := map[string]string{"app.yaml": fmt.Sprintf("version: 1\n%s\n", a.Sections)}
	for name, text := range a.Files {
		files[name] = text
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
