package channels

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// awaited waits for a value, or for the end of a channel.
func awaited[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: not so after %s", what, patience)
		panic("unreachable")
	}
}

func TestDrain(t *testing.T) {
	s := serve(t, anyOrigin(room()))
	var all []*client
	for range 20 {
		all = append(all, s.dial().join("room:a"))
	}
	done := make(chan error, 1)
	go func() { done <- s.hub.Drain(context.Background()) }()
	for _, c := range all {
		if code := c.closed(); code != websocket.CloseServiceRestart {
			t.Errorf("closed with %d, want 1012", code)
		}
	}
	if err := awaited(t, "the drain is over", done); err != nil {
		t.Error(err)
	}
	if s.hub.Connections() != 0 {
		t.Errorf("%d connections left", s.hub.Connections())
	}
	if _, answer, err := websocket.DefaultDialer.Dial(s.url(), nil); err == nil || answer.StatusCode != 503 {
		t.Errorf("a new connection while draining: %v", err)
	}
}

func TestDrainThatRunsOutOfTime(t *testing.T) {
	channel := room()
	channel.in["slow"] = func(c *Call) { <-c.Context().Done() }
	s := serve(t, anyOrigin(channel))
	c := s.dial().join("room:a")
	c.play(`> ["1","2","room:a","slow",{}]`, `> [null,"4","phoenix","heartbeat",{}]`, `< [null,"4","phoenix","phx_reply",{"status":"ok","response":{}}]`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.hub.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Drain: %v, want that 1 is left", err)
	}
	eventually(t, "the handler was told", func() bool { return s.hub.Connections() == 0 })
}
