package traffic

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// AllowIPs refuses every client whose address is not listed.
func AllowIPs() *pipeline.Def {
	return ipList("allow_ips", "Refuses every client whose address is not listed.", func(set ipSet, a netip.Addr) bool { return set.has(a) })
}

// DenyIPs refuses clients whose address is listed.
func DenyIPs() *pipeline.Def {
	return ipList("deny_ips", "Refuses clients whose address is listed.", func(set ipSet, a netip.Addr) bool { return !set.has(a) })
}

type ips struct{ ranges []netip.Prefix }

// ipList goes by request.ip, so by what trusted proxies say. A client whose address is not
// known passes neither list.
func ipList(name, doc string, passes func(ipSet, netip.Addr) bool) *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: name, Group: group, Doc: doc, Places: pipeline.HTTP | pipeline.Connect, Guard: true,
		Fails: []pipeline.Reason{{Name: "forbidden", Status: http.StatusForbidden}},
	}, func(s *pipeline.Settings, o *ips) {
		one := spec.OrExpression(spec.Text(`^[0-9A-Fa-f:.]+(/[0-9]+)?(\s*,\s*[0-9A-Fa-f:.]+(/[0-9]+)?)*$`))
		s.Main(s.Add("ranges", "list of CIDRs", "Addresses and CIDRs: 10.0.0.0/8, 2001:db8::/32, 192.0.2.1.", spec.OneOrMore(one), o.read).Require())
	}, func(o ips, _ *pipeline.Build) pipeline.Plug {
		set := newIPSet(o.ranges)
		forbidden := pipeline.Refuse(http.StatusForbidden, "forbidden", "this address is not allowed")
		return func(c *pipeline.Context) (any, error) {
			a, err := netip.ParseAddr(c.Request.IP())
			if err != nil || !passes(set, a) {
				return nil, forbidden
			}
			return nil, nil
		}
	})
}

func (o *ips) read(d *spec.Decoder, n *source.Node) {
	o.ranges = nil
	items := spec.Items(n)
	if len(items) == 0 {
		d.Problems.Add(n.At, "wrong-value", "the list of addresses is empty").Suggest("such as 10.0.0.0/8 or a single address")
	}
	for _, item := range items {
		v, from, ok := d.Scalar(item, "an address or CIDR")
		if !ok {
			continue
		}
		text, _ := v.(string)
		// A variable may hold several.
		for one := range strings.SplitSeq(text, ",") {
			p, hint := parseRange(strings.TrimSpace(one))
			if hint != "" {
				d.Wrong(item, from, v, "an address or CIDR").Suggest("%s", hint)
				continue
			}
			o.ranges = append(o.ranges, p)
		}
	}
}
