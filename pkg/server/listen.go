package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/openmanifest/gateway/pkg/config"
)

// listen opens an address. The path of a unix socket is relative to dir.
func listen(a config.Address, dir string) (net.Listener, error) {
	path, unix := a.Unix()
	if !unix {
		l, err := net.Listen("tcp", a.Text)
		if errors.Is(err, syscall.EADDRINUSE) {
			// Said here too: a reload cannot open an address while one that it overlaps is open.
			return nil, fmt.Errorf("%w; where this gateway itself holds the port by another address, start it anew", err)
		}
		return l, err
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return listenUnix(path)
}

// Of unix sockets: who may connect, and what the system lets a path be, in bytes.
const (
	socketMode = 0o660
	maxSocket  = 100
)

// A unixListener removes its file when it closes, unless that is another's by then.
type unixListener struct {
	*net.UnixListener
	path string
	info fs.FileInfo
}

// Close implements net.Listener.
func (l *unixListener) Close() error {
	err := l.UnixListener.Close()
	if info, statErr := os.Lstat(l.path); statErr == nil && os.SameFile(info, l.info) {
		_ = os.Remove(l.path)
	}
	return err
}

// listenUnix makes the socket beside path and moves it there, so that nobody connects
// before its mode is set. What a process that ended left there is replaced.
func listenUnix(path string) (net.Listener, error) {
	fresh := path + ".new"
	if len(fresh) > maxSocket {
		return nil, fmt.Errorf("the path of a socket has at most %d bytes, and %s has %d", maxSocket-len(".new"), path, len(path))
	}
	if err := vacant(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	info, err := os.Lstat(fresh)
	if err == nil {
		err = os.Chmod(fresh, socketMode)
	}
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(fresh))
	}
	return &unixListener{l, path, info}, nil
}

// vacant tells whether a socket may be put at path.
func vacant(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("%s is there, and is no socket", path)
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		return errors.Join(&net.OpError{Op: "listen", Net: "unix", Addr: &net.UnixAddr{Name: path, Net: "unix"}, Err: syscall.EADDRINUSE}, c.Close())
	}
	return nil
}
