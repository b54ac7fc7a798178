package channels

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unique"

	"github.com/gorilla/websocket"
	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/presence"
	"github.com/openmanifest/gateway/pkg/value"
)

// await.Patience bounds every wait of the tests.

// testRules are rules written in Go.
type testRules struct {
	settings Settings
	connect  func(*Handshake) (*Identity, error)
	fits     func(*Identity) bool
	channels []*testChannel
	closed   atomic.Bool
	uses     atomic.Int64
}

type testChannel struct {
	topic     string
	fits      func(*Membership) bool
	join      func(*Call)
	afterJoin func(*Call)
	in        map[string]func(*Call)
	out       map[string]func(*Call)
	leave     func(*Call)
	every     map[time.Duration]func(*Call)
	class     func(*Membership) string // nil: each member's out runs
	history   History
}

func (r *testRules) Acquire() bool {
	if r.closed.Load() {
		return false
	}
	r.uses.Add(1)
	return true
}
func (r *testRules) Release()           { r.uses.Add(-1) }
func (r *testRules) Settings() Settings { return r.settings }

func (r *testRules) Connect(h *Handshake) (*Identity, error) {
	if r.connect == nil {
		return &Identity{}, nil
	}
	return r.connect(h)
}

func (r *testRules) Fits(id *Identity) bool { return r.fits == nil || r.fits(id) }

func (r *testRules) find(topic string) *testChannel {
	for _, c := range r.channels {
		p, err := ParsePattern(c.topic)
		if err != nil {
			panic(err)
		}
		if _, ok := p.Match(topic, nil); ok {
			return c
		}
	}
	return nil
}

func (r *testRules) Channel(topic string) (Channel, bool) {
	c := r.find(topic)
	return c, c != nil
}

func (r *testRules) Filter(topic, event string) Filter {
	if c := r.find(topic); c != nil && c.out[event] != nil {
		return testFilter{c}
	}
	return nil
}

func (r *testRules) History(topic string) History {
	if c := r.find(topic); c != nil {
		return c.history
	}
	return History{}
}

type testFilter struct{ *testChannel }

func (f testFilter) Class(m *Membership) (Class, bool) {
	if f.class == nil {
		return Class{}, false
	}
	return unique.Make(f.class(m)), true
}

func run(f func(*Call), c *Call) {
	if f != nil {
		f(c)
	}
}

func (t *testChannel) Fits(m *Membership) bool { return t.fits == nil || t.fits(m) }
func (t *testChannel) Join(c *Call)            { run(t.join, c) }
func (t *testChannel) AfterJoin(c *Call)       { run(t.afterJoin, c) }
func (t *testChannel) Out(c *Call)             { run(t.out[c.Event], c) }
func (t *testChannel) Leave(c *Call)           { run(t.leave, c) }
func (t *testChannel) Every(c *Call)           { run(t.every[c.Interval], c) }

func (t *testChannel) Intervals() []time.Duration { return slices.Sorted(maps.Keys(t.every)) }

func (t *testChannel) In(c *Call) bool {
	f := t.in[c.Event]
	run(f, c)
	return f != nil
}

func echo(c *Call) { must(c.Reply("ok", c.Payload)) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// room is the channel of most tests.
func room() *testChannel {
	return &testChannel{topic: "room:{id}", in: map[string]func(*Call){
		"echo":    echo,
		"new_msg": func(c *Call) { must(c.Broadcast(c.Membership.Topic, c.Event, c.Payload)) },
		"others":  func(c *Call) { must(c.BroadcastFrom(c.Membership.Topic, "from", c.Payload)) },
		"pushed":  func(c *Call) { must(c.Push("note", value.Payload{})) },
		"silent":  func(*Call) {},
		"stop":    func(c *Call) { must(c.Reply("ok", value.Payload{})); c.Stop(StopNormal) },
		"fail":    func(c *Call) { c.Stop(StopError) },
		"panic":   func(*Call) { panic("boom") },
	}}
}

func newHub(t testing.TB) *Hub {
	t.Helper()
	refs, err := presence.NewRefs(rand.Reader, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h := New(Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Refs: refs})
	h.Presence().SetWindow(0) // each test knows which diff follows what
	return h
}

// a server with a hub, its rules at /socket.
type server struct {
	t    testing.TB
	hub  *Hub
	http *httptest.Server
}

// serve starts a server. When the test is over it drains, and no goroutine may be left.
func serve(t testing.TB, rules *testRules) *server {
	t.Helper()
	return serveBy(t, rules, httptest.NewServer)
}

func serveBy(t testing.TB, rules *testRules, start func(http.Handler) *httptest.Server) *server {
	t.Helper()
	before := runtime.NumGoroutine()
	s := &server{t: t, hub: newHub(t)}
	s.hub.Apply(map[string]Rules{"/socket": rules})
	s.http = start(s)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), await.Patience)
		defer cancel()
		if err := s.hub.Drain(ctx); err != nil {
			t.Error(err)
		}
		s.http.Close()
		await.Until(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= before })
		if n := rules.uses.Load(); n > 1 {
			t.Errorf("the rules are held %d times after all is over, want once, by the hub", n)
		}
	})
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, ok := strings.CutSuffix(r.URL.Path, "/longpoll"); ok {
		s.hub.ServeLongpoll(wrapped{w}, r, path, queryParams(r.URL.Query()))
		return
	}
	path, ok := strings.CutSuffix(r.URL.Path, "/websocket")
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.hub.ServeWebsocket(wrapped{w}, r, path, queryParams(r.URL.Query()))
}

// A wrapped writer is what middleware leaves of net/http's.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func queryParams(q url.Values) map[string]any {
	params := map[string]any{}
	for k, v := range q {
		params[k] = v[len(v)-1]
	}
	return params
}

func (s *server) url() string {
	return "ws" + strings.TrimPrefix(s.http.URL, "http") + "/socket/websocket?vsn=2.0.0"
}

type client struct {
	t testing.TB
	*websocket.Conn
}

func (s *server) dial(query ...string) *client {
	s.t.Helper()
	u := s.url()
	for _, q := range query {
		u += "&" + q
	}
	ws, _, err := websocket.DefaultDialer.Dial(u, nil)
	if err != nil {
		s.t.Fatalf("dial %s: %v", u, err)
	}
	s.t.Cleanup(func() { ws.Close() })
	return &client{s.t, ws}
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatalf("send %s: %v", text, err)
	}
}

func (c *client) receive() string {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(await.Patience))
	_, text, err := c.ReadMessage()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return string(text)
}

func (c *client) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.receive(); got != w {
			c.t.Fatalf("received\n got %s\nwant %s", got, w)
		}
	}
}

// play runs lines that begin with "> " (send) and "< " (expect).
func (c *client) play(lines ...string) {
	c.t.Helper()
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "> "); ok {
			c.send(text)
		} else {
			c.expect(strings.TrimPrefix(line, "< "))
		}
	}
}

func (c *client) join(topic string) *client {
	c.t.Helper()
	c.play(fmt.Sprintf(`> ["1","1",%q,"phx_join",{}]`, topic),
		fmt.Sprintf(`< ["1","1",%q,"phx_reply",{"status":"ok","response":{}}]`, topic))
	return c
}

// closed reads to the end and gives the close code.
func (c *client) closed() int {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(await.Patience))
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

// a notebook collects lines from many goroutines.
type notebook struct {
	mu    sync.Mutex
	lines []string
}

func (n *notebook) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

func (n *notebook) text() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.lines, "\n")
}
