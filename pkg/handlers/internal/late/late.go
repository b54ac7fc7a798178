// Package late lets a plug hand its ResponseWriter to code that writes an answer by
// itself: `status:` and `headers:` are applied when the head of the answer is written, over
// what that code set, and not at all when nothing is.
package late

import (
	"io"
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// A Writer is the ResponseWriter of a run. It unwraps to the real one.
type Writer struct {
	http.ResponseWriter
	c     *pipeline.Context
	begun bool
	err   error
}

// New wraps the writer of a run.
func New(c *pipeline.Context) *Writer { return &Writer{ResponseWriter: c.W, c: c} }

// Err is why the head was not written: `status:` or `headers:` could not be computed.
func (w *Writer) Err() error { return w.err }

// WriteHeader implements http.ResponseWriter. Interim answers pass.
func (w *Writer) WriteHeader(status int) {
	if status < http.StatusOK {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.begun || w.err != nil {
		return
	}
	if status, w.err = w.c.Modified(status); w.err != nil {
		return
	}
	w.begun = true
	w.c.Begin()
	w.ResponseWriter.WriteHeader(status)
}

func (w *Writer) head() error {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	return w.err
}

// Write implements http.ResponseWriter.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.head(); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom implements io.ReaderFrom, so that the kernel can still send a file.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	if err := w.head(); err != nil {
		return 0, err
	}
	return io.Copy(w.ResponseWriter, r)
}

// Unwrap serves http.ResponseController.
func (w *Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
