package channels

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/compress"
)

// minDeflate is how many bytes a message has that may be worth deflating: below it the
// names and refs seldom repeat, and the work costs more than the bytes.
const minDeflate = 128

// reserved1 marks the first frame of a deflated message (RFC 7692, section 6).
const reserved1 = 0x40

// packed gives the frame as this form sends it: deflated, where the form does that and
// where it gains. nil stays nil.
func (f form) packed(frame []byte) []byte {
	if f&deflating == 0 || len(frame) < minDeflate {
		return frame
	}
	content, isText := unsealed(frame)
	b, err := compress.AppendDeflated(textFrame(len(content)/2), content)
	if err != nil || len(b)-headerRoom >= len(content) {
		return frame
	}
	if isText {
		return sealed(b, reserved1|opText)
	}
	return sealed(b, reserved1|opBinary)
}

var (
	errInflate = errors.New("a message that does not inflate")
	errTooBig  = errors.New("a message over the limit")
)

// readInflated reads one message of a form that deflates. Gorilla bounds what comes from the
// network; this bounds what becomes of it, in bytes, so that little cannot blow up to much.
func (s *socket) readInflated(to *bytes.Buffer, r io.Reader) error {
	n, err := to.ReadFrom(io.LimitReader(r, s.maxFrame+1))
	var corrupt flate.CorruptInputError
	switch {
	case n > s.maxFrame:
		return errTooBig
	case errors.As(err, &corrupt), errors.Is(err, io.ErrUnexpectedEOF):
		return errInflate
	}
	return err
}

// agreeDeflate settles permessage-deflate for a handshake. The request that it gives is for
// gorilla: it has the one offer that is taken, since gorilla takes any without looking at
// its parameters, or none.
func agreeDeflate(r *http.Request) (agreed *http.Request, ok bool) {
	for _, line := range r.Header.Values("Sec-Websocket-Extensions") {
		for offer := range strings.SplitSeq(line, ",") {
			if takesOffer(offer) {
				only := *r
				only.Header = r.Header.Clone()
				only.Header.Set("Sec-Websocket-Extensions", deflateName)
				return &only, true
			}
		}
	}
	return r, false
}

const deflateName = "permessage-deflate"

// takesOffer tells whether what we do fits an offer (RFC 7692, section 7.1): each message
// stands for itself in both directions, ours with the whole window of 15 bits. What an offer
// says that is not known, or twice, refuses it. No parameter's value has a comma or semicolon.
func takesOffer(offer string) bool {
	name, params, _ := strings.Cut(offer, ";")
	if strings.TrimSpace(name) != deflateName {
		return false
	}
	seen := map[string]bool{}
	for param := range strings.SplitSeq(params, ";") {
		name, value, valued := strings.Cut(strings.TrimSpace(param), "=")
		value = strings.Trim(value, `"`)
		fits := false
		switch name {
		case "server_no_context_takeover", "client_no_context_takeover":
			fits = !valued
		case "client_max_window_bits": // a wish to be told, or a promise that we need not know of
			fits = !valued || isWindow(value)
		case "server_max_window_bits":
			fits = value == "15"
		case "":
			fits = params == ""
		}
		if !fits || seen[name] {
			return false
		}
		seen[name] = true
	}
	return true
}

func isWindow(bits string) bool {
	switch bits {
	case "8", "9", "10", "11", "12", "13", "14", "15":
		return true
	}
	return false
}
