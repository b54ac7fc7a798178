package server

import (
	"bytes"
	"strconv"
	"sync"
)

// heads follows what a connection reads: heads and bodies of requests, one behind the
// other. It is stricter than net/http. Where the two could differ it is lost, and says so.
type heads struct {
	mu      sync.Mutex // net/http reads on while a handler runs, to learn that the client left
	phase   phase
	now     head // the one being read
	waiting []head
	lost    bool // where heads begin is not known

	line []byte // the line being read, as much of it as is looked at
	size int    // of that line, in bytes
	left uint64 // bytes of the body or chunk that are to come
}

// A head is what counts of one.
type head struct {
	length bool // it has a Content-Length
	coding bool // it has a Transfer-Encoding

	odd   bool // where its body ends is not known
	bytes uint64
}

// phase is what is read at the moment.
type phase byte

// newHeads begins where a connection does.
func newHeads() heads { return heads{phase: before} }

const (
	body     phase = iota // bytes; behind them comes
	before                // line ends that may stand before a head
	request               // the first line
	fields                // header
	chunk                 // the line before a chunk
	data                  // bytes of a chunk; behind them comes
	dataEnd               // their line end
	trailers              // lines behind the last chunk
)

const (
	keptLine   = 64 // bytes of a line: enough for the names and lengths that count
	maxWaiting = 64 // requests that were read and not handled yet
)

// follow reads on.
func (h *heads) follow(b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(b) > 0 && !h.lost {
		switch h.phase {
		case body, data:
			n := min(h.left, uint64(len(b)))
			b, h.left = b[n:], h.left-n
			if h.left == 0 {
				h.phase++
			}
		case before:
			if b[0] == '\r' || b[0] == '\n' {
				b = b[1:]
				continue
			}
			h.phase = request
		default:
			b = h.lines(b)
		}
	}
	if h.lost {
		h.line = nil
	}
}

// lines reads a line to its end, or as far as it came.
func (h *heads) lines(b []byte) (rest []byte) {
	n, end := len(b), bytes.IndexByte(b, '\n')
	if end >= 0 {
		n = end + 1
	}
	h.line = append(h.line, b[:min(n, keptLine-len(h.line))]...)
	h.size += n
	if end >= 0 {
		bare := h.size < 2 || h.size <= len(h.line) && h.line[h.size-2] != '\r'
		text := bytes.TrimRight(h.line[:min(h.size, len(h.line))], "\r\n")
		h.read(text, h.size > keptLine, bare)
		h.line, h.size = h.line[:0], 0
	}
	return b[n:]
}

// read takes a line: cut where it is longer than what is kept, bare where it ends without
// CR as far as that can be seen.
func (h *heads) read(line []byte, cut, bare bool) {
	switch h.phase {
	case request:
		h.phase = fields
	case fields:
		if len(line) > 0 {
			h.field(line, cut)
			return
		}
		h.ended()
	case chunk:
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimRight(size, " \t")), 16, 64)
		h.lost = err != nil || bare || cut
		if h.left, h.phase = n, data; n == 0 {
			h.phase = trailers
		}
	case dataEnd:
		h.lost = len(line) > 0 || bare
		h.phase = chunk
	case trailers:
		if len(line) == 0 {
			h.phase = before
		}
	}
}

// field looks at a line of the header.
func (h *heads) field(line []byte, cut bool) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.Trim(value, " \t")
	switch {
	case bytes.EqualFold(name, []byte("content-length")):
		n, err := strconv.ParseUint(string(value), 10, 63)
		h.now.odd = h.now.odd || h.now.length || cut || err != nil
		h.now.length, h.now.bytes = true, n
	case bytes.EqualFold(name, []byte("transfer-encoding")):
		h.now.odd = h.now.odd || h.now.coding || cut || !bytes.EqualFold(value, []byte("chunked"))
		h.now.coding = true
	case bytes.EqualFold(name, []byte("upgrade")): // the connection may become another protocol's
		h.now.odd = true
	case line[0] == ' ', line[0] == '\t': // the line before goes on
		h.now.odd = true
	}
}

// ended takes the head that was read.
func (h *heads) ended() {
	if len(h.waiting) == maxWaiting {
		h.lost = true
		return
	}
	h.waiting = append(h.waiting, h.now)
	switch {
	case h.now.odd, h.now.length && h.now.coding:
		h.lost = true
	case h.now.coding:
		h.phase = chunk
	case h.now.bytes > 0:
		h.phase, h.left = body, h.now.bytes
	default:
		h.phase = before
	}
	h.now = head{}
}

// next gives the head of the next request; known is false where that cannot be said.
func (h *heads) next() (_ head, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) == 0 {
		return head{}, false
	}
	first := h.waiting[0]
	h.waiting = h.waiting[:copy(h.waiting, h.waiting[1:])]
	return first, true
}
