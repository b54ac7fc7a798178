// Package examples_test runs the examples as their READMEs say.
package examples_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/gatewaytest"
)

func TestReadmes(t *testing.T) {
	binary := gatewaytest.Build(t)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"method":%q,"path":%q}`, r.Method, r.URL.Path)
	}))
	t.Cleanup(service.Close)
	pages, err := filepath.Glob("*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob("*/app.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) != len(folders) || len(pages) < 4 {
		t.Errorf("%d READMEs for %d examples", len(pages), len(folders))
	}
	docs, err := filepath.Glob("../docs/*.md")
	if err != nil || len(docs) < 10 {
		t.Fatalf("%d pages of docs: %v", len(docs), err)
	}
	for _, page := range slices.Concat(pages, docs, []string{"../README.md"}) {
		t.Run(page, func(t *testing.T) {
			gatewaytest.RunPage(t, binary, page, "http://127.0.0.1:9000", service.URL)
		})
	}
}

// Each example passes check as it will be served in production.
func TestCheck(t *testing.T) {
	binary := gatewaytest.Build(t)
	manifests, err := filepath.Glob("*/app.yaml")
	if err != nil || len(manifests) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, manifest := range manifests {
		check := exec.CommandContext(t.Context(), binary, "check", manifest, "--env", "prod", "--strict")
		check.Env = append(os.Environ(), "SECRET_KEY_BASE="+strings.Repeat("s", 64))
		out, err := check.CombinedOutput()
		if err != nil || !strings.Contains(string(out), ": ok, ") || strings.Contains(string(out), "warning") {
			t.Errorf("%s: %v\n%s", check, err, out)
		}
	}
}

// Two people chat in a browser while the manifest is edited: see test/chat.mjs.
func TestChatInBrowser(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	script, gateway, dir := browse(ctx, t, "chat")
	screenshot := filepath.Join(t.TempDir(), "chat.png")
	if path := os.Getenv("GATEWAY_TEST_SCREENSHOT"); path != "" {
		screenshot = path
	}
	script.Args = append(script.Args, filepath.Join(dir, "app.yaml"), screenshot)
	out, err := script.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := script.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := script.Start(); err != nil {
		t.Fatal(err)
	}
	var steps []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "edited" {
			if err := gateway.WaitLog(ctx, "reloaded"); err != nil {
				t.Error(err)
			}
			if _, err := io.WriteString(in, "reloaded\n"); err != nil {
				t.Error(err)
			}
			continue
		}
		steps = append(steps, lines.Text())
	}
	if err := script.Wait(); err != nil {
		t.Fatalf("node chat.mjs: %v after %q\n%s", err, steps, script.Stderr)
	}
	want := []string{
		"ok both sign up and join",
		"ok each sees both online",
		"ok both read each other's messages",
		"ok an edit changes the next message, on the same websocket",
		"ok closing a tab shows the leave",
	}
	if !slices.Equal(steps, want) {
		t.Errorf("steps that held: %q, want %q", steps, want)
	}
	if picture, err := os.Stat(screenshot); err != nil || picture.Size() == 0 {
		t.Errorf("no screenshot: %v", err)
	}
}
