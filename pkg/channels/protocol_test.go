package channels

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

func anyOrigin(channels ...*testChannel) *testRules {
	return &testRules{settings: Settings{Origins: AnyOrigin()}, channels: channels}
}

// The session of the protocol's description, byte for byte.
func TestSession(t *testing.T) {
	serve(t, anyOrigin(room())).dial().play(
		`> ["1","1","room:a","phx_join",{}]`,
		`< ["1","1","room:a","phx_reply",{"status":"ok","response":{}}]`,
		`> ["1","2","room:a","echo",{"x":1}]`,
		`< ["1","2","room:a","phx_reply",{"status":"ok","response":{"x":1}}]`,
		`> ["1","3","room:a","new_msg",{"a":1}]`,
		`< [null,null,"room:a","new_msg",{"a":1}]`,
		`> [null,"4","phoenix","heartbeat",{}]`,
		`< [null,"4","phoenix","phx_reply",{"status":"ok","response":{}}]`,
		`> ["9","9","room:a","phx_join",{}]`,
		`< ["9","9","room:a","phx_reply",{"status":"ok","response":{}}]`,
		`< ["1","1","room:a","phx_close",{}]`,
		`> ["1","10","room:a","echo",{}]`,
		`> ["9","11","room:a","phx_leave",{}]`,
		`< ["9","11","room:a","phx_reply",{"status":"ok","response":{}}]`,
		`< ["9","9","room:a","phx_close",{}]`,
		`> ["9","12","room:a","echo",{}]`,
		`< [null,"12","room:a","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
	)
}

func TestSocketRules(t *testing.T) {
	guarded := &testChannel{topic: "guarded", join: func(c *Call) { must(c.Reply("error", value.JSON([]byte(`{"reason":"unauthorized"}`)))) }}
	crashing := &testChannel{topic: "crashing", join: func(*Call) { panic("boom") }}
	stopping := &testChannel{topic: "stopping", join: func(c *Call) { c.Stop(StopError) }}
	early := &testChannel{topic: "early", join: func(c *Call) {
		if c.Push("x", value.Payload{}) != ErrJoining || c.Broadcast("early", "x", value.Payload{}) != ErrJoining || c.Track("k", []byte("{}")) != ErrJoining {
			panic("join may send")
		}
	}}
	welcome := &testChannel{topic: "welcome:*", join: func(c *Call) { must(c.Reply("ok", value.JSON([]byte(`{"message":"hi"}`)))) },
		afterJoin: func(c *Call) { must(c.Push("after", c.Payload)) }}
	joined := []string{`> ["1","1","room:a","phx_join",{}]`, `< ["1","1","room:a","phx_reply",{"status":"ok","response":{}}]`}
	ended := `< ["1","1","room:a","phx_error",{}]`
	tests := []struct {
		name  string
		in    bool // starts joined to room:a with join ref 1
		lines []string
	}{
		{"another event on phoenix", false, []string{`> [null,"1","phoenix","x",{}]`, `< [null,"1","phoenix","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`}},
		{"a join of phoenix", false, []string{`> ["1","1","phoenix","phx_join",{}]`, `< [null,"1","phoenix","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`}},
		{"a join of no topic", false, []string{`> ["1","1","nowhere","phx_join",{}]`, `< [null,"1","nowhere","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`}},
		{"a capture is not empty", false, []string{`> ["1","1","room:","phx_join",{}]`, `< [null,"1","room:","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`}},
		{"a refused join", false, []string{`> ["1","1","guarded","phx_join",{}]`, `< ["1","1","guarded","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`,
			`> ["1","2","guarded","x",{}]`, `< [null,"2","guarded","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`}},
		{"a join that panics", false, []string{`> ["1","1","crashing","phx_join",{}]`, `< ["1","1","crashing","phx_reply",{"status":"error","response":{"reason":"join crashed"}}]`}},
		{"a join that stops", false, []string{`> ["1","1","stopping","phx_join",{}]`, `< ["1","1","stopping","phx_reply",{"status":"error","response":{"reason":"join crashed"}}]`}},
		{"a join sends nothing", false, []string{`> ["1","1","early","phx_join",{}]`, `< ["1","1","early","phx_reply",{"status":"ok","response":{}}]`}},
		{"after join comes after the reply", false, []string{`> ["1","1","welcome:","phx_join",{"p":[1]}]`, `< ["1","1","welcome:","phx_reply",{"status":"ok","response":{"message":"hi"}}]`, `< ["1",null,"welcome:","after",{"p":[1]}]`}},
		{"a join with null has empty params", false, []string{`> ["1","1","welcome:","phx_join",null]`, `< ["1","1","welcome:","phx_reply",{"status":"ok","response":{"message":"hi"}}]`, `< ["1",null,"welcome:","after",{}]`}},
		{"leave when not joined", false, []string{`> ["1","2","room:a","phx_leave",{}]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`}},
		{"a join without join_ref takes its ref and any join_ref", false, []string{
			`> [null,"7","room:a","phx_join",{}]`, `< ["7","7","room:a","phx_reply",{"status":"ok","response":{}}]`,
			`> ["other","8","room:a","echo",{}]`, `< ["7","8","room:a","phx_reply",{"status":"ok","response":{}}]`}},
		{"a null join_ref is delivered", true, []string{`> [null,"2","room:a","echo",{}]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`}},
		{"a null ref is answered with null", true, []string{`> ["1",null,"room:a","echo",{}]`, `< ["1",null,"room:a","phx_reply",{"status":"ok","response":{}}]`}},
		{"any ref is echoed as written", true, []string{`> ["1",{"a": [1.0]},"room:a","echo",[ 1 ]]`, `< ["1",{"a": [1.0]},"room:a","phx_reply",{"status":"ok","response":[ 1 ]}]`}},
		{"elements after the fifth", true, []string{`> ["1","2","room:a","echo",{},6,[7]]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`}},
		{"a push", true, []string{`> ["1","2","room:a","pushed",{}]`, `< ["1",null,"room:a","note",{}]`}},
		{"no reply, then one", true, []string{`> ["1","2","room:a","silent",{}]`, `> ["1","3","room:a","echo",{}]`, `< ["1","3","room:a","phx_reply",{"status":"ok","response":{}}]`}},
		{"an event not declared", true, []string{`> ["1","2","room:a","nope",{}]`, `< ["1","2","room:a","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`,
			`> ["1","3","room:a","echo",{}]`, `< ["1","3","room:a","phx_reply",{"status":"ok","response":{}}]`}},
		{"phx_reply from a client", true, []string{`> ["1","2","room:a","phx_reply",{}]`, `< ["1","2","room:a","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`}},
		{"phx_close from a client", true, []string{`> ["1","2","room:a","phx_close",{}]`, `< ["1","2","room:a","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`}},
		{"phx_error from a client", true, []string{`> ["1","2","room:a","phx_error",{}]`, `< ["1","2","room:a","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`}},
		{"a stale leave is ignored", true, []string{`> ["0","2","room:a","phx_leave",{}]`, `> ["1","3","room:a","echo",{}]`, `< ["1","3","room:a","phx_reply",{"status":"ok","response":{}}]`}},
		{"leave with a null join_ref", true, []string{`> [null,"2","room:a","phx_leave",{}]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`, `< ["1","1","room:a","phx_close",{}]`}},
		{"stop with a reply", true, []string{`> ["1","2","room:a","stop",{}]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`, `< ["1","1","room:a","phx_close",{}]`}},
		{"stop with an error", true, []string{`> ["1","2","room:a","fail",{}]`, ended,
			`> ["2","3","room:a","phx_join",{}]`, `< ["2","3","room:a","phx_reply",{"status":"ok","response":{}}]`}},
		{"a panic", true, []string{`> ["1","2","room:a","panic",{}]`, ended,
			`> ["1","3","room:a","echo",{}]`, `< [null,"3","room:a","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`}},
		{"names with escapes", false, []string{`> ["1","1","r\u006fom:\"\u00e9\ud83d\ude00","phx_join",{}]`, `< ["1","1","room:\"é😀","phx_reply",{"status":"ok","response":{}}]`}},
	}
	s := serve(t, anyOrigin(room(), guarded, crashing, stopping, early, welcome))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dial()
			defer c.Close()
			if tt.in {
				c.play(joined...)
			}
			c.play(tt.lines...)
		})
	}
}

