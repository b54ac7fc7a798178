package app_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// Who asks beside a resource for one that is not there reads PostgREST's code.
func TestPathsBesideResources(t *testing.T) {
	const manifest = `version: 1
stores: {main: {url: "sqlite::memory:"}}
schemas: {post: {table: posts, fields: {title: {type: string}}}}
sockets: [{path: /socket, connect: []}]
scopes:
  - host: api.test
    routes: [{resources: /posts, schema: post, public: true}]
  - path: /api
    routes:
      - resources: /posts
        schema: post
        only: [create]
        public: true
      - get: /text
        text: x
`
	a := apptest.Compile(t, manifest, "sqlite::memory:")
	const plain = `404 {"type":"about:blank","title":"Not Found","status":404,"reason":"not_found"}`
	tests := []struct{ name, method, url, accept, want string }{
		{"a neighbour", "GET", "http://x.test/api/things", "application/json",
			`404 {"type":"about:blank","title":"Not Found","status":404,"reason":"not_found","detail":"Could not find the table 'public.things' in the schema cache",` +
				`"code":"PGRST205","message":"Could not find the table 'public.things' in the schema cache","details":null,"hint":null}`},
		{"whatever the method and query", "DELETE", "http://x.test/api/th%22ings?id=eq.1", "", "~PGRST205~'public.th\\\"ings'"},
		{"a browser", "GET", "http://x.test/api/things", "text/html", "~<!doctype html>~404"},
		{"deeper", "GET", "http://x.test/api/things/1", "", plain},
		{"above", "GET", "http://x.test/api", "", plain},
		{"elsewhere", "GET", "http://x.test/things", "", plain},
		{"on the resource's host", "GET", "http://api.test/things", "", "~PGRST205"},
		{"a slash behind it", "GET", "http://x.test/api/things/", "", "~not_found"},
		{"a name without end", "GET", "http://x.test/api/" + strings.Repeat("x", 101), "", plain},
		{"a name that is no text", "GET", "http://x.test/api/%ff", "", plain},
		{"a method that a neighbour lacks", "DELETE", "http://x.test/api/text", "", "405"},

		{"a websocket by POST", "POST", "http://x.test/socket/websocket", "", "400"},
		{"a websocket by OPTIONS", "OPTIONS", "http://x.test/socket/websocket", "", "400"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.url, nil)
			r.Header.Set("Accept", tt.accept)
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			got := strings.TrimSpace(w.Result().Status[:3] + " " + w.Body.String())
			if parts := strings.Split(tt.want, "~"); len(parts) > 1 {
				for _, part := range parts[1:] {
					if !strings.Contains(got, part) {
						t.Errorf("%s\nlacks %s", got, part)
					}
				}
			} else if got != tt.want && (len(tt.want) > 3 || got[:3] != tt.want) {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}
