package app_test

import (
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/password"
)

var update = flag.Bool("update", false, "write what check says into the golden files")

// checked loads a manifest as `gateway check` does.
func checked(path, environment string, env map[string]string) *app.Loaded {
	return app.Load(path, environment, app.Deps{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Reader, Lenient: true, Hub: app.NoHub{}, Hasher: password.NewHasher(0),
		Getenv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
}

// told writes problems as the golden files hold them: one line each, with the hint and the
// related places indented below.
func told(problems []*diag.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		severity := ""
		if p.Severity == diag.Warning {
			severity = "warning: "
		}
		fmt.Fprintf(&b, "%s: %s%s\n", p.At, severity, p.Message)
		if p.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", p.Hint)
		}
		for _, r := range p.Related {
			fmt.Fprintf(&b, "  see: %s: %s\n", r.At, r.Message)
		}
	}
	return b.String()
}

// A checkCase is one broken manifest. Its comment tells what is wrong with it and ends in
// `schema: refuses`, `schema: accepts`, or `schema: unreadable` where no reader of YAML takes
// it; a line `env: NAME` sets the environment.
type checkCase struct {
	name, schema, environment string
	archive                   *txtar.Archive
	want                      string
	env                       map[string]string
}

func readCheckCase(t *testing.T, path string) *checkCase {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &checkCase{name: strings.TrimSuffix(filepath.Base(path), ".txtar"), environment: "prod", archive: archive, env: map[string]string{}}
	for line := range strings.Lines(string(archive.Comment)) {
		if word, ok := strings.CutPrefix(line, "schema: "); ok {
			c.schema = strings.TrimSpace(word)
		}
		if word, ok := strings.CutPrefix(line, "env: "); ok {
			c.environment = strings.TrimSpace(word)
		}
	}
	for _, f := range archive.Files {
		switch f.Name {
		case "want":
			c.want = string(f.Data)
		case "env":
			for line := range strings.Lines(string(f.Data)) {
				name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
				c.env[name] = value
			}
		}
	}
	return c
}

// lay writes the files of a case into a folder of the test, and goes there.
func (c *checkCase) lay(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range c.archive.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

// TestBrokenManifests checks every case of testdata/check: each fault where it is, in words,
// with a way out, and no consequence beside its cause.
func TestBrokenManifests(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/check/*.txtar")
	if err != nil || len(paths) < 80 {
		t.Fatalf("%d cases, %v; at least 80 are wanted", len(paths), err)
	}
	several := 0
	for _, path := range paths {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		c := readCheckCase(t, path)
		if strings.Count("\n"+c.want, "\napp.yaml:") > 1 {
			several++
		}
		t.Run(c.name, func(t *testing.T) { c.run(t, path) })
	}
	if several < 10 {
		t.Errorf("%d cases with several faults, at least 10 are wanted", several)
	}
}

func (c *checkCase) run(t *testing.T, path string) {
	if c.schema != "refuses" && c.schema != "accepts" && c.schema != "unreadable" {
		t.Fatalf("the comment does not say what the schema does: %q", c.schema)
	}
	c.lay(t)
	loaded := checked("app.yaml", c.environment, c.env)
	for _, p := range loaded.Problems {
		if p.At.Line < 1 || p.At.Column < 1 {
			t.Errorf("no place: %v", p)
		}
	}
	got := told(loaded.Problems)
	if *update {
		c.rewrite(t, path, got)
		return
	}
	if got != c.want {
		t.Errorf("got\n%s\nwant\n%s", got, c.want)
	}
}

func (c *checkCase) rewrite(t *testing.T, path, got string) {
	t.Helper()
	kept := c.archive.Files[:0:0]
	for _, f := range c.archive.Files {
		if f.Name != "want" {
			kept = append(kept, f)
		}
	}
	c.archive.Files = append(kept, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(path, txtar.Format(c.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTheLargeManifests: of the two large manifests, beside all files that they name, only
// what this version lacks is refused, each by its name.
func TestTheLargeManifests(t *testing.T) {
	for _, name := range []string{"seed", "edge"} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(filepath.Join("../../testdata/manifests", name))
			loaded := checked(name+".yaml", "prod", map[string]string{"SECRET_KEY_BASE": strings.Repeat("s", 64)})
			for _, p := range loaded.Problems {
				if p.Code != "not-available" && (p.Code != "missing-file" || p.Severity != diag.Warning) {
					t.Errorf("%v", p)
				}
			}
			got := told(loaded.Problems)
			if *update {
				if err := os.WriteFile("want.txt", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile("want.txt")
			if err != nil || got != string(want) {
				t.Errorf("%v, got\n%s\nwant\n%s", err, got, want)
			}
		})
	}
}
