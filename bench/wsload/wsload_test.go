//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// peer is a small channel server, just enough of the protocol to run every
// mode against.
type peer struct {
	mu    sync.Mutex
	rooms map[string]map[*peerConn]string // topic -> member -> user

	ponged atomic.Int64 // pings that were answered
}

type peerConn struct {
	mu   sync.Mutex
	conn *websocket.Conn
}

func (c *peerConn) send(joinRef, ref *string, topic, event string, payload any) {
	b, _ := json.Marshal([]any{joinRef, ref, topic, event, payload})
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.conn.WriteMessage(websocket.TextMessage, b)
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	c := &peerConn{conn: conn}
	defer p.leave(c)
	conn.SetPongHandler(func(text string) error {
		if text == "p" {
			p.ponged.Add(1)
		}
		return nil
	})
	_ = conn.WriteControl(websocket.PingMessage, []byte("p"), time.Now().Add(time.Second))
	for {
		_, msg, err := conn.ReadMessage()
		if err != nil {
			return
		}
		var joinRef, ref *string
		var topic, event string
		var payload map[string]any
		if json.Unmarshal(msg, &[]any{&joinRef, &ref, &topic, &event, &payload}) != nil {
			return
		}
		switch event {
		case "phx_join":
			p.join(c, joinRef, ref, topic, payload)
		case "echo":
			c.send(joinRef, ref, topic, "phx_reply", map[string]any{"status": "ok", "response": payload})
		case "new_msg":
			p.mu.Lock()
			for m := range p.rooms[topic] {
				m.send(nil, nil, topic, "new_msg", payload)
			}
			p.mu.Unlock()
		}
	}
}

func metas() map[string]any {
	return map[string]any{"metas": []any{map[string]string{"phx_ref": "}\"{"}}}
}

func (p *peer) join(c *peerConn, joinRef, ref *string, topic string, payload map[string]any) {
	if strings.HasSuffix(topic, "refuse") {
		c.send(joinRef, ref, topic, "phx_reply", map[string]any{"status": "error", "response": map[string]any{}})
		return
	}
	user, _ := payload["user"].(string)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rooms[topic] == nil {
		p.rooms[topic] = map[*peerConn]string{}
	}
	p.rooms[topic][c] = user
	// Who was told that it is a member gets all that is published from then on.
	c.send(joinRef, ref, topic, "phx_reply", map[string]any{"status": "ok", "response": map[string]any{}})
	if !strings.HasPrefix(topic, "lobby:") {
		return
	}
	state := map[string]any{}
	for m, u := range p.rooms[topic] {
		state[u] = metas()
		if m != c {
			m.send(nil, nil, topic, "presence_diff", map[string]any{"joins": map[string]any{user: metas()}, "leaves": map[string]any{}})
		}
	}
	c.send(joinRef, nil, topic, "presence_state", state)
}

func (p *peer) leave(c *peerConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, room := range p.rooms {
		delete(room, c)
	}
}

func start(t *testing.T) (config, *peer) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{rooms: map[string]map[*peerConn]string{}}
	srv := &http.Server{Handler: p}
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
	return config{
		url: "ws://" + ln.Addr().String() + "/socket/websocket?vsn=2.0.0", pid: os.Getpid(),
		conns: 20, loops: 2, dialers: 4, sources: 20, topics: 1, window: 3, size: 200,
		room: "room:", lobby: "lobby:", duration: time.Second, timeout: 30 * time.Second,
	}, p
}

func check(t *testing.T, r result, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if r.Dropped != 0 || r.Bad != 0 || r.Unfinished != 0 {
		t.Fatalf("dropped %d, bad %d, unfinished %d", r.Dropped, r.Bad, r.Unfinished)
	}
}

func TestIdle(t *testing.T) {
	cfg, _ := start(t)
	r, err := runIdle(context.Background(), cfg)
	check(t, r, err)
	if r.Conns != 20 || r.RSSBefore == 0 || r.RSSAfter == 0 {
		t.Fatalf("%+v", r)
	}
}

