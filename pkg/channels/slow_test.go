package channels

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

// piped runs f with a hub whose connections are pipes, under a clock that is not real.
func piped(t *testing.T, rules *testRules, f func(s *server, dial func() *client)) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, hub: newHub(t)}
		s.hub.Apply(map[string]Rules{"/socket": rules})
		listener := make(pipes)
		web := &http.Server{Handler: s}
		go web.Serve(listener)
		defer web.Close()
		defer close(listener)
		dialer := websocket.Dialer{NetDialContext: listener.dial}
		f(s, func() *client {
			ws, _, err := dialer.Dial("ws://pipe/socket/websocket?vsn=2.0.0", nil)
			if err != nil {
				t.Fatal(err)
			}
			return &client{t, ws}
		})
		<-time.After(time.Minute)
		if n := s.hub.Connections(); n != 0 {
			t.Errorf("%d connections left", n)
		}
	})
}

// A reader that takes a little now and then, so that no write is late, is not served for
// ever: frames do not wait for longer than outboxAge.
func TestFramesDoNotGrowOld(t *testing.T) {
	for name, size := range map[string]int{"small frames": 4000, "large frames": 24_000} {
		t.Run(name, func(t *testing.T) {
			piped(t, anyOrigin(room()), func(s *server, dial func() *client) {
				c := dial().join("room:a")
				payload := value.JSON([]byte(`"` + strings.Repeat("x", size) + `"`))
				for range 3_000_000 / size {
					must(s.hub.Broadcast("room:a", "big", payload))
				}
				c.SetReadDeadline(time.Time{})
				began, read, last := time.Now(), make([]byte, 8<<10), 0
				for time.Since(began) < outboxAge+writeWait && s.hub.Stats().Slow == 0 {
					<-time.After(time.Second)
					n, err := c.NetConn().Read(read)
					if last = n; err != nil {
						t.Fatalf("after %s: %v", time.Since(began), err)
					}
				}
				if took := time.Since(began); s.hub.Stats().Slow != 1 || took < outboxAge {
					t.Errorf("%d closed as slow after %s, want 1 after %s", s.hub.Stats().Slow, took, outboxAge)
				}
				rest, _ := io.ReadAll(c.NetConn())
				rest = append(read[:last], rest...) // the close frame may be what was read last
				if want := closeFrame(websocket.ClosePolicyViolation, "too slow to read"); !bytes.HasSuffix(rest, want) {
					t.Errorf("the end is %q, want %q", rest[max(0, len(rest)-40):], want)
				}
				c.Close()
			})
		})
	}
}

// One that keeps up is served for as long as it does, however much there always is to send.
func TestABusyReaderIsNotSlow(t *testing.T) {
	piped(t, anyOrigin(room()), func(s *server, dial func() *client) {
		c := dial().join("room:a")
		payload := value.JSON([]byte(`"` + strings.Repeat("x", 4000) + `"`))
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 200 { // each second as much as is read, in the second after
				for range 10 {
					must(s.hub.Broadcast("room:a", "big", payload))
				}
				<-time.After(time.Second)
			}
		}()
		for i := range 2000 {
			if i%50 == 0 {
				c.send(`[null,null,"room:none","beat",{}]`)
			}
			for {
				text := c.receive()
				if strings.Contains(text, "big") {
					break
				}
			}
			<-time.After(90 * time.Millisecond)
		}
		<-done
		if n := s.hub.Stats().Slow; n != 0 {
			t.Errorf("%d closed as slow", n)
		}
		c.Close()
	})
}

// One that reads nothing is given up when its write is late, and counted.
func TestAReaderThatStops(t *testing.T) {
	piped(t, anyOrigin(room()), func(s *server, dial func() *client) {
		c := dial().join("room:a")
		must(s.hub.Broadcast("room:a", "e", value.Payload{}))
		<-time.After(writeWait + closeWait)
		if n, left := s.hub.Stats().Slow, s.hub.Connections(); n != 1 || left != 0 {
			t.Errorf("%d closed as slow, %d connections left, want 1 and 0", n, left)
		}
		c.Close()
	})
}

// smallBuffers serves with connections that hold little of what is not read.
func smallBuffers(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		must(c.(*net.TCPConn).SetWriteBuffer(64 << 10))
		return ctx
	}
	s.Start()
	return s
}

// One member of a topic that reads nothing costs the others no event and no wait.
func TestAStalledMember(t *testing.T) {
	const members, events, window, size = 50, 400, 64, 16_000
	s := serveBy(t, anyOrigin(room()), smallBuffers)
	dialer := websocket.Dialer{NetDial: func(network, addr string) (net.Conn, error) {
		c, err := net.Dial(network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		return c, err
	}}
	ws, _, err := dialer.Dial(s.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	stalled := (&client{t, ws}).join("room:a")
	failed := make(chan error, members)
	var next [members]chan struct{} // each holds what one has read, so that none is far behind
	for k := range next {
		next[k] = make(chan struct{}, window)
		c := s.dial().join("room:a")
		go func() {
			if err := c.count(events, next[k]); err != nil {
				failed <- err
			}
		}()
	}
	payload := strings.Repeat("x", size)
	for i := range events {
		must(s.hub.Broadcast("room:a", "e", value.JSON(fmt.Appendf(nil, `{"n":%d,"x":%q}`, i, payload))))
		if i >= window {
			for _, read := range next {
				select {
				case <-read:
				case err := <-failed:
					t.Fatalf("after %d events: %v", i, err)
				}
			}
		}
	}
	for _, read := range next {
		for range window {
			select {
			case <-read:
			case err := <-failed:
				t.Fatal(err)
			}
		}
	}
	await.Until(t, "the stalled one is gone", func() bool { return s.hub.Connections() == members })
	if n := s.hub.Stats().Slow; n != 1 {
		t.Errorf("%d closed as slow, want 1", n)
	}
	if s.members("room:a") != members {
		t.Errorf("%d members, want %d", s.members("room:a"), members)
	}
	stalled.Close()
}

// count reads events that are numbered, and tells of each.
func (c *client) count(events int, each chan<- struct{}) error {
	c.SetReadDeadline(time.Now().Add(6 * await.Patience))
	for i := range events {
		_, text, err := c.ReadMessage()
		if err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
		if want := fmt.Sprintf(`[null,null,"room:a","e",{"n":%d,`, i); !strings.HasPrefix(string(text), want) {
			return fmt.Errorf("event %d is %.60s", i, text)
		}
		each <- struct{}{}
	}
	return nil
}
