package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// An Endpoint says where the application listens and how it is seen from outside.
type Endpoint struct {
	Listen         string
	ListenAt       *source.Node
	URL            URL
	SecretKeyBase  spec.Secret
	TrustedProxies []netip.Prefix
	Plugs          *source.Node // nil: the default list
	Timeout        time.Duration
}

// URL is how clients reach the application, where that differs from what it listens on.
type URL struct {
	Host, Scheme, Path string
	Port               int
}

// MinSecret is the least length of secret_key_base in bytes, as Plug's session store asks.
const MinSecret = 64

// DescribeEndpoint binds the endpoint, for the reference.
func DescribeEndpoint(f *spec.Fields) { new(Endpoint).describe(f) }

func (e *Endpoint) describe(f *spec.Fields) {
	listen := f.String(&e.Listen, "listen", ":4000", "Address to listen on: `:4000` or `127.0.0.1:4000`.")
	keepNode(listen, &e.ListenAt)
	f.Block("url", "How clients reach the application: for url() and the Origin check of sockets.", func(f *spec.Fields) {
		f.String(&e.URL.Host, "host", "", "Host name.")
		f.Enum(&e.URL.Scheme, "scheme", "http", "http or https.", "http", "https")
		f.Int(&e.URL.Port, "port", 0, 0, 65535, "Port, where it is not the scheme's own.")
		f.String(&e.URL.Path, "path", "", "Path that a proxy in front cuts off.")
	})
	secret := f.Secret(&e.SecretKeyBase, "secret_key_base", "What signed tokens are derived from, at least 64 bytes. With --dev one is made when it is left out.")
	secret.Schema = spec.OrExpression(spec.Schema{"type": "string", "minLength": MinSecret / 4}) // at least: a character has up to four bytes
	f.Add("trusted_proxies", "list of CIDRs", "Proxies whose X-Forwarded-* headers decide ip, scheme and host. None by default.",
		spec.OneOrMore(spec.OrExpression(spec.Text(`^[0-9A-Fa-f:.]+(%[^/]*)?(/[0-9]+)?$`))), e.readProxies)
	f.Node(&e.Plugs, "plugs", "list of plugs", "Plugs that every request passes before it is routed. Default: request_id, parsers, method_override.", spec.Definition("endpoint_plugs"))
	f.Later("tls", "session", "render_errors", "live_reload", "admin", "log")
}

// keepNode remembers the node of a setting beside its value, for problems found later.
func keepNode(x *spec.Field, p **source.Node) { x.Observe(func(n *source.Node) { *p = n }) }

func (e *Endpoint) readProxies(d *spec.Decoder, n *source.Node) {
	e.TrustedProxies = nil
	for _, item := range spec.Items(n) {
		v, from, ok := d.Scalar(item, "a CIDR")
		if !ok {
			continue
		}
		s, _ := v.(string)
		if prefix, ok := parsePrefix(s); ok {
			e.TrustedProxies = append(e.TrustedProxies, prefix)
			continue
		}
		d.Wrong(item, from, v, "a CIDR").Suggest("such as 10.0.0.0/8, or a single address")
	}
}

func parsePrefix(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}

// BaseURL is how clients reach the application, without a slash at the end: what url()
// puts before a path.
func (m *Manifest) BaseURL() string {
	u := m.Endpoint.URL
	host, port := u.Host, u.Port
	if host == "" {
		host = "localhost"
		if _, p, err := net.SplitHostPort(m.Endpoint.Listen); err == nil && port == 0 {
			port, _ = strconv.Atoi(p)
		}
	}
	if port != 0 && !(u.Scheme == "http" && port == 80) && !(u.Scheme == "https" && port == 443) {
		host = net.JoinHostPort(host, strconv.Itoa(port))
	}
	return u.Scheme + "://" + host + strings.TrimSuffix(u.Path, "/")
}
