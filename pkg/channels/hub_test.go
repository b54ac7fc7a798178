package channels

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

func TestBroadcast(t *testing.T) {
	s := serve(t, anyOrigin(room()))
	a, b, elsewhere := s.dial().join("room:a").join("room:a2"), s.dial().join("room:a"), s.dial().join("room:b")
	a.play(`> ["1","2","room:a","new_msg",{"n": 1.0}]`)
	for _, c := range []*client{a, b} {
		c.expect(`[null,null,"room:a","new_msg",{"n": 1.0}]`)
	}
	a.play(`> ["1","3","room:a","others",{}]`)
	b.expect(`[null,null,"room:a","from",{}]`)
	if err := s.hub.Broadcast("room:a", "outside", value.JSON([]byte(`{"x":1}`))); err != nil {
		t.Fatal(err)
	}
	a.expect(`[null,null,"room:a","outside",{"x":1}]`)
	b.expect(`[null,null,"room:a","outside",{"x":1}]`)
	if err := s.hub.Broadcast("room:a", "phx_close", value.Payload{}); !errors.Is(err, ErrReserved) {
		t.Errorf("Broadcast of phx_close: %v, want ErrReserved", err)
	}
	if err := s.hub.Broadcast("nobody", "x", value.Payload{}); err != nil {
		t.Error(err)
	}
	elsewhere.play(`> ["1","2","room:b","echo",{}]`, `< ["1","2","room:b","phx_reply",{"status":"ok","response":{}}]`)
	b.play(`> ["1","4","room:a","phx_leave",{}]`, `< ["1","4","room:a","phx_reply",{"status":"ok","response":{}}]`, `< ["1","1","room:a","phx_close",{}]`)
	if err := s.hub.Broadcast("room:a", "after", value.Payload{}); err != nil {
		t.Fatal(err)
	}
	a.expect(`[null,null,"room:a","after",{}]`)
	b.play(`> [null,"5","phoenix","heartbeat",{}]`, `< [null,"5","phoenix","phx_reply",{"status":"ok","response":{}}]`)
}

