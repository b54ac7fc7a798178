package channels

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// within runs a test with a client on a clock that is not real.
func within(t *testing.T, rules *testRules, test func(t *testing.T, s *server, c *client)) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, hub: newHub(t)}
		s.hub.Apply(map[string]Rules{"/socket": rules})
		listener := make(pipes)
		web := &http.Server{Handler: s}
		go web.Serve(listener)
		dialer := websocket.Dialer{NetDialContext: listener.dial}
		ws, _, err := dialer.Dial("ws://pipe/socket/websocket?vsn=2.0.0", nil)
		if err != nil {
			t.Fatal(err)
		}
		test(t, s, &client{t, ws})
		ws.Close()
		synctest.Wait()
		if n := s.hub.Connections(); n != 0 {
			t.Errorf("%d connections left", n)
		}
		close(listener)
		web.Close()
	})
}

// held tells how many bytes of buffer the one connection's reader has, and whether its
// topics have some for messages.
func (s *server) held() (buffer, queues int) {
	synctest.Wait()
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for c := range s.hub.conns {
		buffer += c.link.(*socket).buffer.Size()
		c.mu.Lock()
		for _, one := range c.slots.all {
			queues += cap(one.queue)
		}
		c.mu.Unlock()
	}
	return buffer, queues
}

func TestQuietConnectionsHoldNoBuffers(t *testing.T) {
	within(t, anyOrigin(room()), func(t *testing.T, s *server, c *client) {
		holds := func(when string, want bool) {
			t.Helper()
			if buffer, queues := s.held(); buffer > 0 != want || queues > 0 != want {
				t.Errorf("%s: room for %d bytes and %d events, want some: %v", when, buffer, queues, want)
			}
		}
		holds("when it was opened", false)
		c.join("room:a")
		holds("joined", false)
		for range 2 {
			c.play(`> ["1","2","room:a","echo",{}]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`)
		}
		holds("at work", true)
		<-time.After(2*restAfter + 1)
		holds("quiet", false)
		c.play(`> ["1","3","room:a","echo",{}]`, `< ["1","3","room:a","phx_reply",{"status":"ok","response":{}}]`)
		holds("behind one message", false)
	})
}

// A frame that comes in pieces, the first of which wakes a connection at rest.
func TestMessagesThatComeSlowly(t *testing.T) {
	for _, lively := range []bool{false, true} {
		within(t, anyOrigin(room()), func(t *testing.T, _ *server, c *client) {
			if lively {
				c.play("> "+beat, "< "+beatReply, "> "+beat, "< "+beatReply)
			}
			for i, piece := range masked(0x81, []byte(beat)) {
				if i > 0 {
					<-time.After(restAfter + time.Second)
				}
				if _, err := c.NetConn().Write([]byte{piece}); err != nil {
					t.Fatal(err)
				}
			}
			c.SetReadDeadline(time.Time{})
			c.expect(beatReply)
			whole := masked(0x81, []byte(beat))
			for _, pieces := range [][]byte{whole[:1], whole[1:], whole[:7], whole[7:], append(whole, whole[:1]...), whole[1:]} {
				<-time.After(3 * restAfter)
				if _, err := c.NetConn().Write(pieces); err != nil {
					t.Fatal(err)
				}
				if len(pieces) > 7 {
					c.expect(beatReply)
				}
			}
		})
	}
}

// The idle time counts from the last message, at work or at rest, also where it is shorter
// than what makes a connection rest.
func TestIdleTimeOfConnectionsAtWork(t *testing.T) {
	for _, timeout := range []time.Duration{restAfter / 2, restAfter, restAfter + 1, 5 * restAfter, time.Minute} {
		rules := anyOrigin(room())
		rules.settings.Timeout = timeout
		within(t, rules, func(t *testing.T, _ *server, c *client) {
			for range 3 {
				c.play("> "+beat, "< "+beatReply)
				<-time.After(timeout / 3)
			}
			c.play("> "+beat, "< "+beatReply)
			last := time.Now()
			c.SetReadDeadline(time.Time{})
			if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
				t.Errorf("%s: ended with %v, want close 1001", timeout, err)
			}
			if got := time.Since(last); got != timeout {
				t.Errorf("closed %s after the last message, want %s", got, timeout)
			}
		})
	}
}

// A listener whose connections look at what is read and written, as the gateway's do.
type looking struct {
	net.Listener
	looked *atomic.Int64
}

func (l looking) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &lookedAt{c, l.looked}, err
}

type lookedAt struct {
	net.Conn
	looked *atomic.Int64
}

func (l *lookedAt) Unwatched() net.Conn { return l.Conn }

func (l *lookedAt) Read(p []byte) (int, error) {
	l.looked.Add(1)
	return l.Conn.Read(p)
}

func (l *lookedAt) Write(p []byte) (int, error) {
	l.looked.Add(1)
	return l.Conn.Write(p)
}

func TestWhatWatchesHTTPIsLeftBehind(t *testing.T) {
	var looked atomic.Int64
	s := serveBy(t, anyOrigin(room()), func(h http.Handler) *httptest.Server {
		web := httptest.NewUnstartedServer(h)
		web.Listener = looking{web.Listener, &looked}
		web.Start()
		return web
	})
	c := s.dial()
	before := looked.Load()
	c.play("> "+beat, "< "+beatReply, "> "+beat, "< "+beatReply)
	if after := looked.Load(); before == 0 || after != before {
		t.Errorf("looked at %d times before the first message and %d times behind it", before, after)
	}
}
