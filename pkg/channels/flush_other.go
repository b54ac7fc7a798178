//go:build !unix

package channels

import (
	"errors"
	"net"
	"syscall"
)

// rawOf gives nil: writes that do not wait are another thing here. Every connection is
// written to by a goroutine of its own.
func rawOf(net.Conn) syscall.RawConn { return nil }

func writeSome(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
