//go:build unix

package channels

import (
	"net"
	"syscall"
)

// rawOf gives what can be written to without waiting; nil where a connection does more with
// what is written than to send it, as TLS does.
func rawOf(c net.Conn) syscall.RawConn {
	if c, ok := c.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// writeSome writes what a descriptor that does not block takes of p, which may be nothing.
func writeSome(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), p)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, err
		}
	}
}
