package pipeline_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// Who sent a request, as what and to which host, is decided in one place, and nobody's word
// counts who is not a trusted proxy.
func TestWhoSentARequest(t *testing.T) {
	const peer, proxy = "203.0.113.9:5000", "10.0.0.1:5000"
	private := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := []struct {
		name, peer       string
		trusted          []netip.Prefix
		tls              bool
		headers          http.Header
		ip, scheme, host string
	}{
		{"a client", peer, private, false, nil, "203.0.113.9", "http", "a.example"},
		{"a client with TLS", peer, private, true, nil, "203.0.113.9", "https", "a.example"},
		{"a client that forges all", peer, private, false,
			http.Header{"X-Forwarded-For": {"10.0.0.7"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil.example"}}, "203.0.113.9", "http", "a.example"},
		{"nobody is trusted", proxy, nil, false, http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "10.0.0.1", "http", "a.example"},
		{"behind a proxy", proxy, private, false,
			http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"b.example"}}, "203.0.113.9", "https", "b.example"},
		{"a proxy that says nothing", proxy, private, true, nil, "10.0.0.1", "https", "a.example"},
		{"what the client wrote before the proxy", proxy, private, false, http.Header{"X-Forwarded-For": {"10.9.9.9, 203.0.113.9"}}, "203.0.113.9", "http", "a.example"},
		{"behind two proxies", proxy, private, false, http.Header{"X-Forwarded-For": {"1.1.1.1, 203.0.113.9, 10.0.0.2"}}, "203.0.113.9", "http", "a.example"},
		{"on several lines", proxy, private, false, http.Header{"X-Forwarded-For": {"1.1.1.1", "203.0.113.9", "10.0.0.2"}}, "203.0.113.9", "http", "a.example"},
		{"all are proxies", proxy, private, false, http.Header{"X-Forwarded-For": {"10.0.0.3, 10.0.0.2"}}, "10.0.0.3", "http", "a.example"},
		{"no address", proxy, private, false, http.Header{"X-Forwarded-For": {"203.0.113.9, unknown"}}, "10.0.0.1", "http", "a.example"},
		{"no address before a proxy", proxy, private, false, http.Header{"X-Forwarded-For": {"203.0.113.9, x, 10.0.0.2"}}, "10.0.0.2", "http", "a.example"},
		{"empty", proxy, private, false, http.Header{"X-Forwarded-For": {"203.0.113.9,"}}, "10.0.0.1", "http", "a.example"},
		{"an address with its port", proxy, private, false, http.Header{"X-Forwarded-For": {"203.0.113.9:1234"}}, "203.0.113.9", "http", "a.example"},
		{"IPv6", "[fd00::1]:5000", private, false, http.Header{"X-Forwarded-For": {"2001:DB8:0::1"}}, "2001:db8::1", "http", "a.example"},
		{"IPv6 with its port", "[fd00::1]:5000", private, false, http.Header{"X-Forwarded-For": {"[2001:db8::1]:443"}}, "2001:db8::1", "http", "a.example"},
		{"IPv6 in brackets", "[fd00::1]:5000", private, false, http.Header{"X-Forwarded-For": {"[2001:db8::1]"}}, "2001:db8::1", "http", "a.example"},
		{"IPv6 with a zone", "[fd00::1%eth0]:5000", private, false, http.Header{"X-Forwarded-For": {"2001:db8::1%x"}}, "2001:db8::1", "http", "a.example"},
		{"IPv4 as IPv6", "[::ffff:10.0.0.1]:5000", private, false, http.Header{"X-Forwarded-For": {"::ffff:203.0.113.9"}}, "203.0.113.9", "http", "a.example"},
		{"an IPv6 client that is not trusted", "[2001:db8::9]:5000", private, false, http.Header{"X-Forwarded-For": {"10.0.0.7"}}, "2001:db8::9", "http", "a.example"},
		{"the last proto counts", proxy, private, false, http.Header{"X-Forwarded-Proto": {"https, http"}}, "10.0.0.1", "http", "a.example"},
		{"no proto that is known", proxy, private, false, http.Header{"X-Forwarded-Proto": {"javascript"}}, "10.0.0.1", "http", "a.example"},
		{"no host", proxy, private, false, http.Header{"X-Forwarded-Host": {"user@evil.example"}}, "10.0.0.1", "http", "a.example"},
		{"a host with its port", proxy, private, false, http.Header{"X-Forwarded-Host": {"b.example:8443"}}, "10.0.0.1", "http", "b.example:8443"},
		{"Forwarded is not read", proxy, private, false, http.Header{"Forwarded": {"for=203.0.113.9;proto=https"}, "X-Real-Ip": {"203.0.113.9"}}, "10.0.0.1", "http", "a.example"},
		{"a unix socket", "unix", private, false, http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "unix", "http", "a.example"},
		{"a unix socket that is trusted", "unix", []netip.Prefix{config.UnixPeers()}, false, http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "203.0.113.9", "http", "a.example"},
		{"a client that says it is one", peer, []netip.Prefix{config.UnixPeers()}, false, http.Header{"X-Forwarded-For": {"unix"}}, "203.0.113.9", "http", "a.example"},
		{"an unknown peer", "@", private, false, http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "@", "http", "a.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Host, r.RemoteAddr = "a.example", tt.peer
			if tt.headers != nil {
				r.Header = tt.headers
			}
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			c := pipeline.NewContext(pipeline.SlotRequest + 1)
			c.Start(httptest.NewRecorder(), r)
			c.Request.Trusted = tt.trusted
			if ip, scheme, host := c.Request.IP(), c.Request.Scheme(), c.Request.Host(); ip != tt.ip || scheme != tt.scheme || host != tt.host {
				t.Errorf("%s %s %s, want %s %s %s", ip, scheme, host, tt.ip, tt.scheme, tt.host)
			}
		})
	}
}
