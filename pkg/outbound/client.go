// Package outbound asks other services over HTTP, for the plugs that need an answer in
// hand: bounded in time and size, and never led to a host that the caller did not allow.
package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"
)

// Reasons of a Failure.
const (
	Refused = "refused" // no connection, or it ended before an answer
	Timeout = "timeout" // no whole answer in time
	Status  = "status"  // an answer that cannot be used
)

// Bounds that no request sets.
const (
	connectTimeout   = 2 * time.Second
	handshakeTimeout = 5 * time.Second
	keepAlive        = 60 * time.Second
	maxIdlePerHost   = 64
	maxIdle          = 256
	maxAnswerHeader  = 256 << 10
)

// A Failure says why there is no answer. Its text holds no query and no header, which may
// be secret.
type Failure struct {
	Reason string
	Err    error
}

func (f *Failure) Error() string { return f.Reason + ": " + f.Err.Error() }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// A Client holds the connections to services. It is safe for concurrent use and meant to
// be shared.
type Client struct{ transport *http.Transport }

// New makes a client. It goes by no proxy of the environment and asks for no compression,
// so that the bound on the size of an answer is one on what is held in memory.
func New() *Client {
	return &Client{&http.Transport{
		DialContext:            Dialer(connectTimeout),
		TLSHandshakeTimeout:    handshakeTimeout,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        keepAlive,
		MaxResponseHeaderBytes: maxAnswerHeader,
	}}
}

// Close drops the connections that are not in use.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// A Request is what to ask. It can be sent several times.
type Request struct {
	Method  string
	URL     *url.URL
	Header  http.Header // nil values are not sent
	Body    []byte
	Timeout time.Duration // for the whole answer, redirects included
	MaxBody int64         // bytes of an answer

	// Redirects is how many are followed, each to a URL that Allow lets pass. With 0 a
	// redirect is an answer as any other.
	Redirects int
	Allow     func(*url.URL) bool
}

// An Answer is a whole answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do asks. The error is a *Failure, or that of ctx when it was cancelled.
func (c *Client) Do(ctx context.Context, r *Request) (*Answer, error) {
	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	hop := *r
	for left := r.Redirects; ; left-- {
		answer, err := c.once(limited, &hop)
		if err != nil {
			return nil, reason(ctx, limited, err)
		}
		if r.Redirects == 0 || !isRedirect(answer) {
			return answer, nil
		}
		if left == 0 {
			return nil, &Failure{Status, errors.New("too many redirects")}
		}
		if err := hop.follow(answer, r.Allow); err != nil {
			return nil, &Failure{Status, err}
		}
	}
}

// reason tells whose doing an error is.
func reason(ctx, limited context.Context, err error) error {
	var failure *Failure
	var timeout net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.As(err, &failure):
		return failure
	case limited.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return &Failure{Timeout, err}
	}
	return &Failure{Refused, err}
}

// EndsConnection tells a method after which a connection is not used again: servers are
// about that send a body in answer to HEAD, and what asks next on the connection would take
// it for its own answer.
func EndsConnection(method string) bool { return method == http.MethodHead }

func (c *Client) once(ctx context.Context, r *Request) (*Answer, error) {
	out := (&http.Request{
		Method: r.Method, URL: r.URL, Host: r.URL.Host, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Close: EndsConnection(r.Method),
	}).WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: Settle}))
	for name, values := range r.Header {
		// In lower case, for the transport takes an Idempotency-Key for leave to send twice.
		if name == "Idempotency-Key" || name == "X-Idempotency-Key" {
			name = lower(name)
		}
		out.Header[name] = values
	}
	if len(r.Body) > 0 {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(r.Body)), int64(len(r.Body))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
	} else if r.Method != http.MethodGet && r.Method != http.MethodHead {
		out.Body = http.NoBody
	}
	answer, err := c.transport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return nil, &Failure{Status, errors.New("101 (Switching Protocols) that was not asked for")}
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, r.MaxBody+1))
	if err == nil {
		// A server that notices that it is hung up on may end its answer in good order, and
		// the end may still be read: it is not the whole answer.
		err = ctx.Err()
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer: %w", err)
	case int64(len(body)) > r.MaxBody:
		return nil, &Failure{Status, fmt.Errorf("the answer is larger than %d bytes", r.MaxBody)}
	}
	return &Answer{answer.StatusCode, answer.Header, body}, nil
}

func lower(name string) string { return string(bytes.ToLower([]byte(name))) }

func isRedirect(a *Answer) bool {
	switch a.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return a.Header.Get("Location") != ""
	}
	return false
}

// follow turns the request into the next one. What the manifest wrote for one origin does
// not go to another.
func (r *Request) follow(a *Answer, allow func(*url.URL) bool) error {
	next, err := r.URL.Parse(a.Header.Get("Location"))
	if err != nil {
		return errors.New("a redirect to what is no URL")
	}
	switch {
	case next.Scheme != "http" && next.Scheme != "https", next.User != nil, next.Host == "":
		return errors.New("a redirect to what is no plain http or https URL")
	case r.URL.Scheme == "https" && next.Scheme == "http":
		return errors.New("a redirect from https to http")
	case allow == nil || !allow(next):
		return fmt.Errorf("a redirect to %q, which is not allowed", next.Hostname())
	}
	next.Fragment, next.RawFragment = "", ""
	header := r.Header.Clone()
	other := next.Scheme != r.URL.Scheme || next.Host != r.URL.Host
	for name := range header {
		if other && name != "Accept" && name != "Content-Type" && name != "User-Agent" {
			delete(header, name)
		}
	}
	keeps := a.Status == http.StatusTemporaryRedirect || a.Status == http.StatusPermanentRedirect
	if !keeps && r.Method != http.MethodGet && r.Method != http.MethodHead { // as browsers do
		r.Method, r.Body = http.MethodGet, nil
		header.Del("Content-Type")
	}
	if other && len(r.Body) > 0 {
		return fmt.Errorf("a redirect of a body to another origin, %q", next.Host)
	}
	r.URL, r.Header = next, header
	return nil
}

// Open is New for pipeline.Get.
func Open() (*Client, func(), error) {
	c := New()
	return c, c.Close, nil
}
