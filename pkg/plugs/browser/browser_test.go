package browser_test

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/browser"
	"github.com/openmanifest/gateway/pkg/plugs/values"
)

func TestPutSecureBrowserHeaders(t *testing.T) {
	defaults := map[string]string{
		"Referrer-Policy":                   "strict-origin-when-cross-origin",
		"Content-Security-Policy":           "base-uri 'self'; frame-ancestors 'self';",
		"X-Content-Type-Options":            "nosniff",
		"X-Permitted-Cross-Domain-Policies": "none",
		"X-Frame-Options":                   "",
	}
	tests := []struct {
		name, list string
		differ     map[string]string
	}{
		{"the four", "- put_secure_browser_headers\n", nil},
		{"never overriding", "- put_resp_header: {referrer-policy: no-referrer}\n- put_secure_browser_headers\n", map[string]string{"Referrer-Policy": "no-referrer"}},
		{"others beside", "- put_secure_browser_headers: {x-frame-options: DENY}\n", map[string]string{"X-Frame-Options": "DENY"}},
		{"in place of its own", "- put_secure_browser_headers: {content-security-policy: \"default-src 'self'\"}\n", map[string]string{"Content-Security-Policy": "default-src 'self'"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: append(browser.All(), values.All()...), List: tt.list + "- show: 1\n"}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", "/", nil))
			for name, want := range defaults {
				if other, ok := tt.differ[name]; ok {
					want = other
				}
				if h := got.Header.Get(name); h != want {
					t.Errorf("%s: %q, want %q", name, h, want)
				}
			}
		})
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		list string
		want []string
	}{
		{"- put_secure_browser_headers: [a]", []string{"1:31: expected a map of names to texts"}},
		{"- put_secure_browser_headers: {'a b': c}", []string{`1:32: "a b" is not the name of a header`}},
		{"- put_root_layout: root.html", []string{`1:20: there is no template "root.html" (create templates/root.html beside the manifest)`}},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			if got := (pipetest.App{Defs: browser.All(), List: tt.list + "\n- show: 1\n"}).Problems(t); !slices.Equal(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, browser.All()) }
