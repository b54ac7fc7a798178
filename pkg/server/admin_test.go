package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const adminToken = "0123456789abcdef"

// administered is a manifest with admin pages and a database.
func administered(admin string) string {
	return `version: 1
name: shop
endpoint:
  listen: 127.0.0.1:0
  admin: ` + admin + `
  secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  log: {access: false}
  traces: {otlp: 'http://127.0.0.1:9', headers: {x-key: hunter2-traces}}
stores:
  main: {url: 'sqlite::memory:'}
upstreams:
  api: {targets: 'http://127.0.0.1:9'}
scopes:
  - routes:
      - get: /posts/:id
        text: post
      - get: /api
        proxy: api
      - get: /health
        health: {checks: [stores]}
      - get: /metrics
        metrics: {}
      - get: /ask
        do:
          - http: {url: 'http://127.0.0.1:9/?token=hunter2-query', headers: {authorization: Bearer hunter2-header}}
            else: {text: no}
          - text: yes
environments:
  test: {endpoint: {log: {fields: {region: eu}}}}
`
}

// ask sends a request to the admin pages. headers are "Name: value"; Host too.
func ask(t *testing.T, s *Server, method, path string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.operations.admin.addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestWhoMaySeeTheAdminPages(t *testing.T) {
	open, guarded := "127.0.0.1:0", "{listen: '127.0.0.1:0', token: "+adminToken+"}"
	tests := []struct {
		name, admin, method, path string
		headers                   []string
		status                    int
	}{
		{"this machine", open, "GET", "/metrics", nil, 200},
		{"by the name localhost", open, "GET", "/metrics", []string{"Host: localhost:4001"}, 200},
		{"by a name of the web that points here", open, "GET", "/metrics", []string{"Host: evil.example"}, 421},
		{"by a name that begins like ours", open, "GET", "/livez", []string{"Host: localhost.evil.example"}, 421},
		{"a page of another site posts", open, "POST", "/reload", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"a page of another port posts", open, "POST", "/reload", []string{"Origin: http://127.0.0.1:9"}, 403},
		{"a program posts", open, "POST", "/reload", nil, 200},
		{"reload by a link", open, "GET", "/reload", nil, 405},
		{"no such page", open, "GET", "/x", nil, 404},
		{"without the token", guarded, "GET", "/metrics", nil, 401},
		{"with another token", guarded, "GET", "/config", []string{"Authorization: Bearer 0123456789abcdeF"}, 401},
		{"with a beginning of the token", guarded, "GET", "/config", []string{"Authorization: Bearer 0123456789"}, 401},
		{"with the token as a password", guarded, "GET", "/config", []string{"Authorization: Basic " + adminToken}, 401},
		{"reload without the token", guarded, "POST", "/reload", nil, 401},
		{"with the token", guarded, "GET", "/metrics", []string{"Authorization: Bearer " + adminToken}, 200},
		{"with the token by any name", guarded, "GET", "/metrics", []string{"Authorization: bearer " + adminToken, "Host: gateway.internal"}, 200},
		{"a probe without the token", guarded, "GET", "/readyz", nil, 200},
		{"the index without the token", guarded, "GET", "/", nil, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := folder{t, t.TempDir()}
			f.write("app.yaml", administered(tt.admin))
			s := start(t, f.dir, false)
			status, body := ask(t, s, tt.method, tt.path, tt.headers...)
			if status != tt.status {
				t.Errorf("%d %s, want %d", status, body, tt.status)
			}
			if strings.Contains(tt.name, "without the token") && strings.Contains(body, "main") {
				t.Errorf("a stranger learns %s", body)
			}
		})
	}
}

