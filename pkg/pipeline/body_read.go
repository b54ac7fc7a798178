package pipeline

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// bodyIdle is how long a client may send nothing while its body is read.
const bodyIdle = 30 * time.Second

// readAll reads at most limit bytes of the body.
func (c *Context) readAll(limit int64) ([]byte, error) {
	if c.R.Body == nil || c.R.Body == http.NoBody {
		return nil, nil
	}
	p := c.patient()
	raw, err := io.ReadAll(io.LimitReader(p, limit))
	if err == nil && int64(len(raw)) < limit {
		p.lift()
	}
	return raw, err
}

// patient reads a body with a new deadline for each piece. The deadline stays where the
// body did not end: net/http reads on after the answer, and would wait without end for a
// client that sends nothing.
type patient struct {
	body    io.Reader
	control *http.ResponseController
	idle    time.Duration
	until   time.Time // no piece may come after it; zero: there is no such time
}

func (c *Context) patient() *patient {
	idle := bodyIdle
	if c.Parser != nil && c.Parser.Idle > 0 {
		idle = c.Parser.Idle
	}
	return &patient{body: c.R.Body, control: http.NewResponseController(c.W), idle: idle, until: c.body.until}
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	deadline := time.Now().Add(p.idle)
	if !p.until.IsZero() && p.until.Before(deadline) {
		deadline = p.until
	}
	_ = p.control.SetReadDeadline(deadline) // a writer without deadlines has none to set
	return p.body.Read(b)
}

// lift takes the deadline away, once the body has ended.
func (p *patient) lift() { _ = p.control.SetReadDeadline(time.Time{}) }

// bounded refuses to give more than left bytes.
type bounded struct {
	from        io.Reader
	left, limit int64
}

func newBounded(from io.Reader, limit int64) *bounded { return &bounded{from, limit, limit} }

// Read implements io.Reader.
func (r *bounded) Read(b []byte) (int, error) {
	if int64(len(b)) > r.left+1 {
		b = b[:r.left+1]
	}
	n, err := r.from.Read(b)
	if int64(n) > r.left {
		n, r.left = int(r.left), 0
		return n, tooLarge(r.limit)
	}
	r.left -= int64(n)
	return n, err
}

// gunzip decodes one member of gzip with nothing behind it, and bounds both what goes in
// and what comes out.
type gunzip struct {
	in      *bufio.Reader
	member  *gzip.Reader
	out     *bounded
	limit   int64
	started bool
}

func newGunzip(from io.Reader, limit int64) *gunzip {
	return &gunzip{in: bufio.NewReader(newBounded(from, limit)), limit: limit}
}

// Read implements io.Reader.
func (g *gunzip) Read(b []byte) (int, error) {
	if !g.started {
		g.started = true
		member, err := gzip.NewReader(g.in)
		if err != nil {
			return 0, g.fault(err)
		}
		member.Multistream(false)
		g.member, g.out = member, newBounded(member, g.limit)
	}
	if g.out == nil {
		return 0, io.EOF
	}
	n, err := g.out.Read(b)
	if err != io.EOF {
		return n, g.fault(err)
	}
	switch _, behind := g.in.Peek(1); behind {
	case io.EOF:
		return n, io.EOF
	case nil:
		return n, g.fault(gzip.ErrHeader)
	default:
		return n, behind
	}
}

// fault tells bytes that are no gzip from a body that broke off or came too slowly.
func (g *gunzip) fault(err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.As(err, &corrupt) {
		return malformed("the body is not sound gzip")
	}
	return err
}

// counted counts what is read of a body for max_body, also when a proxy passes it on.
type counted struct {
	io.ReadCloser
	left, limit int64
}

// Read implements io.Reader.
func (r *counted) Read(b []byte) (int, error) {
	if int64(len(b)) > r.left+1 {
		b = b[:r.left+1]
	}
	n, err := r.ReadCloser.Read(b)
	if int64(n) > r.left {
		n, r.left = int(r.left), 0
		return n, &http.MaxBytesError{Limit: r.limit}
	}
	r.left -= int64(n)
	return n, err
}

// LimitBody bounds the body from now on, whoever reads it. Of several bounds the narrowest
// holds. A body that says that it is larger is refused at once.
func (c *Context) LimitBody(limit int64) error {
	b := &c.body
	if b.limited && b.limit <= limit {
		return nil
	}
	var came int64
	if b.counted != nil {
		came = b.counted.limit - b.counted.left
	}
	if max(c.R.ContentLength, int64(len(b.raw)), came) > limit {
		return tooLarge(limit)
	}
	b.limited, b.limit = true, limit
	switch {
	case c.R.Body == nil || c.R.Body == http.NoBody:
	case b.counted != nil:
		b.counted.limit, b.counted.left = limit, limit-came
	default:
		b.counted = &counted{c.R.Body, limit, limit}
		c.R.Body = b.counted
	}
	return nil
}

// PeekBody gives the bytes of the body, at most limit of them; the stream then still gives
// all. ok is false when the body is longer.
func (c *Context) PeekBody(limit int64) (raw []byte, ok bool, err error) {
	if c.body.read {
		return c.body.raw, true, nil
	}
	if c.body.streamed {
		return nil, false, errStreamed
	}
	raw, err = c.readAll(limit + 1)
	if err != nil {
		return nil, false, bodyError(err, "the body could not be read")
	}
	rest := c.R.Body
	c.R.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(strings.NewReader(string(raw)), rest), rest}
	return raw, int64(len(raw)) <= limit, nil
}

// errStreamed is a fault of the manifest that only a run can find.
var errStreamed = errors.New("the body was read as multipart, and is not there to be passed on")

// ReadForm decodes an urlencoded text into nested maps and lists.
func ReadForm(text string) (map[string]any, error) {
	out := map[string]any{}
	return out, decodeForm(out, text)
}
