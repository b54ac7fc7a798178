package channels

import (
	"encoding/binary"

	"github.com/openmanifest/gateway/pkg/value"
)

// A form is a serialiser: how messages are written on a connection. The client chooses it
// by `vsn`.
type form uint8

const (
	formV2 form = iota // JSON arrays, and binary messages
	formV1             // JSON objects
	// deflating goes with either: long messages are compressed (permessage-deflate).
	deflating
	formCount = 2 * deflating
)

func (f form) isV1() bool { return f&^deflating == formV1 }

// decode reads a message of the client, inflated.
func (f form) decode(text []byte, isBinary bool) (message, error) {
	switch {
	case !f.isV1() && isBinary:
		return decodeBinary(text)
	case isBinary:
		return message{}, errMalformed
	case !f.isV1():
		return decodeArray(text)
	}
	return decodeObject(text)
}

// reply encodes `phx_reply`. Like all that encode it gives a whole websocket frame, or nil
// where the form cannot say it: bytes in V1, and names over 255 bytes beside bytes.
func (f form) reply(joinRef, ref []byte, topic, status string, response value.Payload) []byte {
	if response.Binary {
		return f.binary(binaryReply, response.Bytes, plainRef(joinRef), plainRef(ref), topic, status)
	}
	return f.text(joinRef, ref, topic, eventReply, 2*len(status)+len(response.Bytes)+24, func(b []byte) []byte {
		b = append(b, `{"status":`...)
		b = appendString(b, status)
		b = append(b, `,"response":`...)
		return append(appendPayload(b, response.Bytes), '}')
	})
}

// push encodes an event for one member.
func (f form) push(joinRef []byte, topic, event string, payload value.Payload) []byte {
	if payload.Binary {
		return f.binary(binaryPush, payload.Bytes, plainRef(joinRef), topic, event)
	}
	return f.json(joinRef, nil, topic, event, payload.Bytes)
}

// broadcast encodes an event for all members. ref is the place of the event in the topic's
// history, or nil.
func (f form) broadcast(ref []byte, topic, event string, payload value.Payload) []byte {
	if payload.Binary {
		return f.binary(binaryBroadcast, payload.Bytes, topic, event)
	}
	return f.json(nil, ref, topic, event, payload.Bytes)
}

// over encodes phx_close or phx_error of a membership. V1 has a ref there only if the join
// had a join_ref.
func (f form) over(m *Membership, event string) []byte {
	ref := m.joinRef
	if f.isV1() && m.anyRef {
		ref = nil
	}
	return f.json(m.joinRef, ref, m.Topic, event, nil)
}

func (f form) json(joinRef, ref []byte, topic, event string, payload []byte) []byte {
	return f.text(joinRef, ref, topic, event, len(payload)+2, func(b []byte) []byte { return appendPayload(b, payload) })
}

// envelope is what the brackets, names, quotes and commas of a message take, with nulls.
const envelope = 64

// text encodes a message whose payload takes about size bytes.
func (f form) text(joinRef, ref []byte, topic, event string, size int, payload func([]byte) []byte) []byte {
	b := textFrame(envelope + len(joinRef) + len(ref) + len(topic) + len(event) + size)
	if f.isV1() {
		b = appendString(append(b, `{"topic":`...), topic)
		b = appendString(append(b, `,"event":`...), event)
		b = appendRef(append(b, `,"ref":`...), ref)
		b = payload(append(b, `,"payload":`...))
		return f.packed(sealed(append(b, '}'), opText))
	}
	b = append(appendRef(append(b, '['), joinRef), ',')
	b = append(appendRef(b, ref), ',')
	b = append(appendString(b, topic), ',')
	b = payload(append(appendString(b, event), ','))
	return f.packed(sealed(append(b, ']'), opText))
}

// binary encodes bytes behind the sizes and texts that belong to the kind.
func (f form) binary(kind byte, data []byte, texts ...string) []byte {
	if f.isV1() {
		return nil
	}
	size := 1 + len(texts) + len(data)
	for _, text := range texts {
		if len(text) > 255 {
			return nil
		}
		size += len(text)
	}
	b := append(textFrame(size), kind)
	for _, text := range texts {
		b = append(b, byte(len(text)))
	}
	for _, text := range texts {
		b = append(b, text...)
	}
	return f.packed(sealed(append(b, data...), opBinary))
}

// plainRef gives a ref as binary messages have it: without quotes, and "" for null.
func plainRef(ref []byte) string {
	if len(ref) > 0 && ref[0] == '"' {
		return string(unquote(ref))
	}
	return string(ref)
}

// formOf reads `vsn`: a missing one means 1.0.0. Only 1.0.x and 2.0.x are spoken.
func formOf(vsn any) (form, bool) {
	if vsn == nil {
		return formV1, true
	}
	text, _ := vsn.(string)
	if len(text) < 5 || text[1:4] != ".0." || !isPatch(text[4:]) {
		return 0, false
	}
	switch text[0] {
	case '1':
		return formV1, true
	case '2':
		return formV2, true
	}
	return 0, false
}

// isPatch takes a number as versions have it: digits without a zero in front.
func isPatch(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) == 1 || s[0] != '0'
}

// headerRoom is the longest head of a frame that a server sends (RFC 6455, section 5.2).
const headerRoom = 10

// The opcodes of messages (RFC 6455, section 11.8).
const (
	opText   = 0x1
	opBinary = 0x2
)

// textFrame opens a buffer for a message of about size bytes, with room for the head.
func textFrame(size int) []byte { return make([]byte, headerRoom, headerRoom+size) }

// sealed puts the head before what follows headerRoom and gives the whole frame, ready for
// the wire and for any number of connections.
func sealed(b []byte, opcode byte) []byte {
	const final = 0x80
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
	b[0] = final | opcode
	return b
}

// unsealed gives what a frame carries, and whether it is text.
func unsealed(frame []byte) (content []byte, isText bool) {
	head := 2
	switch frame[1] {
	case 126:
		head = 4
	case 127:
		head = headerRoom
	}
	return frame[head:], frame[0]&0xF == opText
}
