package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// smallAnswer is a size, in bytes, that surely fits the buffers of net/http: writing it
// waits for nobody.
const smallAnswer = 2 << 10

// pass copies an answer to the client.
func (x *exchange) pass(answer *http.Response) {
	h := x.w.Header()
	copyAnswer(h, answer.Header)
	for name := range answer.Trailer {
		h.Add("Trailer", name)
	}
	x.closeAfterAnswer()
	announced := len(answer.Trailer)
	x.w.WriteHeader(answer.StatusCode)
	if err := x.copyBody(answer); err != nil {
		x.cut(err)
		return
	}
	for name, values := range answer.Trailer {
		if announced != len(answer.Trailer) { // some were not announced: net/http wants all marked
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// copyBody sends each piece on as it comes where the length is not known or the client
// waits for events, and fills buffers where it is known.
func (x *exchange) copyBody(answer *http.Response) error {
	small := answer.ContentLength >= 0 && answer.ContentLength <= smallAnswer
	flush := answer.ContentLength < 0 || isEventStream(answer.Header)
	if flush {
		if err := x.flush(); err != nil {
			return err
		}
	}
	if answer.ContentLength == 0 || answer.Body == http.NoBody {
		return nil
	}
	buffer := x.up.buffers.Get().(*[copyBuffer]byte)
	defer x.up.buffers.Put(buffer)
	for {
		x.watch.waitForBody(x.up.options.Idle)
		n, readErr := answer.Body.Read(buffer[:])
		if n > 0 {
			if err := x.write(buffer[:n], small, flush); err != nil {
				return fmt.Errorf("write to the client: %w", err)
			}
		}
		if readErr == io.EOF {
			return nil
		}
		if readErr != nil {
			return fmt.Errorf("read from upstream %s: %w", x.up.name, x.reason(readErr))
		}
	}
}

// write gives the client time for one piece. The upstream is not to blame for that time.
// The last deadline stands for what net/http writes at the end, which then lifts it.
func (x *exchange) write(p []byte, small, flush bool) error {
	if !small {
		x.watch.stop()
		x.setWriteDeadline()
	}
	if _, err := x.w.Write(p); err != nil {
		return err
	}
	if flush {
		return x.client.Flush()
	}
	return nil
}

func (x *exchange) flush() error {
	x.setWriteDeadline()
	if err := x.client.Flush(); err != nil {
		return fmt.Errorf("write to the client: %w", err)
	}
	return nil
}

// reason prefers the limit that ended the exchange to the error that came of it.
func (x *exchange) reason(err error) error {
	if cause := context.Cause(x.ctx); cause != nil {
		return cause
	}
	return err
}

// cut closes the client's connection, so that what was sent does not look whole.
func (x *exchange) cut(err error) {
	if x.up.options.Cut != nil {
		x.up.options.Cut(x.in, err)
	}
	x.setWriteDeadline()
	conn, _, hijackErr := x.client.Hijack()
	if hijackErr != nil {
		panic(http.ErrAbortHandler)
	}
	conn.Close()
}

func isEventStream(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
}
