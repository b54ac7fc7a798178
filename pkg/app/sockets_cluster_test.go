package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/bus/bustest"
)

const clusterSockets = `version: 1
scopes:
  - routes:
      - post: /say
        do: [{broadcast: {topic: [room, hall], event: said}}, {send_resp: 204}]
      - post: /say/or
        do:
          - broadcast: {topic: room, event: said}
            else: {json: {reason: "${failure.reason}", was: "${failure.status}"}, status: 200}
          - send_resp: 204
      - {post: /close, do: [{disconnect: [x, y]}, {send_resp: 204}]}
sockets:
  - path: /socket
    connect: []
    channels:
      - topic: room
        join: []
        handle_in:
          say: [{broadcast: {}}, {reply: {}}]
          others: [{broadcast_from: {}}, {reply: {}}]
          close: [{disconnect: x}, {reply: {}}]
          or: [{broadcast: {}, else: {reply: {only: here}}}, {reply: {}}]
        leave: [{broadcast: {event: left}}]
      - {topic: hall, join: []}
`

// What the other nodes cannot be told is a failure, after the members here got it.
func TestWhatDoesNotCrossFails(t *testing.T) {
	net := &bustest.Net{}
	node := net.Node("a")
	h := serve(t, clusterSockets)
	h.hub.UseBus(node)
	t.Cleanup(func() { h.hub.UseBus(nil); node.Close() })
	do := func(path string) (int, string) {
		w := apptest.Request(h, "POST", path, "")
		return w.Code, w.Body.String()
	}
	ann, bob := h.dial("/socket/websocket").join("room", "{}", okReply).join("hall", "{}", okReply), h.dial("/socket/websocket").join("room", "{}", okReply)
	for _, path := range []string{"/say", "/say/or", "/close"} {
		if code, body := do(path); code != http.StatusNoContent {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	ann.play(`< [null,null,"room","said",{}]`, `< [null,null,"hall","said",{}]`, `< [null,null,"room","said",{}]`)
	bob.play(`< [null,null,"room","said",{}]`, `< [null,null,"room","said",{}]`)

	net.Cut("a")
	for _, tt := range []struct {
		path string
		code int
		body string
	}{{"/say", 503, `"unavailable"`}, {"/say/or", 200, `{"reason":"unavailable","was":503}`}, {"/close", 503, `"unavailable"`}} {
		if code, body := do(tt.path); code != tt.code || !strings.Contains(body, tt.body) {
			t.Errorf("%s: %d %s, want %d %s", tt.path, code, body, tt.code, tt.body)
		}
	}
	ann.play(`< [null,null,"room","said",{}]`, `< [null,null,"hall","said",{}]`, `< [null,null,"room","said",{}]`)
	bob.play(`< [null,null,"room","said",{}]`, `< [null,null,"room","said",{}]`)

	const unavailable = `{"status":"error","response":{"reason":"unavailable"}}`
	bob.play(`> ["1","2","room","say",{"n":1}]`, `< [null,null,"room","say",{"n":1}]`, `< ["1","2","room","phx_reply",`+unavailable+`]`)
	bob.ask("room", "others", "{}", unavailable)
	bob.ask("room", "close", "{}", unavailable)
	bob.play(`> ["1","3","room","or",{}]`, `< [null,null,"room","or",{}]`, `< ["1","3","room","phx_reply",{"status":"ok","response":{"only":"here"}}]`)
	ann.play(`< [null,null,"room","say",{"n":1}]`, `< [null,null,"room","others",{}]`, `< [null,null,"room","or",{}]`)
	bob.play(`> ["1","4","room","phx_leave",{}]`)
	ann.play(`< [null,null,"room","left",{}]`)

	if got := h.log.String(); strings.Contains(got, "ERROR") {
		t.Errorf("logged as an error of ours:\n%s", got)
	}
	net.Mend("a")
	if code, body := do("/say"); code != http.StatusNoContent {
		t.Errorf("after it: %d %s", code, body)
	}
}
