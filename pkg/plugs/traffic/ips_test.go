package traffic_test

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/traffic"
)

func TestIPLists(t *testing.T) {
	tests := []struct {
		name, list, peer string
		status           int
	}{
		{"in the range", "allow_ips: 10.0.0.0/8", "10.1.2.3:1", 200},
		{"not in the range", "allow_ips: 10.0.0.0/8", "11.1.2.3:1", 403},
		{"one of several", "allow_ips: [10.0.0.0/8, 192.0.2.1]", "192.0.2.1:1", 200},
		{"beside a single address", "allow_ips: [10.0.0.0/8, 192.0.2.1]", "192.0.2.2:1", 403},
		{"several in one text", "allow_ips: '10.0.0.0/8, 192.0.2.1'", "192.0.2.1:1", 200},
		{"IPv6", "allow_ips: 2001:db8::/32", "[2001:db8:1::1]:1", 200},
		{"other IPv6", "allow_ips: 2001:db8::/32", "[2001:db9::1]:1", 403},
		{"IPv4 that came over IPv6", "allow_ips: 10.0.0.0/8", "[::ffff:10.1.2.3]:1", 200},
		{"a range that is written as IPv6", "allow_ips: '::ffff:10.0.0.0/104'", "10.1.2.3:1", 200},
		{"all of IPv4 is no IPv6", "allow_ips: 0.0.0.0/0", "[2001:db8::1]:1", 403},
		{"all of IPv6 is no IPv4", "allow_ips: ::/0", "10.0.0.1:1", 403},
		{"a zone does not count", "allow_ips: fe80::/10", "[fe80::1%eth0]:1", 200},
		{"a client without an address", "allow_ips: 0.0.0.0/0", "@", 403},
		{"denied", "deny_ips: 10.0.0.0/8", "10.1.2.3:1", 403},
		{"denied, over IPv6", "deny_ips: 10.0.0.0/8", "[::ffff:10.1.2.3]:1", 403},
		{"denied, with a zone", "deny_ips: fe80::1", "[fe80::1%eth0]:1", 403},
		{"not denied", "deny_ips: 10.0.0.0/8", "11.1.2.3:1", 200},
		{"nobody knows whether it is denied", "deny_ips: 10.0.0.0/8", "@", 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: traffic.All(), List: "- " + tt.list + "\n- show: 1\n"}.Compile(t)
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tt.peer
			r.Header.Set("X-Forwarded-For", "10.1.2.3") // nobody is trusted
			if tt.peer == "10.1.2.3:1" {
				r.Header.Set("X-Forwarded-For", "11.1.2.3")
			}
			got := c.Serve(r)
			if got.Status != tt.status {
				t.Errorf("%d (%v), want %d", got.Status, got.Err, tt.status)
			}
			if refusal := got.Refusal(); tt.status == 403 && (refusal == nil || refusal.Reason != "forbidden") {
				t.Errorf("refused with %v, want forbidden", got.Err)
			}
		})
	}
}

func TestIPListProblems(t *testing.T) {
	const hint = " (such as 10.0.0.0/8, 2001:db8::/32 or a single address)"
	tests := []struct{ list, want string }{
		{"- allow_ips", "1:3: `allow_ips` needs \"ranges\" (Addresses and CIDRs: 10.0.0.0/8, 2001:db8::/32, 192.0.2.1.)"},
		{"- allow_ips: []", "1:14: the list of addresses is empty (such as 10.0.0.0/8 or a single address)"},
		{"- deny_ips: [10.0.0.0/33]", "1:14: expected an address or CIDR, found \"10.0.0.0/33\"" + hint},
		{"- deny_ips: localhost", "1:13: expected an address or CIDR, found \"localhost\"" + hint},
		{"- deny_ips: 10", "1:13: expected an address or CIDR, found \"10\"" + hint},
		{"- allow_ips: 10.0.0.1/8", "1:14: expected an address or CIDR, found \"10.0.0.1/8\" (write 10.0.0.0/8, or the address alone)"},
		{"- allow_ips: fe80::1%eth0", "1:14: expected an address or CIDR, found \"fe80::1%eth0\" (leave the zone (%eth0) out)"},
		{"- allow_ips: {a: b}", "1:15: unknown setting \"a\" of `allow_ips` (its settings are ranges)"},
		{"- deny_ips: 10.0.0.1\n  else: continue", "2:9: `else: continue` is only for plugs with a result; `deny_ips` would guard nothing (remove the plug, or answer in its `else`)"},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			got := pipetest.App{Defs: traffic.All(), List: tt.list + "\n- show: 1\n"}.Problems(t)
			if !slices.Contains(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}
