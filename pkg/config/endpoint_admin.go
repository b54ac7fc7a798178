package config

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// Admin says where the pages for operators are. They are nowhere unless Listen is set.
type Admin struct {
	Listen string
	Token  spec.Secret
	at     diag.Pos // of Listen
	Ready  []string // kinds of parts without which the gateway is not ready
}

// MinAdminToken is the least length of the admin token in bytes.
const MinAdminToken = 16

func (a *Admin) describe(f *spec.Fields) {
	f.Main(f.Add("listen", "address", "Address of this machine to listen on: `127.0.0.1:4001`. Another one needs `token`.",
		spec.OrExpression(spec.Text(`^[^/]*:[0-9]+$`)), a.readListen).Require())
	f.Secret(&a.Token, "token", "What a caller must send as `Authorization: Bearer TOKEN`, at least 16 bytes.")
	a.Ready = []string{"stores"}
	readiness := f.Strings(&a.Ready, "ready", "Without what `/readyz` answers 503: `stores`, `upstreams`, or an empty list. What is not named is told of all the same.")
	readiness.Schema, readiness.Default = spec.OneOrMore(spec.Schema{"enum": HealthKinds()}), "[stores]"
	f.After(func(d *spec.Decoder, n *source.Node) {
		if written := n.Get("ready"); written != nil {
			CheckHealthKinds(d, written, a.Ready)
		}
		if a.Token != "" && len(a.Token) < MinAdminToken {
			d.Problems.Add(n.Get("token").At, "short-secret", "the admin `token` has %d bytes and needs at least %d", len(a.Token), MinAdminToken).Suggest("make one: openssl rand -base64 24")
		}
		if a.Listen == "" || LoopbackAddress(a.Listen) || f.Given("token") {
			return
		}
		at := n.At
		if listen := n.Get("listen"); listen != nil {
			at = listen.At
		}
		d.Problems.Add(at, "admin-open", "the admin pages would be open to other machines").Suggest("listen on 127.0.0.1, or set `token`")
	})
}

func (a *Admin) readListen(d *spec.Decoder, n *source.Node) {
	v, from, ok := d.Scalar(n, "an address")
	if !ok {
		return
	}
	text, _ := v.(string)
	if _, port, err := net.SplitHostPort(text); err != nil || port == "" || strings.ContainsAny(text, "/ ") {
		d.Wrong(n, from, v, "an address").Suggest("such as 127.0.0.1:4001")
		return
	}
	a.Listen, a.at = text, n.At
}

// apart refuses admin pages on an address of the application.
func (a *Admin) apart(d *spec.Decoder, listen []Address) {
	for _, other := range listen {
		if a.Listen != "" && overlap(a.Listen, other.Text) {
			d.Problems.Add(a.at, "admin-address", "the application itself listens on %s", other.Text).Suggest("give the admin pages a port of their own, such as 127.0.0.1:4001")
			return
		}
	}
}

// overlap tells whether two addresses cannot both be listened on, as far as they tell. Names
// are not looked up.
func overlap(one, other string) bool {
	host, port, err := net.SplitHostPort(one)
	host2, port2, err2 := net.SplitHostPort(other)
	all := func(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
	return err == nil && err2 == nil && port == port2 && port != "0" && (host == host2 || all(host) || all(host2))
}

// HealthKinds are the kinds of parts that can be asked how they are.
func HealthKinds() []string { return []string{"stores", "upstreams"} }

// CheckHealthKinds refuses names, written at n, that are none.
func CheckHealthKinds(d *spec.Decoder, n *source.Node, names []string) {
	for i, name := range names {
		if slices.Contains(HealthKinds(), name) {
			continue
		}
		at := n.At
		if items := spec.Items(n); len(items) == len(names) {
			at = items[i].At
		}
		p := d.Problems.Add(at, "wrong-value", "%q cannot be checked", name)
		if p.Hint = diag.DidYouMean(name, HealthKinds()); p.Hint == "" {
			p.Suggest("what can be is %s", diag.OneOf(HealthKinds()))
		}
	}
}

// LoopbackAddress tells an address that only this machine can reach. A name other than
// localhost is not looked up: it may mean anything.
func LoopbackAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	return LoopbackHost(host)
}

// LoopbackHost tells the names of this machine that no DNS server decides.
func LoopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}

// liveReload binds `live_reload`.
func (e *Endpoint) liveReload(f *spec.Fields) {
	x := f.Bool(&e.LiveReload, "live_reload", false, "Pages reload when a file changes, and show the faults of the manifest. On with --dev; for the environment dev alone.")
	x.Default = ""
	keepNode(x, &e.LiveReloadAt)
}

// checkLiveReload refuses pages that reload outside of dev.
func (m *Manifest) checkLiveReload(ps *diag.Problems) {
	if at := m.Endpoint.LiveReloadAt; at != nil && m.Endpoint.LiveReload && m.Environment != "dev" {
		ps.Add(at.At, "not-in-environment", "`live_reload` is for the environment dev, this is %s", m.Environment).
			Suggest("write it as environments: {dev: {endpoint: {live_reload: true}}}, or leave it out: --dev has it")
	}
}

// ReloadsPages tells whether pages reload when a file changes: dev says whether the gateway
// runs with --dev.
func (m *Manifest) ReloadsPages(dev bool) bool {
	if m.Environment != "dev" {
		return false
	}
	if m.Endpoint.LiveReloadAt == nil {
		return dev
	}
	return m.Endpoint.LiveReload
}
