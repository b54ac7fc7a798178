package channels

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	list := func(entries ...string) Origins {
		o, err := ListOrigins(entries)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	tests := []struct {
		name    string
		origins Origins
		origin  string // "" for no header
		want    bool
	}{
		{"none written", Origins{}, "https://a.example", false},
		{"none written", Origins{}, "", true},
		{"off", AnyOrigin(), "https://anything.example", true},
		{"host", HostOrigin("A.example"), "http://a.EXAMPLE:123", true},
		{"host", HostOrigin("a.example"), "https://b.a.example", false},
		{"host", HostOrigin("a.example"), "null", false},
		{"host of the request", HostOrigin(""), "https://here.example", true},
		{"host of the request", HostOrigin(""), "https://there.example", false},
		{"list", list("//a.example"), "https://a.example", true},
		{"list", list("//a.example"), "http://a.example:8080", true},
		{"list", list("//a.example"), "https://nota.example", false},
		{"list", list("//x.example", "//a.example"), "https://a.example", true},
		{"list, scheme", list("https://a.example"), "http://a.example", false},
		{"list, scheme", list("https://a.example"), "https://a.example:443", true},
		{"list, scheme and its port", list("https://a.example"), "https://a.example:8443", false},
		{"list, port", list("//a.example:8080"), "https://a.example:8080", true},
		{"list, port", list("//a.example:8080"), "https://a.example", false},
		{"list, default port", list("//a.example:443"), "https://a.example", true},
		{"list, wildcard", list("//*.a.example"), "https://a.example", true},
		{"list, wildcard", list("//*.a.example"), "https://x.y.a.example", true},
		{"list, wildcard", list("//*.a.example"), "https://nota.example", false},
		{"list, wildcard", list("//*.a.example"), "https://a.example.evil.example", false},
		{"list, not a URL", list("//a.example"), "://", false},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", "http://here.example:4000/", nil)
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		if got := tt.origins.Allow(r); got != tt.want {
			t.Errorf("%s: Allow(%q) = %v, want %v", tt.name, tt.origin, got, tt.want)
		}
	}
	r := httptest.NewRequest("GET", "http://here.example/", nil)
	r.Header["Origin"] = []string{"https://a.example", "https://b.example"}
	if list("//a.example").Allow(r) {
		t.Error("two Origin headers were let in")
	}
	for _, bad := range []string{"a.example", "", "//", "//a.*.example", "https://*", "https://a.example/path", "https://u@a.example"} {
		if _, err := ListOrigins([]string{bad}); err == nil || !strings.Contains(err.Error(), "origin") {
			t.Errorf("ListOrigins(%q): %v, want an error", bad, err)
		}
	}
}
