package routes

import (
	"net/url"
	"strings"
)

// MaxPath is the length of the longest path that is looked at, in bytes.
const MaxPath = 8 << 10

// keptSegments bounds the memory that a Match keeps from one request to the next.
const keptSegments = 64

// fault is what is wrong with a path.
type fault uint8

const (
	sound     fault = iota
	empty           // has an empty segment inside: no route has one
	malformed       // is refused before anything looks at it
)

// requestPath is the path of a request, cut into segments.
type requestPath struct {
	raw   string  // as received
	ends  []int32 // where each segment of raw ends; one begins after the slash behind the last
	slash bool    // a slash follows the last segment
	// key is raw with its segments decoded, keyEnds where they end in it. Without a % in
	// raw both are those of raw.
	key     string
	keyEnds []int32
	decoded []int32 // the memory of keyEnds, kept for the next request
}

// set cuts an escaped path. An empty one is that of the root (RFC 9110, 4.2.3).
func (r *requestPath) set(raw string) fault {
	if raw == "" {
		raw = "/"
	}
	r.raw, r.key, r.ends, r.slash = raw, raw, r.ends[:0], false
	if len(raw) > MaxPath || raw[0] != '/' {
		return malformed
	}
	escaped, found := false, sound
	start := 1
	for i := 1; i < len(raw); i++ {
		switch c := raw[i]; {
		case c > '/' && c != '\\' && c != 0x7f: // nearly all are letters and digits
		case c == '/':
			if start == i {
				found = empty
			} else if raw[start] == '.' && dots(raw[start:i]) {
				return malformed
			}
			r.ends = append(r.ends, int32(i))
			start = i + 1
		case c == '%':
			escaped = true
		case c <= ' ', c == '\\', c == 0x7f:
			return malformed
		}
	}
	switch {
	case start == len(raw):
		r.slash = len(raw) > 1
	case raw[start] == '.' && dots(raw[start:]):
		return malformed
	default:
		r.ends = append(r.ends, int32(len(raw)))
	}
	r.keyEnds = r.ends
	if escaped {
		return max(found, r.decode())
	}
	return found
}

func dots(s string) bool { return s == "." || s == ".." }

// decode makes the key. A segment that holds a slash is in it as a control character,
// which no static segment has.
func (r *requestPath) decode() fault {
	decoded, err := url.PathUnescape(r.raw)
	if err != nil || strings.ContainsAny(decoded, "\x00\\") {
		return malformed
	}
	for piece := range strings.SplitSeq(decoded, "/") {
		if dots(piece) {
			return malformed
		}
	}
	var b strings.Builder
	b.Grow(len(r.raw))
	ends := r.decoded[:0]
	for i := range r.ends {
		text, _ := url.PathUnescape(r.raw[r.start(i):r.ends[i]])
		if strings.IndexByte(text, '/') >= 0 {
			text = "\x01"
		}
		b.WriteByte('/')
		b.WriteString(text)
		ends = append(ends, int32(b.Len()))
	}
	r.key, r.keyEnds, r.decoded = b.String(), ends, ends
	return sound
}

// start is where segment i begins in raw.
func (r *requestPath) start(i int) int32 {
	if i == 0 {
		return 1
	}
	return r.ends[i-1] + 1
}

// run gives the key of the segments from i up to j, at least one, with the slash before
// each.
func (r *requestPath) run(i, j int) string {
	if i == 0 {
		return r.key[:r.keyEnds[j-1]]
	}
	return r.key[r.keyEnds[i-1]:r.keyEnds[j-1]]
}

// segment gives segment i, decoded once.
func (r *requestPath) segment(i int) string { return unescape(r.raw[r.start(i):r.ends[i]]) }

// rest gives all from segment i on, decoded once; "" where the path ends before it.
func (r *requestPath) rest(i int) string {
	if i >= len(r.ends) {
		return ""
	}
	return unescape(r.raw[r.start(i):])
}

// unescape decodes text whose escapes are known to be sound.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	decoded, _ := url.PathUnescape(s)
	return decoded
}

// trim gives back memory that a path of very many segments took.
func (r *requestPath) trim() {
	if cap(r.ends) > keptSegments || cap(r.decoded) > keptSegments {
		r.ends, r.keyEnds, r.decoded = nil, nil, nil
	}
}
