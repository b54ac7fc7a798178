package examples_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/gatewaytest"
)

// browse serves a copy of an example with --dev, in dir, and readies its script of the folder
// test, NAME.mjs, which drives Chromium. The script is to be given what else it asks for.
func browse(ctx context.Context, t *testing.T, name string) (script *exec.Cmd, gateway *gatewaytest.Process, dir string) {
	t.Helper()
	binary, chromium := gatewaytest.Build(t), gatewaytest.Chromium(t)
	folder := filepath.Join(gatewaytest.Root(t), "test")
	node := gatewaytest.Node(t, folder)
	dir = gatewaytest.Copy(t, name)
	serve := exec.Command(binary, "serve", "app.yaml", "--dev")
	serve.Dir = dir
	gateway = gatewaytest.Start(t, serve)
	script = exec.CommandContext(ctx, node, name+".mjs", chromium, "http://localhost:"+gateway.Port)
	script.Dir, script.Stderr = folder, &strings.Builder{}
	return script, gateway, dir
}
