package compress

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
)

// A Writer encodes one answer, once it knows that the answer is worth it: until then it
// holds back the head and up to MinSize bytes.
type Writer struct {
	to     http.ResponseWriter
	c      *Compressor
	accept []string // what the client takes, whatever a service behind is told of it
	head   bool
	begun  func()

	status  int // 0: the answer was not begun
	decided bool
	pool    *pool // of the coding that the client wants, until decided
	held    []byte
	encoder encoder // nil: the body passes as it is
	err     error   // why the encoder can go on no more
}

// Header implements http.ResponseWriter.
func (w *Writer) Header() http.Header { return w.to.Header() }

// Unwrap serves http.ResponseController.
func (w *Writer) Unwrap() http.ResponseWriter { return w.to }

// WriteHeader implements http.ResponseWriter.
func (w *Writer) WriteHeader(status int) {
	switch {
	case status < http.StatusOK && status != http.StatusSwitchingProtocols:
		w.to.WriteHeader(status)
		return
	case w.status != 0:
		return
	}
	w.status = status
	if w.begun != nil {
		w.begun()
	}
	h := w.to.Header()
	if status == http.StatusNotModified {
		varies(h) // the answer that it stands for would have said so
	}
	if !w.c.could(status, h) {
		w.plain()
		return
	}
	length, known := size(h)
	if known && length < w.c.o.MinSize {
		w.plain()
		return
	}
	varies(h)
	if w.pool = w.c.choose(w.accept); w.pool == nil {
		w.plain()
		return
	}
	if known {
		w.encode()
	}
}

// size is what Content-Length says.
func size(h http.Header) (int64, bool) {
	text := h.Get("Content-Length")
	if text == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// plain sends the head of an answer that passes as it is.
func (w *Writer) plain() {
	w.decided = true
	w.to.WriteHeader(w.status)
}

// encode sends the head of an answer that is encoded.
func (w *Writer) encode() {
	w.decided = true
	h := w.to.Header()
	h["Content-Encoding"] = w.pool.header
	delete(h, "Content-Length")
	delete(h, "Accept-Ranges") // a part would be one of other bytes
	weaken(h)
	w.to.WriteHeader(w.status)
	if w.head {
		return // its body is dropped anyway
	}
	e, err := w.pool.get(w.to)
	w.encoder, w.err = e, err
}

// Write implements http.ResponseWriter.
func (w *Writer) Write(p []byte) (int, error) {
	w.begin(p)
	if !w.decided {
		if int64(len(w.held)+len(p)) < w.c.o.MinSize {
			w.held = append(w.held, p...)
			return len(p), nil
		}
		w.encode()
		if err := w.release(); err != nil {
			return 0, err
		}
	}
	return w.pass(p)
}

// begin answers 200 when nothing else was said, and guesses what the content is as
// net/http does, which sees only what is encoded.
func (w *Writer) begin(p []byte) {
	if w.status != 0 {
		return
	}
	if h := w.to.Header(); h["Content-Type"] == nil && len(p) > 0 {
		h["Content-Type"] = []string{http.DetectContentType(p)}
	}
	w.WriteHeader(http.StatusOK)
}

func (w *Writer) pass(p []byte) (int, error) {
	switch {
	case w.err != nil:
		return 0, w.err
	case w.encoder != nil:
		n, err := w.encoder.Write(p)
		w.err = err
		return n, err
	}
	return w.to.Write(p)
}

// release gives on what was held back.
func (w *Writer) release() error {
	held := w.held
	w.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := w.pass(held)
	return err
}

// ReadFrom keeps the kernel's way open (sendfile) for an answer that passes as it is.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	if w.decided && w.encoder == nil && w.err == nil {
		return io.Copy(w.to, r)
	}
	return io.Copy(struct{ io.Writer }{w}, r)
}

// FlushError sends what is held back, for http.ResponseController. An answer that is sent
// in pieces is encoded whatever its first one has.
func (w *Writer) FlushError() error {
	w.begin(nil)
	if !w.decided {
		w.encode()
		if err := w.release(); err != nil {
			return err
		}
	}
	if w.encoder != nil && w.err == nil {
		w.err = w.encoder.Flush()
	}
	if w.err != nil {
		return w.err
	}
	return http.NewResponseController(w.to).Flush()
}

// Hijack implements http.Hijacker. What was begun is not ended: whoever takes the connection
// breaks the answer off, or goes on with another protocol.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.to).Hijack()
	if err == nil {
		w.decided, w.held, w.encoder = true, nil, nil
	}
	return conn, buffered, err
}

// Flush implements http.Flusher.
func (w *Writer) Flush() { _ = w.FlushError() }

// Close ends an answer that is whole: what is held back is sent, short as it is, and the
// encoder writes its last bytes.
func (w *Writer) Close() error {
	if w.status != 0 && !w.decided {
		w.plain()
		if err := w.release(); err != nil {
			return err
		}
	}
	if w.encoder == nil || w.err != nil {
		return w.err // a body cut short would look whole
	}
	err := w.encoder.Close()
	w.pool.put(w.encoder)
	w.encoder = nil
	return err
}
