package gatewaytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Node returns the path of node, once the npm packages of a folder are there.
func Node(t testing.TB, folder string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("this test runs JavaScript and needs node in PATH (`make setup` installs it): %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", ".package-lock.json")); err != nil {
		t.Fatalf("the npm packages of %s are not installed: run `make setup`", folder)
	}
	return node
}

// Chromium returns the path of the browser: GATEWAY_TEST_CHROMIUM, or the one in PATH.
func Chromium(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("GATEWAY_TEST_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("this test needs Chromium: `make setup` installs it on Debian, GATEWAY_TEST_CHROMIUM names another")
	return ""
}
