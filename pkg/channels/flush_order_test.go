package channels

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/openmanifest/gateway/internal/await"
)

// direct counts the connections that can be written to without waiting.
func (s *server) direct() (n int) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for c := range s.hub.conns {
		if c.link.(*socket).raw != nil {
			n++
		}
	}
	return n
}

// Whatever writes them, frames of one source come in order and none is lost: broadcasts to
// two topics, replies of their slots and answers of the reader, large and small, to a client
// whose network holds little.
func TestOrderByAllWays(t *testing.T) {
	const each = 150
	s := serveBy(t, anyOrigin(room()), smallBuffers)
	c := s.dial().join("room:a").join("room:b")
	if s.direct() != 1 {
		t.Error("all writes wait")
	}
	body := strings.Repeat("x", 40_000)
	var sources sync.WaitGroup
	source := func(say func(i int, x string)) {
		sources.Go(func() {
			for i := range each {
				say(i, body[:(i%7)*(i%7)*100])
				if i%10 == 0 {
					say(-1, body)
				}
			}
		})
	}
	for _, topic := range []string{"room:a", "room:b"} {
		source(func(i int, x string) {
			shout(t, s.hub, topic, "e", fmt.Sprintf(`{"of":%q,"n":%d,"x":%q}`, topic, i, x))
		})
	}
	sources.Go(func() {
		for i := range each {
			for _, topic := range []string{"room:a", "room:b"} {
				c.send(fmt.Sprintf(`["1","1",%q,"echo",{"of":"echo %s","n":%d,"x":%q}]`, topic, topic, i, body[:(i%5)*1000]))
			}
			c.send(fmt.Sprintf(`[null,"%d","phoenix","heartbeat",{}]`, i))
		}
	})
	next, beats := map[string]int{}, 0
	for beats < each || next["room:a"] < each || next["room:b"] < each || next["echo room:a"] < each || next["echo room:b"] < each {
		var m []json.RawMessage
		var e struct {
			Of       string
			N        int
			Response struct {
				Of string
				N  int
			}
		}
		text := c.receive()
		must(json.Unmarshal([]byte(text), &m))
		must(json.Unmarshal(m[4], &e))
		of, n := e.Of+e.Response.Of, max(e.N, e.Response.N)
		switch {
		case string(m[2]) == `"phoenix"`:
			if want := fmt.Sprintf(`"%d"`, beats); string(m[1]) != want {
				t.Fatalf("answer to heartbeat %s, want %s", m[1], want)
			}
			beats++
		case e.N == -1:
		case n != next[of]:
			t.Fatalf("%s: %d, want %d", of, n, next[of])
		default:
			next[of]++
		}
	}
	sources.Wait()
}

// A connection with TLS is written to by a goroutine of its own, in order too.
func TestBroadcastsOverTLS(t *testing.T) {
	s := serveBy(t, anyOrigin(room()), httptest.NewTLSServer)
	dialer := websocket.Dialer{TLSClientConfig: s.http.Client().Transport.(*http.Transport).TLSClientConfig}
	var all []*client
	for range 3 {
		ws, _, err := dialer.Dial(s.url(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		all = append(all, (&client{t, ws}).join("room:a"))
	}
	if n := s.direct(); n != 0 {
		t.Errorf("%d connections would be written to below TLS", n)
	}
	for i := range 200 {
		shout(t, s.hub, "room:a", "e", fmt.Sprint(i))
	}
	for _, c := range all {
		for i := range 200 {
			c.expect(fmt.Sprintf(`[null,null,"room:a","e",%d]`, i))
		}
		c.play(`> ["1","2","room:a","echo",{}]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`)
	}
}

// What was broadcast before a drain comes before the close frame.
func TestDrainWritesWhatWaits(t *testing.T) {
	s := serve(t, anyOrigin(room()))
	var all []*client
	for range 3 * flushTurn {
		all = append(all, s.dial().join("room:a"))
	}
	for i := range 50 {
		shout(t, s.hub, "room:a", "e", fmt.Sprint(i))
	}
	done := make(chan error, 1)
	go func() { done <- s.hub.Drain(context.Background()) }()
	for _, c := range all {
		for i := range 50 {
			c.expect(fmt.Sprintf(`[null,null,"room:a","e",%d]`, i))
		}
		if code := c.closed(); code != websocket.CloseServiceRestart {
			t.Errorf("closed with %d, want 1012", code)
		}
	}
	if err := await.From(t, "the drain is over", done); err != nil {
		t.Error(err)
	}
	s.hub.flushersEnd(t)
}

// Clients that vanish while they are written to leave nothing behind.
func TestVanishingWhileWrittenTo(t *testing.T) {
	s := serve(t, anyOrigin(room()))
	stop := make(chan struct{})
	var shouting sync.WaitGroup
	shouting.Go(func() {
		tick := time.NewTicker(time.Millisecond) // not so often that a client could be too slow
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				shout(t, s.hub, "room:a", "e", "1")
			}
		}
	})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range 10 {
				ws, _, err := websocket.DefaultDialer.Dial(s.url(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				must(ws.SetReadDeadline(time.Now().Add(await.Patience)))
				must(ws.WriteMessage(websocket.TextMessage, []byte(`["1","1","room:a","phx_join",{}]`)))
				for range 20 {
					if _, _, err := ws.ReadMessage(); err != nil {
						t.Error(err)
						break
					}
				}
				ws.Close()
			}
		})
	}
	clients.Wait()
	close(stop)
	shouting.Wait()
	await.Until(t, "all are gone", func() bool { return s.hub.Connections() == 0 })
	s.hub.flushersEnd(t)
}

// What a slot holds goes out before its rules wait for anything, and when there is much of it.
func TestRepliesAreNotHeldUp(t *testing.T) {
	const ok = `"phx_reply",{"status":"ok","response":{}}]`
	push := func(c *Call, n int) {
		for range n {
			must(c.Push("note", c.Payload))
		}
	}
	tests := []struct {
		name string
		rule func(c *Call, release <-chan struct{})
		want []string
	}{
		{"a reply before a statement", func(c *Call, release <-chan struct{}) {
			must(c.Reply("ok", c.Payload))
			c.Context()
			<-release
		}, []string{`["1","2","room:a",` + ok}},
		{"one between two statements", func(c *Call, release <-chan struct{}) {
			c.Context()
			must(c.Reply("ok", c.Payload))
			c.Context()
			<-release
		}, []string{`["1","2","room:a",` + ok}},
		{"many pushes", func(c *Call, release <-chan struct{}) {
			push(c, heldFrames) // behind the answer to echo
			<-release
		}, slices.Repeat([]string{`["1",null,"room:a","note",{}]`}, heldFrames)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			gate, release := make(chan struct{}), make(chan struct{})
			channel := room()
			channel.in["gate"] = func(*Call) { <-gate }
			channel.in["slow"] = func(c *Call) { tt.rule(c, release) }
			h := newHub(t)
			h.Apply(map[string]Rules{"/socket": anyOrigin(channel)})
			l := listen(t, h).join("room:a").quiet()
			for _, text := range []string{`["1",null,"room:a","gate",{}]`, `["1","1","room:a","echo",{}]`, `["1","2","room:a","slow",{}]`} {
				l.says(text) // all of them wait in the slot
			}
			close(gate)
			l.hears(append([]string{`["1","1","room:a",` + ok}, tt.want...)...)
			close(release)
		})
	}
}
