package app_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

const hosts = `version: 1
endpoint: {trusted_proxies: 192.0.2.0/24, plugs: []}
scopes:
  - host: a.test
    routes: [{get: /, json: {scope: a, host: "${request.host}", ip: "${request.ip}", scheme: "${request.scheme}"}}]
  - routes: [{get: /, json: {scope: other, host: "${request.host}"}}, {get: /hello/:name, json: "${params.name}"}]
`

// httptest's requests come from 192.0.2.1, a trusted proxy here.
func TestATrustedProxyDecidesTheHostForRoutesToo(t *testing.T) {
	a := apptest.Compile(t, hosts, "")
	tests := []struct{ name, peer, host, forwarded, want string }{
		{"what a trusted proxy says", "192.0.2.1:1", "in.test", "a.test", `{"scope":"a","host":"a.test","ip":"198.51.100.7","scheme":"https"}`},
		{"what a stranger says", "203.0.113.9:1", "in.test", "a.test", `{"scope":"other","host":"in.test"}`},
		{"the last of several hops", "192.0.2.1:1", "in.test", "b.test, a.test", `{"scope":"a","host":"a.test","ip":"198.51.100.7","scheme":"https"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr, r.Host = tt.peer, tt.host
			r.Header.Set("X-Forwarded-Host", tt.forwarded)
			r.Header.Set("X-Forwarded-For", "10.9.9.9, 198.51.100.7")
			r.Header.Set("X-Forwarded-Proto", "https")
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if got := w.Body.String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAPathIsUTF8(t *testing.T) {
	a := apptest.Compile(t, hosts, "")
	for path, want := range map[string]int{"/hello/%ff": 400, "/hello/%C3%A9": 200, "/hello/a%2Fb": 200} {
		if got := apptest.Request(a, "GET", path, "").Code; got != want {
			t.Errorf("GET %s is %d, want %d", path, got, want)
		}
	}
}

// A client that closed its side while its work was cancelled gets no answer, not an empty
// one that looks like success.
func TestACancelledRequestHasNoAnswer(t *testing.T) {
	a := apptest.Compile(t, "version: 1\nstores: {main: {url: 'sqlite:a.db'}}\nscopes:\n  - routes: [{post: /, do: [{query: select 1 as n, as: rows}, {json: \"${rows}\"}]}]\n", "sqlite:a.db")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			t.Errorf("panicked with %v", p)
		} else if p == nil && (w.Code != 200 || !strings.HasPrefix(w.Body.String(), "[")) {
			t.Errorf("answered %d %q, neither the rows nor nothing", w.Code, w.Body)
		}
	}()
	a.ServeHTTP(w, httptest.NewRequest("POST", "/", nil).WithContext(ctx))
}
