package channels

import (
	"context"
	"fmt"
	"time"

	"github.com/gorilla/websocket"
)

// How a drain tells its connections, as Phoenix does: in batches, so that those who come
// back do not reach the rest of the cluster all at once.
const (
	drainBatch = 10_000
	drainPause = 2 * time.Second
	restarting = "restarting"
)

// Drain takes no new connections and closes all with 1012, then waits until the last rules
// for leaving have run and no goroutine is left. When ctx ends first, connections are cut,
// the contexts of rules end, and the error says how many were still at work.
func (h *Hub) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.draining = true
	conns := make([]*conn, 0, len(h.conns))
	for c := range h.conns {
		conns = append(conns, c)
	}
	if len(conns) == 0 {
		h.noneLeft()
	}
	h.mu.Unlock()
	for len(conns) > 0 && ctx.Err() == nil {
		n := min(drainBatch, len(conns))
		for _, c := range conns[:n] {
			c.close(websocket.CloseServiceRestart, restarting)
		}
		if conns = conns[n:]; len(conns) > 0 {
			pause(ctx, drainPause)
		}
	}
	select {
	case <-h.empty:
		h.cancel()
		return nil
	case <-ctx.Done():
		return h.cut(ctx.Err())
	}
}

// cut gives up on those that are left.
func (h *Hub) cut(cause error) error {
	h.cancel()
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		c.drop(websocket.CloseServiceRestart, restarting)
		c.sever()
	}
	if len(h.conns) == 0 {
		return nil
	}
	return fmt.Errorf("drain sockets: %d connections left: %w", len(h.conns), cause)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
