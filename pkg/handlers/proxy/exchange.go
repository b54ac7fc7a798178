package proxy

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/openmanifest/gateway/pkg/outbound"
)

// An exchange is one request on its way. It outlives Serve only where the transport
// still holds it, and then touches the client's connection no more.
type exchange struct {
	up        *Upstream
	w         http.ResponseWriter
	client    *http.ResponseController
	in        *http.Request
	websocket bool

	ctx    context.Context // ends with the exchange, by a limit with its reason, or with the client
	cancel context.CancelCauseFunc

	url       url.URL
	header    http.Header
	forwarded [3]string // backing of the X-Forwarded-* fields
	upload    *upload   // nil when the request has no body

	watch watch

	mu       sync.Mutex
	answered bool // the round trip is over: interim answers come too late
	interims int
}

// Serve passes r on and copies the answer to w. It returns nil when an answer was sent,
// or at least begun, and a *Failure when nothing was.
//
// An answer that breaks off after its beginning closes the client's connection, since a
// chunked answer that merely stops looks whole; where w cannot be taken over (HTTP/2)
// Serve panics with http.ErrAbortHandler, as net/http asks for.
//
// w must be, or unwrap to, the ResponseWriter of a net/http server without WriteTimeout.
// Interim answers reach w as calls of WriteHeader with 1xx, from another goroutine, before
// Serve's own. A request with a body puts w in full duplex; when a part of the body is
// unread at the time of the answer (Serve's, or the caller's to a failure) the header is
// given Connection: close (in HTTP/1).
func (u *Upstream) Serve(w http.ResponseWriter, r *http.Request, q Request) error {
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return u.failure(Malformed, http.StatusMethodNotAllowed, errMethod)
	}
	path, err := u.outPath(r.URL, &q)
	if err != nil {
		return u.failure(Malformed, http.StatusBadRequest, err)
	}
	x := &exchange{up: u, w: w, client: http.NewResponseController(w), in: r, websocket: isWebsocket(r)}
	u.setTarget(&x.url, path, r.URL)
	x.setHeader(&q)
	x.begin()
	defer x.end()

	began := time.Now()
	answer, err := u.transport.RoundTrip(x.request(&q))
	x.stopInterims()
	if err != nil {
		failure := x.failed(err)
		q.failed(failure.Reason, began)
		return failure
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusSwitchingProtocols && !x.asked(answer) {
		q.failed(BadStatus, began)
		return u.failure(BadStatus, http.StatusBadGateway, errUnasked)
	}
	if q.Count != nil {
		q.Count.Answered(answer.StatusCode, time.Since(began))
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return x.switchProtocols(answer)
	}
	x.pass(answer)
	return nil
}

func (q *Request) failed(reason string, began time.Time) {
	if q.Count != nil {
		q.Count.Failed(reason, time.Since(began))
	}
}

// begin starts the clock, and takes over the request's body.
func (x *exchange) begin() {
	x.ctx, x.cancel = context.WithCancelCause(x.in.Context())
	x.watch.start(x.up.options.FirstByte, func(reason error) { x.cancel(reason) })
	if x.in.Body == nil || x.in.Body == http.NoBody || x.in.ContentLength == 0 {
		return
	}
	x.upload = &upload{x: x, src: x.in.Body}
	context.AfterFunc(x.ctx, x.upload.interrupt)
	if strings.EqualFold(x.in.Header.Get("Expect"), "100-continue") {
		x.upload.heldUntil = time.Now().Add(expectWait)
	}
	// Without it net/http reads the rest of the request before it sends an answer, and an
	// upstream that answers while it reads would wait for a client that waits for it.
	_ = x.client.EnableFullDuplex() // a writer that cannot is one that needs not
}

func (x *exchange) end() {
	x.watch.stop()
	if x.upload != nil {
		x.upload.leave()
	}
	x.cancel(nil)
}

// request makes the request to send.
func (x *exchange) request(q *Request) *http.Request {
	out := http.Request{
		Method:     x.in.Method,
		URL:        &x.url,
		Proto:      "HTTP/1.1", // the transport asks before it holds a body back for a 100
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     x.header,
		Host:       q.Host,
		Close:      outbound.EndsConnection(x.in.Method),
	}
	if out.Host == "" && x.up.target.Scheme == "http" {
		out.Host = x.in.Host
	}
	if x.upload != nil {
		out.Body = x.upload
		out.GetBody = x.upload.again
		out.ContentLength = x.in.ContentLength
		out.TransferEncoding = x.in.TransferEncoding
		out.Trailer = x.in.Trailer // net/http fills it when the body has been read
	}
	trace := &httptrace.ClientTrace{GotConn: outbound.Settle, Got1xxResponse: x.interim}
	if x.upload != nil {
		trace.Got100Continue = func() { x.upload.wanted.Store(true) }
	}
	return out.WithContext(httptrace.WithClientTrace(x.ctx, trace))
}

// interim passes an interim answer on. 100 is net/http's own affair: its server sends it
// when the body is first read.
func (x *exchange) interim(status int, header textproto.MIMEHeader) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.answered {
		return nil
	}
	if x.interims++; x.interims > MaxInterim {
		return errInterim
	}
	x.watch.waitFor(upstreamAnswers, x.up.options.FirstByte)
	if status == http.StatusContinue || !x.in.ProtoAtLeast(1, 1) {
		return nil
	}
	h := x.w.Header()
	kept := maps.Clone(h)
	clear(h)
	copyAnswer(h, http.Header(header))
	delete(h, "Content-Type")
	delete(h, "Content-Length")
	x.setWriteDeadline()
	x.w.WriteHeader(status)
	clear(h)
	maps.Copy(h, kept)
	return nil
}

func (x *exchange) stopInterims() {
	x.mu.Lock()
	x.answered = true
	x.mu.Unlock()
}

// failed tells who is to blame for a round trip that gave no answer.
func (x *exchange) failed(err error) *Failure {
	x.closeAfterAnswer()
	reason := context.Cause(x.ctx)
	var clientErr error
	if x.upload != nil {
		clientErr = x.upload.failure()
	}
	switch {
	case reason != nil && isTimeout(reason) && (clientErr == nil || x.in.Context().Err() == nil):
		return x.up.failure(Timeout, http.StatusGatewayTimeout, reason)
	case clientErr != nil: // also where the time was over while the client was to send
		return x.up.clientFailure(clientErr)
	case reason != nil:
		return x.up.failure(Gone, StatusGone, err)
	}
	return x.up.upstreamFailure(err)
}

// closeAfterAnswer has the connection closed when a part of the request is still unread
// at the time of the answer: in full duplex nobody else makes sure that the rest is not
// taken for the next request. In HTTP/2 each request has frames of its own, and other
// requests on the connection are to go on.
func (x *exchange) closeAfterAnswer() {
	if x.upload != nil && !x.upload.done.Load() && x.in.ProtoMajor < 2 {
		x.w.Header()["Connection"] = []string{"close"}
	}
}

func (x *exchange) setWriteDeadline() {
	_ = x.client.SetWriteDeadline(time.Now().Add(x.up.options.ClientIdle)) // a writer without deadlines has no wait to bound
}
