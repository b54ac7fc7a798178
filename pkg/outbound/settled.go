package outbound

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"time"
)

// settleWait bounds the wait for a connection to settle. One that is whole needs no longer
// than it takes its reader to be scheduled.
const settleWait = time.Second

// Dialer gives a DialContext for a Transport whose requests call Settle.
func Dialer(timeout time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: timeout}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watched{Conn: c}, nil
	}
}

// Settle is for httptrace.ClientTrace.GotConn. A Transport gives a connection to the next
// request before it has looked for more than the answer before, and would take what it then
// finds for the answer to that request. It looks as soon as its reader runs, so Settle waits
// until the reader has nothing left and waits for the server, or has closed the connection:
// the Transport then takes another one.
func Settle(got httptrace.GotConnInfo) {
	if !got.Reused {
		return
	}
	raw := got.Conn
	if secure, ok := raw.(*tls.Conn); ok {
		raw = secure.NetConn()
	}
	if c, ok := raw.(*watched); ok {
		c.settle()
	}
}

// watched is a connection that knows whether its reader waits for bytes.
type watched struct {
	net.Conn
	mu      sync.Mutex
	waiting bool
	closed  bool
	changed chan struct{} // closed at the next change; nil unless somebody waits for it
}

func (c *watched) Read(p []byte) (int, error) {
	c.set(&c.waiting, true)
	n, err := c.Conn.Read(p)
	c.set(&c.waiting, false)
	return n, err
}

func (c *watched) Close() error {
	c.set(&c.closed, true)
	return c.Conn.Close()
}

// CloseWrite says to the server that no more will come: a tunnel needs it.
func (c *watched) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return net.ErrClosed
	}
	return half.CloseWrite()
}

func (c *watched) set(what *bool, to bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*what = to
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// change is closed when the connection has changed; nil when it is settled.
func (c *watched) change() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting || c.closed {
		return nil
	}
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

func (c *watched) settle() {
	changed := c.change()
	if changed == nil {
		return
	}
	late := time.NewTimer(settleWait)
	defer late.Stop()
	for ; changed != nil; changed = c.change() {
		select {
		case <-changed:
		case <-late.C:
			c.Close()
		}
	}
}
