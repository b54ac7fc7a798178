package traffic_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

const corsApp = `
version: 1
endpoint:
  plugs:
    - rate_limit: {rate: 3/h, key: "${request.headers['x-key'] ?? 'none'}"}
    - cors: {origins: https://outer.example, expose: x-outer}
upstreams: {behind: {targets: UPSTREAM}}
pipelines:
  api:
    - require: request.headers['authorization'] == 'let me in'
    - cors: {origins: [https://app.example, https://outer.example], headers: [X-Key, authorization], methods: [GET, PUT], credentials: true, private_network: true, max_age: 1h}
scopes:
  - path: /api
    pipe_through: api
    routes:
      - get: /json
        json: {}
      - put: /json
        json: {}
      - any: /behind/*rest
        proxy: behind
  - routes:
      - get: /plain
        do: [{cors: {origins: any, headers: any}}, {text: hi}]
      - get: /closed
        text: hi
`

func TestCorsOfAnApplication(t *testing.T) {
	const app, outer = "https://app.example", "https://outer.example"
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", "x-evil")
		w.Header().Set("Vary", "Accept")
	}))
	defer up.Close()
	pre := func(method string, more ...string) []string {
		return append([]string{"Access-Control-Request-Method", method}, more...)
	}
	asked := "Access-Control-Request-Headers"
	in := []string{"Authorization", "let me in"}
	apiAnswer := []string{"Allow-Credentials: true", "Allow-Headers: x-key, authorization", "Allow-Methods: GET, PUT", "Allow-Origin: " + app}
	tests := []struct {
		name, method, path, origin string
		headers                    []string
		status                     int
		want                       string
	}{
		{"a preflight is answered before who may come", "OPTIONS", "/api/json", app, pre("PUT"), 204, lines(append(apiAnswer, "Max-Age: 3600", "Vary: Origin")...)},
		{"into a private network", "OPTIONS", "/api/json", app, pre("PUT", "Access-Control-Request-Private-Network", "true"), 204,
			lines("Allow-Credentials: true", "Allow-Headers: x-key, authorization", "Allow-Methods: GET, PUT", "Allow-Origin: "+app, "Allow-Private-Network: true", "Max-Age: 3600", "Vary: Origin")},
		{"a preflight of a stranger", "OPTIONS", "/api/json", "https://evil.example", pre("PUT"), 204, "Vary: Origin"},
		{"a preflight for a method that no route takes", "OPTIONS", "/api/json", app, pre("DELETE"), 204, "Vary: Origin"},
		{"a preflight for a path that is not there", "OPTIONS", "/api/none", app, pre("PUT"), 404, "Vary: Origin"},
		{"a preflight for a path without cors", "OPTIONS", "/closed", app, pre("GET"), 204, "Vary: Origin"},
		{"the outermost that lists the origin answers", "OPTIONS", "/api/json", outer, pre("GET"), 204,
			lines("Allow-Headers: authorization, content-type", "Allow-Methods: GET", "Allow-Origin: "+outer, "Max-Age: 600", "Vary: Origin")},
		{"any header", "OPTIONS", "/plain", app, pre("GET", asked, "x-a, x-b"), 204,
			lines("Allow-Headers: x-a, x-b", "Allow-Methods: GET", "Allow-Origin: *", "Max-Age: 600", "Vary: Access-Control-Request-Headers")},
		{"any header that is one", "OPTIONS", "/plain", app, pre("GET", asked, "x-a\", x b"), 204,
			lines("Allow-Methods: GET", "Allow-Origin: *", "Max-Age: 600", "Vary: Access-Control-Request-Headers")},
		{"more headers than are sent back", "OPTIONS", "/plain", app, pre("GET", asked, strings.Repeat("x-a,", 600)+"x-b"), 204,
			lines("Allow-Methods: GET", "Allow-Origin: *", "Max-Age: 600", "Vary: Access-Control-Request-Headers")},
		{"OPTIONS without a method is no preflight", "OPTIONS", "/api/json", outer, nil, 204, lines("Allow-Origin: "+outer, "Expose-Headers: x-outer", "Vary: Origin")},

		{"let in", "GET", "/api/json", app, in, 200, lines("Allow-Credentials: true", "Allow-Origin: "+app, "Vary: Origin")},
		{"a refusal is marked", "GET", "/api/json", app, nil, 403, lines("Allow-Credentials: true", "Allow-Origin: "+app, "Vary: Origin")},
		{"the outermost that lists the origin speaks", "GET", "/api/json", outer, in, 200, lines("Allow-Origin: "+outer, "Expose-Headers: x-outer", "Vary: Origin")},
		{"a stranger", "GET", "/api/json", "https://evil.example", in, 200, "Vary: Origin"},
		{"what a service says is replaced", "GET", "/api/behind/x", app, in, 200, lines("Allow-Credentials: true", "Allow-Origin: "+app, "Vary: Accept|Origin")},
		{"what a service says to a stranger is dropped", "GET", "/api/behind/x", "https://evil.example", in, 200, "Vary: Accept|Origin"},
		{"what a service says to nobody is dropped", "GET", "/api/behind/x", "", in, 200, "Vary: Accept|Origin"},
		{"404 is marked", "GET", "/none", outer, nil, 404, lines("Allow-Origin: "+outer, "Expose-Headers: x-outer", "Vary: Origin")},
		{"405 is marked", "DELETE", "/plain", outer, nil, 405, lines("Allow-Origin: "+outer, "Expose-Headers: x-outer", "Vary: Origin")},
	}
	a := apptest.Compile(t, strings.Replace(corsApp, "UPSTREAM", up.URL, 1), "")
	s := httptest.NewServer(a)
	defer s.Close()
	send := func(t *testing.T, key, method, path, origin string, headers ...string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(method, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Key", key)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := send(t, tt.name, tt.method, tt.path, tt.origin, tt.headers...)
			if have := corsHeaders(answer.Header); answer.StatusCode != tt.status || have != tt.want {
				t.Errorf("%d with\n%s\nwant %d with\n%s", answer.StatusCode, have, tt.status, tt.want)
			}
		})
	}
	t.Run("a rate limit before it neither counts a preflight nor is unmarked", func(t *testing.T) {
		for range 10 {
			if answer := send(t, "one", "OPTIONS", "/api/json", app, pre("PUT")...); answer.StatusCode != 204 {
				t.Fatalf("a preflight: %d", answer.StatusCode)
			}
		}
		for range 3 {
			send(t, "one", "GET", "/api/json", outer)
		}
		answer := send(t, "one", "GET", "/api/json", outer)
		if have := answer.Header.Get("Access-Control-Allow-Origin"); answer.StatusCode != 429 || have != outer {
			t.Errorf("%d, Allow-Origin %q, want 429 that %s can read", answer.StatusCode, have, outer)
		}
	})
}
