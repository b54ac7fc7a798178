package channels

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
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
	for _, transport := range []string{"websocket", "longpoll"} {
		t.Run(transport, func(t *testing.T) {
			url := "ws" + strings.TrimPrefix(serveClient(t).http.URL, "http") + "/socket"
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			run := exec.CommandContext(ctx, node, "run.cjs", url, transport)
			run.Dir = folder
			out, err := run.CombinedOutput()
			if err != nil {
				t.Fatalf("node run.cjs: %v\n%s", err, out)
			}
			if got := strings.Count("\n"+string(out), "\nok "); got != 18 {
				t.Errorf("%d steps held, want 18:\n%s", got, out)
			}
		})
	}
}

// serveClient serves what the client's steps are about: /socket, /socket-token, which asks
// for a token, and /socket-polls, which has no websocket.
func serveClient(t *testing.T) *server {
	lobby := &testChannel{topic: "lobby:*", afterJoin: func(c *Call) {
		must(c.Track(c.Membership.Identity().Names.(string), []byte(`{"status":"online"}`)))
	}, in: map[string]func(*Call){"status": func(c *Call) {
		must(c.UpdatePresence(c.Membership.Identity().Names.(string), c.Payload.Bytes))
	}}}
	guarded := &testChannel{topic: "guarded", join: func(c *Call) { must(c.Reply("error", value.JSON([]byte(`{"reason":"unauthorized"}`)))) }}
	chat := room()
	chat.join = func(c *Call) { must(c.Reply("ok", c.Payload)) }
	const window = 2 * time.Second // the shorter, the sooner a client that polls no more is seen to have left, but also one that is held up
	rules := polling(anyOrigin(chat, lobby, guarded), window)
	rules.connect = func(h *Handshake) (*Identity, error) {
		user, _ := h.Params["user"].(string)
		return &Identity{ID: "user:" + user, Names: user}, nil
	}
	withToken := polling(anyOrigin(room()), window)
	withToken.settings.AuthToken = true
	withToken.connect = func(h *Handshake) (*Identity, error) {
		if h.AuthToken != "secret-1234" {
			return nil, &Refusal{Reason: "unauthorized"}
		}
		return &Identity{}, nil
	}
	s := serveBy(t, rules, func(all http.Handler) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/socket-polls/websocket" {
				http.NotFound(w, r)
				return
			}
			all.ServeHTTP(w, r)
		}))
	})
	chat.in["kick"] = func(c *Call) {
		var to struct{ ID string }
		must(json.Unmarshal(c.Payload.Bytes, &to))
		s.hub.Disconnect(to.ID)
	}
	s.hub.Apply(map[string]Rules{"/socket": rules, "/socket-token": withToken, "/socket-polls": polling(anyOrigin(room()), window)})
	return s
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
