package channels

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/value"
)

// The subjects of a hub. A topic is any text, and a subject is letters and digits.
const (
	disconnectSubject = "disconnect"
	topicSubject      = "t." // and the topic in base64url
	hashedSubject     = "h." // and the SHA-256 of the topic in base64url
)

// maxWhole is the longest topic, in bytes, that a subject holds whole: 200 letters.
const maxWhole = 150

// subjectOf gives the subject of a topic. Where that does not hold the topic whole, messages
// have to say whom they are for: said is the topic, and else empty.
func subjectOf(topic string) (subject, said string) {
	var room [len(topicSubject) + (maxWhole+2)/3*4]byte
	if topic == "" || len(topic) > maxWhole {
		sum := sha256.Sum256([]byte(topic))
		return string(base64.RawURLEncoding.AppendEncode(append(room[:0], hashedSubject...), sum[:])), topic
	}
	return string(base64.RawURLEncoding.AppendEncode(append(room[:0], topicSubject...), []byte(topic))), ""
}

// A crossing is an event on its way to the members of a topic on other nodes: a version, what
// is there in one byte of flags, the event and perhaps the topic, each behind its length as a
// uvarint, and the payload up to the end.
type crossing struct {
	topic   string // "" where the subject says it
	event   string
	payload value.Payload
}

// crossingVersion is the first byte of what hubs say to each other. Nodes of two releases of
// the gateway may meet.
const crossingVersion = 1

const (
	crossingBinary = 1 << iota // the payload is bytes, not JSON
	crossingTopic              // the topic is there
	crossingFlags  = crossingBinary | crossingTopic
)

var errCrossing = errors.New("not a message of this version of the gateway")

func (m crossing) append(b []byte) []byte {
	flags := byte(0)
	if m.payload.Binary {
		flags |= crossingBinary
	}
	if m.topic != "" {
		flags |= crossingTopic
	}
	b = append(b, crossingVersion, flags)
	b = append(binary.AppendUvarint(b, uint64(len(m.event))), m.event...)
	if m.topic != "" {
		b = append(binary.AppendUvarint(b, uint64(len(m.topic))), m.topic...)
	}
	return append(b, m.payload.Bytes...)
}

// parseCrossing reads a message. Its payload is part of data.
func parseCrossing(data []byte) (m crossing, err error) {
	if len(data) < 2 || data[0] != crossingVersion || data[1]&^crossingFlags != 0 {
		return crossing{}, errCrossing
	}
	flags, rest, ok := data[1], data[2:], true
	if m.event, rest, ok = crossingText(rest); !ok || reserved(m.event) {
		return crossing{}, errCrossing
	}
	if flags&crossingTopic != 0 {
		if m.topic, rest, ok = crossingText(rest); !ok {
			return crossing{}, errCrossing
		}
	}
	m.payload = value.Payload{Bytes: rest[:len(rest):len(rest)], Binary: flags&crossingBinary != 0}
	return m, nil
}

// crossingText takes a text and its length from the front.
func crossingText(b []byte) (text string, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) || !utf8.Valid(b[n:n+int(size)]) {
		return "", nil, false
	}
	return string(b[n : n+int(size)]), b[n+int(size):], true
}
