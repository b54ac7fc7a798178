package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// Reasons of a Failure. The first three are the upstream's doing, the others the client's.
const (
	Refused   = "refused"   // no connection, or it ended before an answer: 502
	Timeout   = "timeout"   // no connection or no answer in time: 504
	BadStatus = "status"    // an answer that may not be passed on: 502
	Malformed = "malformed" // the request's body or path is not what it claims to be: 400
	TooLarge  = "too_large" // the request's body is over a limit set with http.MaxBytesReader: 413
	Slow      = "slow"      // the request's body stopped coming: 408
	Gone      = "gone"      // the client left; nobody reads the answer: 499, for the log
)

// A Failure says why there is no answer from the upstream. Nothing was sent to the client
// when Serve returns it, so that the caller can answer.
type Failure struct {
	Upstream string // its name
	Reason   string
	Status   int // the status to answer with
	Err      error
}

func (f *Failure) Error() string {
	return fmt.Sprintf("upstream %s: %s: %v", f.Upstream, f.Reason, f.Err)
}

func (f *Failure) Unwrap() error { return f.Err }

// Reasons an exchange ends for, besides those net/http gives.
var (
	errFirstByte = errors.New("no answer in time")
	errIdle      = errors.New("nothing was moved for too long")
	errInterim   = errors.New("too many interim answers")
	errUnasked   = errors.New("101 (Switching Protocols) that was not asked for")
	errMethod    = errors.New("CONNECT and TRACE are not passed on")
	errDots      = errors.New("the path has dot segments")
	errAnswered  = errors.New("the answer came before the body was read")
)

func (u *Upstream) failure(reason string, status int, err error) *Failure {
	return &Failure{Upstream: u.name, Reason: reason, Status: status, Err: err}
}

// upstreamFailure tells what an error of a round trip means.
func (u *Upstream) upstreamFailure(err error) *Failure {
	if isTimeout(err) {
		return u.failure(Timeout, http.StatusGatewayTimeout, err)
	}
	if errors.Is(err, errInterim) {
		return u.failure(BadStatus, http.StatusBadGateway, err)
	}
	return u.failure(Refused, http.StatusBadGateway, err)
}

func isTimeout(err error) bool {
	if errors.Is(err, errFirstByte) || errors.Is(err, errIdle) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// clientFailure tells what an error of reading the request's body means.
func (u *Upstream) clientFailure(err error) *Failure {
	var tooLarge *http.MaxBytesError
	var broken *net.OpError
	switch {
	case errors.As(err, &tooLarge):
		return u.failure(TooLarge, http.StatusRequestEntityTooLarge, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return u.failure(Slow, http.StatusRequestTimeout, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &broken):
		return u.failure(Gone, StatusGone, err)
	}
	return u.failure(Malformed, http.StatusBadRequest, err)
}

// StatusGone stands in the log for an answer nobody waited for, as nginx writes it.
const StatusGone = 499
