package channels

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/value"
)

// FuzzDecodeV1 compares with encoding/json, as FuzzDecode does for the other text form.
func FuzzDecodeV1(f *testing.F) {
	for _, seed := range []string{
		`{"topic":"t","event":"e","payload":{"a":[1,2.5e-3,true,null,"x\u00e9\ud83d\ude00"]},"ref":"2","join_ref":"1"}`,
		`{"topic":"t","topic":"u","event":"e","payload":1,"ref":null,"x":[]}`, `{"t\u006fpic":"\ud800","event":"\\","payload":-0,"ref":{}}`,
		`{"topic":"t","event":"e","payload":{}}`, `{}`, `[]`, `{"topic":"t",}`, `{"":{"":1}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) {
			return // refused before, and read leniently by encoding/json
		}
		got, err := formV1.decode(text, false)
		want, reason := referenceV1(text)
		if (err == nil) != (reason == "") {
			t.Fatalf("decode(%q): %v, reference: %q", text, err, reason)
		}
		if err == nil {
			same(t, text, got, want)
		}
	})
}

// referenceV1 gives the parts in the order of V2, or the reason why a message is refused.
func referenceV1(text []byte) (parts []json.RawMessage, reason string) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err.Error()
	}
	if all == nil {
		return nil, "no object"
	}
	if depth(text) > maxDepth+1 {
		return nil, "too deep"
	}
	if all["join_ref"] == nil {
		all["join_ref"] = json.RawMessage("null")
	}
	for i, name := range []string{"join_ref", "ref", "topic", "event", "payload"} {
		part, there := all[name]
		switch {
		case !there:
			return nil, "no " + name
		case i < 4 && len(part) > maxName:
			return nil, "too long"
		case (i == 2 || i == 3) && part[0] != '"':
			return nil, "not a string"
		}
		parts = append(parts, part)
	}
	return parts, ""
}

func same(t *testing.T, text []byte, got message, want []json.RawMessage) {
	t.Helper()
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
}

// FuzzDecodeBinary compares with a reading that copies, and encodes what was read: the reply
// to a push begins as the push does.
func FuzzDecodeBinary(f *testing.F) {
	for _, seed := range []string{
		"\x00\x01\x01\x06\x0415room:aecho\x01\x02\xff", "\x00\x00\x00\x00\x00", "\x00\xff\x00\x00\x00", "\x03\x01\x01\x01\x0112te",
		"\x00\x02\x01\x01\x01\"\\\nte", "\x00\x00\x00\x01\x01\xc3\xa9", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := formV2.decode(b, true)
		texts, data, ok := referenceBinary(b)
		if (err == nil) != ok {
			t.Fatalf("decode(%q): %v, reference: %v", b, err, ok)
		}
		if err != nil {
			return
		}
		if plainRef(got.joinRef) != texts[0] || plainRef(got.ref) != texts[1] || string(got.topic) != texts[2] || string(got.event) != texts[3] ||
			!bytes.Equal(got.payload.Bytes, data) || !got.payload.Binary {
			t.Errorf("decode(%q): %q %q %q %q %q, want %q and %q", b, got.joinRef, got.ref, got.topic, got.event, got.payload.Bytes, texts, data)
		}
		for i, ref := range [][]byte{got.joinRef, got.ref} {
			var back string
			if ref == nil != (texts[i] == "") || ref != nil && (json.Unmarshal(ref, &back) != nil || back != texts[i]) {
				t.Errorf("decode(%q): ref %q as JSON of %q", b, ref, texts[i])
			}
		}
		frame, isText := unsealed(formV2.reply(got.joinRef, got.ref, string(got.topic), string(got.event), value.Payload{Bytes: data, Binary: true}))
		if isText || !bytes.Equal(frame[1:], b[1:]) || frame[0] != binaryReply {
			t.Errorf("%q is answered %q", b, frame)
		}
	})
}

func referenceBinary(b []byte) (texts []string, data []byte, ok bool) {
	if len(b) < 5 || b[0] != 0 {
		return nil, nil, false
	}
	sizes, rest := b[1:5], b[5:]
	for _, size := range sizes {
		if int(size) > len(rest) || !utf8.Valid(rest[:size]) {
			return nil, nil, false
		}
		texts, rest = append(texts, string(rest[:size])), rest[size:]
	}
	return texts, rest, true
}
