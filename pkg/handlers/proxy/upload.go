package proxy

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// upload is the request's body as the transport reads it. The transport may read on
// after Serve has returned; leave makes sure that it does not get far.
type upload struct {
	x         *exchange
	src       io.Reader
	heldUntil time.Time // zero unless the client waits for 100 (Continue)

	read   atomic.Bool // a read was begun
	wanted atomic.Bool // the upstream said 100
	done   atomic.Bool // read to the end, trailers included

	mu   sync.Mutex
	left bool  // Serve has returned: the client's connection is another request's
	over bool  // the time for the exchange is over, and with it that for the body
	err  error // why the client's body broke off
}

// Read moves the next piece, for which the client has ClientIdle, and then the upstream
// Idle to take it.
func (b *upload) Read(p []byte) (int, error) {
	if !b.read.Swap(true) && b.unwanted() {
		<-b.x.ctx.Done() // an error now could win over the answer
		return 0, errAnswered
	}
	options := &b.x.up.options
	b.x.watch.pause()
	if !b.setReadDeadline(time.Now().Add(options.ClientIdle)) {
		return 0, errAnswered
	}
	n, err := b.src.Read(p)
	switch err {
	case nil:
		b.x.watch.waitFor(upstreamReads, options.Idle)
	case io.EOF:
		b.finish()
		b.x.watch.waitFor(upstreamAnswers, options.FirstByte)
	default:
		b.fail(err)
	}
	return n, err
}

// unwanted tells whether the upstream gave its answer instead of a 100: the transport then
// asks for the body although nobody wants it, and before the time for a 100 is over.
func (b *upload) unwanted() bool {
	return !b.heldUntil.IsZero() && !b.wanted.Load() && time.Now().Before(b.heldUntil)
}

// interrupt ends a wait for the client when the time for the exchange is over: the transport
// would wait for the read before it says so.
func (b *upload) interrupt() {
	if !isTimeout(context.Cause(b.x.ctx)) {
		return // the client left, or all is done
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	if !b.left && !b.done.Load() {
		_ = b.x.client.SetReadDeadline(time.Unix(1, 0)) // a reader without deadlines waits for nobody
	}
}

// setReadDeadline returns false when the connection is no longer ours, or the time is over.
func (b *upload) setReadDeadline(t time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		b.err = cmp.Or(b.err, os.ErrDeadlineExceeded)
		return false
	}
	if !b.left {
		_ = b.x.client.SetReadDeadline(t) // a reader without deadlines has no wait to bound
	}
	return !b.left
}

// finish notes that all was read. net/http watches the connection from now on, and would
// take a deadline for the client's leaving.
func (b *upload) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done.Store(true)
	if !b.left {
		_ = b.x.client.SetReadDeadline(time.Time{}) // as above
	}
}

func (b *upload) fail(err error) {
	b.mu.Lock()
	b.err = err
	b.mu.Unlock()
}

func (b *upload) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// leave ends the upload: no read is begun after it. What net/http still reads of a body
// that nobody wanted, to part from the client in peace, is bounded in time.
func (b *upload) leave() {
	if !b.done.Load() {
		b.setReadDeadline(time.Now().Add(b.x.up.options.ClientIdle))
	}
	b.mu.Lock()
	b.left = true
	b.mu.Unlock()
}

// Close leaves the body to the server, which owns it.
func (b *upload) Close() error { return nil }

// again gives the body for another try, if the first one read nothing of it. The
// transport asks after a connection turned out to be closed before a byte was written.
func (b *upload) again() (io.ReadCloser, error) {
	if b.read.Load() {
		return nil, errors.New("the body has been read")
	}
	return b, nil
}
