package pipeline

import (
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/expr"
)

// Request is what expressions see as `request`. Its members are computed when read.
type Request struct {
	ID      string // set by request_id
	Trusted []netip.Prefix

	c      *Context
	client client
}

// client is who sent the request, as far as it is believed.
type client struct {
	known            bool
	ip, scheme, host string
}

// RequestType is what is known of `request` at load.
func RequestType() expr.Type {
	return expr.Record(map[string]expr.Type{
		"method": expr.String, "path": expr.Sent(expr.String), "scheme": expr.String, "host": expr.Sent(expr.String), "port": expr.Int, "ip": expr.String,
		"id": expr.Nullable(expr.String), "headers": expr.Sent(expr.OpenMap()), "query": expr.Sent(expr.OpenMap()), "cookies": expr.Sent(expr.OpenMap()),
		"body": expr.Sent(expr.Nullable(expr.String)),
	})
}

// withheldInConnect lists what the rules of a connection do not see of its request. A browser
// lets a page open a websocket to any host, and sends cookies along: what tells who the user
// is must not be had by mistake (docs/channels.md, "What connect may know").
func withheldInConnect(name string) bool {
	return name == "headers" || name == "cookies" || name == "body"
}

// connectRequestType is what is known of `request` in connect.
func connectRequestType() expr.Type {
	all, seen := RequestType(), map[string]expr.Type{}
	for _, name := range append((&Request{}).Names(), "headers", "cookies", "body") {
		if !withheldInConnect(name) {
			seen[name], _ = all.Member(name)
		}
	}
	return expr.Record(seen)
}

// Member implements value.Object.
func (r *Request) Member(name string) (any, bool) {
	if r.c.Place == Connect && withheldInConnect(name) {
		return nil, false // read by a computed name: one that is written is an error at load
	}
	switch name {
	case "method":
		return r.c.Method, true
	case "path":
		return r.c.R.URL.Path, true
	case "scheme":
		return r.Scheme(), true
	case "host":
		return r.hostname(), true
	case "port":
		return r.port(), true
	case "ip":
		return r.IP(), true
	case "id":
		if r.ID == "" {
			return nil, true
		}
		return r.ID, true
	case "headers":
		return Headers{r.c.R.Header}, true
	case "query":
		return r.query(), true
	case "cookies":
		return r.cookies(), true
	case "body":
		if !r.c.body.read {
			return nil, true
		}
		return string(r.c.body.raw), true
	}
	return nil, false
}

// Names lists what of a request goes into an answer that shows it whole.
func (r *Request) Names() []string {
	return []string{"method", "path", "scheme", "host", "port", "ip", "id", "query"}
}

// IP is the client's address: the peer's, or what trusted proxies say of it.
func (r *Request) IP() string { return r.resolve().ip }

// Scheme is http or https as the client used it.
func (r *Request) Scheme() string { return r.resolve().scheme }

// Host is the host with its port as the client used it.
func (r *Request) Host() string { return r.resolve().host }

func (r *Request) hostname() string {
	host := r.Host()
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}

func (r *Request) port() any {
	if _, p, err := net.SplitHostPort(r.Host()); err == nil {
		n := int64(0)
		for _, d := range p {
			if d < '0' || d > '9' {
				return nil
			}
			n = n*10 + int64(d-'0')
		}
		return n
	}
	if r.Scheme() == "https" {
		return int64(443)
	}
	return int64(80)
}

// resolve decides ip, scheme and host in one place. X-Forwarded-* is believed only when
// the peer is a trusted proxy; of X-Forwarded-For the last address that is not one counts.
func (r *Request) resolve() *client {
	if r.client.known {
		return &r.client
	}
	req := r.c.R
	peer := req.RemoteAddr
	if h, _, err := net.SplitHostPort(peer); err == nil {
		peer = h
	}
	r.client = client{known: true, ip: peer, scheme: "http", host: req.Host}
	if req.TLS != nil {
		r.client.scheme = "https"
	}
	if r.trusts(peer) {
		r.forwarded(req.Header)
	}
	return &r.client
}

func (r *Request) forwarded(h http.Header) {
	hops := strings.Split(strings.Join(h["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := hopAddress(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		r.client.ip = hop
		if !r.trusts(hop) {
			break
		}
	}
	if p := last(h["X-Forwarded-Proto"]); p == "http" || p == "https" {
		r.client.scheme = p
	}
	if host := last(h["X-Forwarded-Host"]); host != "" && !strings.ContainsAny(host, "/\\@\"' \t") {
		r.client.host = host
	}
}

// hopAddress reads an address of X-Forwarded-For, which some proxies write with a port. One
// address has one text, so that a caller is the same by every way of writing.
func hopAddress(hop string) (string, bool) {
	a, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(hop)
		if err != nil {
			return "", false
		}
		a = withPort.Addr()
	}
	return a.Unmap().WithZone("").String(), true
}

func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	list := values[len(values)-1]
	return strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
}

func (r *Request) trusts(ip string) bool {
	if len(r.Trusted) == 0 {
		return false
	}
	a, err := netip.ParseAddr(ip)
	if err != nil { // the peer of a unix socket has no address
		return ip == "unix" && slices.Contains(r.Trusted, config.UnixPeers())
	}
	a = a.Unmap().WithZone("")
	for _, p := range r.Trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (r *Request) query() map[string]any {
	out := map[string]any{}
	// A query that cannot be read was refused when params were made; here what can be read counts.
	_ = decodeForm(out, r.c.R.URL.RawQuery)
	return out
}

func (r *Request) cookies() map[string]any {
	out := map[string]any{}
	for _, c := range r.c.R.Cookies() {
		if _, seen := out[c.Name]; !seen {
			out[c.Name] = c.Value
		}
	}
	return out
}

// Headers lets expressions read headers by their lower-case name.
type Headers struct{ http.Header }

// Member implements value.Object. Several lines of one header are joined by a comma, as
// RFC 9110 section 5.3 allows.
func (h Headers) Member(name string) (any, bool) {
	values := h.Header[textproto.CanonicalMIMEHeaderKey(name)]
	switch len(values) {
	case 0:
		return nil, false
	case 1:
		return values[0], true
	}
	return strings.Join(values, ", "), true
}

// Names implements value.Object; a whole set of headers is never shown, for they hold
// credentials.
func (h Headers) Names() []string { return nil }