func TestTooManyChannels(t *testing.T) {
	rules := anyOrigin(room())
	rules.settings.MaxChannels = 2
	c := serve(t, rules).dial()
	c.join("room:a").join("room:b").play(
		`> ["3","3","room:c","phx_join",{}]`,
		`< ["3","3","room:c","phx_reply",{"status":"error","response":{"reason":"too many channels joined"}}]`,
		`> ["3","4","room:b","phx_join",{}]`,
		`< ["3","4","room:b","phx_reply",{"status":"ok","response":{}}]`,
		`< ["1","1","room:b","phx_close",{}]`,
	)
}

// Who was told that a membership is over may join another topic, however long the rules for
// leaving the first take; as many of those as may be joined may run.
func TestChannelsAfterOthers(t *testing.T) {
	channel, goOn := room(), make(chan struct{})
	channel.leave = func(c *Call) {
		c.Context() // as rules do that are about to wait
		<-goOn
	}
	rules := anyOrigin(channel)
	rules.settings.MaxChannels = 2
	c := serve(t, rules).dial()
	defer close(goOn)
	c.join("room:0").join("room:1")
	for _, topic := range []string{"room:0", "room:1"} {
		c.play(`> ["1","2","`+topic+`","phx_leave",{}]`,
			`< ["1","2","`+topic+`","phx_reply",{"status":"ok","response":{}}]`,
			`< ["1","1","`+topic+`","phx_close",{}]`)
	}
	c.join("room:2").join("room:3").play(
		`> ["3","3","room:4","phx_join",{}]`,
		`< ["3","3","room:4","phx_reply",{"status":"error","response":{"reason":"too many channels joined"}}]`,
		`> ["1","5","room:3","phx_leave",{}]`,
		`< ["1","5","room:3","phx_reply",{"status":"ok","response":{}}]`,
		`< ["1","1","room:3","phx_close",{}]`,
		`> ["3","6","room:4","phx_join",{}]`,
		`< ["3","6","room:4","phx_reply",{"status":"error","response":{"reason":"too many channels joined"}}]`,
	)
}

