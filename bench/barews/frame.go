package main

import (
	"bytes"
	"encoding/binary"
	"errors"
)

var (
	errMalformed = errors.New("malformed message")
	empty        = []byte("{}") // never changes
)

// What the answers are made of.
const (
	replyHead = `"phx_reply",{"status":"ok","response":`
	nobody    = `[null,null,`
)

// A message is `[join_ref, ref, topic, event, payload]` as parts of the buffer that holds it.
// All but event are JSON as it was written.
type message struct{ joinRef, ref, topic, event, payload []byte }

// parse trusts the client: it looks for the commas of an array that is written without
// spaces, and for no escapes and no brackets.
func parse(b []byte) (m message, ok bool) {
	if len(b) < 2 || b[0] != '[' || b[len(b)-1] != ']' {
		return m, false
	}
	rest := b[1 : len(b)-1]
	for _, part := range []*[]byte{&m.joinRef, &m.ref, &m.topic, &m.event} {
		end := bytes.IndexByte(rest, ',')
		if end < 0 {
			return m, false
		}
		*part, rest = rest[:end], rest[end+1:]
	}
	m.event, m.payload = bytes.Trim(m.event, `"`), rest
	return m, true
}

// appendReply makes a whole frame with `phx_reply`.
func appendReply(b []byte, m message, response []byte) []byte {
	size := len(m.joinRef) + len(m.ref) + len(m.topic) + len(replyHead) + len(response) + len("[,,,}]")
	b = appendHead(b, size)
	b = append(b, '[')
	b = append(append(b, m.joinRef...), ',')
	b = append(append(b, m.ref...), ',')
	b = append(append(b, m.topic...), ',')
	b = append(append(b, replyHead...), response...)
	return append(b, '}', ']')
}

// appendBroadcast makes a whole frame that gives the payload to all.
func appendBroadcast(b []byte, m message) []byte {
	size := len(nobody) + len(m.topic) + len(m.event) + len(m.payload) + len(`,"",]`)
	b = appendHead(b, size)
	b = append(append(b, nobody...), m.topic...)
	b = append(append(append(b, `,"`...), m.event...), `",`...)
	return append(append(b, m.payload...), ']')
}

// appendHead begins a text frame of one piece (RFC 6455, section 5.2).
func appendHead(b []byte, size int) []byte {
	const finalText = 0x81
	switch {
	case size < 126:
		return append(b, finalText, byte(size))
	case size <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(b, finalText, 126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(b, finalText, 127), uint64(size))
	}
}
