package channels

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// What is no message costs its sender the connection, with the code that fits, and nobody
// else anything.
func TestCloseCodesOfFrames(t *testing.T) {
	rules := anyOrigin(room())
	rules.settings.MaxFrame = 2000
	s := serve(t, rules)
	beat := `[null,"1","phoenix","heartbeat",{}]`
	old := func(text string) []byte { return masked(0x81, []byte(text)) }
	tests := []struct {
		name string
		v1   bool
		sent []byte
		want int
	}{
		{"V1: an array", true, old(beat), 1011},
		{"V1: no ref", true, old(`{"topic":"phoenix","event":"heartbeat","payload":{}}`), 1011},
		{"V1: no payload", true, old(`{"topic":"phoenix","event":"heartbeat","ref":"1"}`), 1011},
		{"V1: a topic that is no string", true, old(`{"topic":1,"event":"heartbeat","payload":{},"ref":"1"}`), 1011},
		{"V1: text after the object", true, old(`{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}x`), 1011},
		{"V1: a push in bytes", true, masked(0x82, bare(t, "00 00 01 07 09 35 70686f656e6978 686561727462656174")), 1011},
		{"V1: invalid UTF-8", true, old("{\"topic\":\"\xff\",\"event\":\"heartbeat\",\"payload\":{},\"ref\":\"1\"}"), 1007},
		{"bytes: nothing", false, masked(0x82, nil), 1011},
		{"bytes: a head that is cut", false, masked(0x82, bare(t, "00 01 01")), 1011},
		{"bytes: a text that is cut", false, masked(0x82, bare(t, "00 01 01 06 04 31 35 726f6f6d")), 1011},
		{"bytes: a reply", false, masked(0x82, bare(t, "01 01 01 06 02 31 35 726f6f6d3a61 6f6b")), 1011},
		{"bytes: a broadcast", false, masked(0x82, bare(t, "02 01 01 74 65 00 00")), 1011},
		{"bytes: kind 3", false, masked(0x82, bare(t, "03 00 00 01 01 74 65")), 1011},
		{"bytes: kind 4", false, masked(0x82, bare(t, "04 00 00 01 01 74 65")), 1011},
		{"bytes: text in a binary frame", false, masked(0x82, []byte(beat)), 1011},
		{"UTF-8 that is cut at the end", false, old(beat[:len(beat)-1] + "\"\xc3"), 1007},
		{"UTF-8 broken by a fragment", false, append(masked(0x01, []byte("[null,\"\xc3")), masked(0x80, []byte("\x28\",\"phoenix\",\"heartbeat\",{}]"))...), 1007},
		{"UTF-8 of a surrogate", false, old("[null,\"\xed\xa0\x80\",\"phoenix\",\"heartbeat\",{}]"), 1007},
		{"over the limit in fragments", false, append(masked(0x01, bytes.Repeat([]byte("x"), 1500)), masked(0x80, bytes.Repeat([]byte("x"), 1500))...), 1009},
		{"a length of 64 bits over the limit", false, append([]byte{0x81, 0xFF}, append(binary.BigEndian.AppendUint64(nil, 1<<40), 0, 0, 0, 0)...), 1009},
		{"a continuation of nothing", false, masked(0x80, []byte("x")), 1002},
		{"a message within a message", false, append(masked(0x01, []byte("[")), old(beat)...), 1002},
		{"a ping in fragments", false, masked(0x09, nil), 1002},
		{"a ping of 126 bytes", false, masked(0x89, make([]byte, 126)), 1002},
		{"the second reserved bit", false, masked(0xA1, []byte(beat)), 1002},
		{"a reserved control opcode", false, masked(0x8B, nil), 1002},
		{"a close frame of one byte", false, masked(0x88, []byte{0x03}), 1002},
		{"a close code that may not be sent", false, masked(0x88, []byte{0x03, 0xED}), 1002},
		{"a close reason that is not UTF-8", false, masked(0x88, []byte{0x03, 0xE8, 0xff}), 1002},
		{"close with 1000 is echoed", false, masked(0x88, []byte{0x03, 0xE8}), 1000},
		{"close with 1001 and a reason", false, masked(0x88, append([]byte{0x03, 0xE9}, "bye"...)), 1001},
	}
	other := s.dial().join("room:a")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := s.hub.Stats().Malformed
			dial := s.dial
			if tt.v1 {
				dial = s.dialV1
			}
			c := dial()
			defer c.Close()
			if _, err := c.NetConn().Write(tt.sent); err != nil {
				t.Fatal(err)
			}
			if got := c.closed(); got != tt.want {
				t.Errorf("closed with %d, want %d", got, tt.want)
			}
			counted := s.hub.Stats().Malformed - before
			if ours := tt.want != 1000 && tt.want != 1001; ours != (counted == 1) {
				t.Errorf("counted %d times as malformed", counted)
			}
			heartbeat(other)
		})
	}
}

// What is odd and no fault is answered.
func TestFramesThatAreTaken(t *testing.T) {
	rules := anyOrigin(room())
	rules.settings.MaxFrame = 70_000
	s := serve(t, rules)
	message := `["1","2","room:a","echo","é😀"]`
	answer := `["1","2","room:a","phx_reply",{"status":"ok","response":"é😀"}]`
	var bytewise []byte
	for i := range len(message) {
		first := byte(0)
		if i == 0 {
			first = 0x01
		}
		if i == len(message)-1 {
			first |= 0x80
		}
		bytewise = append(bytewise, masked(first, []byte(message[i:i+1]))...)
		bytewise = append(bytewise, masked(0x8A, []byte("unasked"))...)
	}
	big := `"` + strings.Repeat("x", 66_000) + `"`
	wide := []byte(`["1","2","room:a","echo",` + big + `]`)
	long := append(binary.BigEndian.AppendUint64([]byte{0x81, 0xFF}, uint64(len(wide))), 0, 0, 0, 0)
	noPayload := append(masked(0x01, nil), masked(0x80, []byte(message))...)
	tests := []struct {
		name string
		sent []byte
		want string
	}{
		{"UTF-8 cut by fragments of one byte, pongs between", bytewise, answer},
		{"a first fragment without bytes", noPayload, answer},
		{"a length of 64 bits", append(long, wide...), `["1","2","room:a","phx_reply",{"status":"ok","response":` + big + `}]`},
		{"a length longer than it must be", append([]byte{0x81, 0xFE, 0, byte(len(message)), 0, 0, 0, 0}, message...), answer},
		{"whitespace around", masked(0x81, []byte("\r\n\t "+message+" \n")), answer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dial().join("room:a")
			defer c.Close()
			if _, err := c.NetConn().Write(tt.sent); err != nil {
				t.Fatal(err)
			}
			c.expect(tt.want)
		})
	}
}

// A ping comes back with its bytes, up to the most that it may have, in order with messages.
func TestPingsAreAnswered(t *testing.T) {
	c := serve(t, anyOrigin(room())).dial()
	var pongs []string
	c.SetPongHandler(func(data string) error { pongs = append(pongs, data); return nil })
	want := []string{"", "\x00\xff", strings.Repeat("p", 125)}
	for _, data := range want {
		if _, err := c.NetConn().Write(masked(0x80|websocket.PingMessage, []byte(data))); err != nil {
			t.Fatal(err)
		}
	}
	heartbeat(c)
	if strings.Join(pongs, "|") != strings.Join(want, "|") {
		t.Errorf("pongs %q, want %q", pongs, want)
	}
}