// Who leaves a topic and joins another in one go is not refused, whatever the first still does.
func TestLeavingMakesRoom(t *testing.T) {
	channel, begun, goOn := room(), make(chan struct{}), make(chan struct{})
	channel.in["slow"] = func(*Call) { close(begun); <-goOn }
	rules := anyOrigin(channel)
	rules.settings.MaxChannels = 1
	c := serve(t, rules).dial()
	c.join("room:a").play(`> ["1","2","room:a","slow",{}]`)
	await.From(t, "the slow event is handled", begun)
	c.play(`> ["1","3","room:a","phx_leave",{}]`, `> ["4","4","room:b","phx_join",{}]`,
		`< ["4","4","room:b","phx_reply",{"status":"ok","response":{}}]`)
	close(goOn)
	c.play(`< ["1","3","room:a","phx_reply",{"status":"ok","response":{}}]`, `< ["1","1","room:a","phx_close",{}]`,
		`> ["5","5","room:c","phx_join",{}]`,
		`< ["5","5","room:c","phx_reply",{"status":"error","response":{"reason":"too many channels joined"}}]`)
}

func TestCloseCodes(t *testing.T) {
	rules := anyOrigin(room())
	rules.settings.MaxFrame = 2000
	s := serve(t, rules)
	text := func(b string) []byte { return masked(0x81, []byte(b)) }
	tests := []struct {
		name string
		sent []byte
		want int
	}{
		{"not JSON", text(`{`), 1011},
		{"an object", text(`{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}`), 1011},
		{"four elements", text(`[null,"1","phoenix","heartbeat"]`), 1011},
		{"a topic that is no string", text(`[null,"1",7,"heartbeat",{}]`), 1011},
		{"text after the array", text(`[null,"1","phoenix","heartbeat",{}]x`), 1011},
		{"an empty message", text(``), 1011},
		{"too deep", text(`[null,"1","phoenix","heartbeat",` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `]`), 1011},
		{"a long topic", text(`[null,"1","` + strings.Repeat("x", 1100) + `","a",{}]`), 1011},
		{"binary", masked(0x82, []byte{7, 0, 0, 0, 0}), 1011},
		{"invalid UTF-8", text("[null,\"1\",\"phoenix\",\"heartbeat\",\"\xff\"]"), 1007},
		{"over the limit", text(`"` + strings.Repeat("x", 2000) + `"`), 1009},
		{"a length with the top bit", append([]byte{0x81, 0xFF, 0x80}, make([]byte, 11)...), 1009},
		{"an unmasked frame", []byte{0x81, 1, '1'}, 1002},
		{"a bad opcode", masked(0x83, nil), 1002},
		{"a reserved bit", masked(0xC1, nil), 1002},
		{"too many frames of one message", append(masked(0x01, nil), bytes.Repeat(masked(0x00, nil), 1000)...), 1008},
		{"too many pings", bytes.Repeat(masked(0x89, nil), 300), 1008},
		{"close without a code", masked(0x88, nil), websocket.CloseNoStatusReceived},
		{"close with one is echoed", masked(0x88, []byte{0x0F, 0xA0}), 4000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			other := s.dial().join("room:a")
			c := s.dial()
			if _, err := c.NetConn().Write(tt.sent); err != nil {
				t.Fatal(err)
			}
			if got := c.closed(); got != tt.want {
				t.Errorf("closed with %d, want %d", got, tt.want)
			}
			c.Close()
			other.play(`> ["1","2","room:a","echo",{}]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`)
			other.Close()
		})
	}
}

