package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// TestRateLimitOfASocket: what one connection sends over the rate ends it, and no other.
func TestRateLimitOfASocket(t *testing.T) {
	const rest = "\n    channels: [{topic: 'room:{id}', join: [], handle_in: {echo: {reply: \"${payload}\"}}}]\n"
	for name, limit := range map[string]string{
		"rate and burst":         "{rate: 1/h, burst: 3}",
		"the burst is the count": "3/d",
	} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, "sockets:\n  - path: /socket\n    connect: []\n    rate_limit: "+limit+rest)
			c, other := h.dial("/socket/websocket"), h.dial("/socket/websocket")
			c.join("room:7", `{}`, okReply).play(`> ["1","2","room:7","echo",{"n":1}]`, `< ["1","2","room:7","phx_reply",{"status":"ok","response":{"n":1}}]`,
				`> [null,"3","phoenix","heartbeat",{}]`, `< [null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]`,
				`> ["1","4","room:7","echo",{"n":2}]`)
			if code := c.closeCode(); code != websocket.ClosePolicyViolation {
				t.Errorf("closed with %d, want 1008", code)
			}
			if n := h.hub.Stats().Limited; n != 1 {
				t.Errorf("%d counted, want 1", n)
			}
			other.join("room:7", `{}`, okReply)
		})
	}
}

// TestCompressionOfASocket: it is agreed on where the manifest says so, and nowhere else.
func TestCompressionOfASocket(t *testing.T) {
	for settings, want := range map[string]bool{"{compress: true}": true, "{compress: false}": false, "{timeout: 30s}": false, "true": false} {
		h := serve(t, "sockets:\n  - path: /socket\n    connect: []\n    websocket: "+settings+"\n    channels: []\n")
		dialer := websocket.Dialer{EnableCompression: true}
		ws, answer, err := dialer.Dial("ws"+strings.TrimPrefix(h.http.URL, "http")+"/socket/websocket?vsn=2.0.0", http.Header{})
		if err != nil {
			t.Fatalf("websocket: %s: %v", settings, err)
		}
		if got := answer.Header.Get("Sec-Websocket-Extensions"); strings.HasPrefix(got, "permessage-deflate") != want {
			t.Errorf("websocket: %s: agreed on %q", settings, got)
		}
		ws.Close()
	}
}
