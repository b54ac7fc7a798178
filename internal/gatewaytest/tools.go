package gatewaytest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// FreePort finds a port of this machine on which nobody listens, below those that a system
// hands out by itself: no other process gets it by chance before its server starts, nor while
// that is stopped.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 10_000 + rand.IntN(20_000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

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