func TestEcho(t *testing.T) {
	cfg, p := start(t)
	r, err := runEcho(context.Background(), cfg)
	check(t, r, err)
	if r.Count < uint64(cfg.conns) || r.P50ms <= 0 || r.P99ms < r.P50ms || r.ServerCPU <= 0 {
		t.Fatalf("%+v", r)
	}
	if got := p.ponged.Load(); got != int64(cfg.conns) {
		t.Errorf("%d of %d pings were answered", got, cfg.conns)
	}
}

func TestFanout(t *testing.T) {
	for _, topics := range []int{1, 4} {
		cfg, _ := start(t)
		cfg.topics = topics
		r, err := runFanout(context.Background(), cfg)
		check(t, r, err)
		if r.Count < uint64(cfg.conns) || r.Publishes <= 0 || r.DoneP99ms <= 0 {
			t.Fatalf("%+v", r)
		}
	}
}

func TestPresence(t *testing.T) {
	cfg, _ := start(t)
	r, err := runPresence(context.Background(), cfg)
	check(t, r, err)
	// 20 states, and a diff to everyone who was there before each join.
	if want := uint64(20 + 19*20/2); r.Count != want {
		t.Fatalf("%d presence messages, want %d", r.Count, want)
	}
}

func TestRefusedJoinFails(t *testing.T) {
	cfg, _ := start(t)
	p, err := newPool(cfg.url, 1, idleMode{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if err := p.open(context.Background(), 1, 1, 1); err != nil {
		t.Fatal(err)
	}
	err = p.join(context.Background(), 1, func(int) string { return "room:refuse" }, func(int) string { return "{}" })
	if err == nil {
		t.Fatal("a refused join was taken for a success")
	}
}

func TestParseEnvelope(t *testing.T) {
	e, ok := parseEnvelope([]byte(` [ null , "7", "room:a","phx_reply", {"a\"]":"\\","b":[1,{"c":"}"}]} ] `))
	if !ok || string(e.ref) != "7" || string(e.topic) != "room:a" || string(e.event) != "phx_reply" {
		t.Fatalf("%v %q", ok, e)
	}
	if got := string(member(e.payload, "b")); got != `[1,{"c":"}"}]` {
		t.Fatalf("member b = %q", got)
	}
	for _, bad := range []string{``, `{}`, `[1,2,3]`, `["1","1","t","e",{"a":"b}`, `["1","1","t","e",{}`} {
		if _, ok := parseEnvelope([]byte(bad)); ok {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// serverFrame is a text of n zero bytes as a server sends it.
func serverFrame(n int) []byte {
	b := []byte{0x80 | byte(opText)}
	switch {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, make([]byte, n)...)
}

func TestNextFrame(t *testing.T) {
	for _, n := range []int{0, 125, 126, 65535, 65536} {
		whole := serverFrame(n)
		for _, cut := range []int{1, 2, 3, 9, len(whole) - 1} {
			if cut < len(whole) {
				if _, size := nextFrame(whole[:cut]); size != 0 {
					t.Errorf("%d bytes cut at %d: size %d", n, cut, size)
				}
			}
		}
		f, size := nextFrame(append(whole, 0x81))
		if size != len(whole) || len(f.payload) != n || f.op != opText || !f.fin {
			t.Errorf("%d bytes: size %d, %+v", n, size, f.op)
		}
	}
}

func TestHistQuantile(t *testing.T) {
	var h hist
	for i := int64(1); i <= 100000; i++ {
		h.add(i * 1000)
	}
	for _, q := range []float64{.5, .99, 1} {
		want := q * 1e8
		if got := float64(h.quantile(q)); got > want || got < want*.98 {
			t.Errorf("quantile %v = %v, want about %v", q, got, want)
		}
	}
}
