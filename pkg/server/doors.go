package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/config"
)

// maxHandshakes bounds connections whose TLS handshake is under way; more are closed.
const maxHandshakes = 4096

// doors are the addresses that are listened on. All lead to one http.Server, which sees
// one listener that never changes: a reload opens and closes doors beside it.
type doors struct {
	log        *slog.Logger
	conns      chan net.Conn // to the http.Server
	ctx        context.Context
	cancel     context.CancelFunc
	secure     atomic.Pointer[security] // nil: no TLS
	handshakes chan struct{}
	running    sync.WaitGroup
	refused    refusals
	pieces     *sync.Pool
	open       []*door // changed by Start, reload and stop alone, one at a time
}

// A door is one address that is listened on.
type door struct {
	net.Listener
	address string // as written
	tls     atomic.Bool
}

func newDoors(log *slog.Logger, refused refusals) *doors {
	ctx, cancel := context.WithCancel(context.Background())
	return &doors{log: log, conns: make(chan net.Conn), ctx: ctx, cancel: cancel, handshakes: make(chan struct{}, maxHandshakes), refused: refused, pieces: newPieces()}
}

// Accept implements net.Listener: a connection of any door, whose handshake is done.
func (d *doors) Accept() (net.Conn, error) {
	select {
	case c := <-d.conns:
		return c, nil
	case <-d.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener: all doors close.
func (d *doors) Close() error {
	d.cancel()
	return nil
}

// Addr implements net.Listener.
func (d *doors) Addr() net.Addr { return unixPeer{} }

// A doorChange is what a reload opens and closes.
type doorChange struct {
	doors             *doors
	next, fresh, gone []*door
	addresses         []config.Address
}

// prepare opens the addresses that are not open yet. Nothing is accepted before commit.
func (d *doors) prepare(addresses []config.Address, dir string) (*doorChange, error) {
	change := &doorChange{doors: d, addresses: addresses, gone: slices.Clone(d.open)}
	for _, a := range addresses {
		if i := slices.IndexFunc(change.gone, func(x *door) bool { return x.address == a.Text }); i >= 0 {
			change.next = append(change.next, change.gone[i])
			change.gone = slices.Delete(change.gone, i, i+1)
			continue
		}
		l, err := listen(a, dir)
		if err != nil {
			change.undo()
			return nil, fmt.Errorf("listen on %s: %w", a.Text, err)
		}
		x := &door{Listener: l, address: a.Text}
		change.next, change.fresh = append(change.next, x), append(change.fresh, x)
	}
	return change, nil
}

// tcp is where it is listened on with TLS, or without; the port is 0 where it is not, the
// host empty where it is every one.
func (c *doorChange) tcp(secure bool) (host string, port int) {
	for i, x := range c.next {
		if tcp, ok := x.Addr().(*net.TCPAddr); ok && secure == !c.addresses[i].Plain {
			if !tcp.IP.IsUnspecified() {
				host = tcp.IP.String()
			}
			return host, tcp.Port
		}
	}
	return "", 0
}

// undo closes what prepare opened.
func (c *doorChange) undo() {
	for _, x := range c.fresh {
		_ = x.Close() // nobody has used it
	}
}

// commit serves the addresses as they are to be. Connections that are open stay.
func (c *doorChange) commit(secure *security) {
	d := c.doors
	if secure != nil {
		d.secure.Store(secure)
	}
	for i, x := range c.next {
		x.tls.Store(secure != nil && !c.addresses[i].Plain)
	}
	for _, x := range c.fresh {
		d.running.Go(func() { d.serve(x) })
	}
	for _, x := range c.gone {
		if err := x.Close(); err != nil {
			d.log.Warn("closing an address", "address", x.address, "error", err)
		}
	}
	d.open = c.next
}

// urls are what a person opens to see what is behind the doors, the first first.
func (d *doors) urls() []string {
	list := make([]string, 0, len(d.open))
	for _, x := range d.open {
		tcp, ok := x.Addr().(*net.TCPAddr)
		if !ok {
			list = append(list, x.address)
			continue
		}
		host := tcp.IP.String()
		if tcp.IP.IsUnspecified() {
			host = "localhost"
		}
		scheme := "http"
		if x.tls.Load() {
			scheme = "https"
		}
		list = append(list, scheme+"://"+net.JoinHostPort(host, strconv.Itoa(tcp.Port)))
	}
	return list
}

// end closes every door and waits for what runs beside.
func (d *doors) end() {
	d.cancel()
	for _, x := range d.open {
		_ = x.Close() // the end of the process closes it too
	}
	d.running.Wait()
}

// How long to wait after an accept that failed: most often files have run out.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// serve accepts until the door is closed.
func (d *doors) serve(x *door) {
	pause := firstPause
	for {
		c, err := x.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			d.log.Error("accepting connections", "address", x.address, "error", err, "again_in", pause.String())
			select {
			case <-time.After(pause):
			case <-d.ctx.Done():
				return
			}
			pause = min(2*pause, lastPause)
			continue
		}
		pause = firstPause
		if !x.tls.Load() {
			d.deliver(watch(c, d.refused, d.pieces))
			continue
		}
		select {
		case d.handshakes <- struct{}{}:
			secure := d.secure.Load()
			d.running.Go(func() { defer func() { <-d.handshakes }(); d.handshake(c, secure) })
		default:
			_ = c.Close()
		}
	}
}

func (d *doors) deliver(c net.Conn) {
	select {
	case d.conns <- c:
	case <-d.ctx.Done():
		_ = c.Close()
	}
}

// handshake makes a connection secure. Of HTTP/2 net/http takes the *tls.Conn, of HTTP/1.1
// one that is watched.
func (d *doors) handshake(c net.Conn, secure *security) {
	t := tls.Server(c, secure.config)
	ctx, cancel := context.WithTimeout(d.ctx, headerTimeout)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		d.log.Debug("handshake failed", "remote", c.RemoteAddr().String(), "error", err)
		d.answerPlain(err)
		_ = c.Close()
		return
	}
	switch state := t.ConnectionState(); {
	case state.NegotiatedProtocol == "h2":
		d.deliver(t)
	case secure.challenge(state):
		_ = t.Close()
	default:
		d.deliver(&tlsConn{t, newHeads(), d.refused})
	}
}

// answerPlain tells a client that speaks HTTP where HTTPS is spoken.
func (d *doors) answerPlain(err error) {
	var record tls.RecordHeaderError
	if !errors.As(err, &record) || record.Conn == nil {
		return
	}
	for _, method := range []string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH"} {
		if strings.HasPrefix(method, string(record.RecordHeader[:])) {
			_ = record.Conn.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = io.WriteString(record.Conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 32\r\n\r\nThis address speaks HTTPS only.\n")
			d.refused.note("", http.StatusBadRequest, "no TLS", record.Conn.RemoteAddr().String())
			return
		}
	}
}
