package app_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// Who asks beside a resource for what is not there reads PostgREST's code, and a hint only of
// what everybody may read.
func TestPathsBesideResources(t *testing.T) {
	const manifest = `version: 1
stores: {main: {url: "sqlite::memory:"}}
schemas: {post: {table: posts, fields: {title: {type: string}, author: {type: string}}}}
pipelines: {known: [{require: "true"}]}
sockets: [{path: /socket, connect: []}]
scopes:
  - host: api.test
    routes: [{resources: /posts, schema: post, public: true}]
  - host: api.test
    path: /spaced
    routes: [{resources: /all posts, schema: post, public: true}]
  - host: other.test
    routes: [{resources: /blogs, schema: post, public: true}]
  - host: "*.many.test"
    routes: [{resources: /posts, schema: post, only: [show], public: true}]
  - path: /both
    routes: [{resources: /posts, schema: post, public: true}]
  - path: /both
    host: api.test
    routes: [{resources: /blogs, schema: post, public: true}]
  - path: /inside
    pipe_through: known
    routes: [{resources: /posts, schema: post, public: true}]
  - path: /api
    routes:
      - resources: /posts
        schema: post
        only: [create]
        public: true
      - {resources: /secrets, schema: post, where: "author = 'me'"}
      - get: /text
        text: x
`
	a := apptest.Compile(t, manifest, "sqlite::memory:")
	const plain = `404 {"type":"about:blank","title":"Not Found","status":404,"reason":"not_found"}`
	tests := []struct{ name, method, url, accept, want string }{
		{"a neighbour", "GET", "http://x.test/api/things", "application/json",
			`404 {"type":"about:blank","title":"Not Found","status":404,"reason":"not_found","detail":"Could not find the table 'public.things' in the schema cache",` +
				`"code":"PGRST205","message":"Could not find the table 'public.things' in the schema cache","details":null,"hint":null}`},
		{"what was meant", "GET", "http://x.test/api/post", "", `~"hint":"Perhaps you meant the table 'public.posts'"`},
		{"what is too far from it", "GET", "http://x.test/api/posst", "", `~PGRST205~"hint":null`},
		{"what was meant is not everybody's", "GET", "http://x.test/api/secret", "", `~PGRST205~"hint":null`},
		{"what was meant is behind a pipeline", "GET", "http://x.test/inside/post", "", `~PGRST205~"hint":null`},
		{"whatever the method and query", "DELETE", "http://x.test/api/th%22ings?id=eq.1", "", "~PGRST205~'public.th\\\"ings'"},
		{"a browser", "GET", "http://x.test/api/things", "text/html", "~<!doctype html>~404"},
		{"deeper", "GET", "http://x.test/api/things/1", "", `~"code":"PGRST125","message":"Invalid path specified in request URL"`},
		{"above", "GET", "http://x.test/api", "", plain},
		{"elsewhere", "GET", "http://x.test/things", "", plain},
		{"beside a path with a space", "GET", "http://api.test/spaced/things", "", "~PGRST205"},
		{"and on another host", "GET", "http://x.test/spaced/things", "", plain},
		{"on the resource's host", "GET", "http://api.test/things", "", "~PGRST205"},
		{"what was meant on this host", "GET", "http://api.test/post", "", `~"hint":"Perhaps you meant the table 'public.posts'"`},
		{"on a second host", "GET", "http://other.test/blog", "", `~PGRST205~"hint":"Perhaps you meant the table 'public.blogs'"`},
		{"what another host has", "GET", "http://other.test/post", "", `~PGRST205~"hint":null`},
		{"on a host of many names, where rows alone are served", "GET", "http://a.many.test/post", "", `~PGRST205~"hint":"Perhaps you meant the table 'public.posts'"`},
		{"deeper on a second host", "GET", "http://other.test/blogs/1/2", "", `~PGRST125`},
		{"beside what any host has", "GET", "http://x.test/both/blog", "", `~PGRST205~"hint":null`},
		{"beside what any host and this one have", "GET", "http://api.test/both/blog", "", `~PGRST205~'public.blogs'`},
		{"what any host has", "GET", "http://api.test/both/post", "", `~PGRST205~'public.posts'`},
		{"a slash behind it", "GET", "http://x.test/api/things/", "", "~PGRST125"},
		{"a name without end", "GET", "http://x.test/api/" + strings.Repeat("x", 101), "", "~PGRST125"},
		{"a name that is no text", "GET", "http://x.test/api/%ff", "", "~PGRST125"},
		{"a method that a neighbour lacks", "DELETE", "http://x.test/api/text", "", `405 {"type":"about:blank","title":"Method Not Allowed","status":405,"reason":"method_not_allowed"}`},
		{"a method that the resource lacks", "GET", "http://x.test/api/posts", "", `~405~"code":"PGRST117","message":"Unsupported HTTP method: GET"`},

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