func TestAdminPages(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", administered("127.0.0.1:0"))
	s := start(t, f.dir, false)
	for range 3 {
		if got := get(t, s, "/posts/1"); got != "post" {
			t.Fatal(got)
		}
	}
	if got := get(t, s, "/api"); !strings.Contains(got, "502") {
		t.Fatal(got)
	}
	tests := []struct {
		path, accept string
		want         []string
	}{
		{"/", "text/html", []string{"<h1>shop</h1>", "Generation 1", `href="/metrics"`}},
		{"/livez", "", []string{"ok"}},
		{"/readyz", "", []string{`"kind": "upstreams",
      "name": "api",
      "ok": false,
      "error"`, `"status": "ok"`, `"kind": "stores"`, `"name": "main"`, `"ok": true`, `"generation": 1`}},
		{"/metrics", "", []string{`gateway_http_requests_total{method="GET",route="/posts/:id",status="200"} 3`, "gateway_config_generation 1", `gateway_sockets_connected{transport="websocket"} 0`, "go_goroutines",
			`gateway_store_connections_in_use{store="main"} 0`, `gateway_store_connections_max{store="main"} 9`, `gateway_store_waits_total{store="main"} 0`, `gateway_upstream_requests_total{upstream="api",result="refused"} 1`}},
		{"/routes", "", []string{"GET  /posts/:id", "text  ", "app.yaml:15"}},
		{"/routes", "application/json", []string{`"path": "/posts/:id"`, `"pipe_through": []`}},
		{"/config", "", []string{"environment test", "name: shop", `secret_key_base: "[redacted]"`, "region: eu"}},
		{"/config?format=json", "", []string{`"name":"shop"`, `"secret_key_base":"[redacted]"`}},
	}
	for _, tt := range tests {
		status, body := ask(t, s, "GET", tt.path, "Accept: "+tt.accept)
		for _, want := range tt.want {
			if status != 200 || !strings.Contains(body, want) {
				t.Errorf("%s: %d, no %s in\n%s", tt.path, status, want, body)
			}
		}
		if strings.Contains(body, "hunter2") || strings.Contains(body, "0123456789abcdef0123") || strings.Contains(body, "environments") {
			t.Errorf("%s shows a secret or another environment:\n%s", tt.path, body)
		}
	}
	for path, want := range map[string]string{"/health": `{"status":"ok","stores":{"main":"ok"}}`, "/metrics": "# HELP gateway_http_requests_total"} {
		if got := get(t, s, path); !strings.HasPrefix(got, want) {
			t.Errorf("the route %s: %s, want %s", path, got, want)
		}
	}
}

