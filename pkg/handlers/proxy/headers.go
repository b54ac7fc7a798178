package proxy

import (
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/outbound"
)

// hasToken tells whether a comma-separated field holds a word, in any case.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for word := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(textproto.TrimString(word), token) {
				return true
			}
		}
	}
	return false
}

// setHeader makes the fields to send from those that came. The values are shared with
// the request, the map is not.
func (x *exchange) setHeader(q *Request) {
	in := x.in.Header
	h := make(http.Header, len(in)+5)
	for name, values := range in {
		if !outbound.HopByHop(name) && !outbound.Claimed(name) {
			h[name] = values
		}
	}
	outbound.Listed(in["Connection"], func(name string) { delete(h, name) })
	x.setForwarded(h, &q.Client)
	if hasToken(in["Te"], "trailers") {
		h["Te"] = []string{"trailers"}
	}
	if x.websocket {
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // or net/http sends its own
	}
	hideIdempotencyKey(h)
	if q.Trace != nil {
		observe.Inject(q.Trace, h)
	}
	x.header = h
}

// hideIdempotencyKey respells the fields by which net/http would take a POST for one that
// may be sent twice. Names of fields have no case, so the upstream reads the same.
func hideIdempotencyKey(h http.Header) {
	for _, name := range [...]string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := h[name]; ok {
			delete(h, name)
			h[strings.ToLower(name)] = values
		}
	}
}

// setForwarded says who asked.
func (x *exchange) setForwarded(h http.Header, c *Client) {
	f := &x.forwarded
	*f = [3]string{c.IP, c.Scheme, c.Host}
	if f[0] == "" {
		f[0] = x.in.RemoteAddr
		if host, _, err := net.SplitHostPort(x.in.RemoteAddr); err == nil {
			f[0] = host
		}
	}
	if f[1] == "" {
		f[1] = "http"
		if x.in.TLS != nil {
			f[1] = "https"
		}
	}
	if f[2] == "" {
		f[2] = x.in.Host
	}
	h["X-Forwarded-For"], h["X-Forwarded-Proto"], h["X-Forwarded-Host"] = f[0:1:1], f[1:2:2], f[2:3:3]
}

// copyAnswer adds the fields of an answer to those the gateway has set already. The
// upstream's win, but for the two that add up.
func copyAnswer(h, answer http.Header) {
	var dropped []string
	outbound.Listed(answer["Connection"], func(name string) { dropped = append(dropped, name) })
	for name, values := range answer {
		if outbound.HopByHop(name) || slices.Contains(dropped, name) {
			continue
		}
		if have := h[name]; len(have) > 0 && (name == "Set-Cookie" || name == "Vary") {
			values = slices.Concat(have, values)
		}
		h[name] = values
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // or net/http guesses one
	}
}
