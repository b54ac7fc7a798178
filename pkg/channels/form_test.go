package channels

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/value"
)

// bare reads hex with spaces, as the protocol's description writes it.
func bare(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// exact has no room behind the text: what is read there is out of bounds.
func exact(text string) []byte {
	b := make([]byte, len(text))
	copy(b, text)
	return b[:len(b):len(b)]
}

func TestDecodeV1(t *testing.T) {
	tests := []struct {
		text string
		want string // join_ref ref topic event payload; "" for malformed
	}{
		{`{"topic":"t","event":"e","payload":{},"ref":"2"}`, `- "2" t e {}`},
		{` { "ref" : null , "payload" : [ 1.0 ] , "event" : "e" , "topic" : "t" } `, `- - t e [ 1.0 ]`},
		{`{"topic":"t","event":"e","payload":{},"ref":"2","join_ref":"1"}`, `"1" "2" t e {}`},
		{`{"topic":"t","event":"e","payload":{},"ref":"2","join_ref":null}`, `- "2" t e {}`},
		{`{"topic":"t","event":"e","payload":{"a":1,"a":2},"ref":5}`, `- 5 t e {"a":1,"a":2}`},
		{`{"topic":"x","topic":"t","event":"e","payload":1,"payload":2,"ref":{"a":[]}}`, `- {"a":[]} t e 2`},
		{`{"extra":[{}],"topic":"t","event":"e","payload":null,"ref":"2"}`, `- "2" t e null`},
		{`{"t\u006fpic":"a\n\u0041","event":"","payload":{},"ref":"2"}`, "- \"2\" a\nA  {}"},
		{`{}`, ""}, {`{"topic":"t"}`, ""},
		{`{"event":"e","payload":{},"ref":"2"}`, ""}, {`{"topic":"t","payload":{},"ref":"2"}`, ""},
		{`{"topic":"t","event":"e","ref":"2"}`, ""}, {`{"topic":"t","event":"e","payload":{}}`, ""},
		{`{"topic":7,"event":"e","payload":{},"ref":"2"}`, ""}, {`{"topic":"t","event":null,"payload":{},"ref":"2"}`, ""},
		{`{"topic":"t","event":"e","payload":{},"ref":"2"`, ""}, {`{"topic":"t","event":"e","payload":{},"ref":"2",}`, ""},
		{`{"topic":"t","event":"e","payload":{},"ref":"2"}}`, ""}, {`{"topic":"t" "event":"e","payload":{},"ref":"2"}`, ""},
		{`{topic:"t","event":"e","payload":{},"ref":"2"}`, ""}, {`{"topic","event":"e","payload":{},"ref":"2"}`, ""},
		{`["1","2","t","e",{}]`, ""}, {``, ""}, {`null`, ""},
		{`{"topic":"t","event":"e","payload":{},"ref":"` + strings.Repeat("r", maxName) + `"}`, ""},
		{`{"topic":"t","event":"e","payload":` + strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1) + `,"ref":"2"}`, ""},
		{`{"x":` + strings.Repeat("[", 100_000), ""}, {`{"topic":"t","x":f`, ""}, {`{"x":"\u00`, ""}, {`{"x":-`, ""}, {`{"x`, ""}, {`{"x":`, ""},
	}
	for _, tt := range tests {
		m, err := formV1.decode(exact(tt.text), false)
		got := ""
		if err == nil {
			got = fmt.Sprintf("%s %s %s %s %s", shown(m.joinRef), shown(m.ref), m.topic, m.event, m.payload.Bytes)
		}
		if got != tt.want {
			t.Errorf("decode(%.80s)\n got %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

func TestDecodeBinary(t *testing.T) {
	tests := []struct {
		name, hex string
		want      string // join_ref ref topic event and data in hex; "" for malformed
	}{
		{"the one of the description", "00 01 01 06 04 31 35 726f6f6d3a61 6563686f 0102ff", `"1" "5" room:a echo 0102ff`},
		{"refs without bytes are null", "00 00 00 01 01 74 65 07", `- - t e 07`},
		{"no data", "00 01 01 01 01 31 32 74 65", `"1" "2" t e `},
		{"no texts at all", "00 00 00 00 00", `- -   `},
		{"refs that JSON escapes", "00 02 01 01 01 225c 0a 74 65", `"\"\\" "\n" t e `},
		{"nothing", "", ""}, {"a kind alone", "00", ""}, {"four bytes", "00 00 00 00", ""},
		{"a text that is cut", "00 01 01 06 04 31 35 726f6f6d3a61 656368", ""},
		{"a size of 255 with less", "00 ff 00 00 00 31", ""},
		{"a reply", "01 01 01 01 02 31 32 74 6f6b", ""}, {"a broadcast", "02 01 01 74 65 00 00", ""},
		{"kind 3", "03 01 01 01 01 31 32 74 65", ""}, {"kind 4", "04 01 01 01 01 31 32 74 65", ""}, {"kind 255", "ff 00 00 00 00", ""},
		{"a topic that is not UTF-8", "00 00 00 01 01 ff 65", ""}, {"a ref that is not UTF-8", "00 00 01 01 01 c3 74 65", ""},
		{"UTF-8 over the border of two texts", "00 00 00 01 01 c3 a9", ""},
	}
	for _, tt := range tests {
		for _, f := range []form{formV2, formV2 | deflating} {
			m, err := f.decode(bare(t, tt.hex), true)
			got := ""
			if err == nil {
				got = fmt.Sprintf("%s %s %s %s %x", shown(m.joinRef), shown(m.ref), m.topic, m.event, m.payload.Bytes)
			}
			if got != tt.want || err == nil && !m.payload.Binary {
				t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
			}
		}
		if _, err := formV1.decode(bare(t, tt.hex), true); err == nil {
			t.Errorf("%s: V1 takes it", tt.name)
		}
	}
}

func TestEncode(t *testing.T) {
	one, five := []byte(`"1"`), []byte(`"5"`)
	data := func(b ...byte) value.Payload { return value.Payload{Bytes: b, Binary: true} }
	long := strings.Repeat("t", 256)
	given := &Membership{Topic: "t", joinRef: one}
	open := &Membership{Topic: "t", joinRef: five, anyRef: true}
	tests := []struct {
		name   string
		frame  []byte
		binary bool
		want   string // text, or hex; "" for what cannot be said
	}{
		{"V2 reply", formV2.reply(one, five, "t", "ok", value.JSON([]byte(`{"x": 1.0}`))), false, `["1","5","t","phx_reply",{"status":"ok","response":{"x": 1.0}}]`},
		{"V1 reply", formV1.reply(one, five, "t", "ok", value.JSON([]byte(`{"x": 1.0}`))), false, `{"topic":"t","event":"phx_reply","ref":"5","payload":{"status":"ok","response":{"x": 1.0}}}`},
		{"V1 reply to null", formV1.reply(nil, nil, "t", "error", value.Payload{}), false, `{"topic":"t","event":"phx_reply","ref":null,"payload":{"status":"error","response":{}}}`},
		{"V2 push", formV2.push(one, "t", "e", value.JSON([]byte(`[1e400]`))), false, `["1",null,"t","e",[1e400]]`},
		{"V1 push", formV1.push(one, "t", "e", value.JSON([]byte(`[1e400]`))), false, `{"topic":"t","event":"e","ref":null,"payload":[1e400]}`},
		{"V2 broadcast", formV2.broadcast(nil, "t", "e", value.Payload{}), false, `[null,null,"t","e",{}]`},
		{"V1 broadcast", formV1.broadcast(nil, "t\"\n", "e", value.Payload{}), false, `{"topic":"t\"\u000a","event":"e","ref":null,"payload":{}}`},
		{"V2 end", formV2.over(given, eventClose), false, `["1","1","t","phx_close",{}]`},
		{"V2 end without join_ref", formV2.over(open, eventError), false, `["5","5","t","phx_error",{}]`},
		{"V1 end", formV1.over(given, eventClose), false, `{"topic":"t","event":"phx_close","ref":"1","payload":{}}`},
		{"V1 end without join_ref", formV1.over(open, eventError), false, `{"topic":"t","event":"phx_error","ref":null,"payload":{}}`},
		{"bytes: reply", formV2.reply(one, five, "room:a", "ok", data(1, 2, 255)), true, "01 01 01 06 02 31 35 726f6f6d3a61 6f6b 0102ff"},
		{"bytes: reply to null", formV2.reply(nil, nil, "t", "ok", data()), true, "01 00 00 01 02 74 6f6b"},
		{"bytes: reply to a ref that is no string", formV2.reply(one, []byte(`{"a":1}`), "t", "ok", data()), true, "01 01 07 01 02 31 7b2261223a317d 74 6f6b"},
		{"bytes: reply to a ref with escapes", formV2.reply([]byte(`"\u00e9"`), []byte(`"\n"`), "t", "ok", data()), true, "01 02 01 01 02 c3a9 0a 74 6f6b"},
		{"bytes: push", formV2.push(one, "room:a", "pushed", data(9)), true, "00 01 06 06 31 726f6f6d3a61 707573686564 09"},
		{"bytes: broadcast", formV2.broadcast(nil, "room:a", "new_msg", data(7)), true, "02 06 07 726f6f6d3a61 6e65775f6d7367 07"},
		{"255 bytes of topic", formV2.broadcast(nil, long[:255], "", data()), true, "02 ff 00 " + strings.Repeat("74", 255)},
		{"256 bytes of topic", formV2.broadcast(nil, long, "e", data()), false, ""},
		{"256 bytes of event", formV2.push(one, "t", long, data()), false, ""},
		{"256 bytes of ref", formV2.reply(one, []byte(`"`+long+`"`), "t", "ok", data()), false, ""},
		{"256 bytes of join_ref", formV2.reply([]byte(`"`+long+`"`), one, "t", "ok", data()), false, ""},
		{"256 bytes of status", formV2.reply(one, five, "t", long, data()), false, ""},
		{"bytes in V1: reply", formV1.reply(one, five, "t", "ok", data(1)), false, ""},
		{"bytes in V1: push", formV1.push(one, "t", "e", data(1)), false, ""},
		{"bytes in V1: broadcast", formV1.broadcast(nil, "t", "e", data(1)), false, ""},
	}
	for _, tt := range tests {
		if tt.want == "" || tt.frame == nil {
			if tt.want != "" || tt.frame != nil {
				t.Errorf("%s: frame %q, want %q", tt.name, tt.frame, tt.want)
			}
			continue
		}
		want := []byte(tt.want)
		if tt.binary {
			want = bare(t, tt.want)
		}
		got, isText := unsealed(tt.frame)
		if !bytes.Equal(got, want) || isText == tt.binary {
			t.Errorf("%s: frame of %q, text: %v, want %q", tt.name, got, isText, want)
		}
	}
}

// One form's frame of a broadcast is made once and shared, also the deflated one.
func TestCastIsEncodedOncePerForm(t *testing.T) {
	for _, payload := range []value.Payload{
		value.JSON([]byte(`{"body":"` + strings.Repeat("hello, world ", 30) + `"}`)),
		{Bytes: bytes.Repeat([]byte{1, 2}, 200), Binary: true},
	} {
		b := &cast{topic: "t", event: "e", payload: payload}
		seen := map[*byte]form{}
		for f := range formCount {
			first, again := b.frame(f), b.frame(f)
			if first == nil != (payload.Binary && f.isV1()) {
				t.Errorf("form %d: frame %q", f, first)
			}
			if first == nil {
				continue
			}
			if &first[0] != &again[0] {
				t.Errorf("form %d is encoded twice", f)
			}
			if other, is := seen[&first[0]]; is {
				t.Errorf("forms %d and %d have one frame", other, f)
			}
			seen[&first[0]] = f
		}
	}
}