// masked makes a frame of a client, with a mask of zeros.
func masked(first byte, payload []byte) []byte {
	b := []byte{first}
	if len(payload) < 126 {
		b = append(b, 0x80|byte(len(payload)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(payload)))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

func TestFragmentsAndPings(t *testing.T) {
	c := serve(t, anyOrigin(room())).dial()
	pong := ""
	c.SetPongHandler(func(data string) error { pong = data; return nil })
	message := `[null,"1","phoenix","heartbeat",{}]`
	sent := masked(0x01, []byte(message[:5]))
	sent = append(sent, masked(0x89, []byte("p1"))...)
	sent = append(sent, masked(0x00, []byte(message[5:20]))...)
	sent = append(sent, masked(0x80, []byte(message[20:]))...)
	if _, err := c.NetConn().Write(sent); err != nil {
		t.Fatal(err)
	}
	c.expect(`[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`)
	if pong != "p1" {
		t.Errorf("pong %q, want p1", pong)
	}
}

func TestHandshake(t *testing.T) {
	rules := anyOrigin(room())
	rules.settings.Origins = HostOrigin("a.example")
	seen := &notebook{}
	rules.connect = func(h *Handshake) (*Identity, error) {
		switch h.Params["who"] {
		case "refused":
			return nil, &Refusal{}
		case "limited":
			return nil, &Refusal{Status: http.StatusTooManyRequests}
		case "broken":
			return nil, fmt.Errorf("no store")
		}
		seen.add("connect %v", h.Params["who"])
		return &Identity{}, nil
	}
	s := serve(t, rules)
	good := map[string]string{"Connection": "keep-alive, Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
	with := func(k, v string) map[string]string {
		h := map[string]string{k: v}
		for key, value := range good {
			if key != k {
				h[key] = value
			}
		}
		return h
	}
	tests := []struct {
		name, method, target string
		headers              map[string]string
		want                 int
	}{
		{"a good one", "GET", "/socket/websocket?vsn=2.0.0&who=me", good, 101},
		{"a patch version", "GET", "/socket/websocket?vsn=2.0.11", good, 101},
		{"POST", "POST", "/socket/websocket?vsn=2.0.0", good, 400},
		{"no upgrade", "GET", "/socket/websocket?vsn=2.0.0", nil, 400},
		{"websocket version 8", "GET", "/socket/websocket?vsn=2.0.0", with("Sec-WebSocket-Version", "8"), 400},
		{"a short key", "GET", "/socket/websocket?vsn=2.0.0", with("Sec-WebSocket-Key", "eA=="), 400},
		{"another path", "GET", "/other/websocket?vsn=2.0.0", good, 404},
		{"no vsn", "GET", "/socket/websocket", good, 101},
		{"vsn 1", "GET", "/socket/websocket?vsn=1.0.0", good, 101},
		{"vsn 2.1", "GET", "/socket/websocket?vsn=2.1.0", good, 403},
		{"vsn of two parts", "GET", "/socket/websocket?vsn=2.0", good, 403},
		{"vsn with a zero too many", "GET", "/socket/websocket?vsn=2.0.00", good, 403},
		{"vsn abc", "GET", "/socket/websocket?vsn=abc", good, 403},
		{"its page", "GET", "/socket/websocket?vsn=2.0.0", with("Origin", "https://a.example:8443"), 101},
		{"another page", "GET", "/socket/websocket?vsn=2.0.0", with("Origin", "https://b.example"), 403},
		{"another page, version not served", "GET", "/socket/websocket", with("Origin", "https://b.example"), 403},
		{"refused", "GET", "/socket/websocket?vsn=2.0.0&who=refused", good, 403},
		{"refused with a status", "GET", "/socket/websocket?vsn=2.0.0&who=limited", good, 429},
		{"an error of ours", "GET", "/socket/websocket?vsn=2.0.0&who=broken", good, 403},
		{"protocols are ignored without tokens", "GET", "/socket/websocket?vsn=2.0.0", with("Sec-WebSocket-Protocol", "chat"), 101},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body, header := roundTrip(t, s, tt.method, tt.target, tt.headers)
			if status != tt.want || body != "" {
				t.Errorf("%s %s: %d %q, want %d and no body", tt.method, tt.target, status, body, tt.want)
			}
			if p := header.Get("Sec-Websocket-Protocol"); p != "" {
				t.Errorf("answered protocol %q", p)
			}
		})
	}
	if got := strings.Count(seen.text(), "connect me"); got != 1 {
		t.Errorf("connect ran %d times for who=me, want once: %s", got, seen.text())
	}
}

func roundTrip(t *testing.T, s *server, method, target string, headers map[string]string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.http.URL+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return answer.StatusCode, "", answer.Header
	}
	body := new(bytes.Buffer)
	if _, err := body.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body.String(), answer.Header
}

