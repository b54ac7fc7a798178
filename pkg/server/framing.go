package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// A request with both Content-Length and Transfer-Encoding is how one request is hidden in
// another (RFC 9112 section 6.3). net/http follows the chunks and drops the length before
// anybody sees it, so what a connection reads is followed beside it (heads.go).

// A watched connection tells what the heads of its requests said, and is told what an answer
// will be.
type watched interface {
	heads() *heads
	pipeline.Announcer
}

type tcpConn struct {
	*net.TCPConn // and not net.Conn: files and frames go out by its own system calls
	joiner
	seen    heads
	refused refusals
}

func (c *tcpConn) heads() *heads { return &c.seen }

// Unwatched gives the connection to who takes it over from HTTP.
func (c *tcpConn) Unwatched() net.Conn { return c.TCPConn }

// Read implements net.Conn.
func (c *tcpConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	c.seen.follow(b[:n])
	return n, err
}

// Write implements net.Conn.
func (c *tcpConn) Write(b []byte) (int, error) {
	c.refused.overhear(b, c)
	return c.write(c.TCPConn, b)
}

type unixConn struct {
	*net.UnixConn
	joiner
	seen    heads
	refused refusals
}

func (c *unixConn) heads() *heads { return &c.seen }

// Unwatched gives the connection to who takes it over from HTTP.
func (c *unixConn) Unwatched() net.Conn { return c.UnixConn }

// Read implements net.Conn.
func (c *unixConn) Read(b []byte) (int, error) {
	n, err := c.UnixConn.Read(b)
	c.seen.follow(b[:n])
	return n, err
}

// Write implements net.Conn.
func (c *unixConn) Write(b []byte) (int, error) {
	c.refused.overhear(b, c)
	return c.write(c.UnixConn, b)
}

// RemoteAddr implements net.Conn. The peers of a unix socket have no address.
func (c *unixConn) RemoteAddr() net.Addr { return unixPeer{} }

type unixPeer struct{}

// Network implements net.Addr.
func (unixPeer) Network() string { return "unix" }

// String implements net.Addr: what `request.ip` is.
func (unixPeer) String() string { return "unix" }

// A tlsConn is one that speaks HTTP/1.1. Of HTTP/2 net/http wants the *tls.Conn itself.
type tlsConn struct {
	*tls.Conn
	seen    heads
	refused refusals
}

func (c *tlsConn) heads() *heads { return &c.seen }

// Announce implements pipeline.Announcer. Two pieces are as well two records.
func (c *tlsConn) Announce(int) {}

// Unwatched gives the connection to who takes it over from HTTP.
func (c *tlsConn) Unwatched() net.Conn { return c.Conn }

// Read implements net.Conn.
func (c *tlsConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.seen.follow(b[:n])
	return n, err
}

// Write implements net.Conn.
func (c *tlsConn) Write(b []byte) (int, error) {
	c.refused.overhear(b, c)
	return c.Conn.Write(b)
}

// watch follows what is read from a connection without TLS, and joins what is written with pieces.
func watch(c net.Conn, refused refusals, pieces *sync.Pool) net.Conn {
	switch c := c.(type) {
	case *net.TCPConn:
		return &tcpConn{TCPConn: c, joiner: joiner{pieces: pieces}, seen: newHeads(), refused: refused}
	case *net.UnixConn:
		return &unixConn{UnixConn: c, joiner: joiner{pieces: pieces}, seen: newHeads(), refused: refused}
	}
	return c
}

// withConn lets a handler find the connection of its request.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if w, ok := c.(watched); ok {
		return pipeline.WithAnnouncer(ctx, w)
	}
	return ctx
}

// framing refuses a request with two lengths. After one whose head is not known the
// connection closes, so that nothing can hide behind it.
type framing struct {
	next    http.Handler
	refused refusals
}

// ServeHTTP implements http.Handler.
func (f framing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, ok := pipeline.AnnouncerOf(r.Context()).(watched)
	if !ok { // HTTP/2, whose frames say how long they are
		f.next.ServeHTTP(w, r)
		return
	}
	c.Announce(0) // one that was not kept is not for this answer
	chunked := len(r.TransferEncoding) > 0
	switch h, known := c.heads().next(); {
	case known && h.coding && (h.length || !chunked): // HTTP/1.0 knows no chunks: net/http drops the header
		f.refused.refuse(w, r, http.StatusBadRequest, "two lengths of a body")
		return
	case !known && chunked:
		w.Header()["Connection"] = []string{"close"}
	}
	f.next.ServeHTTP(w, r)
}
