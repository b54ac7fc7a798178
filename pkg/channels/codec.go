package channels

import (
	"errors"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/value"
)

// A message is what a client sent, as it stands in a buffer: parts of it, not copies.
type message struct {
	joinRef, ref []byte // JSON as written; nil for null
	topic, event []byte // unescaped
	payload      value.Payload
}

const (
	// maxDepth bounds how deep a payload nests.
	maxDepth = 64
	// maxName bounds, in bytes, refs, topics and events: they are kept and sent out again
	// for as long as a membership lives.
	maxName = 1024
)

var errMalformed = errors.New("malformed message")

// decodeArray reads `[join_ref, ref, topic, event, payload]`. Elements after the fifth are
// checked and ignored. b must be valid UTF-8.
func decodeArray(b []byte) (message, error) {
	var parts [5][]byte
	i, ok := space(b, 0), true
	if i >= len(b) || b[i] != '[' {
		return message{}, errMalformed
	}
	n := 0
	for more := true; more; n++ {
		start := space(b, i+1)
		if i, ok = skipValue(b, start, 0); !ok {
			return message{}, errMalformed
		}
		if n < len(parts) {
			parts[n] = b[start:i]
		}
		i = space(b, i)
		if i >= len(b) || b[i] != ',' && b[i] != ']' {
			return message{}, errMalformed
		}
		more = b[i] == ','
	}
	if n < len(parts) || space(b, i+1) != len(b) {
		return message{}, errMalformed
	}
	return assemble(&parts)
}

func assemble(parts *[5][]byte) (m message, err error) {
	for _, name := range parts[:4] {
		if len(name) > maxName {
			return message{}, errMalformed
		}
	}
	if parts[2][0] != '"' || parts[3][0] != '"' {
		return message{}, errMalformed
	}
	m.joinRef, m.ref = orNull(parts[0]), orNull(parts[1])
	m.topic, m.event = unquote(parts[2]), unquote(parts[3])
	m.payload = value.JSON(parts[4])
	return m, nil
}

func orNull(value []byte) []byte {
	if value[0] == 'n' {
		return nil
	}
	return value
}

// decodeObject reads the V1 form, `{"topic", "event", "payload", "ref"}` and perhaps
// "join_ref". Of a name that comes twice the last counts; other names are checked and
// ignored. b must be valid UTF-8.
func decodeObject(b []byte) (message, error) {
	var parts [5][]byte
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return message{}, errMalformed
	}
	for more := true; more; {
		var name, part []byte
		var ok bool
		if name, part, i, ok = member(b, i+1); !ok {
			return message{}, errMalformed
		}
		if k := partOf(name); k >= 0 {
			parts[k] = part
		}
		if i = space(b, i); i >= len(b) || b[i] != ',' && b[i] != '}' {
			return message{}, errMalformed
		}
		more = b[i] == ','
	}
	if parts[0] == nil {
		parts[0] = []byte("null")
	}
	for _, part := range parts {
		if part == nil {
			return message{}, errMalformed
		}
	}
	if space(b, i+1) != len(b) {
		return message{}, errMalformed
	}
	return assemble(&parts)
}

// member reads a name and its value from b[i:] and gives the place after it.
func member(b []byte, i int) (name, part []byte, end int, ok bool) {
	start := space(b, i)
	if start >= len(b) || b[start] != '"' {
		return nil, nil, i, false
	}
	if i, ok = skipString(b, start); !ok {
		return nil, nil, i, false
	}
	name = unquote(b[start:i])
	if i = space(b, i); i >= len(b) || b[i] != ':' {
		return nil, nil, i, false
	}
	start = space(b, i+1)
	if i, ok = skipValue(b, start, 0); !ok { // i may be behind the end
		return nil, nil, i, false
	}
	return name, b[start:i], i, true
}

// partOf gives the place that a member of V1 has in V2.
func partOf(name []byte) int {
	switch string(name) {
	case "join_ref":
		return 0
	case "ref":
		return 1
	case "topic":
		return 2
	case "event":
		return 3
	case "payload":
		return 4
	}
	return -1
}

// The kinds of binary messages that are sent (Phoenix.Socket.V2.JSONSerializer).
const (
	binaryPush      = 0
	binaryReply     = 1
	binaryBroadcast = 2
)

// decodeBinary reads a push in the binary V2 form: four sizes of a byte each, the four
// texts, and the payload. Refs without bytes are null.
func decodeBinary(b []byte) (message, error) {
	if len(b) < 5 || b[0] != binaryPush {
		return message{}, errMalformed
	}
	rest := b[5:]
	var texts [4][]byte
	for k := range texts {
		size := int(b[1+k])
		if len(rest) < size || !utf8.Valid(rest[:size]) {
			return message{}, errMalformed
		}
		texts[k], rest = rest[:size], rest[size:]
	}
	return message{
		joinRef: quotedRef(texts[0]), ref: quotedRef(texts[1]), topic: texts[2], event: texts[3],
		payload: value.Payload{Bytes: rest, Binary: true},
	}, nil
}

// quotedRef gives a ref in the form in which others are kept, which is JSON.
func quotedRef(text []byte) []byte {
	if len(text) == 0 {
		return nil
	}
	return value.AppendJSONString(make([]byte, 0, len(text)+2), text)
}
