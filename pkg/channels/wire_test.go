package channels

import (
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/value"
)

func TestHeartbeats(t *testing.T) {
	c := serve(t, anyOrigin(room())).dial().join("room:a")
	c.play(
		`> ["1","2","phoenix","heartbeat",{}]`, `< [null,"2","phoenix","phx_reply",{"status":"ok","response":{}}]`,
		`> ["gone","3","phoenix","heartbeat",[1]]`, `< [null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]`,
		`> [null,null,"phoenix","heartbeat",null]`, `< [null,null,"phoenix","phx_reply",{"status":"ok","response":{}}]`,
		`> [null,"4","phoen\u0069x","heart\u0062eat",{}]`, `< [null,"4","phoenix","phx_reply",{"status":"ok","response":{}}]`,
		`> [null,"5","phoenix","Heartbeat",{}]`, `< [null,"5","phoenix","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
		`> [null,"6","phoenix","phx_leave",{}]`, `< [null,"6","phoenix","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
		`> ["1","7","Phoenix","heartbeat",{}]`, `< [null,"7","Phoenix","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
		`> ["1","8","room:a","heartbeat",{}]`, `< ["1","8","room:a","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`,
	)
}

func TestNames(t *testing.T) {
	long := strings.Repeat("n", maxName-2) // with its quotes as long as may be
	everything := &testChannel{topic: "*", in: map[string]func(*Call){long: echo, "": echo}}
	c := serve(t, anyOrigin(everything)).dial()
	for _, topic := range []string{"", "*", "a:*", " ", "room:\U0001F600", `\\\"`, long} {
		c.play(
			`> ["1","1","`+topic+`","phx_join",7]`, `< ["1","1","`+topic+`","phx_reply",{"status":"ok","response":{}}]`,
			`> ["1","2","`+topic+`","`+long+`",8]`, `< ["1","2","`+topic+`","phx_reply",{"status":"ok","response":8}]`,
			`> ["1","3","`+topic+`","",""]`, `< ["1","3","`+topic+`","phx_reply",{"status":"ok","response":""}]`,
			`> ["1","4","`+topic+`","phx_leave",null]`, `< ["1","4","`+topic+`","phx_reply",{"status":"ok","response":{}}]`, `< ["1","1","`+topic+`","phx_close",{}]`,
		)
	}
}

func TestDuplicateJoins(t *testing.T) {
	channel := room()
	channel.join = func(c *Call) {
		if string(c.Payload.Bytes) == `"no"` {
			must(c.Reply("error", value.JSON([]byte(`{"reason":"no"}`))))
		}
	}
	channel.afterJoin = func(c *Call) { must(c.Push("welcome", c.Payload)) }
	c := serve(t, anyOrigin(channel)).dial()
	c.play(
		`> ["1","1","room:a","phx_join",1]`,
		`< ["1","1","room:a","phx_reply",{"status":"ok","response":{}}]`, `< ["1",null,"room:a","welcome",1]`,
		// The new reply, the end of the old one, the pushes of the new one.
		`> ["2","2","room:a","phx_join",2]`,
		`< ["2","2","room:a","phx_reply",{"status":"ok","response":{}}]`, `< ["1","1","room:a","phx_close",{}]`, `< ["2",null,"room:a","welcome",2]`,
		// The same ref once more.
		`> ["2","2","room:a","phx_join",3]`,
		`< ["2","2","room:a","phx_reply",{"status":"ok","response":{}}]`, `< ["2","2","room:a","phx_close",{}]`, `< ["2",null,"room:a","welcome",3]`,
		// A null join_ref, which makes a membership that takes any.
		`> [null,"4","room:a","phx_join",4]`,
		`< ["4","4","room:a","phx_reply",{"status":"ok","response":{}}]`, `< ["2","2","room:a","phx_close",{}]`, `< ["4",null,"room:a","welcome",4]`,
		`> ["2","5","room:a","echo",{}]`, `< ["4","5","room:a","phx_reply",{"status":"ok","response":{}}]`,
		// Refused: the old one is gone all the same.
		`> ["6","6","room:a","phx_join","no"]`,
		`< ["6","6","room:a","phx_reply",{"status":"error","response":{"reason":"no"}}]`, `< ["4","4","room:a","phx_close",{}]`,
		`> ["4","7","room:a","echo",{}]`, `< [null,"7","room:a","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
	)
}

// What a client sends under the protocol's own names reaches nobody else, declared or not.
func TestReservedEventsFromClients(t *testing.T) {
	channel := room()
	channel.in["phx_reply"], channel.in["phx_made_up"] = echo, echo
	s := serve(t, anyOrigin(channel))
	c, other := s.dial().join("room:a"), s.dial().join("room:a")
	for _, event := range []string{"phx_reply", "phx_close", "phx_error", "phx_made_up"} {
		c.play(`> ["1","2","room:a","`+event+`",{"status":"ok"}]`, `< ["1","2","room:a","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`,
			`> ["1","3","room:b","`+event+`",{}]`, `< [null,"3","room:b","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
	}
	heartbeat(other)
}
