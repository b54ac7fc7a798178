package browser_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
)

// A page with a form, and the route that the form is sent to.
const (
	form   = "- fetch_session\n- protect_from_forgery\n- show: ${csrf_token}\n"
	parsed = "- parsers\n- fetch_session\n- protect_from_forgery\n- show: done\n"
)

func TestProtectFromForgery(t *testing.T) {
	const urlencoded, json, multipart = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=b"
	part := "--b\r\nContent-Disposition: form-data; name=\"_csrf_token\"\r\n\r\nTOKEN\r\n--b--\r\n"
	tests := []struct {
		name, method, target string
		headers              map[string]string // TOKEN is the token, OTHER one of another session
		kind, body           string
		want                 int
	}{
		{"a form with the token", "POST", "/", nil, urlencoded, "_csrf_token=TOKEN&a=1", 200},
		{"JSON with the token", "POST", "/", nil, json, `{"_csrf_token": "TOKEN"}`, 200},
		{"a multipart form with the token", "POST", "/", nil, multipart, part, 200},
		{"the token in the header", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN"}, "", "", 200},
		{"DELETE with the header", "DELETE", "/", map[string]string{"X-CSRF-Token": "TOKEN"}, "", "", 200},
		{"GET needs none", "GET", "/", nil, "", "", 200},
		{"HEAD needs none", "HEAD", "/", nil, "", "", 200},
		{"OPTIONS needs none", "OPTIONS", "/", nil, "", "", 200},
		{"GET from another site is let in", "GET", "/", map[string]string{"Sec-Fetch-Site": "cross-site"}, "", "", 200},
		{"the token in the query does not count", "POST", "/?_csrf_token=TOKEN", nil, urlencoded, "a=1", 403},
		{"nor does it there in another spelling", "POST", "/?%5Fcsrf_token=TOKEN", nil, urlencoded, "a=1", 403},
		{"a token in the body counts beside another query", "POST", "/?a=%2F", nil, urlencoded, "_csrf_token=TOKEN", 200},
		{"no token", "POST", "/", nil, urlencoded, "a=1", 403},
		{"no body", "POST", "/", nil, "", "", 403},
		{"an empty token", "POST", "/", nil, urlencoded, "_csrf_token=", 403},
		{"a list for a token", "POST", "/", nil, urlencoded, "_csrf_token[]=TOKEN", 403},
		{"a number for a token", "POST", "/", nil, json, `{"_csrf_token": 1}`, 403},
		{"a token cut short", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN-1"}, "", "", 403},
		{"a token with more behind it", "POST", "/", map[string]string{"X-CSRF-Token": "TOKENA"}, "", "", 403},
		{"a token of zeroes", "POST", "/", map[string]string{"X-CSRF-Token": strings.Repeat("A", 56)}, "", "", 403},
		{"the token of another session", "POST", "/", map[string]string{"X-CSRF-Token": "OTHER"}, "", "", 403},
		{"PUT without", "PUT", "/", nil, "", "", 403},
		{"PATCH without", "PATCH", "/", nil, "", "", 403},
		{"a method nobody knows", "PROPFIND", "/", nil, "", "", 403},
		{"from a page of this site", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN", "Sec-Fetch-Site": "same-origin", "Origin": "null"}, "", "", 200},
		{"from no page", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN", "Sec-Fetch-Site": "none"}, "", "", 200},
		{"the token does not help another site", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN", "Sec-Fetch-Site": "cross-site"}, "", "", 403},
		{"nor a host beside this one", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN", "Sec-Fetch-Site": "same-site"}, "", "", 403},
		{"what the browser says goes before the origin", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN", "Sec-Fetch-Site": "cross-site", "Origin": "http://example.com"}, "", "", 403},
		{"a word that is not known", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN", "Sec-Fetch-Site": "Same-Origin"}, "", "", 403},
		{"this origin, of a browser without Sec-Fetch-Site", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN", "Origin": "http://example.com"}, "", "", 200},
		{"another origin", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN", "Origin": "https://evil.example"}, "", "", 403},
		{"another port", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN", "Origin": "http://example.com:8080"}, "", "", 403},
		{"an origin that is none", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN", "Origin": "null"}, "", "", 403},
		{"an origin that cannot be read", "POST", "/", map[string]string{"X-CSRF-Token": "TOKEN", "Origin": "http://[::1"}, "", "", 403},
		{"a page of this site without the token", "POST", "/", map[string]string{"Sec-Fetch-Site": "same-origin"}, "", "", 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			token, other := body(c.get(form)), body(newClient(t).get(form))
			fill := strings.NewReplacer("TOKEN-1", token[:len(token)-1], "TOKEN", token, "OTHER", other)
			r := httptest.NewRequest(tt.method, fill.Replace(tt.target), strings.NewReader(fill.Replace(tt.body)))
			if tt.kind != "" {
				r.Header.Set("Content-Type", tt.kind)
			}
			for name, v := range tt.headers {
				r.Header.Set(name, fill.Replace(v))
			}
			got := c.serve(c.compile(parsed, ""), r)
			if got.Status != tt.want {
				t.Errorf("%d %s (%v), want %d", got.Status, got.Body, got.Err, tt.want)
			}
			if refusal := got.Refusal(); tt.want == 403 && (refusal == nil || refusal.Reason != "forbidden") {
				t.Errorf("refused with %v", got.Err)
			}
		})
	}
}

func TestAllowHosts(t *testing.T) {
	tests := []struct {
		hosts, origin string
		want          int
	}{
		{"[www.example.org]", "https://www.example.org", 200},
		{"www.example.org", "https://WWW.example.org", 200},
		{"[.example.org]", "https://a.b.example.org", 200},
		{"[.example.org]", "https://example.org", 403},
		{"[.example.org]", "https://evilexample.org", 403},
		{"[www.example.org]", "https://www.example.org.evil.example", 403},
		{"[www.example.org]", "https://evil.example", 403},
		{"[www.example.org]", "null", 403},
		{"[www.example.org]", "", 403},
	}
	for _, tt := range tests {
		c := newClient(t)
		token := body(c.get(form))
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("X-CSRF-Token", token)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", tt.origin)
		list := strings.Replace(parsed, "protect_from_forgery", "protect_from_forgery: {allow_hosts: "+tt.hosts+"}", 1)
		if got := c.serve(c.compile(list, ""), r); got.Status != tt.want {
			t.Errorf("%s from %q: %d, want %d", tt.hosts, tt.origin, got.Status, tt.want)
		}
	}
	c := newClient(t)
	r := httptest.NewRequest("POST", "https://example.com/", nil)
	r.Header.Set("X-CSRF-Token", body(c.get(form)))
	r.Header.Set("Origin", "http://www.example.org")
	if got := c.serve(c.compile(strings.Replace(parsed, "protect_from_forgery", "protect_from_forgery: {allow_hosts: www.example.org}", 1), ""), r); got.Status != 403 {
		t.Errorf("a page that came by http is allowed at https: %d", got.Status)
	}
}

// Who answers what the request is refused with may show a form anew.
func TestForgeryElse(t *testing.T) {
	c := newClient(t)
	list := "- fetch_session\n- protect_from_forgery:\n  else: {show: {reason: '${failure.reason}', token: '${len(csrf_token)}'}}\n- show: done\n"
	got := c.serve(c.compile(list, ""), httptest.NewRequest("POST", "/", nil))
	if want := `{"reason":"forbidden","token":56}`; got.Status != 403 || got.Body != want {
		t.Errorf("%d %s, want %s", got.Status, got.Body, want)
	}
}

func TestCSRFToken(t *testing.T) {
	c := newClient(t)
	first, second := body(c.get(form)), body(c.get(form))
	if first == second || len(first) != 56 || len(second) != 56 {
		t.Errorf("two pages show %q and %q", first, second)
	}
	if twice := body(c.get("- fetch_session\n- protect_from_forgery\n- show: \"${csrf_token + ' ' + csrf_token}\"\n")); twice[:56] != twice[57:] {
		t.Errorf("one page shows %q", twice)
	}
	post := func(token string) int {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("X-CSRF-Token", token)
		return c.serve(c.compile(parsed, ""), r).Status
	}
	if post(first) != 200 || post(second) != 200 {
		t.Error("a token of an earlier page of the session is refused")
	}
	c.get("- fetch_session\n- renew_session\n- show: 1\n")
	if post(first) != 403 {
		t.Error("a token from before renew_session is taken")
	}
	third := body(c.get(form))
	c.get("- fetch_session\n- clear_session\n- show: 1\n")
	if post(third) != 403 {
		t.Error("a token from before clear_session is taken")
	}
}

// A page that reads no token leaves the session alone.
func TestTokenIsMadeWhenRead(t *testing.T) {
	c := newClient(t)
	got := c.get("- fetch_session\n- protect_from_forgery\n- show: 1\n")
	if got.Header["Set-Cookie"] != nil {
		t.Errorf("Set-Cookie %q", got.Header["Set-Cookie"])
	}
	if got = c.get(form); got.Header["Set-Cookie"] == nil {
		t.Error("the token is not kept")
	}
	if got = c.get(form); got.Header["Set-Cookie"] != nil {
		t.Errorf("the same token is kept anew: %q", got.Header["Set-Cookie"])
	}
}

func TestCrossOriginScript(t *testing.T) {
	script := func(kind string) string {
		return "- fetch_session\n- protect_from_forgery\n- put_resp_header: {content-type: '" + kind + "', etag: x}\n- text: alert(1)\n"
	}
	tests := []struct {
		name, list, method string
		headers            map[string]string
		want               int
	}{
		{"a script", script("text/javascript"), "GET", nil, 403},
		{"a script with a charset", script("application/javascript; charset=utf-8"), "GET", nil, 403},
		{"in another case", script("Text/JavaScript"), "GET", nil, 403},
		{"from another site", script("text/javascript"), "GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"asked for by XMLHttpRequest", script("text/javascript"), "GET", map[string]string{"X-Requested-With": "XMLHttpRequest"}, 200},
		{"asked for by a page of this site", script("text/javascript"), "GET", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{"no script", script("text/html"), "GET", nil, 200},
		{"without the plug", "- put_resp_header: {content-type: text/javascript}\n- text: alert(1)\n", "GET", nil, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			for name, v := range tt.headers {
				r.Header.Set(name, v)
			}
			c := newClient(t)
			got := c.serve(c.compile(tt.list, ""), r)
			if got.Status != tt.want {
				t.Errorf("%d %s, want %d", got.Status, got.Body, tt.want)
			}
			if tt.want == 403 && (strings.Contains(got.Body, "alert") || got.Header.Get("Content-Type") != "application/problem+json" || got.Header.Get("ETag") != "") {
				t.Errorf("%s %v", got.Body, got.Header)
			}
		})
	}
}

func TestNeedsBefore(t *testing.T) {
	const (
		session = "1:3: `%s` needs `fetch_session` before it (put `fetch_session` into its pipeline)"
		csrf    = ": a route for other methods than GET, HEAD and OPTIONS that reads the session or a cookie needs `protect_from_forgery` before that (put `protect_from_forgery` into its pipeline)"
	)
	without := func(plug string) string { return strings.Replace(session, "%s", plug, 1) }
	tests := []struct {
		list   string
		unsafe bool
		want   []string
	}{
		{"- put_session: {a: 1}", false, []string{without("put_session")}},
		{"- delete_session: a", false, []string{without("delete_session")}},
		{"- clear_session", false, []string{without("clear_session")}},
		{"- renew_session", false, []string{without("renew_session")}},
		{"- fetch_flash", false, []string{without("fetch_flash")}},
		{"- protect_from_forgery", false, []string{without("protect_from_forgery")}},
		{"- fetch_session\n- put_flash: {info: a}", false, []string{"2:3: `put_flash` needs `fetch_flash` before it (put `fetch_flash` into its pipeline)"}},
		{"- fetch_session:\n  when: params.a == 'b'\n- put_session: {a: 1}", false, []string{"3:3: `put_session` needs `fetch_session` before it, without a condition (put `fetch_session` into its pipeline)"}},
		{"- when: params.a == 'b'\n  do: [fetch_session, {put_session: {a: 1}}]", false, nil},
		{"- fetch_session\n- put_session: {a: 1}", true, []string{"2:3" + csrf}},
		{"- fetch_session\n- delete_session: a", true, []string{"2:3" + csrf}},
		{"- fetch_session\n- clear_session", true, []string{"2:3" + csrf}},
		{"- fetch_session\n- renew_session", true, []string{"2:3" + csrf}},
		{"- fetch_session\n- fetch_flash\n- put_flash: {info: a}", true, []string{"3:3" + csrf}},
		{"- fetch_session\n- fetch_flash\n- protect_from_forgery\n- put_flash: {info: a}\n- renew_session", true, nil},
		{"- fetch_session\n- protect_from_forgery:\n  when: params.a == 'b'\n- put_session: {a: 1}", true, []string{"4:3" + csrf}},
		{"- fetch_session\n- when: params.a == 'b'\n  do: protect_from_forgery\n- clear_session", true, []string{"4:3" + csrf}},
		{"- fetch_session\n- when: params.a == 'b'\n  do: protect_from_forgery\n  else: protect_from_forgery\n- clear_session", true, nil},
		{"- fetch_session\n- protect_from_forgery:\n  else: continue", true, []string{"3:9: `else: continue` is only for plugs with a result; `protect_from_forgery` would guard nothing (remove the plug, or answer in its `else`)"}},
		{"- fetch_session\n- put_session: {_csrf_token: a, phoenix_flash: b}", false, []string{"2:17: \"_csrf_token\" is kept by the gateway (choose another name)", "2:33: \"phoenix_flash\" is kept by the gateway (choose another name)"}},
		{"- fetch_session\n- delete_session: []", false, []string{"2:19: `delete_session` names nothing to remove (`clear_session` removes all)"}},
		{"- fetch_session\n- delete_session", false, []string{"2:3: `delete_session` needs \"names\" (The name of a value, or a list of names.)"}},
		{"- fetch_session: {key: a}", false, []string{"1:19: unknown setting \"key\" of `fetch_session` (it has none)"}},
		{"- fetch_session\n- protect_from_forgery: {allow_hosts: ['https://a.example']}", false, []string{"2:39: \"https://a.example\" is no host (write the name alone: www.example.com, or .example.com for all below it)"}},
		{"- assign: {csrf_token: a}", false, []string{"1:12: \"csrf_token\" is a name of the language (choose another name)"}},
		{"- assign: {a: '${csrf_token}'}", false, []string{"1:18: there is no name \"csrf_token\" here (`protect_from_forgery` before it binds this name)"}},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			got := (pipetest.App{Defs: defs(), Sections: secrets, Unsafe: tt.unsafe, List: tt.list + "\n- show: 1\n"}).Problems(t)
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("problems\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
	t.Run("without a secret", func(t *testing.T) {
		got := (pipetest.App{Defs: defs(), List: "- fetch_session\n- fetch_session\n- show: 1\n"}).Problems(t)
		want := "1:3: sessions need `endpoint.secret_key_base` (add `secret_key_base: ${env.SECRET_KEY_BASE}` to `endpoint`, at least 64 bytes)"
		if strings.Join(got, "\n") != want {
			t.Errorf("problems %q, want %q", got, want)
		}
	})
}
