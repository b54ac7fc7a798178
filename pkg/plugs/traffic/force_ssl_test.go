package traffic_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/traffic"
)

func TestForceSSL(t *testing.T) {
	const year = "max-age=31536000"
	tests := []struct {
		name, settings, method, url string
		status                      int
		location, policy            string
	}{
		{"http", "", "GET", "http://a.example/x?y=1", 301, "https://a.example/x?y=1", ""},
		{"HEAD", "", "HEAD", "http://a.example/", 301, "https://a.example/", ""},
		{"POST keeps its method and body", "", "POST", "http://a.example/x", 307, "https://a.example/x", ""},
		{"a port is that of http", "", "GET", "http://a.example:8080/x", 301, "https://a.example/x", ""},
		{"escapes stay", "", "GET", "http://a.example/a%2Fb%20c?q=%2F", 301, "https://a.example/a%2Fb%20c?q=%2F", ""},
		{"two slashes are no host", "", "GET", "http://a.example//evil.example/", 301, "https://a.example//evil.example/", ""},
		{"an IPv6 address", "", "GET", "http://[2001:db8::1]:80/", 301, "https://[2001:db8::1]/", ""},
		{"another host", ": {host: www.example.com}", "GET", "http://a.example/x", 301, "https://www.example.com/x", ""},
		{"another host with a port", ": {host: 'www.example.com:8443'}", "GET", "http://a.example/x", 301, "https://www.example.com:8443/x", ""},
		{"https", "", "GET", "https://a.example/", 200, "", year},
		{"https on another host", ": {host: www.example.com}", "GET", "https://a.example/", 200, "", year},
		{"without HSTS", ": {hsts: false}", "GET", "https://a.example/", 200, "", ""},
		{"a day, with subdomains", ": {expires: 1d, subdomains: true}", "GET", "https://a.example/", 200, "", "max-age=86400; includeSubDomains"},
		{"preload", ": {preload: true, subdomains: true}", "GET", "https://a.example/", 200, "", year + "; includeSubDomains; preload"},
		{"localhost", "", "GET", "http://localhost:4000/", 200, "", ""},
		{"localhost, written large", "", "GET", "http://LocalHost/", 200, "", ""},
		{"127.0.0.1", "", "GET", "http://127.0.0.1/", 200, "", ""},
		{"::1", "", "GET", "http://[::1]:4000/", 200, "", ""},
		{"https on localhost", "", "GET", "https://localhost/", 200, "", ""},
		{"a host that only begins so", "", "GET", "http://localhost.example/", 301, "https://localhost.example/", ""},
		{"excluded", ": {exclude: [in.example]}", "GET", "http://in.example/", 200, "", ""},
		{"no longer excluded", ": {exclude: [in.example]}", "GET", "http://localhost/", 301, "https://localhost/", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: traffic.All(), List: "- force_ssl" + tt.settings + "\n- show: 1\n"}.Compile(t)
			got := c.Serve(httptest.NewRequest(tt.method, tt.url, nil))
			have := []string{got.Header.Get("Location"), got.Header.Get("Strict-Transport-Security")}
			if got.Status != tt.status || !slices.Equal(have, []string{tt.location, tt.policy}) {
				t.Errorf("%d %q (%v), want %d %q %q", got.Status, have, got.Err, tt.status, tt.location, tt.policy)
			}
		})
	}
	t.Run("a stranger's X-Forwarded-Proto", func(t *testing.T) {
		r := httptest.NewRequest("GET", "http://a.example/", nil)
		r.Header.Set("X-Forwarded-Proto", "https")
		if got := (pipetest.App{Defs: traffic.All(), List: "- force_ssl\n- show: 1\n"}).Compile(t).Serve(r); got.Status != 301 {
			t.Errorf("%d, want 301", got.Status)
		}
	})
	t.Run("no host at all", func(t *testing.T) {
		r := httptest.NewRequest("GET", "http://a.example/", nil)
		r.Host = ""
		if got := (pipetest.App{Defs: traffic.All(), List: "- force_ssl\n- show: 1\n"}).Compile(t).Serve(r); got.Status != 400 {
			t.Errorf("%d, want 400", got.Status)
		}
	})
	t.Run("before the match", func(t *testing.T) {
		c := pipetest.App{Defs: traffic.All(), Place: pipeline.Endpoint, List: "- force_ssl\n"}.Compile(t)
		if got := c.Serve(httptest.NewRequest("GET", "http://a.example/", nil)); got.Status != 301 || !got.Halted {
			t.Errorf("%d, halted %v, want 301 and no more", got.Status, got.Halted)
		}
	})
}

func TestForceSSLProblems(t *testing.T) {
	tests := []struct{ settings, want string }{
		{"{host: 'https://a.example'}", `1:21: "https://a.example" is no host`},
		{"{host: a.example/x}", `1:21: "a.example/x" is no host`},
		{"{host: 'a.example:99999'}", `1:21: "a.example:99999" is no host`},
		{"{preload: true}", "1:24: `preload` needs `subdomains: true` and `expires` of a year"},
		{"{preload: true, subdomains: true, expires: 30d}", "1:24: `preload` needs"},
		{"{exclude: ['a b']}", `1:24: "a b" is no host`},
		{"{exclude: ['localhost:4000']}", `1:24: "localhost:4000" is no host`},
		{"{expires: 31536000}", `1:24: expected a duration`},
		{"{hsts: maybe}", "1:21: expected true or false"},
	}
	for _, tt := range tests {
		t.Run(tt.settings, func(t *testing.T) {
			got := pipetest.App{Defs: traffic.All(), List: "- force_ssl: " + tt.settings + "\n- show: 1\n"}.Problems(t)
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}
