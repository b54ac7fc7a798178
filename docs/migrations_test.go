package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/gatewaytest"
	"github.com/openmanifest/gateway/internal/markdown"
)

// The page of migrations is a session in a folder of its own: its manifest, and what is
// typed beside it.
func TestMigrationsPage(t *testing.T) {
	text, err := os.ReadFile("migrations.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, binary := t.TempDir(), gatewaytest.Build(t)
	script := "set -eu\n"
	for _, b := range markdown.Blocks(string(text)) {
		switch b.Info {
		case "yaml":
			if err := os.WriteFile(filepath.Join(dir, "app.yaml"), []byte(b.Text), 0o600); err != nil {
				t.Fatal(err)
			}
		case "sh":
			script += b.Text
		}
	}
	bash := exec.CommandContext(t.Context(), "bash", "-c", script+"gateway migrate status\ngateway check --strict\ngateway migrate diff nothing\n")
	bash.Dir = dir
	bash.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	out, err := bash.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\nin\n%s", err, out, script)
	}
	for _, want := range []string{"up 2", "CREATE TABLE \"posts\"", "down 2", "_first_users", "nothing to write"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the session lacks %q\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "pending") {
		t.Errorf("something is pending\n%s", out)
	}
}
