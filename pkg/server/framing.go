package server

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
)

// A request with both Content-Length and Transfer-Encoding is how one request is hidden in
// another (RFC 9112 section 6.3). net/http follows the chunks and drops the length before
// anybody sees it, so the head is kept as it was received until the next one.

// heads is a listener whose connections keep the heads of requests.
type heads struct{ net.Listener }

// Accept implements net.Listener.
func (h heads) Accept() (net.Conn, error) {
	c, err := h.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &headConn{TCPConn: tcp}, err
	}
	return c, err
}

// A headConn keeps what it reads up to the end of a head.
type headConn struct {
	*net.TCPConn

	mu     sync.Mutex // net/http reads on while a handler runs, to learn that the client left
	head   []byte
	whole  bool // the head has ended
	behind int  // bytes read since
	lost   bool // where heads begin is not known
}

// keptHead bounds what a waiting connection keeps, in bytes.
const keptHead = 4 << 10

// Read implements net.Conn.
func (c *headConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.whole || c.lost {
		c.behind += n
		return n, err
	}
	before := len(c.head)
	c.head = append(c.head, b[:n]...)
	if end := headEnd(c.head, before); end > 0 {
		c.whole, c.behind = true, len(c.head)-end
		c.head = c.head[:end]
	} else if len(c.head) > 2*maxHeaderBytes { // net/http refuses it
		c.head, c.lost = nil, true
	}
	return n, err
}

// headEnd is the length of the head that b begins with, or 0; its first seen bytes were
// looked at before. Lines may end without CR, and line ends before the head do not count:
// so net/http reads it.
func headEnd(b []byte, seen int) int {
	i := max(len(b)-len(bytes.TrimLeft(b, "\r\n")), seen-len("\n\r"))
	for {
		line := bytes.IndexByte(b[i:], '\n')
		if line < 0 {
			return 0
		}
		i += line + 1
		switch {
		case bytes.HasPrefix(b[i:], []byte("\n")):
			return i + 1
		case bytes.HasPrefix(b[i:], []byte("\r\n")):
			return i + 2
		}
	}
}

// hasLength tells whether the head has a Content-Length; known is false where that cannot
// be said.
func (c *headConn) hasLength() (has, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range bytes.Lines(c.head) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		has = has || bytes.EqualFold(name, []byte("content-length"))
	}
	return has, !c.lost
}

// next makes ready for another head. Where something else was read than the body of the
// request before, or it came in chunks, it is not known where that begins.
func (c *headConn) next(length int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = c.lost || int64(c.behind) != length
	c.head, c.whole, c.behind = c.head[:0], false, 0
	if c.lost || cap(c.head) > keptHead {
		c.head = nil
	}
}

// leave ends the watch: the connection may become another protocol's.
func (c *headConn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head, c.lost = nil, true
}

type headKey struct{}

// withHead lets a handler find the connection of its request.
func withHead(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, headKey{}, c)
}

// framing refuses a request with two lengths. After one whose head is not known the
// connection closes, so that nothing can hide behind it.
type framing struct{ next http.Handler }

// ServeHTTP implements http.Handler.
func (f framing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, ok := r.Context().Value(headKey{}).(*headConn)
	if !ok {
		f.next.ServeHTTP(w, r)
		return
	}
	if r.Header["Upgrade"] != nil {
		c.leave()
	} else {
		length := r.ContentLength // a plug may set another
		defer func() { c.next(length) }()
	}
	if len(r.TransferEncoding) > 0 {
		switch has, known := c.hasLength(); {
		case has:
			refuse(w, http.StatusBadRequest)
			return
		case !known:
			w.Header()["Connection"] = []string{"close"}
		}
	}
	f.next.ServeHTTP(w, r)
}
