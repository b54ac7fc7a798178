package reference_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/reference"
)

// root is the folder of the project.
const root = "../.."

// modules is where `make setup` puts what the tests use from npm.
const modules = root + "/test"

// A manifest is judged by the schema, alone.
type manifest struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// A verdict is what the schema says of a manifest.
type verdict struct {
	Name    string   `json:"name"`
	Verdict string   `json:"verdict"` // accepts, refuses, unreadable
	Errors  []string `json:"errors"`
}

// judge runs ajv once over all manifests.
func judge(t *testing.T, manifests []manifest) []verdict {
	t.Helper()
	input, err := json.Marshal(map[string]any{"schema": reference.Schema(), "manifests": manifests})
	if err != nil {
		t.Fatal(err)
	}
	var verdicts []verdict
	if err := json.Unmarshal(node(t, input, "testdata/judge.cjs", modules), &verdicts); err != nil {
		t.Fatal(err)
	}
	if len(verdicts) != len(manifests) {
		t.Fatalf("%d verdicts of %d manifests", len(verdicts), len(manifests))
	}
	return verdicts
}

// node runs a script and gives what it writes.
func node(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	if _, err := os.Stat(modules + "/node_modules/ajv"); err != nil {
		t.Fatal("the npm packages of test/ are missing: run `make setup`")
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Stdin = bytes.NewReader(input)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out
}

// corpus reads the broken manifests, and what the schema is to say of each.
func corpus(t *testing.T) (cases []manifest, want map[string]string) {
	t.Helper()
	paths, err := filepath.Glob(root + "/testdata/check/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	want = map[string]string{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		_, word, _ := strings.Cut(string(archive.Comment), "schema: ")
		want[name] = strings.TrimSpace(word)
		for _, f := range archive.Files {
			if f.Name == "app.yaml" {
				cases = append(cases, manifest{name, string(f.Data)})
			}
		}
	}
	return cases, want
}

// files reads files as manifests.
func files(t *testing.T, patterns ...string) []manifest {
	t.Helper()
	var list []manifest
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, manifest{path, string(text)})
		}
	}
	return list
}

// check loads a manifest as `gateway check` does.
func check(path string) *app.Loaded {
	return app.Load(path, "prod", app.Deps{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: bytes.NewReader(nil), Lenient: true, Hub: app.NoHub{}, Hasher: password.NewHasher(0),
		Getenv: func(string) (string, bool) { return "", false },
	})
}
