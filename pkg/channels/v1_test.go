package channels

import (
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/openmanifest/gateway/pkg/value"
)

// dialV1 connects with the older serializer.
func (s *server) dialV1(query ...string) *client {
	s.t.Helper()
	u := strings.Replace(s.url(), "vsn=2.0.0", "vsn=1.0.0", 1)
	for _, q := range query {
		u += "&" + q
	}
	ws, _, err := websocket.DefaultDialer.Dial(u, nil)
	if err != nil {
		s.t.Fatalf("dial %s: %v", u, err)
	}
	s.t.Cleanup(func() { ws.Close() })
	return &client{s.t, ws}
}

// The session of the protocol's description, in V1.
func TestSessionV1(t *testing.T) {
	serve(t, anyOrigin(room())).dialV1().play(
		`> {"topic":"room:a","event":"phx_join","payload":{},"ref":"1"}`,
		`< {"topic":"room:a","event":"phx_reply","ref":"1","payload":{"status":"ok","response":{}}}`,
		`> {"topic":"room:a","event":"echo","payload":{"x": 1.0},"ref":"2"}`,
		`< {"topic":"room:a","event":"phx_reply","ref":"2","payload":{"status":"ok","response":{"x": 1.0}}}`,
		`> {"topic":"room:a","event":"new_msg","payload":{"a":1},"ref":"3"}`,
		`< {"topic":"room:a","event":"new_msg","ref":null,"payload":{"a":1}}`,
		`> {"topic":"room:a","event":"pushed","payload":{},"ref":"4"}`,
		`< {"topic":"room:a","event":"note","ref":null,"payload":{}}`,
		`> {"topic":"phoenix","event":"heartbeat","payload":{},"ref":"5"}`,
		`< {"topic":"phoenix","event":"phx_reply","ref":"5","payload":{"status":"ok","response":{}}}`,
		`> {"topic":"phoenix","event":"heartbeat","payload":{},"ref":6}`,
		`< {"topic":"phoenix","event":"phx_reply","ref":6,"payload":{"status":"ok","response":{}}}`,
		`> {"topic":"room:a","event":"phx_join","payload":{},"ref":"7"}`,
		`< {"topic":"room:a","event":"phx_reply","ref":"7","payload":{"status":"ok","response":{}}}`,
		`< {"topic":"room:a","event":"phx_close","ref":null,"payload":{}}`,
		`> {"topic":"room:a","event":"nope","payload":{},"ref":"8"}`,
		`< {"topic":"room:a","event":"phx_reply","ref":"8","payload":{"status":"error","response":{"reason":"unmatched event"}}}`,
		`> {"topic":"room:a","event":"fail","payload":{},"ref":"9"}`,
		`< {"topic":"room:a","event":"phx_error","ref":null,"payload":{}}`,
		`> {"topic":"room:a","event":"echo","payload":{},"ref":"10"}`,
		`< {"topic":"room:a","event":"phx_reply","ref":"10","payload":{"status":"error","response":{"reason":"unmatched topic"}}}`,
		`> {"topic":"nowhere","event":"phx_join","payload":{},"ref":"11"}`,
		`< {"topic":"nowhere","event":"phx_reply","ref":"11","payload":{"status":"error","response":{"reason":"unmatched topic"}}}`,
		`> {"topic":"room:a","event":"phx_leave","payload":{},"ref":"12"}`,
		`< {"topic":"room:a","event":"phx_reply","ref":"12","payload":{"status":"ok","response":{}}}`,
	)
}

// A client of V1 may say join_ref: then it holds as in V2, and names the end.
func TestJoinRefInV1(t *testing.T) {
	serve(t, anyOrigin(room())).dialV1().play(
		`> {"topic":"room:a","event":"phx_join","payload":{},"ref":"2","join_ref":"1"}`,
		`< {"topic":"room:a","event":"phx_reply","ref":"2","payload":{"status":"ok","response":{}}}`,
		`> {"topic":"room:a","event":"echo","payload":{},"ref":"3","join_ref":"0"}`,
		`> {"topic":"room:a","event":"phx_leave","payload":{},"ref":"4","join_ref":"0"}`,
		`> {"topic":"room:a","event":"echo","payload":{},"ref":"5","join_ref":null}`,
		`< {"topic":"room:a","event":"phx_reply","ref":"5","payload":{"status":"ok","response":{}}}`,
		`> {"topic":"room:a","event":"phx_leave","payload":{},"ref":"6","join_ref":"1"}`,
		`< {"topic":"room:a","event":"phx_reply","ref":"6","payload":{"status":"ok","response":{}}}`,
		`< {"topic":"room:a","event":"phx_close","ref":"1","payload":{}}`,
	)
}

