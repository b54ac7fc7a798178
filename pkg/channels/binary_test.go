package channels

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

func (c *client) sendBinary(hex string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.BinaryMessage, bare(c.t, hex)); err != nil {
		c.t.Fatalf("send %s: %v", hex, err)
	}
}

func (c *client) expectBinary(hex string) {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(await.Patience))
	kind, got, err := c.ReadMessage()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	if kind != websocket.BinaryMessage || !bytes.Equal(got, bare(c.t, hex)) {
		c.t.Fatalf("received kind %d % x, want binary %s", kind, got, hex)
	}
}

// bytesRoom has events that answer bytes.
func bytesRoom() *testChannel {
	data := func(b ...byte) value.Payload { return value.Payload{Bytes: b, Binary: true} }
	channel := room()
	channel.in["reply"] = func(c *Call) { must(c.Reply("ok", data(7))) }
	channel.in["push"] = func(c *Call) { must(c.Push("pushed", data(9))) }
	channel.in["all"] = func(c *Call) { must(c.Broadcast(c.Membership.Topic, "new_msg", data(7))) }
	channel.in["text"] = func(c *Call) { must(c.Reply("ok", value.JSON([]byte(`{"a":1}`)))) }
	channel.in["long"] = func(c *Call) {
		must(c.Push(strings.Repeat("e", 256), data(1)))
		must(c.Broadcast(c.Membership.Topic, strings.Repeat("e", 256), data(1)))
		must(c.Reply(strings.Repeat("s", 256), data(1)))
	}
	return channel
}

func heartbeat(c *client) {
	c.t.Helper()
	c.play(`> [null,"h","phoenix","heartbeat",{}]`, `< [null,"h","phoenix","phx_reply",{"status":"ok","response":{}}]`)
}

// The examples of the protocol's description.
func TestBinarySession(t *testing.T) {
	s := serve(t, anyOrigin(bytesRoom()))
	c := s.dial().join("room:a")
	c.sendBinary("00 01 01 06 04 31 35 726f6f6d3a61 6563686f 0102ff")
	c.expectBinary("01 01 01 06 02 31 35 726f6f6d3a61 6f6b 0102ff")
	c.send(`["1","6","room:a","push",{}]`)
	c.expectBinary("00 01 06 06 31 726f6f6d3a61 707573686564 09")
	c.send(`["1","7","room:a","all",{}]`)
	c.expectBinary("02 06 07 726f6f6d3a61 6e65775f6d7367 07")
	c.sendBinary("00 01 01 06 07 31 38 726f6f6d3a61 6e65775f6d7367 00ff")
	c.expectBinary("02 06 07 726f6f6d3a61 6e65775f6d7367 00ff")

	// Bytes and text answer each other.
	c.send(`["1","8","room:a","reply",{}]`)
	c.expectBinary("01 01 01 06 02 31 38 726f6f6d3a61 6f6b 07")
	c.sendBinary("00 01 01 06 04 31 39 726f6f6d3a61 74657874 0102")
	c.expect(`["1","9","room:a","phx_reply",{"status":"ok","response":{"a":1}}]`)

	// What belongs to no membership is answered in text.
	c.sendBinary("00 00 01 07 09 35 70686f656e6978 686561727462656174")
	c.expect(`[null,"5","phoenix","phx_reply",{"status":"ok","response":{}}]`)
	c.sendBinary("00 01 01 01 01 31 32 78 79 ff")
	c.expect(`[null,"2","x","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)

	// Null refs, no data, an old join_ref, a join and a leave.
	c.sendBinary("00 00 00 06 04 726f6f6d3a61 6563686f")
	c.expectBinary("01 01 00 06 02 31 726f6f6d3a61 6f6b")
	c.sendBinary("00 01 01 06 04 30 33 726f6f6d3a61 6563686f 01")
	heartbeat(c)
	c.sendBinary("00 01 01 06 08 32 32 726f6f6d3a62 7068785f6a6f696e 01")
	c.expect(`["2","2","room:b","phx_reply",{"status":"ok","response":{}}]`)
	c.sendBinary("00 01 01 06 09 32 33 726f6f6d3a62 7068785f6c65617665")
	c.expect(`["2","3","room:b","phx_reply",{"status":"ok","response":{}}]`, `["2","2","room:b","phx_close",{}]`)
}

// Bytes for a client that knows none fail alone: a reply becomes an error, what nobody waits
// for is dropped and counted.
func TestBytesForV1(t *testing.T) {
	s := serve(t, anyOrigin(bytesRoom()))
	old, recent := s.dialV1(), s.dial().join("room:a")
	old.play(`> {"topic":"room:a","event":"phx_join","payload":{},"ref":"1"}`, `< {"topic":"room:a","event":"phx_reply","ref":"1","payload":{"status":"ok","response":{}}}`,
		`> {"topic":"room:a","event":"reply","payload":{},"ref":"2"}`, `< {"topic":"room:a","event":"phx_reply","ref":"2","payload":{"status":"error","response":{"reason":"binary payload"}}}`,
		`> {"topic":"room:a","event":"push","payload":{},"ref":"3"}`,
		`> {"topic":"room:a","event":"all","payload":{},"ref":"4"}`,
		`> {"topic":"room:a","event":"echo","payload":{},"ref":"5"}`, `< {"topic":"room:a","event":"phx_reply","ref":"5","payload":{"status":"ok","response":{}}}`)
	recent.expectBinary("02 06 07 726f6f6d3a61 6e65775f6d7367 07")
	if n := s.hub.Stats().Unsayable; n != 3 {
		t.Errorf("%d counted, want 3", n)
	}
}

// So do names that are too long to stand beside bytes.
func TestLongNamesBesideBytes(t *testing.T) {
	s := serve(t, anyOrigin(bytesRoom()))
	c := s.dial().join("room:a")
	c.play(`> ["1","2","room:a","long",{}]`, `< ["1","2","room:a","phx_reply",{"status":"error","response":{"reason":"binary payload"}}]`)
	ref := `"` + strings.Repeat("r", 256) + `"`
	c.play(`> ["1",`+ref+`,"room:a","reply",{}]`, `< ["1",`+ref+`,"room:a","phx_reply",{"status":"error","response":{"reason":"binary payload"}}]`)
	topic := "room:" + strings.Repeat("t", 251)
	c.join(topic).play(`> ["1","3","`+topic+`","reply",{}]`, `< ["1","3","`+topic+`","phx_reply",{"status":"error","response":{"reason":"binary payload"}}]`,
		`> ["1","4","`+topic+`","push",{}]`, `> ["1","5","`+topic+`","all",{}]`)
	heartbeat(c)
	await.Until(t, "all are counted", func() bool { return s.hub.Stats().Unsayable == 7 })
	c.play(`> ["1","6","`+topic+`","echo",{}]`, `< ["1","6","`+topic+`","phx_reply",{"status":"ok","response":{}}]`)
}
