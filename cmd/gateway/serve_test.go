package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/openmanifest/gateway/internal/gatewaytest"
)

// A process in production reads its manifest again on SIGHUP. A broken one changes nothing
// and is told on stderr; SIGTERM ends the process with exit code 0.
func TestSignals(t *testing.T) {
	dir := gatewaytest.Copy(t, filepath.Join(gatewaytest.Root(t), "examples", "hello"))
	cmd := exec.Command(gatewaytest.Build(t), "serve")
	cmd.Dir = dir
	gateway := gatewaytest.Start(t, cmd)
	manifest := filepath.Join(dir, "app.yaml")
	first, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct{ old, new, log, answer string }{
		{"Hello!", "Good day!", "reloaded", "Good day!"},
		{"text: Hello!", "txt: Hello!", "app.yaml:7:9: unknown plug \"txt\"", "Good day!"},
		{"Hello!", "Back again", "\"generation\":3", "Back again"},
	}
	for _, s := range steps {
		if err := os.WriteFile(manifest, []byte(strings.Replace(string(first), s.old, s.new, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := gateway.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if err := gateway.WaitLog(t.Context(), s.log); err != nil {
			t.Fatal(err)
		}
		if got := get(t, gateway, "/"); got != s.answer {
			t.Errorf("after %q became %q: %q, want %q", s.old, s.new, got, s.answer)
		}
	}
	if err := gateway.Stop(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

func get(t *testing.T, gateway *gatewaytest.Process, path string) string {
	t.Helper()
	answer, err := http.Get("http://127.0.0.1:" + gateway.Port + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
