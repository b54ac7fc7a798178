package static

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	smallFile = 2 << 10   // bytes; surely fits the buffers of net/http, so that writing waits for nobody
	readWhole = 32 << 10  // bytes; up to here reading and writing is cheaper than having the kernel send
	piece     = 256 << 10 // bytes sent under one deadline
)

// wholeBuffers holds *[readWhole]byte for files read at once.
type wholeBuffers struct{ pool sync.Pool }

func (p *wholeBuffers) get() *[readWhole]byte {
	if b, ok := p.pool.Get().(*[readWhole]byte); ok {
		return b
	}
	return new([readWhole]byte)
}

// send answers with a file, a part of it, or the news that nothing has changed.
func (f *Files) send(w http.ResponseWriter, r *http.Request, name string, file *os.File, info fs.FileInfo) error {
	h := w.Header()
	values := new([5]string) // backing of the fields, allocated once
	set := func(i int, field, value string) {
		values[i] = value
		h[field] = values[i : i+1 : i+1]
	}
	tag, modified := "", info.ModTime()
	if isVersioned(r) {
		h["Cache-Control"] = f.fixed.immutable
	} else {
		tag = entityTag(info)
		h["Cache-Control"] = f.fixed.cacheControl
		set(0, "Etag", tag)
		set(1, "Last-Modified", modified.UTC().Format(http.TimeFormat))
	}
	if status := precondition(r, tag, modified); status != 0 {
		w.WriteHeader(status)
		return nil
	}
	start, length, status := int64(0), info.Size(), http.StatusOK
	if wanted, ok := wantedRange(r, tag, modified, info.Size()); ok {
		set(2, "Content-Range", contentRange(wanted, info.Size()))
		if _, err := file.Seek(wanted.start, io.SeekStart); err != nil {
			return fmt.Errorf("serve %s: %w", name, err)
		}
		start, length, status = wanted.start, wanted.length, http.StatusPartialContent
	}
	set(3, "Content-Type", contentType(name))
	h["X-Content-Type-Options"] = f.fixed.nosniff
	h["Accept-Ranges"] = f.fixed.acceptRanges
	set(4, "Content-Length", strconv.FormatInt(length, 10))
	w.WriteHeader(status)
	if r.Method == http.MethodHead || length == 0 {
		return nil
	}
	if err := f.copy(w, file, length); err != nil {
		return fmt.Errorf("serve %s from byte %d: %w", name, start, err)
	}
	return nil
}

// copy sends length bytes: small files from a buffer, large ones by the kernel (sendfile),
// if w passes ReadFrom on to net/http.
func (f *Files) copy(w http.ResponseWriter, file *os.File, length int64) error {
	if length <= readWhole {
		return f.copyWhole(w, file, int(length))
	}
	deadlines := http.NewResponseController(w)
	for length > 0 {
		_ = deadlines.SetWriteDeadline(time.Now().Add(f.options.WriteIdle)) // a writer without deadlines has no wait to bound
		n, err := io.CopyN(w, file, min(length, piece))
		if err != nil {
			return err
		}
		length -= n
	}
	return nil
}

func (f *Files) copyWhole(w http.ResponseWriter, file *os.File, length int) error {
	buffer := f.buffers.get()
	defer f.buffers.pool.Put(buffer)
	if _, err := io.ReadFull(file, buffer[:length]); err != nil {
		return err
	}
	if length > smallFile {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(f.options.WriteIdle)) // as in copy
	}
	_, err := w.Write(buffer[:length])
	return err
}
