package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/app/apptest"
)

const shop = `
version: 1
name: shop
endpoint:
  secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  session: {encrypt: true, max_age: 1h}
  plugs: [request_id, parsers, method_override]
upstreams: {echo: {targets: ["UPSTREAM"]}}
pipelines:
  browser:
    - fetch_session
    - fetch_flash
    - protect_from_forgery
    - put_secure_browser_headers
scopes:
  - pipe_through: browser
    routes:
      - get: /
        json: {user: "${session.user}", flash: "${flash}", token: "${csrf_token}"}
      - post: /login
        do:
          - renew_session
          - put_session: {user: "${params.user}"}
          - put_flash: {info: "Hello ${params.user}"}
          - redirect: /
      - delete: /session
        do:
          - clear_session
          - redirect: /
      - post: /fail
        do:
          - put_session: {big: "${params.user}"}
          - require: false
          - text: never
      - post: /echo
        proxy: echo
`

// A visitor is a browser at a server.
type visitor struct {
	t      *testing.T
	client *http.Client
	base   string
}

type page struct {
	Status      int
	User, Token string
	Flash       map[string]string
	Body        string
}

func (v *visitor) do(method, path, kind, body string, headers ...string) page {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for _, h := range headers {
		name, text, _ := strings.Cut(h, ": ")
		r.Header.Set(name, text)
	}
	got, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer got.Body.Close()
	raw, err := io.ReadAll(got.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	p := page{Status: got.StatusCode, Body: string(raw)}
	if got.StatusCode == http.StatusOK && got.Request.URL.Path == "/" {
		if err := json.Unmarshal(raw, &p); err != nil {
			v.t.Fatalf("%s: %v", raw, err)
		}
	}
	return p
}

func (v *visitor) send(path string, fields url.Values) page {
	return v.do("POST", path, "application/x-www-form-urlencoded", fields.Encode())
}

func visit(t *testing.T) (*visitor, *[]string) {
	t.Helper()
	var seen []string
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, string(body))
	}))
	t.Cleanup(upstream.Close)
	server := httptest.NewServer(apptest.Compile(t, strings.ReplaceAll(shop, "UPSTREAM", upstream.URL), "sqlite::memory:"))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, client: &http.Client{Jar: jar, Timeout: await.Patience}, base: server.URL}, &seen
}

// A visit from the first page to the last, as a browser makes it.
func TestABrowsersVisit(t *testing.T) {
	v, proxied := visit(t)
	first := v.do("GET", "/", "", "")
	if first.User != "" || len(first.Token) != 56 {
		t.Fatalf("a new visitor sees %+v", first)
	}
	if p := v.send("/login", url.Values{"user": {"ann"}}); p.Status != 403 || !strings.Contains(p.Body, `"reason":"forbidden"`) {
		t.Errorf("a login without the token: %d %s", p.Status, p.Body)
	}
	in := v.send("/login", url.Values{"user": {"ann"}, "_csrf_token": {first.Token}})
	if in.User != "ann" || in.Flash["info"] != "Hello ann" {
		t.Errorf("after the login the page is %+v", in)
	}
	if p := v.do("GET", "/", "", ""); p.User != "ann" || len(p.Flash) != 0 {
		t.Errorf("the next page is %+v", p)
	}
	if p := v.send("/login", url.Values{"user": {"bob"}, "_csrf_token": {first.Token}}); p.Status != 403 {
		t.Errorf("the token from before the login is taken: %d", p.Status)
	}
	// What a refused request had put into the session is written with the refusal.
	if p := v.send("/fail", url.Values{"user": {"x"}, "_csrf_token": {in.Token}}); p.Status != 403 {
		t.Errorf("a route that refuses: %d", p.Status)
	}
	if p := v.send("/fail", url.Values{"user": {strings.Repeat("x", 5000)}, "_csrf_token": {in.Token}}); p.Status != 500 || strings.Contains(p.Body, "cookie") {
		t.Errorf("a session that is too large: %d %s", p.Status, p.Body)
	}
	if p := v.send("/session", url.Values{"_method": {"delete"}}); p.Status != 403 {
		t.Errorf("another method in the body passes without the token: %d", p.Status)
	}
	if p := v.send("/echo", url.Values{"_csrf_token": {in.Token}}); p.Status != 403 || len(*proxied) != 0 {
		t.Errorf("a body that is passed on is read: %d, %q", p.Status, *proxied)
	}
	if p := v.do("POST", "/echo", "text/plain", "as it is", "X-CSRF-Token: "+in.Token); p.Status != 200 || len(*proxied) != 1 || (*proxied)[0] != "as it is" {
		t.Errorf("with the token in the header: %d, %q", p.Status, *proxied)
	}
	if p := v.send("/session", url.Values{"_method": {"delete"}, "_csrf_token": {in.Token}}); p.Status != 200 || p.User != "" {
		t.Errorf("after the logout the page is %+v", p)
	}
	if p := v.send("/login", url.Values{"user": {"ann"}, "_csrf_token": {in.Token}}); p.Status != 403 {
		t.Errorf("the token of a session that is over is taken: %d", p.Status)
	}
}
