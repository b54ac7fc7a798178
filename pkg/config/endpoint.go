package config

import (
	"net/netip"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// An Endpoint says where the application listens and how it is seen from outside.
type Endpoint struct {
	Listen         []Address
	TLS            *TLS // nil: none
	URL            URL
	SecretKeyBase  spec.Secret
	TrustedProxies []netip.Prefix
	RenderErrors   RenderErrors
	Drain          time.Duration
	Session        Session
	Plugs          *source.Node // nil: the default list
	Timeout        time.Duration
	Admin          Admin
	Log            Log
	Traces         Traces
	LiveReload     bool
	LiveReloadAt   *source.Node // nil: not written
}

// UnixPeers stands in TrustedProxies for the peers of unix sockets, which have no address.
func UnixPeers() netip.Prefix { return netip.Prefix{} }

// MinSecret is the least length of secret_key_base in bytes, as Plug's session store asks.
const MinSecret = 64

// DescribeEndpoint binds the endpoint, for the reference.
func DescribeEndpoint(f *spec.Fields) { new(Endpoint).describe(f) }

func (e *Endpoint) describe(f *spec.Fields) {
	e.describeListen(f)
	e.describeTLS(f)
	f.Block("url", "How clients reach the application: for url() and the Origin check of sockets.", e.URL.describe)
	f.Duration(&e.Drain, "drain", "30s", "How long requests and sockets may take to finish when the gateway stops.")
	secret := f.Secret(&e.SecretKeyBase, "secret_key_base", "What signed tokens are derived from, at least 64 bytes. With --dev one is made when it is left out.")
	secret.Schema = spec.OrExpression(spec.Schema{"type": "string", "minLength": MinSecret / 4}) // at least: a character has up to four bytes
	f.Add("trusted_proxies", "list of CIDRs", "Proxies whose X-Forwarded-* headers decide ip, scheme and host; `unix` are the peers of unix sockets. None by default.",
		spec.OneOrMore(spec.OrExpression(spec.Text(`^[0-9A-Fa-f:.]+(%[^/]*)?(/[0-9]+)?$|^unix$`))), e.readProxies)
	f.Node(&e.Plugs, "plugs", "list of plugs", "Plugs that every request passes before it is routed. Default: request_id, parsers, method_override.", spec.Definition("endpoint_plugs"))
	f.Block("session", "The cookie that carries the session.", e.describeSession)
	f.Block("admin", "Pages for operators, on an address of their own: health, metrics, reload, the manifest, routes. Off when left out.", e.Admin.describe)
	f.Block("log", "What is logged and how.", e.Log.describe)
	f.Block("traces", "Where traces go (OpenTelemetry). Nowhere when left out.", e.Traces.describe)
	f.After(func(d *spec.Decoder, _ *source.Node) { e.Admin.apart(d, e.Listen) })
	e.liveReload(f)
	f.Block("render_errors", "What errors are answered with: pages of your own for browsers, and the form of JSON.", e.RenderErrors.describe)
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
	if s == "unix" {
		return UnixPeers(), true
	}
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
