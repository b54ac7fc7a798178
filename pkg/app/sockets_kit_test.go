package app_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/internal/logbook"
	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/presence"
)

// A house is an App with a hub behind a server.
type house struct {
	t      testing.TB
	store  string // what DATABASE_URL is; with one, tables that are missing are made
	hub    *channels.Hub
	shared pipeline.Shared
	log    logbook.Book
	live   atomic.Pointer[app.App]
	http   *httptest.Server
}

// sections come before the sockets of every manifest of the tests.
const sections = `
version: 1
endpoint: {secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
tokens: {user: {salt: user auth}}
scopes:
  - routes:
      - get: /taken/websocket
        text: a route
      - get: /token/:id
        do:
          - sign_token: {token: user, data: "${params.id}"}
            as: token
          - text: ${token}
`

// serve compiles a manifest of these sockets and serves it until the test is over.
func serve(t testing.TB, sockets string) *house {
	t.Helper()
	return serveWith(t, "", sockets)
}

// serveWith serves a manifest that has a store.
func serveWith(t testing.TB, database, sockets string) *house {
	t.Helper()
	refs, err := presence.NewRefs(rand.Reader, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, store: database}
	h.hub = channels.New(channels.Options{Log: slog.New(slog.NewTextHandler(&h.log, nil)), Refs: refs})
	h.hub.Presence().SetWindow(0) // each test knows which diff follows what
	h.reload(sockets)
	h.http = httptest.NewServer(h)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), await.Patience)
		defer cancel()
		if err := h.hub.Drain(ctx); err != nil {
			t.Error(err)
		}
		h.http.Close()
		h.hub.Apply(nil)
		last := h.live.Load()
		last.Release()
		await.Until(t, "the App closes", func() bool { return closed(last) })
	})
	return h
}

func closed(a *app.App) bool {
	if !a.Acquire() {
		return true
	}
	a.Release()
	return false
}

// compile loads a manifest: of these sections after those of all tests, or, with a version,
// as it is.
func (h *house) compile(text string) *app.Loaded {
	h.t.Helper()
	if !strings.HasPrefix(text, "version:") {
		text = sections + text
	}
	path := filepath.Join(h.t.TempDir(), "app.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return app.Load(path, "test", app.Deps{
		Log: slog.New(slog.NewTextHandler(&h.log, nil)), Now: time.Now, Random: rand.Reader,
		Getenv: func(name string) (string, bool) { return h.store, h.store != "" && name == "DATABASE_URL" },
		Hub:    app.NewHub(h.hub), Hasher: password.NewHasher(1), Dev: h.store != "",
	})
}

// reload swaps in another manifest, as the server does, and gives the App that was live.
func (h *house) reload(sockets string) *app.App {
	h.t.Helper()
	loaded := h.compile(sockets)
	if loaded.Failed() {
		h.t.Fatalf("the manifest of the test: %v", loaded.Problems)
	}
	if err := loaded.App.Open(&h.shared); err != nil {
		h.t.Fatal(err)
	}
	old := h.live.Swap(loaded.App)
	h.hub.Apply(loaded.App.SocketRules())
	if old != nil {
		old.Release()
	}
	return old
}

// ServeHTTP serves the live App.
func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := h.live.Load()
	if !a.Acquire() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer a.Release()
	a.ServeHTTP(w, r)
}

// token signs one for a user.
func (h *house) token(id string) string {
	h.t.Helper()
	answer, err := http.Get(h.http.URL + "/token/" + id)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		h.t.Fatalf("token: %d %s %v", answer.StatusCode, text, err)
	}
	return string(text)
}

// try opens a websocket and gives the status of the answer.
func (h *house) try(path string, header http.Header) (*client, int) {
	h.t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	if !strings.Contains(path, "vsn=") {
		path += join + "vsn=2.0.0"
	}
	ws, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(h.http.URL, "http")+path, header)
	if err != nil {
		if answer == nil {
			h.t.Fatalf("dial %s: %v", path, err)
			return nil, 0
		}
		return nil, answer.StatusCode
	}
	h.t.Cleanup(func() { ws.Close() })
	return &client{h.t, ws}, answer.StatusCode
}

// dial opens a websocket that must be taken.
func (h *house) dial(path string) *client {
	h.t.Helper()
	c, status := h.try(path, nil)
	if c == nil {
		h.t.Fatalf("dial %s: status %d\n%s", path, status, h.log.String())
	}
	return c
}

type client struct {
	t testing.TB
	*websocket.Conn
}

func (c *client) receive() string {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(await.Patience))
	_, text, err := c.ReadMessage()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return string(text)
}

// play runs lines that begin with "> " (send) and "< " (expect).
func (c *client) play(lines ...string) *client {
	c.t.Helper()
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "> "); ok {
			if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
				c.t.Fatalf("send %s: %v", text, err)
			}
			continue
		}
		want := strings.TrimPrefix(line, "< ")
		if got := c.receive(); got != want {
			c.t.Fatalf("received\n got %s\nwant %s", got, want)
		}
	}
	return c
}

// join joins a topic with the join ref 1 and expects this response.
func (c *client) join(topic, payload, response string) *client {
	c.t.Helper()
	return c.play(fmt.Sprintf(`> ["1","1",%q,"phx_join",%s]`, topic, payload), fmt.Sprintf(`< ["1","1",%q,"phx_reply",%s]`, topic, response))
}

// ask sends an event to a topic that was joined and expects its reply.
func (c *client) ask(topic, event, payload, reply string) *client {
	c.t.Helper()
	return c.play(fmt.Sprintf(`> ["1","5",%q,%q,%s]`, topic, event, payload), fmt.Sprintf(`< ["1","5",%q,"phx_reply",%s]`, topic, reply))
}

// closeCode reads to the end and gives the close code.
func (c *client) closeCode() int {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(await.Patience))
	for {
		_, _, err := c.ReadMessage()
		if err == nil {
			continue
		}
		if e, ok := err.(*websocket.CloseError); ok {
			return e.Code
		}
		c.t.Fatalf("the connection ended without a close frame: %v", err)
	}
}

const (
	okReply      = `{"status":"ok","response":{}}`
	unauthorized = `{"status":"error","response":{"reason":"unauthorized"}}`
	invalidReply = `{"status":"error","response":{"reason":"invalid"}}`
	joinCrashed  = `{"status":"error","response":{"reason":"join crashed"}}`
)