func TestReloadByAdmin(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", administered("127.0.0.1:0"))
	s := start(t, f.dir, false)
	if status, body := ask(t, s, "POST", "/reload"); status != 200 || !strings.Contains(body, `"generation": 2`) {
		t.Errorf("%d %s, want generation 2", status, body)
	}
	f.write("app.yaml", strings.Replace(administered("127.0.0.1:0"), "- get: /posts/:id\n        text: post", "- get: /posts/:id\n        txet: post # hunter2", 1))
	status, body := ask(t, s, "POST", "/reload")
	var refused struct {
		Text     string
		Problems []struct {
			Line    int
			Message string
		}
	}
	if err := json.Unmarshal([]byte(body), &refused); err != nil || status != 422 || len(refused.Problems) != 1 || refused.Problems[0].Line != 16 || !strings.Contains(refused.Text, `did you mean "text"`) {
		t.Errorf("%d %s (%v), want the fault of line 16", status, body, err)
	}
	if strings.Contains(body, "hunter2") {
		t.Errorf("the line of the manifest is shown: %s", body)
	}
	if status, body := ask(t, s, "POST", "/reload", "Accept: text/plain"); status != 422 || !strings.Contains(body, "app.yaml:16:9") {
		t.Errorf("as text: %d %s", status, body)
	}
	_, metrics := ask(t, s, "GET", "/metrics")
	for _, want := range []string{"gateway_config_generation 2\n", "gateway_config_last_reload_successful 0\n", `gateway_config_reloads_total{result="refused"} 2`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
	if got := get(t, s, "/posts/1"); got != "post" {
		t.Errorf("the running manifest answers %s", got)
	}
}

func TestAdminPagesMove(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", administered("127.0.0.1:0"))
	s := start(t, f.dir, false)
	first := s.operations.admin.addr().String()
	f.write("app.yaml", administered("localhost:0"))
	if status, body := ask(t, s, "POST", "/reload"); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if got := s.operations.admin.addr().String(); got == first {
		t.Errorf("still on %s", first)
	}
	if c, err := net.DialTimeout("tcp", first, time.Second); err == nil {
		c.Close()
		t.Errorf("the old address still listens")
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	f.write("app.yaml", administered(busy.Addr().String()))
	if status, body := ask(t, s, "POST", "/reload"); status != 500 || !strings.Contains(body, "address already in use") {
		t.Errorf("a busy address: %d %s", status, body)
	}
	f.write("app.yaml", answering("plain"))
	open, err := net.Dial("tcp", s.operations.admin.addr().String())
	if err != nil {
		t.Fatal(err)
	}
	page := func() string {
		const request = "GET /config HTTP/1.1\r\nHost: localhost\r\n\r\n"
		if _, err := io.WriteString(open, request); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(open), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		_, _ = io.Copy(io.Discard, r.Body)
		return fmt.Sprint(r.StatusCode, " ", r.Close)
	}
	defer open.Close()
	before := page()
	if err := s.Reload(); err != nil || s.operations.admin.addr() != nil {
		t.Errorf("admin is left out: %v, on %v", err, s.operations.admin.addr())
	}
	if after := page(); before != "200 false" || after != "404 true" {
		t.Errorf("over a connection that was open: %s, then %s", before, after)
	}
}

// A service that is away is told of, and takes the routes that need none of it out only where
// that is asked for.
func TestReadinessWithoutAnUpstream(t *testing.T) {
	const none = "Authorization: "
	tests := []struct {
		admin, header string
		status        int
		want          string
	}{
		{"127.0.0.1:0", none, 200, `"name": "api",
      "ok": false`},
		{"{listen: '127.0.0.1:0', ready: []}", none, 200, `"status": "ok"`},
		{"{listen: '127.0.0.1:0', ready: upstreams}", none, 503, `"status": "unavailable"`},
		{"{listen: '127.0.0.1:0', ready: [stores, upstreams]}", none, 503, `"kind": "stores",
      "name": "main",
      "ok": true`},
		{"{listen: '127.0.0.1:0', ready: [stores, upstreams], token: " + adminToken + "}", none, 503, "unavailable\n"},
		{"{listen: '127.0.0.1:0', token: " + adminToken + "}", none, 200, "ok\n"},
		{"{listen: '127.0.0.1:0', token: " + adminToken + "}", "Authorization: Bearer " + adminToken, 200, "connection refused"},
	}
	for _, tt := range tests {
		t.Run(tt.admin, func(t *testing.T) {
			f := folder{t, t.TempDir()}
			f.write("app.yaml", administered(tt.admin))
			status, body := ask(t, start(t, f.dir, false), "GET", "/readyz", tt.header)
			if status != tt.status || !strings.Contains(body, tt.want) || tt.header == none && strings.Contains(tt.admin, "token") && body != tt.want {
				t.Errorf("%d %s, want %d with %s", status, body, tt.status, tt.want)
			}
		})
	}
}

func TestReadinessFlips(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", administered("127.0.0.1:0"))
	s := start(t, f.dir, false)
	s.App().Env.Stores()[0].Close()
	status, body := ask(t, s, "GET", "/readyz")
	if status != 503 || !strings.Contains(body, `"status": "unavailable"`) || !strings.Contains(body, `"ok": false`) {
		t.Errorf("a store is away: %d %s", status, body)
	}
	if got := get(t, s, "/health"); got != `{"status":"unavailable","stores":{"main":"unavailable"}}` {
		t.Errorf("the route: %s", got)
	}
	s.operations.process.Drain()
	if status, body := ask(t, s, "GET", "/readyz"); status != 503 || !strings.Contains(body, `"status": "draining"`) {
		t.Errorf("while the process ends: %d %s", status, body)
	}
	if status, _ := ask(t, s, "GET", "/livez"); status != 200 {
		t.Errorf("livez: %d, want 200: the process runs", status)
	}
}

// What no route may show: that there is a listener at all.
func TestTheApplicationHasNoAdminPages(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", answering("plain"))
	s := start(t, f.dir, false)
	for _, path := range []string{"/livez", "/readyz", "/config", "/reload", liveReloadScript, liveReloadEvents} {
		r, err := http.Get(fmt.Sprintf("http://%s%s", s.Addr(), path))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if !slices.Contains([]int{404}, r.StatusCode) {
			t.Errorf("%s: %d, want 404", path, r.StatusCode)
		}
	}
}
