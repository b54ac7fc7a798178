package pipeline

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
)

// writer stands between a run and the server's writer. It knows what was sent and runs what
// wants to change the header before it goes out, whoever answers.
type writer struct {
	c      *Context
	to     http.ResponseWriter
	status int // 0: nothing sent yet
	sent   int64
}

// Header implements http.ResponseWriter.
func (w *writer) Header() http.Header { return w.to.Header() }

// WriteHeader implements http.ResponseWriter. Interim answers (1xx) pass by themselves.
func (w *writer) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		w.to.WriteHeader(status)
		return
	}
	if w.status == 0 {
		w.begin(status)
		w.to.WriteHeader(status)
	}
}

func (w *writer) begin(status int) {
	w.status = status
	w.c.answered, w.c.halted = true, true
	for _, f := range slices.Backward(w.c.before) {
		f(w.c, status)
	}
}

// Write implements http.ResponseWriter.
func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	n, err := w.to.Write(b)
	w.sent += int64(n)
	return n, err
}

// ReadFrom lets a file go out by sendfile.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	var n int64
	var err error
	if to, ok := w.to.(io.ReaderFrom); ok {
		n, err = to.ReadFrom(r)
	} else {
		n, err = io.Copy(w.to, r)
	}
	w.sent += n
	return n, err
}

// FlushError sends what is held back, for http.ResponseController.
func (w *writer) FlushError() error {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	return http.NewResponseController(w.to).Flush()
}

// Flush implements http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// Hijack implements http.Hijacker.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.to).Hijack()
}

// Unwrap gives the server's writer, for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.to }

// BeforeSend runs f once, just before the header of the answer goes out, with the status
// that it has. The last one registered runs first, as Plug.Conn.register_before_send has it.
func (c *Context) BeforeSend(f func(c *Context, status int)) { c.before = append(c.before, f) }

// OnFinish runs f, last registered first, when the answer was made in full and before the
// request ends. It does not run when the answer was broken off.
func (c *Context) OnFinish(f func() error) { c.finish = append(c.finish, f) }

// Finish runs what OnFinish registered.
func (c *Context) Finish() error {
	for _, f := range slices.Backward(c.finish) {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// Status is the status that was sent; 0 before anything was.
func (c *Context) Status() int { return c.out.status }

// BytesSent counts the bytes of the answer's body that were sent.
func (c *Context) BytesSent() int64 { return c.out.sent }
