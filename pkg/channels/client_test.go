package channels

import (
	"context"
	"encoding/json"
	"github.com/openmanifest/gateway/pkg/value"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The unmodified Phoenix client, under node, against this server. Its steps are in
// testdata/client/run.cjs.
func TestPhoenixClient(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("this test runs the JavaScript client and needs node (20 or later) and npm in PATH: %v", err)
	}
	folder := filepath.Join("testdata", "client")
	install(t, folder)

	lobby := &testChannel{topic: "lobby:*", afterJoin: func(c *Call) {
		must(c.Track(c.Membership.Identity().Names.(string), []byte(`{"status":"online"}`)))
	}, in: map[string]func(*Call){"status": func(c *Call) {
		must(c.UpdatePresence(c.Membership.Identity().Names.(string), c.Payload.Bytes))
	}}}
	guarded := &testChannel{topic: "guarded", join: func(c *Call) { must(c.Reply("error", value.JSON([]byte(`{"reason":"unauthorized"}`)))) }}
	chat := room()
	chat.join = func(c *Call) { must(c.Reply("ok", c.Payload)) }
	rules := anyOrigin(chat, lobby, guarded)
	rules.connect = func(h *Handshake) (*Identity, error) {
		user, _ := h.Params["user"].(string)
		return &Identity{ID: "user:" + user, Names: user}, nil
	}
	withToken := anyOrigin(room())
	withToken.settings.AuthToken = true
	withToken.connect = func(h *Handshake) (*Identity, error) {
		if h.AuthToken != "secret-1234" {
			return nil, &Refusal{Reason: "unauthorized"}
		}
		return &Identity{}, nil
	}
	s := serve(t, rules)
	chat.in["kick"] = func(c *Call) {
		var to struct{ ID string }
		must(json.Unmarshal(c.Payload.Bytes, &to))
		s.hub.Disconnect(to.ID)
	}
	s.hub.Apply(map[string]Rules{"/socket": rules, "/socket-token": withToken})

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, node, "run.cjs", "ws"+strings.TrimPrefix(s.http.URL, "http")+"/socket")
	run.Dir = folder
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("node run.cjs: %v\n%s", err, out)
	}
	if got := strings.Count("\n"+string(out), "\nok "); got != 16 {
		t.Errorf("%d steps held, want 16:\n%s", got, out)
	}
}

// install fetches the packages of package-lock.json where they are missing.
func install(t *testing.T, folder string) {
	t.Helper()
	for _, name := range []string{"phoenix", "ws"} {
		if _, err := os.Stat(filepath.Join(folder, "node_modules", name, "package.json")); err == nil {
			continue
		}
		npm := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
		npm.Dir = folder
		if out, err := npm.CombinedOutput(); err != nil {
			t.Fatalf("npm ci in %s, for the JavaScript client: %v\n%s", folder, err, out)
		}
		return
	}
}
