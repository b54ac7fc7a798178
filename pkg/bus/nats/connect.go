package nats

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/openmanifest/gateway/pkg/redact"
)

const (
	// defaultPayload is what a NATS server takes unless it says otherwise, in bytes.
	defaultPayload = 1 << 20
	// connectTime bounds dialing, and then the handshake.
	connectTime = 2 * time.Second
	// A server that is silent for three pings is gone: after 7.5 s at the latest.
	pingEvery = 2500 * time.Millisecond
	maxPings  = 2
	// writeTime bounds one write: a server that does not read is gone, too.
	writeTime = 5 * time.Second
	// Between two rounds of attempts. The jitter keeps the nodes of a cluster from coming
	// back at the same moment.
	retryAfter  = 250 * time.Millisecond
	retryJitter = 750 * time.Millisecond
)

// servers splits the URL. Its errors do not repeat it: it may hold a password.
func servers(text string) ([]string, error) {
	var all []string
	for _, one := range strings.Split(text, ",") {
		one = strings.TrimSpace(one)
		u, err := url.Parse(one)
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" {
			return nil, errors.New("this is not a URL of a NATS server: write nats://host:4222 or tls://host:4222")
		}
		all = append(all, one)
	}
	return all, nil
}

// A connection is the driver's, which reconnects by itself until it ends for good.
type connection struct {
	*client.Conn
	subs  map[*subscription]*client.Subscription // by run alone
	ended chan struct{}
}

// connect makes a connection; while no server is there the driver goes on trying.
func (b *Bus) connect() *connection {
	c := &connection{subs: map[*subscription]*client.Subscription{}, ended: make(chan struct{})}
	o := client.GetDefaultOptions()
	o.Servers, _ = servers(b.options.URL) // Open looked at it
	o.Name = "gateway " + b.options.Name + " " + b.node
	o.NoEcho = true
	o.RetryOnFailedConnect, o.MaxReconnect, o.IgnoreAuthErrorAbort = true, -1, true
	o.ReconnectWait, o.ReconnectJitter, o.ReconnectJitterTLS = retryAfter, retryJitter, retryJitter
	o.ReconnectBufSize = -1 // what cannot cross fails
	o.Timeout, o.PingInterval, o.MaxPingsOut = connectTime, pingEvery, maxPings
	o.FlusherTimeout = 0 // conn.Write has its own
	o.CustomDialer, o.SkipHostLookup = &b.dialer, true
	o.ConnectedCB, o.ReconnectedCB, o.DisconnectedErrCB = b.connected, b.connected, b.disconnected
	o.ReconnectErrCB, o.AsyncErrorCB = b.failed, b.troubled
	o.ClosedCB = func(*client.Conn) { close(c.ended) }
	conn, err := o.Connect()
	if err != nil { // only for options that are wrong, which Open looked at
		b.failed(nil, err)
		close(c.ended)
		return c
	}
	c.Conn = conn
	return c
}

// connected is called by the driver, as are those below, on a goroutine of its own.
func (b *Bus) connected(conn *client.Conn) {
	b.state.Lock()
	defer b.state.Unlock()
	if b.closed || b.link.Load() != nil {
		return
	}
	b.reason = ""
	b.maxBytes.Store(conn.MaxPayload() - 1) // an answer has one byte more
	b.link.Store(&link{lost: make(chan struct{})})
	b.log.Info("connected to the other nodes", "server", conn.ConnectedAddr(), "node", b.node)
	b.watchers.Tell(true)
	b.try.Do(func() { close(b.tried) })
}

func (b *Bus) disconnected(_ *client.Conn, err error) {
	b.state.Lock()
	defer b.state.Unlock()
	link := b.link.Swap(nil)
	if link == nil {
		return
	}
	close(link.lost)
	b.log.Warn("no connection to the other nodes", "error", shown(err))
	b.watchers.Tell(false)
}

// failed notes an attempt to connect in vain. The log is told when the reason changes.
func (b *Bus) failed(_ *client.Conn, err error) {
	b.state.Lock()
	defer b.state.Unlock()
	// That no server is there is said without a reason; the next attempt knows one.
	if text := shown(err); b.reason != text && !b.closed && !errors.Is(err, client.ErrNoServers) {
		b.reason = text
		b.log.Warn("no connection to the other nodes yet", "error", text)
	}
	b.try.Do(func() { close(b.tried) })
}

// troubled takes the driver's errors that no call returned.
func (b *Bus) troubled(conn *client.Conn, _ *client.Subscription, err error) {
	switch {
	case errors.Is(err, client.ErrSlowConsumer):
		b.spill()
	case !conn.IsConnected():
		b.failed(conn, err)
	default:
		b.log.Error("messages between nodes", "error", shown(err))
	}
}

// shown is an error without passwords.
func shown(err error) string {
	if err == nil {
		return "the server closed the connection"
	}
	return redact.URLs(err.Error())
}

// A dialer makes the network connections, one after the other.
type dialer struct {
	ctx    context.Context
	mu     sync.Mutex
	last   net.Conn
	closed bool
}

// Dial implements client.CustomDialer. It closes the connection before, which the driver
// leaves open where a handshake fails.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(d.ctx, connectTime)
	defer cancel()
	var nd net.Dialer
	c, err := nd.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil {
		d.last.Close()
	}
	if d.closed {
		c.Close()
		return nil, net.ErrClosed
	}
	d.last = c
	return conn{c}, nil
}

// close ends the connection, and there is no other after it.
func (d *dialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.last != nil {
		d.last.Close()
		d.last = nil
	}
}

// A conn breaks with its first failed write. The driver would go on behind a gap.
type conn struct{ net.Conn }

func (c conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		c.Close()
	}
	return n, err
}
