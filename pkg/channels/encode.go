package channels

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// The events that belong to the protocol. No rule and no client makes a server send them.
const (
	eventJoin  = "phx_join"
	eventLeave = "phx_leave"
	eventReply = "phx_reply"
	eventError = "phx_error"
	eventClose = "phx_close"
)

func reserved(event string) bool { return strings.HasPrefix(event, "phx_") }

// headerRoom is the longest head of a frame that a server sends (RFC 6455, section 5.2).
const headerRoom = 10

// textFrame opens a buffer for a message of about size bytes, with room for the head.
func textFrame(size int) []byte { return make([]byte, headerRoom, headerRoom+size) }

// sealed puts the head before the text that follows headerRoom and gives the whole frame,
// ready for the wire and for any number of connections.
func sealed(b []byte) []byte {
	const final, text = 0x80, 0x1
	size := len(b) - headerRoom
	switch {
	case size < 126:
		b = b[headerRoom-2:]
		b[1] = byte(size)
	case size <= 0xFFFF:
		b = b[headerRoom-4:]
		b[1] = 126
		binary.BigEndian.PutUint16(b[2:], uint16(size))
	default:
		b[1] = 127
		binary.BigEndian.PutUint64(b[2:], uint64(size))
	}
	b[0] = final | text
	return b
}

// controlFrame makes a close, ping or pong frame; the payload is cut at 125 bytes.
func controlFrame(opcode byte, payload []byte) []byte {
	payload = payload[:min(len(payload), 125)]
	return append([]byte{0x80 | opcode, byte(len(payload))}, payload...)
}

// envelope is what the brackets, quotes and commas of a message take, with nulls.
const envelope = 32

// replyFrame encodes `phx_reply`. An empty response is {}.
func replyFrame(joinRef, ref []byte, topic, status string, response []byte) []byte {
	b := textFrame(envelope + len(joinRef) + len(ref) + len(topic) + len(status) + len(response) + 48)
	b = appendHead(b, joinRef, ref, topic, eventReply)
	b = append(b, `{"status":`...)
	b = appendString(b, status)
	b = append(b, `,"response":`...)
	b = appendPayload(b, response)
	return sealed(append(b, '}', ']'))
}

// messageFrame encodes a push (joinRef set), a broadcast (joinRef and ref nil), or
// phx_close and phx_error (both the membership's join ref).
func messageFrame(joinRef, ref []byte, topic, event string, payload []byte) []byte {
	b := textFrame(envelope + len(joinRef) + len(ref) + len(topic) + len(event) + len(payload))
	b = appendHead(b, joinRef, ref, topic, event)
	return sealed(append(appendPayload(b, payload), ']'))
}

func appendHead(b, joinRef, ref []byte, topic, event string) []byte {
	b = append(b, '[')
	b = append(appendRef(b, joinRef), ',')
	b = append(appendRef(b, ref), ',')
	b = append(appendString(b, topic), ',')
	return append(appendString(b, event), ',')
}

func appendRef(b, ref []byte) []byte {
	if ref == nil {
		return append(b, "null"...)
	}
	return append(b, ref...)
}

func appendPayload(b, payload []byte) []byte {
	if len(payload) == 0 {
		return append(b, '{', '}')
	}
	return append(b, payload...)
}

// appendString writes s as JSON, escaping only what must be. A text frame is UTF-8, so
// what is not becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	const digits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		if from = i + 1; c < 0x20 {
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		} else {
			b = append(b, '\\', c)
		}
	}
	return append(append(b, s[from:]...), '"')
}
