//go:build linux

package main

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Connections are raw non-blocking sockets driven by a few epoll loops rather
// than one goroutine each: the generator runs beside the server it loads, so
// it should take as little of the machine as it can. A quiet connection costs
// one conn struct; read buffers belong to the loop.

// now is the time since the program began, in ns.
func now() int64 { return int64(time.Since(epoch)) }

var epoch = time.Now() // never changes

type conn struct {
	id    int
	fd    int
	loop  *loop
	topic string
	part  []byte // start of a frame whose rest has not arrived

	mu     sync.Mutex
	unsent []byte // what the socket would not take yet
	closed bool

	ref atomic.Uint32
}

// send writes one text frame; any goroutine may call it.
func (c *conn) send(msg []byte) {
	c.write(appendFrame(make([]byte, 0, len(msg)+14), opText, msg))
}

// write sends b after whatever is still unsent, and keeps what does not fit
// until epoll says the socket has room.
func (c *conn) write(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	waiting := len(c.unsent) > 0
	if waiting {
		c.unsent = append(c.unsent, b...)
		b = c.unsent
	}
	for len(b) > 0 {
		n, err := syscall.Write(c.fd, b)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			break // EAGAIN; a real error also shows as a failing read
		}
		b = b[max(n, 0):]
	}
	c.unsent = append(c.unsent[:0], b...)
	if waiting != (len(b) > 0) {
		ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(c.fd)}
		if len(b) > 0 {
			ev.Events |= syscall.EPOLLOUT
		}
		_ = syscall.EpollCtl(c.loop.ep, syscall.EPOLL_CTL_MOD, c.fd, &ev)
	}
}

// push starts a channel push with the next ref of the connection; the payload
// and a closing bracket have to follow.
func (c *conn) push(dst []byte, event string) []byte {
	dst = append(dst, `["1","`...)
	dst = strconv.AppendUint(dst, uint64(c.ref.Add(1)), 10)
	dst = append(dst, `","`...)
	dst = append(dst, c.topic...)
	dst = append(dst, `","`...)
	dst = append(dst, event...)
	return append(dst, `",`...)
}
