package static

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// recheck is how long a folder is trusted to be the one its name leads to (or to be
// missing). It bounds how late a deployment that puts another in its place is noticed.
const recheck = time.Second

// A folder is a directory that nothing outside of is reached through, found by its name
// again when it appears or another takes its place.
type folder struct {
	dir     string
	root    atomic.Pointer[os.Root]
	checked atomic.Int64 // when, in nanoseconds since 1970

	mu     sync.Mutex  // held to change root
	info   fs.FileInfo // of root
	closed bool
}

// current gives the folder as it is now.
func (d *folder) current(now time.Time) (*os.Root, error) {
	if now.UnixNano()-d.checked.Load() > int64(recheck) {
		if err := d.refresh(now); err != nil {
			return nil, err
		}
	}
	root := d.root.Load()
	if root == nil {
		return nil, fs.ErrNotExist
	}
	return root, nil
}

// open opens a file to read, without waiting for the other end of a pipe. The name has
// been checked.
func open(root *os.Root, name string) (*os.File, error) {
	return root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// refresh looks where the name leads now.
func (d *folder) refresh(now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fs.ErrClosed
	}
	d.checked.Store(now.UnixNano())
	info, err := os.Stat(d.dir)
	old := d.root.Load()
	if err == nil && old != nil && os.SameFile(info, d.info) {
		return nil
	}
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(d.dir)
	}
	if err == nil {
		if info, err = root.Stat("."); err != nil {
			root.Close()
			root = nil
		}
	}
	d.root.Store(root)
	d.info = info
	if old != nil {
		old.Close()
	}
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	return nil
}

func (d *folder) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if old := d.root.Swap(nil); old != nil {
		old.Close()
	}
}
