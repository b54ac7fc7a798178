package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/openmanifest/gateway/pkg/bus/bustest"
	"github.com/openmanifest/gateway/pkg/value"
)

// A reload keeps the tie to the other nodes, or moves all to another one.
func TestReloadsAndOtherNodes(t *testing.T) {
	nats := bustest.NewServer(t)
	text := fmt.Sprintf(clusterManifest, nats.URL())
	renamed := strings.Replace(text, "name: chat", "name: other", 1)
	moving, old, new := folder{t, t.TempDir()}, folder{t, t.TempDir()}, folder{t, t.TempDir()}
	moving.write("app.yaml", text)
	old.write("app.yaml", text)
	new.write("app.yaml", renamed)
	s, before, after := start(t, moving.dir, false), start(t, old.dir, false), start(t, new.dir, false)
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+s.Addr().String()+"/socket/websocket?vsn=2.0.0&user=ann", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	ann := &member{t, ws}
	ann.say(`["1","1","room:1","phx_join",{}]`)
	ann.until(`"presence_state"`)
	hears := func(from *Server, what string) {
		t.Helper()
		if err := from.hub.Broadcast("room:1", what, value.Payload{}); err != nil {
			t.Error(err)
		}
		ann.until(`[null,null,"room:1","` + what + `",{}]`)
	}
	reload := func(text string) {
		t.Helper()
		moving.write("app.yaml", text)
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	hears(before, "first")
	reload(strings.Replace(text, "on: true", "on: false", 1)) // something else
	hears(before, "second")
	if got := s.hub.Stats().Cluster.Presence.Nodes; got != 1 {
		t.Errorf("%d nodes are known after a reload of something else", got)
	}
	reload(renamed)
	hears(after, "third")
	if err := before.hub.Broadcast("room:1", "nobody", value.Payload{}); err != nil {
		t.Error(err)
	}
	hears(after, "fourth")
	ann.nothing("nobody")
	last := s.App().Bus()
	reload(strings.Replace(renamed, nats.URL(), "local", 1))
	if got := s.hub.Stats().Cluster; got.Tied || last.Up() {
		t.Errorf("without pubsub: %+v, and the last bus is up: %v", got, last.Up())
	}
	hears(s, "alone")
}
