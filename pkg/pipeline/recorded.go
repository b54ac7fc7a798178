package pipeline

import "net/http"

// A Recorded is an answer that is kept and not sent.
type Recorded struct {
	Status int
	Body   []byte
	header http.Header
}

// Header implements http.ResponseWriter.
func (r *Recorded) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *Recorded) WriteHeader(status int) {
	if r.Status == 0 {
		r.Status = status
	}
}

// Write implements http.ResponseWriter.
func (r *Recorded) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.Body = append(r.Body, b...)
	return len(b), nil
}

// Record runs do as if another request was to be answered, one with a body that was read,
// and keeps its answer. The run then goes on with its own request.
func (c *Context) Record(r *http.Request, raw []byte, do func() error) (*Recorded, error) {
	own, out := c.run, &Recorded{header: http.Header{}}
	c.R, c.Method, c.W = r, r.Method, out
	c.body = body{read: true, raw: raw, until: own.body.until}
	c.halted, c.answered, c.modified = false, false, nil
	err := do()
	c.run = own
	return out, err
}
