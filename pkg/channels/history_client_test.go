package channels

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// The unmodified Phoenix client misses nothing when it comes back. Its steps are in
// testdata/client/history.cjs.
func TestPhoenixClientComesBack(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("this test runs the JavaScript client and needs node (20 or later) and npm in PATH: %v", err)
	}
	folder := filepath.Join("testdata", "client")
	install(t, folder)
	rules := keeping(50, time.Hour)
	chat := rules.channels[0]
	chat.in["new_msg"] = func(c *Call) {
		must(c.Broadcast(c.Membership.Topic, c.Event, c.Payload))
		must(c.Reply("ok", value.Payload{}))
	}
	chat.in["mine"] = chat.in["new_msg"]
	chat.out = map[string]func(*Call){"mine": func(c *Call) { must(c.Push(c.Event, c.Payload)) }}
	url := "ws" + strings.TrimPrefix(serve(t, rules).http.URL, "http") + "/socket"
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, node, "history.cjs", url)
	run.Dir = folder
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("node history.cjs: %v\n%s", err, out)
	}
	if got := strings.Count("\n"+string(out), "\nok "); got != 6 {
		t.Errorf("%d steps held, want 6:\n%s", got, out)
	}
}
