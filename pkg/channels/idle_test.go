package channels

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// A pipes listener hands out connections within the process, for a clock that is not real.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestIdleTimeoutIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, hub: newHub(t)}
		s.hub.Apply(map[string]Rules{"/socket": anyOrigin(room())})
		listener := make(pipes)
		web := &http.Server{Handler: s}
		go web.Serve(listener)
		dialer := websocket.Dialer{NetDialContext: listener.dial}
		ws, _, err := dialer.Dial("ws://pipe/socket/websocket?vsn=2.0.0", nil)
		if err != nil {
			t.Fatal(err)
		}
		c := &client{t, ws}
		for range 3 { // each beat starts the time anew
			<-time.After(59 * time.Second)
			c.send(`[null,"1","phoenix","heartbeat",{}]`)
			if _, _, err := c.ReadMessage(); err != nil {
				t.Fatalf("closed although a heartbeat came: %v", err)
			}
		}
		beat := time.Now()
		_, _, err = c.ReadMessage()
		if !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Errorf("ended with %v, want close 1001", err)
		}
		if got := time.Since(beat); got != defaultTimeout {
			t.Errorf("closed %s after the last message, want %s", got, defaultTimeout)
		}
		ws.Close()
		synctest.Wait()
		if n := s.hub.Connections(); n != 0 {
			t.Errorf("%d connections left", n)
		}
		close(listener)
		web.Close()
	})
}

// A peer that takes the close frame and then says nothing is not waited for longer.
func TestPeerThatDoesNotAnswerTheClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, hub: newHub(t)}
		s.hub.Apply(map[string]Rules{"/socket": withID(anyOrigin(room()))})
		listener := make(pipes)
		web := &http.Server{Handler: s}
		go web.Serve(listener)
		dialer := websocket.Dialer{NetDialContext: listener.dial}
		ws, _, err := dialer.Dial("ws://pipe/socket/websocket?vsn=2.0.0&id=u", nil)
		if err != nil {
			t.Fatal(err)
		}
		ws.SetCloseHandler(func(int, string) error { return nil }) // no answer
		synctest.Wait()
		start := time.Now()
		s.hub.Disconnect("u")
		if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Errorf("ended with %v, want close 1001", err)
		}
		if _, err := ws.NetConn().Read(make([]byte, 1)); err == nil || time.Since(start) != closeWait {
			t.Errorf("the network connection ended after %s with %v, want %s", time.Since(start), err, closeWait)
		}
		synctest.Wait()
		if n := s.hub.Connections(); n != 0 {
			t.Errorf("%d connections left", n)
		}
		close(listener)
		web.Close()
	})
}
