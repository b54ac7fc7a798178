//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

const heartbeatEvery = 30 // seconds, as in the Phoenix JavaScript client

// handler reacts to channel messages. message runs on the loop of c, and may
// call c.loop.reply; at is when the bytes were read.
type handler interface {
	message(c *conn, e envelope, at int64)
}

type loop struct {
	ep     int
	buf    []byte
	out    []byte // frames queued by reply during one read
	conns  map[int]*conn
	connMu sync.Mutex
	pool   *pool

	lat, done hist
	count     uint64 // messages that count toward the mode's rate
	frames    uint64
	bytes     uint64
}

func (l *loop) run() {
	defer l.pool.wg.Done()
	events := make([]syscall.EpollEvent, 256)
	tick, second := time.Now(), 0
	for !l.pool.stopping.Load() {
		n, err := syscall.EpollWait(l.ep, events, 100)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			fmt.Fprintln(os.Stderr, "wsload: epoll:", err)
			return
		}
		for _, ev := range events[:max(n, 0)] {
			l.connMu.Lock()
			c := l.conns[int(ev.Fd)]
			l.connMu.Unlock()
			if c == nil {
				continue
			}
			if ev.Events&syscall.EPOLLOUT != 0 {
				c.write(nil)
			}
			if ev.Events&(syscall.EPOLLIN|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
				l.read(c)
			}
		}
		if time.Since(tick) >= time.Second {
			tick, second = tick.Add(time.Second), second+1
			l.heartbeat(second)
		}
	}
}

// heartbeat serves the thirtieth part of the connections that is due in this
// second.
func (l *loop) heartbeat(second int) {
	var due []*conn
	l.connMu.Lock()
	for _, c := range l.conns {
		if c.id/len(l.pool.loops)%heartbeatEvery == second%heartbeatEvery {
			due = append(due, c)
		}
	}
	l.connMu.Unlock()
	for _, c := range due {
		c.send([]byte(`[null,"hb","phoenix","heartbeat",{}]`))
	}
}

func (l *loop) read(c *conn) {
	if len(c.part) > len(l.buf)/2 {
		l.buf = make([]byte, 2*len(l.buf)+len(c.part))
	}
	have := copy(l.buf, c.part)
	n, err := syscall.Read(c.fd, l.buf[have:])
	if err != nil && (errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)) {
		return
	}
	if n <= 0 {
		l.drop(c)
		return
	}
	at := now()
	l.bytes += uint64(n)
	b := l.buf[:have+n]
	for {
		frame, size := nextFrame(b)
		if size == 0 {
			break
		}
		if size < 0 {
			l.pool.bad.Add(1)
			l.drop(c)
			return
		}
		b = b[size:]
		if !l.frame(c, frame, at) {
			l.drop(c)
			return
		}
	}
	if len(b) == 0 && cap(c.part) > 4<<10 {
		c.part = nil
	}
	c.part = append(c.part[:0], b...)
	if len(l.out) > 0 {
		c.write(l.out)
		l.out = l.out[:0]
	}
}

// frame handles one server frame; false ends the connection.
func (l *loop) frame(c *conn, f frame, at int64) bool {
	l.frames++
	switch {
	case f.op == opPing:
		l.out = appendFrame(l.out, opPong, f.payload)
		return true
	case f.op == opPong:
		return true
	case f.op == opClose:
		return false
	case f.op != opText || !f.fin: // no server here fragments text
		l.pool.bad.Add(1)
		return false
	}
	e, ok := parseEnvelope(f.payload)
	if !ok {
		l.pool.bad.Add(1)
		return true
	}
	switch string(e.event) {
	case "phx_reply":
		if string(e.topic) == "phoenix" { // heartbeat
			return true
		}
		if string(e.ref) == "1" {
			if string(unquote(member(e.payload, "status"))) == "ok" {
				l.pool.joined.Add(1)
			} else {
				l.pool.bad.Add(1)
			}
		}
	case "phx_error", "phx_close":
		l.pool.bad.Add(1)
		return true
	}
	l.pool.h.message(c, e, at)
	return true
}

// reply queues a channel push on the connection whose message is being
// handled; the queue goes out in one write once its input is used up.
func (l *loop) reply(msg []byte) { l.out = appendFrame(l.out, opText, msg) }

func (l *loop) drop(c *conn) {
	l.out = l.out[:0]
	l.connMu.Lock()
	delete(l.conns, c.fd)
	l.connMu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		_ = syscall.Close(c.fd)
		l.pool.dropped.Add(1)
	}
}
