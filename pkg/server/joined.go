package server

import (
	"bytes"
	"net"
	"strconv"
	"sync"
)

// net/http collects an answer in a buffer of httpBuffer bytes. A body that is a little larger
// goes out in two pieces, which is two system calls here, two packets, and two calls of who
// reads it. Where a handler says that all of the body is at hand, they are sent as one.
const (
	httpBuffer = 4 << 10 // as net/http has it (server.go, newBufioWriterSize)
	maxJoined  = 16 << 10
)

// A joiner holds the first piece of an announced body until the rest comes. One goroutine at
// a time: the handler's, and net/http's after it.
type joiner struct {
	pieces    *sync.Pool // of *[]byte
	announced int        // the size of the body; 0: none
	left      int        // of it, behind what is held
	held      *[]byte
}

func newPieces() *sync.Pool {
	return &sync.Pool{New: func() any { b := make([]byte, 0, httpBuffer+maxJoined); return &b }}
}

// Announce implements pipeline.Announcer.
func (j *joiner) Announce(body int) {
	if body <= maxJoined {
		j.announced = body
	}
}

// write sends b to c, or holds it.
func (j *joiner) write(c net.Conn, b []byte) (int, error) {
	switch {
	case j.held != nil:
		return j.join(c, b)
	case j.announced == 0:
		return c.Write(b)
	}
	j.left = j.announced - bodyIn(b, j.announced)
	j.announced = 0
	if j.left <= 0 || len(b) < httpBuffer {
		return c.Write(b)
	}
	j.held = j.pieces.Get().(*[]byte)
	*j.held = append((*j.held)[:0], b...)
	return len(b), nil
}

// join adds a piece to what is held, and sends all when it is the last.
func (j *joiner) join(c net.Conn, b []byte) (int, error) {
	*j.held = append(*j.held, b...)
	if j.left -= len(b); j.left > 0 {
		return len(b), nil
	}
	_, err := c.Write(*j.held)
	j.pieces.Put(j.held)
	j.held = nil
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// bodyIn counts the bytes behind the head of an answer that has a body of size bytes. Where b is no
// such head it is size: nothing more is to be waited for.
func bodyIn(b []byte, size int) int {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return size
	}
	_, after, ok := bytes.Cut(b[:end+2], []byte("\r\nContent-Length: "))
	digits, _, _ := bytes.Cut(after, []byte("\r\n"))
	if n, err := strconv.Atoi(string(digits)); !ok || err != nil || n != size {
		return size
	}
	return len(b) - (end + 4)
}
