package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestAnswersAreFramesOfThePayloadAsItCame(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 200) + `"}`
	for _, payload := range []string{`{}`, `{"a":"b, ]","n":[1,2]}`, long} {
		m, ok := parse(fmt.Appendf(nil, `["1","7","room:a","echo",%s]`, payload))
		if !ok || string(m.event) != "echo" {
			t.Fatalf("%s: parsed %q, %v", payload, m.event, ok)
		}
		reply := `["1","7","room:a","phx_reply",{"status":"ok","response":` + payload + `}]`
		if got := string(appendReply(nil, m, m.payload)); got != framed(reply) {
			t.Errorf("reply %q, want %q", got, framed(reply))
		}
		all := `[null,null,"room:a","echo",` + payload + `]`
		if got := string(appendBroadcast(nil, m)); got != framed(all) {
			t.Errorf("broadcast %q, want %q", got, framed(all))
		}
	}
	for _, text := range []string{``, `[`, `{}`, `["1","7","room:a","echo"]`} {
		if _, ok := parse([]byte(text)); ok {
			t.Errorf("%q was taken", text)
		}
	}
}

// framed is a text frame of at most 65,535 bytes (RFC 6455, section 5.2).
func framed(text string) string {
	if len(text) < 126 {
		return "\x81" + string([]byte{byte(len(text))}) + text
	}
	return "\x81\x7e" + string([]byte{byte(len(text) >> 8), byte(len(text))}) + text
}