func TestAuthToken(t *testing.T) {
	rules := anyOrigin(room())
	rules.settings.AuthToken = true
	rules.connect = func(h *Handshake) (*Identity, error) {
		if !h.HasAuthToken {
			return nil, &Refusal{Status: http.StatusTeapot}
		}
		if h.AuthToken != "to\xff\xbeken" && h.AuthToken != "plain" {
			return nil, &Refusal{}
		}
		return &Identity{}, nil
	}
	s := serve(t, rules)
	tests := []struct {
		name, protocols string
		want            int
		answered        string
	}{
		{"as the client sends it", "phoenix, base64url.bearer.phx.cGxhaW4", 101, "phoenix"},
		{"the standard alphabet", "phoenix, base64url.bearer.phx.dG//vmtlbg", 101, "phoenix"},
		{"the URL alphabet", "phoenix, base64url.bearer.phx.dG__vmtlbg", 101, "phoenix"},
		{"the token alone", "base64url.bearer.phx.cGxhaW4", 101, ""},
		{"a protocol that is not served", "chat, base64url.bearer.phx.cGxhaW4", 403, ""},
		{"undecodable", "phoenix, base64url.bearer.phx.!!", 403, ""},
		{"two tokens", "phoenix, base64url.bearer.phx.cGxhaW4, base64url.bearer.phx.cGxhaW4", 403, ""},
		{"a wrong one", "phoenix, base64url.bearer.phx.d3Jvbmc", 403, ""},
		{"none", "phoenix", http.StatusTeapot, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, _, header := roundTrip(t, s, "GET", "/socket/websocket?vsn=2.0.0", map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
				"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": tt.protocols,
			})
			if got := header.Get("Sec-Websocket-Protocol"); status != tt.want || got != tt.answered {
				t.Errorf("%d with protocol %q, want %d with %q", status, got, tt.want, tt.answered)
			}
		})
	}
}

func TestConnectionOfTheClientEnds(t *testing.T) {
	left := make(chan string, 4)
	channel := room()
	channel.leave = func(c *Call) { left <- c.Membership.Topic }
	s := serve(t, anyOrigin(channel))
	c := s.dial().join("room:a").join("room:b")
	c.NetConn().Close()
	got := map[string]bool{}
	for range 2 {
		select {
		case topic := <-left:
			got[topic] = true
		case <-time.After(await.Patience):
			t.Fatalf("leave ran for %v only", got)
		}
	}
	await.Until(t, "the connection is gone", func() bool { return s.hub.Connections() == 0 })
}
