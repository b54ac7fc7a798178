package channels

import (
	"context"
	"errors"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/openmanifest/gateway/internal/await"
)

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
	if err := await.From(t, "the drain is over", done); err != nil {
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
	await.Until(t, "the handler was told", func() bool { return s.hub.Connections() == 0 })
}
