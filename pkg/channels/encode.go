package channels

import (
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
