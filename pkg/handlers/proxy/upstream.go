// Package proxy passes a request on to an upstream and its answer back, both as
// streams. It works on net/http alone: what a manifest says of it is decoded elsewhere.
//
// What goes out is what came in, byte for byte, but for what a proxy must change:
// hop-by-hop fields (RFC 9110 section 7.6.1), what strangers claim of themselves in
// Forwarded and X-Forwarded-*, and a path that is to be rewritten.
package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/openmanifest/gateway/pkg/outbound"
)

// Defaults of Options.
const (
	DefaultConnect    = 2 * time.Second
	DefaultFirstByte  = 30 * time.Second
	DefaultIdle       = 60 * time.Second
	DefaultClientIdle = 30 * time.Second
	DefaultKeepAlive  = 60 * time.Second
	DefaultMaxIdle    = 256
)

// Bounds on what an upstream sends before the body of its answer.
const (
	MaxAnswerHeader = 256 << 10 // bytes
	MaxInterim      = 8         // interim (1xx) answers to one request
)

const (
	copyBuffer   = 32 << 10 // bytes on the way in one answer
	tunnelBuffer = 8 << 10  // bytes on the way in each direction of a tunnel: there may be many
)

// expectWait is how long a body is held back for an upstream's 100 (Continue). An
// upstream that knows nothing of Expect gets the body after that (RFC 9110 section 10.1.1).
const expectWait = time.Second

// Options are the limits of one upstream. Zero means the default.
type Options struct {
	Connect    time.Duration // to open a connection, TLS included
	FirstByte  time.Duration // from the end of the request to the head of the answer
	Idle       time.Duration // between two pieces the upstream takes or gives; of a tunnel: between two pieces either way
	ClientIdle time.Duration // between two pieces the client sends or takes
	KeepAlive  time.Duration // an unused connection is kept
	MaxIdle    int           // unused connections kept

	// Cut is told of answers that ended before their end, with the reason; the client's
	// connection is closed by then. May be nil.
	Cut func(r *http.Request, err error)
}

func (o Options) withDefaults() Options {
	o.Connect = cmp.Or(o.Connect, DefaultConnect)
	o.FirstByte = cmp.Or(o.FirstByte, DefaultFirstByte)
	o.Idle = cmp.Or(o.Idle, DefaultIdle)
	o.ClientIdle = cmp.Or(o.ClientIdle, DefaultClientIdle)
	o.KeepAlive = cmp.Or(o.KeepAlive, DefaultKeepAlive)
	o.MaxIdle = cmp.Or(o.MaxIdle, DefaultMaxIdle)
	return o
}

// An Upstream is a server that requests are passed to, with the connections to it.
// It is safe for concurrent use and meant to be shared across reloads.
type Upstream struct {
	name      string
	target    url.URL // scheme and host only
	base      string  // the target's escaped path, without a slash at its end
	options   Options
	transport *http.Transport
	buffers   sync.Pool // *[copyBuffer]byte
}

// NewUpstream makes an upstream of a URL such as http://10.0.0.7:8080/app; a path in
// it stands before every path sent. The name is what failures call it. A target that
// is not http or https, has no host, or holds credentials, a query or a fragment is an error.
func NewUpstream(name string, target *url.URL, o Options) (*Upstream, error) {
	switch {
	case target.Scheme != "http" && target.Scheme != "https":
		return nil, fmt.Errorf("upstream %s: scheme %q is neither http nor https", name, target.Scheme)
	case target.Hostname() == "":
		return nil, fmt.Errorf("upstream %s: no host in %q", name, target.Redacted())
	case target.User != nil || target.RawQuery != "" || target.ForceQuery || target.Fragment != "":
		return nil, fmt.Errorf("upstream %s: %q may have a path, but no credentials, query or fragment", name, target.Redacted())
	}
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("upstream %s: %w", name, err)
	}
	return &Upstream{
		name:      name,
		target:    url.URL{Scheme: target.Scheme, Host: target.Host},
		base:      strings.TrimRight(target.EscapedPath(), "/"),
		options:   o,
		transport: newTransport(o),
		buffers:   sync.Pool{New: func() any { return new([copyBuffer]byte) }},
	}, nil
}

func (o Options) check() error {
	if min(o.Connect, o.FirstByte, o.Idle, o.ClientIdle, o.KeepAlive) < 0 || o.MaxIdle < 0 {
		return errors.New("limits below zero")
	}
	return nil
}

// newTransport speaks HTTP/1.1 and adds nothing of its own to a request: no proxy from
// the environment, no Accept-Encoding.
func newTransport(o Options) *http.Transport {
	return &http.Transport{
		DialContext:            outbound.Dialer(o.Connect),
		TLSHandshakeTimeout:    o.Connect,
		ExpectContinueTimeout:  expectWait,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    o.MaxIdle,
		IdleConnTimeout:        o.KeepAlive,
		MaxResponseHeaderBytes: MaxAnswerHeader,
	}
}

// Name is the name failures call the upstream.
func (u *Upstream) Name() string { return u.name }

// Host is the upstream's own host, with its port where the target has one.
func (u *Upstream) Host() string { return u.target.Host }

// Close drops the connections that are not in use; those in use end with their
// requests. It may be called more than once.
func (u *Upstream) Close() { u.transport.CloseIdleConnections() }
