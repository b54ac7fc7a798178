//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// bindAddressNoPort is IP_BIND_ADDRESS_NO_PORT of linux/in.h.
const bindAddressNoPort = 24

type pool struct {
	target    *url.URL
	addr      syscall.SockaddrInet4
	loops     []*loop
	h         handler
	conns     []*conn
	joined    atomic.Int64
	dropped   atomic.Int64 // closed by the server or by an error
	bad       atomic.Int64 // malformed, refused or unexpected messages
	measuring atomic.Bool
	stopping  atomic.Bool
	wg        sync.WaitGroup
}

func newPool(target string, loops int, h handler) (*pool, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "ws" {
		return nil, fmt.Errorf("%s: only ws:// is spoken", target)
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "80")
	}
	ap, err := netip.ParseAddrPort(host)
	if err != nil || !ap.Addr().Is4() {
		return nil, fmt.Errorf("%s: give the server as an IPv4 address and port", target)
	}
	p := &pool{target: u, h: h}
	p.addr = syscall.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}
	for range loops {
		ep, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
		if err != nil {
			return nil, err
		}
		l := &loop{ep: ep, buf: make([]byte, 64<<10), conns: map[int]*conn{}, pool: p}
		p.loops = append(p.loops, l)
		p.wg.Add(1)
		go l.run()
	}
	return p, nil
}

// rawConn lets the WebSocket handshake read and write a blocking descriptor.
type rawConn int

func (fd rawConn) Read(b []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), b)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if n == 0 && err == nil {
			err = io.EOF
		}
		return max(n, 0), err
	}
}

func (fd rawConn) Write(b []byte) (int, error) { return syscall.Write(int(fd), b) }

// dial opens one connection from the id-th of the source addresses, and hands
// it to a loop.
func (p *pool) dial(id, sources int) (*conn, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*conn, error) {
		_ = syscall.Close(fd)
		return nil, err
	}
	if p.addr.Addr[0] == 127 && sources > 1 {
		// The port is picked at connect, so every source address brings
		// its own range of ephemeral ports.
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, bindAddressNoPort, 1)
		src := syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + id%sources)}}
		if err := syscall.Bind(fd, &src); err != nil {
			return fail(fmt.Errorf("bind: %w", err))
		}
	}
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	limit := syscall.Timeval{Sec: 30}
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit)
	to := p.addr // Connect writes to its argument
	if err := syscall.Connect(fd, &to); err != nil {
		return fail(fmt.Errorf("connect: %w", err))
	}
	c := &conn{id: id, fd: fd, loop: p.loops[id%len(p.loops)]}
	c.ref.Store(1) // the join's
	if c.part, err = upgrade(rawConn(fd), p.target); err != nil {
		return fail(fmt.Errorf("upgrade: %w", err))
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return fail(err)
	}
	l := c.loop
	l.connMu.Lock()
	l.conns[fd] = c
	l.connMu.Unlock()
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}
	if err := syscall.EpollCtl(l.ep, syscall.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fail(err)
	}
	return c, nil
}

// open dials n connections, some at a time.
func (p *pool) open(ctx context.Context, n, parallel, sources int) error {
	p.conns = make([]*conn, n)
	errs := make(chan error, parallel)
	var next atomic.Int64
	for range parallel {
		go func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					break
				}
				c, err := p.dial(i, sources)
				if err != nil {
					next.Store(int64(n))
					errs <- fmt.Errorf("connection %d: %w", i, err)
					return
				}
				p.conns[i] = c
			}
			errs <- ctx.Err()
		}()
	}
	var first error
	for range parallel {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// join sends phx_join on every connection; topicOf and params may differ by
// connection. window bounds how many joins wait for their reply.
func (p *pool) join(ctx context.Context, window int, topicOf, params func(i int) string) error {
	for i, c := range p.conns {
		for int64(i)-p.joined.Load() >= int64(window) {
			if err := p.healthy(ctx); err != nil {
				return fmt.Errorf("joining: %w", err)
			}
			_ = pause(ctx, 200*time.Microsecond) // healthy tells the end of ctx
		}
		c.topic = topicOf(i)
		c.send([]byte(`["1","1","` + c.topic + `","phx_join",` + params(i) + `]`))
	}
	for p.joined.Load() < int64(len(p.conns)) {
		if err := p.healthy(ctx); err != nil {
			return fmt.Errorf("joining: %w", err)
		}
		_ = pause(ctx, time.Millisecond) // healthy tells the end of ctx
	}
	return nil
}

func (p *pool) healthy(ctx context.Context) error {
	if n := p.dropped.Load(); n > 0 {
		return fmt.Errorf("%d connections were closed", n)
	}
	if n := p.bad.Load(); n > 0 {
		return fmt.Errorf("%d messages were refused or malformed", n)
	}
	return ctx.Err()
}

func (p *pool) close() {
	p.stopping.Store(true)
	p.wg.Wait()
	for _, l := range p.loops {
		_ = syscall.Close(l.ep)
		for fd := range l.conns {
			_ = syscall.Close(fd)
		}
	}
}
