package static

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	maxKept  = 32 << 20               // bytes of small files that a folder keeps in memory
	small    = 64 << 10               // bytes; larger files are sent by the kernel
	trusted  = 100 * time.Millisecond // for so long a kept file is not looked at again
	absentAs = 64                     // bytes that a name without a file counts as
)

// An entity is a file as it was at one moment, with what is said of it ready for headers.
// It is not changed.
type entity struct {
	root     *os.Root // the folder that it was found in
	checked  atomic.Int64
	absent   bool
	size     int64
	modified time.Time
	body     []byte // nil: too large to be kept

	tag, lastModified, length, contentType []string
}

// found is a file to be sent: from memory, or opened. The zero value is none.
type found struct {
	*entity
	file *os.File
}

func (f found) close() {
	if f.file != nil {
		f.file.Close()
	}
}

// find gives a file by its checked name. A small one comes from memory; that it is still
// the same is looked at again when the last look is some time ago.
func (f *Files) find(name string) (found, error) {
	now := time.Now()
	root, err := f.folder.current(now)
	if err != nil {
		return found{}, ownFailure(err)
	}
	kept, ok := f.kept.Get(name)
	if ok && kept.root == root {
		if now.UnixNano()-kept.checked.Load() < int64(trusted) {
			return kept.found(), nil
		}
		if kept.stillSo(name) {
			kept.checked.Store(now.UnixNano())
			return kept.found(), nil
		}
	}
	there, err := f.load(root, name, now)
	if errors.Is(err, fs.ErrClosed) { // the folder was replaced in between
		if root, err = f.folder.current(now); err == nil {
			there, err = f.load(root, name, now)
		}
	}
	if err != nil {
		return found{}, ownFailure(err)
	}
	return there, nil
}

func (e *entity) found() found {
	if e.absent {
		return found{}
	}
	return found{entity: e}
}

// stillSo looks whether a kept file is what it was.
func (e *entity) stillSo(name string) bool {
	if e.absent {
		return false
	}
	info, err := e.root.Stat(name)
	return err == nil && info.Mode().IsRegular() && info.Size() == e.size && info.ModTime().Equal(e.modified)
}

// load opens a file, and keeps it when it is small.
func (f *Files) load(root *os.Root, name string, now time.Time) (found, error) {
	file, err := open(root, name)
	if err != nil {
		if notThere(err) {
			return found{}, f.keepAbsent(root, name, now)
		}
		return found{}, err
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		if err == nil {
			err = f.keepAbsent(root, name, now)
		}
		return found{}, err
	}
	e := f.describe(root, name, info, now)
	if e.size > small {
		f.forget(name)
		return found{e, file}, nil
	}
	defer file.Close()
	body := make([]byte, e.size)
	if _, err := io.ReadFull(file, body); err != nil {
		return found{}, fmt.Errorf("serve %s: %w", name, err)
	}
	e.body = body
	if again, err := file.Stat(); err == nil && settled(info, again, now) {
		f.kept.Put(name, e, e.size+int64(len(name)))
	} else {
		f.forget(name)
	}
	return found{entity: e}, nil
}

// forget drops what is kept of a file that now is another and is not kept.
func (f *Files) forget(name string) {
	if _, ok := f.kept.Get(name); ok {
		f.kept.Delete(name)
	}
}

// settled tells a file that did not change while it was read, and not so shortly before
// that another change could leave the same time behind.
func settled(before, after fs.FileInfo, now time.Time) bool {
	age := now.Sub(before.ModTime())
	return before.Size() == after.Size() && before.ModTime().Equal(after.ModTime()) && (age < 0 || age >= trusted)
}

// keepAbsent remembers for a moment that there is no such file.
func (f *Files) keepAbsent(root *os.Root, name string, now time.Time) error {
	if len(name) <= maxName {
		e := &entity{root: root, absent: true}
		e.checked.Store(now.UnixNano())
		f.kept.Put(name, e, absentAs)
	}
	return nil
}

// maxName bounds the names that are remembered.
const maxName = 256

func (f *Files) describe(root *os.Root, name string, info fs.FileInfo, now time.Time) *entity {
	e := &entity{root: root, size: info.Size(), modified: info.ModTime()}
	e.checked.Store(now.UnixNano())
	values := []string{entityTag(info), info.ModTime().UTC().Format(http.TimeFormat), strconv.FormatInt(e.size, 10), f.contentType(name)}
	e.tag, e.lastModified, e.length, e.contentType = values[0:1:1], values[1:2:2], values[2:3:3], values[3:4:4]
	return e
}

// entityTag is made of size and time of change.
func entityTag(info fs.FileInfo) string {
	b := make([]byte, 0, 36)
	b = append(b, '"')
	b = strconv.AppendInt(b, info.Size(), 36)
	b = append(b, '-')
	b = strconv.AppendInt(b, info.ModTime().UnixNano(), 36)
	return string(append(b, '"'))
}

// notThere tells an error that says something of the name: missing, forbidden, a link
// that leads out, a file taken for a folder.
func notThere(err error) bool {
	return !errors.Is(err, fs.ErrClosed) && ownFailure(err) == nil
}

// ownFailure keeps the errors that say nothing about the file but all about us.
func ownFailure(err error) error {
	for _, own := range [...]syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO} {
		if errors.Is(err, own) {
			return fmt.Errorf("serve a file: %w", err)
		}
	}
	return nil
}