func TestTLS(t *testing.T) {
	s := serveBy(t, anyOrigin(room()), httptest.NewTLSServer)
	transport := s.http.Client().Transport.(*http.Transport)
	dialer := websocket.Dialer{TLSClientConfig: transport.TLSClientConfig}
	ws, _, err := dialer.Dial("wss"+strings.TrimPrefix(s.http.URL, "https")+"/socket/websocket?vsn=2.0.0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	c := (&client{t, ws}).join("room:a")
	big := `"` + strings.Repeat("x", 100_000) + `"`
	for i := range 20 { // small and large frames, pongs between them
		c.send(fmt.Sprintf(`["1","%d","room:a","echo",%s]`, i, big))
		c.send(fmt.Sprintf(`["1","%d","room:a","echo",{}]`, i))
		if err := c.WriteControl(websocket.PingMessage, nil, time.Now().Add(await.Patience)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		c.expect(fmt.Sprintf(`["1","%d","room:a","phx_reply",{"status":"ok","response":%s}]`, i, big),
			fmt.Sprintf(`["1","%d","room:a","phx_reply",{"status":"ok","response":{}}]`, i))
	}
	s.hub.Apply(nil)
	if code := c.closed(); code != websocket.CloseServiceRestart {
		t.Errorf("closed with %d, want 1012", code)
	}
}

func TestInterceptedEvents(t *testing.T) {
	channel := room()
	channel.join = func(c *Call) { c.Membership.Names = string(c.Payload.Bytes) }
	channel.out = map[string]func(*Call){"new_msg": func(c *Call) {
		switch c.Membership.Names {
		case `"deaf"`:
		case `"stops"`:
			c.Stop(StopNormal)
		case `"panics"`:
			panic("boom")
		default:
			must(c.Push(c.Event, value.JSON([]byte(`{"for":`+c.Membership.Names.(string)+`,"was":`+string(c.Payload.Bytes)+`}`))))
		}
	}}
	s := serve(t, anyOrigin(channel))
	members := map[string]*client{}
	for _, name := range []string{"deaf", "stops", "panics", "ann"} {
		c := s.dial()
		c.play(`> ["1","1","room:a","phx_join","`+name+`"]`, `< ["1","1","room:a","phx_reply",{"status":"ok","response":{}}]`)
		members[name] = c
	}
	members["ann"].play(`> ["1","2","room:a","new_msg",{"x":1}]`, `< ["1",null,"room:a","new_msg",{"for":"ann","was":{"x":1}}]`)
	members["stops"].expect(`["1","1","room:a","phx_close",{}]`)
	members["panics"].expect(`["1","1","room:a","phx_error",{}]`)
	members["deaf"].play(`> ["1","2","room:a","echo",{}]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`)
}

func withID(rules *testRules) *testRules {
	rules.connect = func(h *Handshake) (*Identity, error) {
		id, _ := h.Params["id"].(string)
		return &Identity{ID: id}, nil
	}
	return rules
}

func TestDisconnectByID(t *testing.T) {
	s := serve(t, withID(anyOrigin(room())))
	a, same, other, nameless := s.dial("id=user:1").join("room:a"), s.dial("id=user:1"), s.dial("id=user:2"), s.dial()
	if err := s.hub.Broadcast("user:1", "disconnect", value.Payload{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client{a, same} {
		if code := c.closed(); code != websocket.CloseGoingAway {
			t.Errorf("closed with %d, want 1001", code)
		}
	}
	for _, c := range []*client{other, nameless} {
		c.play(`> [null,"1","phoenix","heartbeat",{}]`, `< [null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`)
	}
	await.Until(t, "the id is forgotten", func() bool { n, err := s.hub.Disconnect("user:1"); return n == 0 && err == nil })
	if n, err := s.hub.Disconnect("user:2"); n != 1 || err != nil {
		t.Errorf("Disconnect reached %d connections, %v, want 1", n, err)
	}
	other.closed()
}

func TestPresence(t *testing.T) {
	channel := room()
	channel.join = func(c *Call) { c.Membership.Names = strings.Trim(string(c.Payload.Bytes), `"`) }
	channel.afterJoin = func(c *Call) { must(c.Track(c.Membership.Names.(string), []byte(`{"status":"online"}`))) }
	channel.in["away"] = func(c *Call) {
		meta, ok := c.Meta(c.Membership.Names.(string))
		if !ok || string(meta) != `{"status":"online"}` {
			panic(fmt.Sprintf("meta %s", meta))
		}
		must(c.UpdatePresence(c.Membership.Names.(string), []byte(`{"status":"away"}`)))
	}
	s := serve(t, anyOrigin(channel))
	enter := func(name string) *client {
		c := s.dial()
		c.play(`> ["1","1","room:a","phx_join","`+name+`"]`, `< ["1","1","room:a","phx_reply",{"status":"ok","response":{}}]`)
		return c
	}
	a := enter("ann")
	got := []string{a.receive(), a.receive()}
	if !strings.HasPrefix(got[0], `[null,null,"room:a","presence_diff",{"joins":{"ann":{"metas":[{"phx_ref":"`) ||
		!strings.HasPrefix(got[1], `["1",null,"room:a","presence_state",{"ann":{"metas":[{"phx_ref":"`) {
		t.Fatalf("after join: %q", got)
	}
	b := enter("bob")
	if diff := a.receive(); !strings.Contains(diff, `"joins":{"bob"`) {
		t.Errorf("ann saw %s", diff)
	}
	b.receive()
	if state := b.receive(); !strings.Contains(state, `"ann"`) || !strings.Contains(state, `"bob"`) {
		t.Errorf("bob's state is %s", state)
	}
	if n := s.hub.Presence().Count("room:a"); n != 2 {
		t.Errorf("%d present, want 2", n)
	}
	b.send(`["1","2","room:a","away",{}]`)
	for _, c := range []*client{a, b} {
		diff := c.receive()
		if !strings.Contains(diff, `"phx_ref_prev":`) || !strings.Contains(diff, `"leaves":{"bob"`) || !strings.Contains(diff, `"status":"away"`) {
			t.Errorf("update gave %s", diff)
		}
	}
	b.NetConn().Close()
	if diff := a.receive(); !strings.HasPrefix(diff, `[null,null,"room:a","presence_diff",{"joins":{},"leaves":{"bob"`) {
		t.Errorf("a lost connection gave %s", diff)
	}
	a.play(`> ["9","9","room:a","phx_join","ann2"]`, `< ["9","9","room:a","phx_reply",{"status":"ok","response":{}}]`, `< ["1","1","room:a","phx_close",{}]`)
	if diff := a.receive(); !strings.Contains(diff, `"joins":{"ann2"`) {
		t.Errorf("a duplicate join gave %s", diff)
	}
	if state := string(s.hub.Presence().State("room:a")); strings.Contains(state, `"ann"`) {
		t.Errorf("the old membership is present still: %s", state)
	}
}

func TestSlowHandlerBlocksNothingElse(t *testing.T) {
	release := make(chan struct{})
	channel := room()
	channel.in["slow"] = func(c *Call) { <-release; must(c.Reply("ok", value.Payload{})) }
	s := serve(t, anyOrigin(channel))
	c := s.dial().join("room:a").join("room:b")
	c.play(
		`> ["1","2","room:a","slow",{}]`,
		`> ["1","3","room:a","echo",{}]`,
		`> ["1","4","room:b","echo",{}]`,
		`< ["1","4","room:b","phx_reply",{"status":"ok","response":{}}]`,
		`> [null,"5","phoenix","heartbeat",{}]`,
		`< [null,"5","phoenix","phx_reply",{"status":"ok","response":{}}]`,
	)
	if err := s.hub.Broadcast("room:a", "meanwhile", value.Payload{}); err != nil {
		t.Fatal(err)
	}
	c.expect(`[null,null,"room:a","meanwhile",{}]`)
	close(release)
	c.expect(`["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`, `["1","3","room:a","phx_reply",{"status":"ok","response":{}}]`)
}

func TestSlowReaderIsDropped(t *testing.T) {
	s := serve(t, anyOrigin(room()))
	slow, quick := s.dial().join("room:a"), s.dial().join("room:a")
	payload := []byte(`"` + strings.Repeat("x", 100_000) + `"`)
	big := func() {
		t.Helper()
		if err := s.hub.Broadcast("room:a", "big", value.JSON(payload)); err != nil {
			t.Fatal(err)
		}
		quick.receive()
	}
	// Then it reads at once: it is told why only where it takes that before a write is late.
	for n := 0; s.hub.Stats().Slow == 0; n++ {
		if n == 400 {
			t.Fatalf("who reads nothing of %d events is not slow", n)
		}
		big()
	}
	if code := slow.closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("the slow reader was closed with %d, want 1008", code)
	}
	big()
	await.Until(t, "it is gone", func() bool { return s.hub.Connections() == 1 })
}

func TestApply(t *testing.T) {
	notes := &notebook{}
	old := withID(anyOrigin(room(), &testChannel{topic: "gone"}, &testChannel{topic: "narrow", leave: func(*Call) { notes.add("old leave") }}))
	s := serve(t, old)
	c := s.dial("id=keeps").join("room:a").join("gone").join("narrow")
	lost := s.dial("id=lacks")

	changed := room()
	changed.in["echo"] = func(c *Call) { must(c.Reply("ok", value.JSON([]byte(`"new"`)))) }
	next := withID(anyOrigin(changed, &testChannel{topic: "narrow", fits: func(*Membership) bool { return false }, leave: func(*Call) { notes.add("new leave") }}))
	next.fits = func(id *Identity) bool { return id.ID != "lacks" }
	s.hub.Apply(map[string]Rules{"/socket": next})
	old.closed.Store(true)

	got := []string{c.receive(), c.receive()}
	slices.Sort(got)
	want := []string{`["1","1","gone","phx_close",{}]`, `["1","1","narrow","phx_error",{}]`}
	if !slices.Equal(got, want) {
		t.Errorf("after Apply: %q, want %q", got, want)
	}
	c.play(`> ["1","2","room:a","echo",{}]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":"new"}]`,
		`> ["1","3","gone","phx_join",{}]`, `< [null,"3","gone","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
	if code := lost.closed(); code != websocket.CloseServiceRestart {
		t.Errorf("a connection that the rules do not fit closed with %d, want 1012", code)
	}
	s.hub.Apply(nil)
	if code := c.closed(); code != websocket.CloseServiceRestart {
		t.Errorf("a connection of a path that is gone closed with %d, want 1012", code)
	}
	if notes.text() != "" {
		t.Errorf("rules for leaving ran where names may be missing: %s", notes.text())
	}
	await.Until(t, "no rules are held", func() bool { return old.uses.Load() == 0 && next.uses.Load() == 0 })
}

func TestWhatWasSentIsHandledAndLeaveComesLast(t *testing.T) {
	notes := &notebook{}
	started, release := make(chan struct{}), make(chan struct{})
	channel := room()
	channel.in["slow"] = func(*Call) { close(started); <-release; notes.add("slow") }
	channel.in["note"] = func(c *Call) {
		notes.add("note, ended %v, track %v, context %v", c.Membership.Ended(), c.Track("k", []byte("{}")), c.Context().Err())
	}
	channel.leave = func(c *Call) { notes.add("leave %s", c.Membership.Topic) }
	s := serve(t, anyOrigin(channel))
	c := s.dial().join("room:a")
	c.send(`["1","2","room:a","slow",{}]`)
	await.From(t, "the slow event is handled", started)
	c.play(`> ["1","3","room:a","note",{}]`, `> [null,"4","phoenix","heartbeat",{}]`, `< [null,"4","phoenix","phx_reply",{"status":"ok","response":{}}]`)
	c.NetConn().Close()
	await.Until(t, "the member is out", func() bool { return s.members("room:a") == 0 })
	close(release)
	await.Until(t, "the connection is gone", func() bool { return s.hub.Connections() == 0 })
	want := "slow\nnote, ended true, track the membership has ended, context <nil>\nleave room:a"
	if got := notes.text(); got != want {
		t.Errorf("ran\n%s\nwant\n%s", got, want)
	}
}

func (s *server) members(topic string) int {
	shard := s.hub.shard(topic)
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	return len(shard.topics[topic])
}

func TestOrderOfOneTopic(t *testing.T) {
	c := serve(t, anyOrigin(room())).dial().join("room:a")
	const n = 500
	for i := range n {
		c.send(fmt.Sprintf(`["1","%d","room:a","echo",%d]`, i, i))
	}
	for i := range n {
		c.expect(fmt.Sprintf(`["1","%d","room:a","phx_reply",{"status":"ok","response":%d}]`, i, i))
	}
}
