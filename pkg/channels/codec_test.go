package channels

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/openmanifest/gateway/pkg/value"
)

func TestDecode(t *testing.T) {
	tests := []struct {
		text string
		want string // join_ref ref topic event payload; "" for malformed
	}{
		{`["1","2","t","e",{}]`, `"1" "2" t e {}`},
		{` [ null , null , "t" , "e" , [ 1, 2 ] ] `, ` - - t e [ 1, 2 ]`},
		{`[1,{"a":[]},"t","e",null]`, `1 {"a":[]} t e null`},
		{`["1","2","t","e",{},6,"x"]`, `"1" "2" t e {}`},
		{`["1","2","a\n\"\\\/\b\f\r\t\u0041","\ud83d\ude00\ud800x",-0.5e+10]`, "\"1\" \"2\" a\n\"\\/\b\f\r\tA 😀\uFFFDx -0.5e+10"},
		{`["1","2","","",true]`, `"1" "2"   true`},
		{`[]`, ""}, {`[1]`, ""}, {`["1","2","t","e"]`, ""}, {`["1","2","t","e",]`, ""}, {`["1","2","t","e",{}`, ""},
		{`["1","2","t","e",{}]]`, ""}, {`["1","2","t","e",{}] x`, ""}, {`["1","2","t","e" {}]`, ""},
		{`["1","2",null,"e",{}]`, ""}, {`["1","2","t",1,{}]`, ""},
		{`["1","2","t","e",01]`, ""}, {`["1","2","t","e",1.]`, ""}, {`["1","2","t","e",-]`, ""}, {`["1","2","t","e",1e]`, ""}, {`["1","2","t","e",+1]`, ""},
		{`["1","2","t","e",{"a"}]`, ""}, {`["1","2","t","e",{"a":}]`, ""}, {`["1","2","t","e",{a:1}]`, ""}, {`["1","2","t","e",{"a":1,}]`, ""}, {`["1","2","t","e",[1,]]`, ""},
		{`["1","2","t","e",nul]`, ""}, {`["1","2","t","e","\x"]`, ""}, {`["1","2","t","e","\u12g4"]`, ""}, {"[\"1\",\"2\",\"t\",\"e\",\"\n\"]", ""}, {`["1","2","t","e","`, ""},
		{`["` + strings.Repeat("r", maxName) + `","2","t","e",1]`, ""},
		{`["1","2","t","e",` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `]`, `"1" "2" t e ` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)},
		{`["1","2","t","e",` + strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1) + `]`, ""},
		{`["1","2","t","e",` + strings.Repeat("[", 100000), ""},
	}
	for _, tt := range tests {
		f, err := decodeArray([]byte(tt.text))
		if err != nil {
			if tt.want != "" {
				t.Errorf("decode(%.80s): %v", tt.text, err)
			}
			continue
		}
		if got := fmt.Sprintf("%s %s %s %s %s", shown(f.joinRef), shown(f.ref), f.topic, f.event, f.payload.Bytes); got != strings.TrimPrefix(tt.want, " ") {
			t.Errorf("decode(%.80s)\n got %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

func shown(ref []byte) string {
	if ref == nil {
		return "-"
	}
	return string(ref)
}

// FuzzDecode compares with encoding/json: what one takes the other takes, but for our
// bounds, and both read the same.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`["1","2","room:a","new_msg",{"a":[1,2.5e-3,true,null,"x\u00e9\ud83d\ude00"]}]`, `[null,null,"t","e",[]]`,
		`[1,2,"\ud800\u0041","\\\"",-0]`, `["1","2","t","e"]`, `["1","2","t","e",{},6]`, `{}`, `[`, ``, `["1","2","t","e",{"a":}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) {
			return // refused before, and read leniently by encoding/json
		}
		got, err := decodeArray(text)
		want, reason := reference(text)
		if (err == nil) != (reason == "") {
			t.Fatalf("decode(%q): %v, reference: %q", text, err, reason)
		}
		if err != nil {
			return
		}
		var topic, event string
		json.Unmarshal(want[2], &topic)
		json.Unmarshal(want[3], &event)
		if topic != string(got.topic) || event != string(got.event) {
			t.Errorf("decode(%q): topic %q event %q, want %q %q", text, got.topic, got.event, topic, event)
		}
		for i, part := range [][]byte{got.joinRef, got.ref} {
			if part == nil {
				part = []byte("null")
			}
			if !bytes.Equal(part, want[i]) {
				t.Errorf("decode(%q): part %d is %q, want %q", text, i, part, want[i])
			}
		}
		if !bytes.Equal(got.payload.Bytes, want[4]) {
			t.Errorf("decode(%q): payload %q, want %q", text, got.payload.Bytes, want[4])
		}
	})
}

// reference gives the parts of a message, or the reason why it is refused.
func reference(text []byte) (parts []json.RawMessage, reason string) {
	if err := json.Unmarshal(text, &parts); err != nil {
		return nil, err.Error()
	}
	if len(parts) < 5 {
		return nil, "too few"
	}
	for i, part := range parts {
		switch {
		case i < 4 && len(part) > maxName:
			return nil, "too long"
		case (i == 2 || i == 3) && part[0] != '"':
			return nil, "not a string"
		case depth(part) > maxDepth:
			return nil, "too deep"
		}
	}
	return parts, ""
}

func depth(value []byte) (most int) {
	d := json.NewDecoder(bytes.NewReader(value))
	now := 0
	for {
		token, err := d.Token()
		if err != nil {
			return most
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			now++
			most = max(most, now)
		case json.Delim(']'), json.Delim('}'):
			now--
		}
	}
}

func TestFrames(t *testing.T) {
	tests := []struct {
		got  []byte
		want string // the text in the frame
	}{
		{formV2.reply([]byte(`"1"`), []byte(`2`), "t", "ok", value.Payload{}), `["1",2,"t","phx_reply",{"status":"ok","response":{}}]`},
		{formV2.reply(nil, nil, "t", `o"k`, value.JSON([]byte(`[1]`))), `[null,null,"t","phx_reply",{"status":"o\"k","response":[1]}]`},
		{formV2.json(nil, nil, "a\"\\\n\x01/<é", "e", []byte(`{"x": 1}`)), `[null,null,"a\"\\\u000a\u0001/<é","e",{"x": 1}]`},
		{formV2.json([]byte(`"7"`), nil, "bad\xff", "e", nil), `["7",null,"bad` + "\uFFFD" + `","e",{}]`},
		{formV2.json(nil, nil, "t", "e", bytes.Repeat([]byte("1"), 200)), `[null,null,"t","e",` + strings.Repeat("1", 200) + `]`},
		{formV2.json(nil, nil, "t", "e", bytes.Repeat([]byte("1"), 70000)), `[null,null,"t","e",` + strings.Repeat("1", 70000) + `]`},
	}
	for _, tt := range tests {
		if got := unframe(t, tt.got); got != tt.want {
			t.Errorf("frame %.120q, want %.120q", got, tt.want)
		}
		if _, err := decodeArray([]byte(tt.want)); err != nil {
			t.Errorf("%.120q does not decode: %v", tt.want, err)
		}
	}
}

// unframe checks the head of a frame by the meter that reads the clients'.
func unframe(t *testing.T, b []byte) string {
	t.Helper()
	var m frameMeter
	head := 2
	for m.have = copy(m.head[:], b[:2]); head < m.headSize(); head = m.headSize() {
		m.have = copy(m.head[:], b[:m.headSize()])
	}
	if b[0] != 0x80|websocket.TextMessage || int64(len(b)-head) != m.payloadSize() {
		t.Fatalf("head % x for %d bytes", b[:head], len(b)-head)
	}
	return string(b[head:])
}
