package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// URL is how clients reach the application, where that differs from what it listens on.
type URL struct {
	Host, Scheme, Path string
	Port               int
}

func (u *URL) describe(f *spec.Fields) {
	f.Add("host", "host name", "Host name or address, without a port. Default: the first domain of `tls.acme`, or localhost.",
		spec.OrExpression(spec.Text(`^[^/@:?#\s]+$|^\[?[0-9A-Fa-f:.]+\]?$`)), u.readHost)
	f.Enum(&u.Scheme, "scheme", "", "http or https. Default: https with `tls`, else http.", "http", "https")
	f.Int(&u.Port, "port", 0, 0, 65535, "Port, where it is not the scheme's own.")
	f.Add("path", "path", "Path that a proxy in front cuts off.", spec.OrExpression(spec.Text(`^/[^?#\s{}]*$`)), u.readPath)
}

func (u *URL) readHost(d *spec.Decoder, n *source.Node) {
	v, from, ok := d.Scalar(n, "a host name")
	if !ok {
		return
	}
	host, _ := v.(string)
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if _, err := netip.ParseAddr(host); err != nil && (host == "" || strings.ContainsAny(host, "/@:?#[]\\\"' \t")) {
		d.Wrong(n, from, v, "a host name").Suggest("write it alone: example.com; `scheme`, `port` and `path` stand beside it")
		return
	}
	u.Host = host
}

func (u *URL) readPath(d *spec.Decoder, n *source.Node) {
	v, from, ok := d.Scalar(n, "a path")
	if !ok {
		return
	}
	path, _ := v.(string)
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#{}\\ \t") || strings.Contains(path, "//") {
		d.Wrong(n, from, v, "a path").Suggest("it begins with a slash and has no query: /app")
		return
	}
	u.Path = path
}

// BaseURL is how clients reach the application, without a slash at the end: what url()
// puts before a path.
func (m *Manifest) BaseURL() string {
	u := m.Endpoint.URL
	host, port, scheme := u.Host, u.Port, m.Endpoint.Scheme()
	if host == "" {
		host = m.Endpoint.host()
		if port == 0 {
			port = m.Endpoint.port(scheme == "https")
		}
	}
	switch {
	case port != 0 && !(scheme == "http" && port == 80) && !(scheme == "https" && port == 443):
		host = net.JoinHostPort(host, strconv.Itoa(port))
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return scheme + "://" + host + strings.TrimSuffix(u.Path, "/")
}

// host is what clients call this host, where nothing says it.
func (e *Endpoint) host() string {
	if e.TLS != nil && e.TLS.ACME != nil && len(e.TLS.ACME.Domains) > 0 {
		return e.TLS.ACME.Domains[0]
	}
	return "localhost"
}

// port is that of the first address with or without TLS; 0 where there is none.
func (e *Endpoint) port(secure bool) int {
	for _, a := range e.Listen {
		if _, unix := a.Unix(); !unix && secure == (e.TLS != nil && !a.Plain) {
			return a.Port()
		}
	}
	return 0
}
