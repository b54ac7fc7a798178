package app_test

import (
	"net/http"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/openmanifest/gateway/internal/await"
)

// TestConnectionsAreCounted: a connection holds its place in a concurrency_limit for as long
// as it is open, also over a reload, and gives it back when it has gone, however it goes.
func TestConnectionsAreCounted(t *testing.T) {
	const channels = "    channels: [{topic: 'room:{id}', join: [], handle_in: {bye: {disconnect: me}}}]\n"
	tests := []struct {
		name, manifest string
		refused        int
	}{
		{"in connect", "sockets:\n  - path: /socket\n    connect: [{concurrency_limit: 2}]\n    id: me\n" + channels, http.StatusForbidden},
		{"in connect, with a status of choice", "sockets:\n  - path: /socket\n    connect: [{concurrency_limit: 2, else: {send_resp: 503}}]\n    id: me\n" + channels, http.StatusServiceUnavailable},
		{"for each user", "sockets:\n  - path: /socket\n    connect: [{concurrency_limit: {max: 2, key: \"${params.user}\"}}]\n    id: me\n" + channels, http.StatusForbidden},
		{"before the match", "version: 1\nendpoint: {plugs: [{concurrency_limit: 2}]}\n" +
			"sockets:\n  - path: /socket\n    connect: []\n    id: me\n" + channels, http.StatusServiceUnavailable},
	}
	ends := []struct {
		name string
		end  func(*client)
	}{
		{"the client closes", func(c *client) {
			_ = c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
			c.closeCode()
		}},
		{"the network goes", func(c *client) { c.NetConn().Close() }},
		{"the rules disconnect it", func(c *client) { c.play(`> ["1","2","room:7","bye",{}]`).closeCode() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := serve(t, tt.manifest)
			open := func() (*client, int) { return h.try("/socket/websocket?user=ann", nil) }
			for _, e := range ends {
				first := h.dial("/socket/websocket?user=ann").join("room:7", `{}`, okReply)
				second := h.dial("/socket/websocket?user=ann")
				h.reload(tt.manifest)
				if _, got := open(); got != tt.refused {
					t.Errorf("one too many: status %d, want %d", got, tt.refused)
				}
				e.end(first)
				var again *client
				await.Until(t, "there is a place when "+e.name, func() bool {
					again, _ = open()
					return again != nil
				})
				again.Close()
				second.Close()
				await.Until(t, "all have gone", func() bool { return h.hub.Connections() == 0 })
			}
		})
	}
}

// TestRefusedConnectionsHoldNothing: who is refused behind the limit, or cannot become a
// websocket, gives the place back at once.
func TestRefusedConnectionsHoldNothing(t *testing.T) {
	h := serve(t, "sockets:\n  - path: /socket\n    connect: [{concurrency_limit: 1}, {require: params.user == 'ann'}]\n    id: user:${params.id}\n")
	for _, path := range []string{"/socket/websocket?user=bob&id=1", "/socket/websocket?user=ann"} {
		if _, got := h.try(path, nil); got != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", path, got)
		}
		h.dial("/socket/websocket?user=ann&id=1").Close()
		await.Until(t, "it has gone", func() bool { return h.hub.Connections() == 0 })
	}
}
