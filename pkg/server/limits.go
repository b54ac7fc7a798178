package server

import (
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// limits refuses requests that take more than a stranger may.
type limits struct {
	next     http.Handler
	bodyIdle time.Duration // that a client may send nothing of a body
	refused  refusals
}

// ServeHTTP implements http.Handler.
func (l limits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		// What no plug reads of a body net/http reads before it answers. Who reads it moves
		// the deadline on, and lifts it at the end.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(l.bodyIdle)) // a writer without deadlines has none to set
	}
	switch {
	case lines(r.Header) > maxHeaders:
		l.refused.refuse(w, r, http.StatusRequestHeaderFieldsTooLarge, "too many headers")
	case len(r.RequestURI) > maxURL:
		l.refused.refuse(w, r, http.StatusRequestURITooLong, "URL too long")
	case r.URL.User != nil:
		l.refused.refuse(w, r, http.StatusBadRequest, "user in the URL")
	case !soundHost(r.Host):
		l.refused.refuse(w, r, http.StatusBadRequest, "malformed Host header")
	case r.RequestURI == "*" && r.Method == http.MethodOptions: // RFC 9110 section 9.3.7: asks whether anybody is here
		w.WriteHeader(http.StatusNoContent)
	default:
		l.next.ServeHTTP(w, r)
	}
}

// lines counts the lines of a header: one name may stand on many.
func lines(h http.Header) int {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n
}

// soundHost tells whether a Host is a name or address with or without a port (RFC 9110
// section 7.2); empty is sound. net/http has looked at the characters, but lets through
// those that only a user or a path would hold.
func soundHost(host string) bool {
	if strings.ContainsAny(host, `@/\'"`) {
		return false
	}
	i := strings.IndexAny(host, "[]:")
	if i < 0 {
		return true
	}
	name, port := host[:i], host[i:]
	if host[0] == '[' {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return false
		}
		name, port = "", host[end+1:]
		if address, err := netip.ParseAddr(host[1:end]); err != nil || !address.Is6() {
			return false
		}
	} else if name == "" {
		return false
	}
	digits, found := strings.CutPrefix(port, ":")
	return (found || port == "") && strings.Trim(digits, "0123456789") == ""
}