// Members of both forms see each other's events, each in its own.
func TestMixedMembers(t *testing.T) {
	s := serve(t, anyOrigin(room()))
	joinV1 := []string{`> {"topic":"room:a","event":"phx_join","payload":{},"ref":"1"}`, `< {"topic":"room:a","event":"phx_reply","ref":"1","payload":{"status":"ok","response":{}}}`}
	old, older, recent, other := s.dialV1(), s.dialV1(), s.dial().join("room:a"), s.dial().join("room:a")
	old.play(joinV1...)
	older.play(joinV1...)
	all := func(payload string) {
		for _, c := range []*client{old, older} {
			c.expect(`{"topic":"room:a","event":"new_msg","ref":null,"payload":` + payload + `}`)
		}
		for _, c := range []*client{recent, other} {
			c.expect(`[null,null,"room:a","new_msg",` + payload + `]`)
		}
	}
	for _, payload := range payloads() {
		old.send(`{"topic":"room:a","event":"new_msg","payload":` + payload + `,"ref":"2"}`)
		all(payload)
		recent.send(`["1","2","room:a","new_msg",` + payload + `]`)
		all(payload)
		must(s.hub.Broadcast("room:a", "new_msg", value.JSON([]byte(payload))))
		all(payload)
	}
}

// payloads are what an encoder between would change.
func payloads() []string {
	return []string{
		`{}`, `{"n":1.0}`, `1e400`, `-0`, `123456789012345678901234567890`, `0.1000000000000000055511151231257827`,
		`{"a":1,"a":2}`, `{"b":1,"a":2}`, `"\u00e9\/\ud83d\ude00 é"`, `"\ud800"`, `{ "a" :` + "\t" + `[ 1 ,2 ] }`, `"<&>"`, `null`, `true`, `[]`, `""`,
	}
}

func TestPayloadsPassUntouched(t *testing.T) {
	channel := room()
	channel.in["back"] = func(c *Call) { must(c.Push("back", c.Payload)) }
	channel.out = map[string]func(*Call){"filtered": func(c *Call) { must(c.Push(c.Event, c.Payload)) }}
	s := serve(t, anyOrigin(channel))
	c := s.dial()
	for _, payload := range payloads() {
		c.play(
			`> ["1","1","room:a","phx_join",`+payload+`]`, `< ["1","1","room:a","phx_reply",{"status":"ok","response":{}}]`,
			`> ["1","2","room:a","echo",`+payload+`]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":`+payload+`}]`,
			`> ["1","3","room:a","back",`+payload+`]`, `< ["1",null,"room:a","back",`+payload+`]`,
		)
		must(s.hub.Broadcast("room:a", "filtered", value.JSON([]byte(payload))))
		c.expect(`["1",null,"room:a","filtered",` + payload + `]`)
		c.play(`> ["1","4","room:a","phx_leave",`+payload+`]`, `< ["1","4","room:a","phx_reply",{"status":"ok","response":{}}]`, `< ["1","1","room:a","phx_close",{}]`)
	}
}

// A ref is the client's: whatever JSON it is, it comes back as it was written.
func TestRefsAreEchoed(t *testing.T) {
	c := serve(t, anyOrigin(room())).dial()
	for _, ref := range []string{`"2"`, `2`, `1.50`, `1e400`, `true`, `""`, `"\u0041"`, `[1, {"a":null}]`, `{"a": [1.0]}`, `null`} {
		c.play(
			`> [null,`+ref+`,"phoenix","heartbeat",{}]`, `< [null,`+ref+`,"phoenix","phx_reply",{"status":"ok","response":{}}]`,
			`> ["1",`+ref+`,"room:a","echo",{}]`, `< [null,`+ref+`,"room:a","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
			`> ["1",`+ref+`,"room:a","phx_leave",{}]`, `< ["1",`+ref+`,"room:a","phx_reply",{"status":"ok","response":{}}]`,
			`> [`+ref+`,`+ref+`,"room:a","phx_join",{}]`, `< [`+ref+`,`+ref+`,"room:a","phx_reply",{"status":"ok","response":{}}]`,
			`> [`+ref+`,`+ref+`,"room:a","echo",{}]`, `< [`+ref+`,`+ref+`,"room:a","phx_reply",{"status":"ok","response":{}}]`,
			`> [`+ref+`,`+ref+`,"room:a","phx_leave",{}]`, `< [`+ref+`,`+ref+`,"room:a","phx_reply",{"status":"ok","response":{}}]`,
			`< [`+ref+`,`+ref+`,"room:a","phx_close",{}]`,
		)
	}
}
