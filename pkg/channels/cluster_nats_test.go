package channels

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/bus/bustest"
	"github.com/openmanifest/gateway/pkg/bus/nats"
	"github.com/openmanifest/gateway/pkg/value"
)

// onNATS makes two servers whose hubs are nodes of a real NATS server.
func onNATS(t *testing.T, channel func() *testChannel) (a, b *server, middle *bustest.Server) {
	t.Helper()
	middle = bustest.NewServer(t)
	node := func() *server {
		o := nats.Options{URL: middle.URL(), Name: "test", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		over, err := nats.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(over.Close)
		s := serve(t, withID(anyOrigin(channel())))
		s.hub.UseBus(over)
		t.Cleanup(func() { s.hub.UseBus(nil) })
		return s
	}
	return node(), node(), middle
}

// until reads until a frame holds all of the texts.
func (c *client) until(texts ...string) string {
	c.t.Helper()
	for {
		frame, found := c.receive(), true
		for _, text := range texts {
			found = found && strings.Contains(frame, text)
		}
		if found {
			return frame
		}
	}
}

// What is sent after a join was answered arrives, each time.
func TestNATSConfirmsJoins(t *testing.T) {
	a, b, _ := onNATS(t, lobby)
	c := b.dial("id=bob")
	for i := range 300 {
		topic := fmt.Sprintf("room:%d", i%90)
		c.send(fmt.Sprintf(`["%d","%d",%q,"phx_join",{}]`, i, i, topic))
		c.until(fmt.Sprintf(`"%d",%q,"phx_reply",{"status":"ok"`, i, topic))
		if err := a.hub.Broadcast(topic, "sent", value.JSON(fmt.Appendf(nil, "%d", i))); err != nil {
			t.Fatal(err)
		}
		c.until(fmt.Sprintf(`[null,null,%q,"sent",%d]`, topic, i))
	}
	if got := b.hub.Stats().Cluster; got.Unconfirmed != 0 {
		t.Errorf("%+v", got)
	}
}

func TestNATSJoinsOfManyTopics(t *testing.T) {
	a, b, _ := onNATS(t, room)
	began := time.Now()
	const connections, each = 100, 100
	clients := make([]*client, connections)
	for i := range clients {
		clients[i] = b.dial(fmt.Sprintf("id=%d", i))
		for j := range each {
			clients[i].send(fmt.Sprintf(`["1","1","room:%d-%d","phx_join",{}]`, i, j))
		}
	}
	for _, c := range clients {
		for range each {
			c.until(`"phx_reply",{"status":"ok"`)
		}
	}
	took := time.Since(began)
	t.Logf("10,000 topics were joined in %s", took)
	// None waited for longer than all of them took.
	if got := b.hub.Stats().Cluster; got.Topics != connections*each || got.Unconfirmed != 0 && took < confirmWait {
		t.Errorf("%+v", got)
	}
	b.dial("id=last").join("room:last") // is confirmed behind the others
	if err := a.hub.Broadcast("room:99-99", "last", value.Payload{}); err != nil {
		t.Error(err)
	}
	clients[99].until(`[null,null,"room:99-99","last",{}]`)
}

func TestNATSOutage(t *testing.T) {
	a, b, middle := onNATS(t, lobby)
	ann, bob := a.dial("id=ann").join("room:1"), b.dial("id=bob").join("room:1")
	both := func() bool { return a.hub.Presence().Count("room:1") == 2 && b.hub.Presence().Count("room:1") == 2 }
	await.Until(t, "both are present on both", both)
	if err := a.hub.Broadcast("room:1", "before", value.Payload{}); err != nil {
		t.Fatal(err)
	}
	ann.until(`"before"`)
	bob.until(`"before"`)

	middle.Stop()
	await.Until(t, "both know", func() bool { return !a.hub.Stats().Cluster.Up && !b.hub.Stats().Cluster.Up })
	if err := a.hub.Broadcast("room:1", "meanwhile", value.Payload{}); !errors.Is(err, ErrNotCrossed) || !errors.Is(err, bus.ErrDown) {
		t.Errorf("a broadcast in the outage: %v", err)
	}
	ann.until(`"meanwhile"`)
	late := b.dial("id=late").join("room:2")
	late.send(`["2","2","room:1","phx_join",{}]`)
	late.until(`"2","room:1","phx_reply",{"status":"ok"`)

	middle.Start()
	await.Until(t, "three are present on both", func() bool {
		return a.hub.Presence().Count("room:1") == 3 && b.hub.Presence().Count("room:1") == 3
	})
	for topic, c := range map[string]*client{"room:1": bob, "room:2": late} {
		if err := a.hub.Broadcast(topic, "after", value.Payload{}); err != nil {
			t.Error(err)
		}
		for frame := ""; !strings.Contains(frame, `"after"`); frame = c.receive() {
			if strings.Contains(frame, `"leaves":{"`) || strings.Contains(frame, `"meanwhile"`) {
				t.Errorf("after the outage came %s", frame)
			}
		}
	}
	if n, err := b.hub.Disconnect("ann"); n != 0 || err != nil {
		t.Errorf("Disconnect: %d, %v", n, err)
	}
	if code := ann.closed(); code != 1001 {
		t.Errorf("closed with %d", code)
	}
}
