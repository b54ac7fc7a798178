package channels

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Origins says which pages may open a socket. A request without an Origin header, which
// no browser sends, is always let in. The zero value refuses every page.
type Origins struct {
	any     bool
	host    bool // of the configured URL, or of the request where that is ""
	entries []origin
}

// An origin is an entry: missing parts match all.
type origin struct {
	scheme, host, port string
	below              bool // the host and all its subdomains
}

// AnyOrigin lets every page in: `check_origin: false`.
func AnyOrigin() Origins { return Origins{any: true} }

// HostOrigin lets in pages of one host, on any scheme and port. Without a host, those
// whose host is the one that the request names.
func HostOrigin(host string) Origins {
	return Origins{host: true, entries: []origin{{host: strings.ToLower(host)}}}
}

// ListOrigins lets in pages of the entries: `https://a.example`, `//a.example:8080`, or
// `//*.a.example`, which is that domain and its subdomains at any depth.
func ListOrigins(entries []string) (Origins, error) {
	var o Origins
	for _, text := range entries {
		entry, err := parseOrigin(text)
		if err != nil {
			return Origins{}, err
		}
		o.entries = append(o.entries, entry)
	}
	return o, nil
}

func parseOrigin(text string) (origin, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return origin{}, fmt.Errorf("%q is no origin: write //a.example, https://a.example:8080 or //*.a.example", text)
	}
	host, below := strings.CutPrefix(strings.ToLower(u.Hostname()), "*.")
	if strings.Contains(host, "*") || host == "" {
		return origin{}, fmt.Errorf("%q is no origin: a * may stand only as the first label", text)
	}
	return origin{scheme: strings.ToLower(u.Scheme), host: host, port: u.Port(), below: below}, nil
}

// Allow tells whether a request may go on.
func (o Origins) Allow(r *http.Request) bool {
	sent := r.Header.Values("Origin")
	if o.any || len(sent) == 0 {
		return true
	}
	u, err := url.Parse(sent[0])
	if err != nil || len(sent) > 1 || u.Hostname() == "" {
		return false // also "null"
	}
	page := origin{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port()}
	if page.port == "" {
		page.port = defaultPort(page.scheme)
	}
	for _, entry := range o.entries {
		if o.host && entry.host == "" {
			entry.host = requestHost(r)
		}
		if entry.matches(page) {
			return true
		}
	}
	return false
}

func (o origin) matches(page origin) bool {
	if o.scheme != "" && o.scheme != page.scheme || o.port != "" && o.port != page.port {
		return false
	}
	if o.scheme != "" && o.port == "" && page.port != defaultPort(page.scheme) {
		return false
	}
	return page.host == o.host || o.below && strings.HasSuffix(page.host, "."+o.host)
}

func requestHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]")
	}
	return strings.ToLower(host)
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}
