package who_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/who"
)

// decider is a service that decides, and notes what it was asked.
type decider struct {
	*httptest.Server
	asked chan *http.Request
	bytes int // of the body that it was sent
}

func newDecider(t *testing.T, answer http.HandlerFunc) *decider {
	t.Helper()
	d := &decider{asked: make(chan *http.Request, 10)}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d.bytes += len(body)
		d.asked <- r
		answer(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

func pass(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func TestForwardAuthAsks(t *testing.T) {
	d := newDecider(t, pass)
	const all = "Accept: text/html\nAuthorization: Bearer abc\nCookie: a=1\nUser-Agent: agent\n" +
		"X-Forwarded-For: 192.0.2.1\nX-Forwarded-Host: a.example\nX-Forwarded-Method: POST\nX-Forwarded-Proto: http\nX-Forwarded-Uri: /x%2Fy?q=1"
	tests := []struct{ name, settings, path, want string }{
		{"all that does not concern the connection or the body", "{to: 'URL/verify?a=b'}", "/verify?a=b", all},
		{"some headers", "{to: 'URL', send_headers: [cookie, x-missing]}", "/", "Cookie: a=1\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Host: a.example\nX-Forwarded-Method: POST\nX-Forwarded-Proto: http\nX-Forwarded-Uri: /x%2Fy?q=1"},
		{"by the name of an upstream", "{to: auth, path: /check}", "/check", all},
		{"an upstream without a path", "auth", "/", all},
		{"what the service is to say, the client does not", "{to: 'URL', copy_headers: [remote-user, accept, authorization]}", "/", strings.TrimPrefix(all, "Accept: text/html\n")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: who.All(), Sections: "upstreams: {auth: {targets: '" + d.URL + "'}}",
				List: "- forward_auth: " + strings.Replace(tt.settings, "URL", d.URL, 1) + "\n- show: 1\n"}.Compile(t)
			r := httptest.NewRequest("POST", "http://a.example/x%2Fy?q=1", strings.NewReader("body"))
			for name, text := range map[string]string{
				"Accept": "text/html", "Authorization": "Bearer abc", "Cookie": "a=1", "User-Agent": "agent",
				"Content-Type": "text/plain", "If-None-Match": `"a"`, "Range": "bytes=0-1", "Expect": "100-continue", "Accept-Encoding": "gzip",
				"Connection": "X-Hop, upgrade", "X-Hop": "1", "Upgrade": "websocket", "Te": "trailers",
				"X-Forwarded-For": "10.0.0.1", "X-Forwarded-User": "root", "X_Forwarded_User": "root", "Forwarded": "for=10.0.0.1", "X-Real-Ip": "10.0.0.1",
			} {
				r.Header.Set(name, text)
			}
			if strings.Contains(tt.settings, "remote-user") {
				r.Header["Remote-User"], r.Header["Remote_user"] = []string{"root"}, []string{"root"}
			}
			if got := c.Serve(r); got.Status != 200 {
				t.Fatalf("%d (%v), want 200", got.Status, got.Err)
			}
			asked := <-d.asked
			var have []string
			for name, values := range asked.Header {
				have = append(have, name+": "+strings.Join(values, "|"))
			}
			slices.Sort(have)
			if got := strings.Join(have, "\n"); got != tt.want || asked.Method != "GET" || asked.RequestURI != tt.path {
				t.Errorf("asked %s %s\n%s\nwant GET %s\n%s", asked.Method, asked.RequestURI, got, tt.path, tt.want)
			}
		})
	}
	if d.bytes != 0 {
		t.Errorf("the service was sent %d bytes of bodies", d.bytes)
	}
}

func TestForwardAuthDecides(t *testing.T) {
	respond := func(status int, body string, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	json := []string{"Content-Type", "application/json"}
	show := "- show: \"${auth.json?.user ?? 'none'}\"\n"
	tests := []struct {
		name    string
		answer  http.HandlerFunc
		list    string // behind `as: auth`
		status  int
		reason  string
		body    string
		headers string
	}{
		{"200", respond(200, `{"user":"ann"}`, json...), show, 200, "", `"ann"`, ""},
		{"204", respond(204, ""), show, 200, "", `"none"`, ""},
		{"299", respond(299, ""), show, 200, "", `"none"`, ""},
		{"the headers of its answer", respond(200, "", "X-User", "ann"), "- show: \"${auth.headers['x-user']}\"\n", 200, "", `"ann"`, ""},
		{"JSON that is none", respond(200, `{"user"`, json...), show, 502, "refused", "", ""},
		{"401 goes to the caller", respond(401, "who are you?", "Www-Authenticate", "Bearer", "Content-Type", "text/x"), show, 401, "status", "who are you?", "Bearer"},
		{"403", respond(403, "no", "Content-Type", "text/x"), show, 403, "status", "no", ""},
		{"302 goes to the caller", respond(302, "", "Location", "https://login.example/?a=b"), show, 302, "status", "", "https://login.example/?a=b"},
		{"500 does not pass", respond(500, "oops"), show, 500, "status", "oops", ""},
		{"304 decides nothing", respond(304, ""), show, 502, "refused", "", ""},
		{"an answer without end", respond(403, strings.Repeat("x", 2<<20)), show, 502, "refused", "", ""},
		{"a connection that breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, show, 502, "refused", "", ""},
		{"an else answers", respond(401, "who are you?"), "  else: {show: \"${failure.reason}\"}\n" + show, 401, "", `"status"`, ""},
		{"an else continues", respond(401, "who are you?"), "  else: continue\n- show: \"${auth == nil}\"\n", 200, "", "true", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDecider(t, tt.answer)
			c := pipetest.App{Defs: who.All(), List: "- forward_auth: " + d.URL + "\n  as: auth\n" + tt.list}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", "/", nil))
			reason := ""
			if refusal := got.Refusal(); refusal != nil {
				reason = refusal.Reason
			}
			if got.Status != tt.status || reason != tt.reason || (tt.body != "" || tt.status == 302) && got.Body != tt.body {
				t.Errorf("%d %s %q (%v), want %d %s %q", got.Status, reason, got.Body, got.Err, tt.status, tt.reason, tt.body)
			}
			if have := got.Header.Get("Www-Authenticate") + got.Header.Get("Location"); have != tt.headers {
				t.Errorf("headers %q, want %q", have, tt.headers)
			}
		})
	}
}

func TestForwardAuthWithoutAService(t *testing.T) {
	stuck := make(chan struct{})
	d := newDecider(t, func(http.ResponseWriter, *http.Request) { <-stuck })
	defer close(stuck)
	for _, tt := range []struct {
		name, settings string
		status         int
		reason         string
	}{
		{"it does not answer", "{to: '" + d.URL + "', timeout: 50ms}", 504, "timeout"},
		{"it is not there", "http://127.0.0.1:1", 502, "refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := pipetest.App{Defs: who.All(), List: "- forward_auth: " + tt.settings + "\n- show: 1\n"}.Compile(t).Serve(httptest.NewRequest("GET", "/", nil))
			if refusal := got.Refusal(); got.Status != tt.status || refusal == nil || refusal.Reason != tt.reason {
				t.Errorf("%d (%v), want %d %s", got.Status, got.Err, tt.status, tt.reason)
			}
		})
	}
}

func TestForwardAuthClaims(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
	}{
		{"a role that fits", `{"role":"admin"}`, 200},
		{"one that does not", `{"role":"guest"}`, 403},
		{"none", `{"sub":"ann"}`, 403},
		{"a list is no claims", `["admin"]`, 502},
		{"nothing is no claims", ``, 502},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDecider(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, tt.body)
			})
			list := "- forward_auth: " + d.URL + "\n  as: claims\n- require: claims.role == 'admin'\n- show: 1\n"
			if got := (pipetest.App{Defs: who.All(), List: list}).Compile(t).Serve(httptest.NewRequest("GET", "/", nil)); got.Status != tt.status {
				t.Errorf("%d (%v), want %d", got.Status, got.Err, tt.status)
			}
		})
	}
}

// What the service says of the client replaces what the client says, under any spelling and
// whatever comes of it.
func TestForwardAuthCopiesHeaders(t *testing.T) {
	d := newDecider(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Auth-Role", "admin")
		w.Header().Add("Set-Cookie", "fresh=1")
		w.Header().Set("X-Other", "stays there")
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	list := "- forward_auth: {to: '" + d.URL + "', copy_headers: [remote-user, x-auth-*], answer_headers: set-cookie}\n  as: auth\n  else: continue\n" +
		"- show: [\"${request.headers?.['remote-user']}\", \"${request.headers?.['x-auth-role']}\", \"${request.headers?.['x-auth-id']}\", \"${request.headers?.['x-other']}\"]\n"
	c := pipetest.App{Defs: who.All(), List: list}.Compile(t)
	for _, tt := range []struct{ authorization, want, cookies string }{
		{"Bearer abc", `[null,"admin",null,null]`, "fresh=1"},
		{"", `[null,null,null,null]`, ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = http.Header{"Remote-User": {"root"}, "Remote_user": {"root"}, "X-Auth-Role": {"root"}, "X_auth_role": {"root"}, "X-Auth-Id": {"0"}}
		if tt.authorization != "" {
			r.Header.Set("Authorization", tt.authorization)
		}
		got := c.Serve(r)
		if got.Body != tt.want || strings.Join(got.Header["Set-Cookie"], "|") != tt.cookies || got.Header["X-Other"] != nil {
			t.Errorf("%q: %d %s, %v (%v), want %s", tt.authorization, got.Status, got.Body, got.Header, got.Err, tt.want)
		}
		if r.Header["Remote_user"] != nil || r.Header["X_auth_role"] != nil {
			t.Errorf("the spelling with underscores goes on: %v", r.Header)
		}
	}
}

func TestForwardAuthOfASocket(t *testing.T) {
	d := newDecider(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "a=1" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	c := pipetest.App{Defs: who.All(), Place: pipeline.Connect, List: "- forward_auth: {to: '" + d.URL + "', send_headers: [cookie], answer_headers: set-cookie}\n"}.Compile(t)
	r := httptest.NewRequest("GET", "/", nil)
	if got := c.Serve(r); got.Refusal() == nil || got.Refusal().Status != 401 {
		t.Errorf("%v, want 401", got.Err)
	}
	r.Header.Set("Cookie", "a=1")
	if got := c.Serve(r); got.Err != nil {
		t.Error(got.Err)
	}
	// Without a word the cookies stay here.
	c = pipetest.App{Defs: who.All(), Place: pipeline.Connect, List: "- forward_auth: '" + d.URL + "'\n"}.Compile(t)
	if got := c.Serve(r); got.Refusal() == nil || got.Refusal().Status != 401 {
		t.Errorf("%v, want 401", got.Err)
	}
}

// In an application the service's answer is passed on as it is, to a browser too.
func TestForwardAuthInAnApplication(t *testing.T) {
	d := newDecider(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/x")
		w.Header().Set("Set-Cookie", "state=1")
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, "log in")
	})
	a := apptest.Compile(t, "version: 1\nscopes:\n  - routes:\n      - get: /\n        do: [{forward_auth: '"+d.URL+"'}, {text: hi}]\n", "")
	s := httptest.NewServer(a)
	defer s.Close()
	r, err := http.NewRequest("GET", s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 401 || string(body) != "log in" || answer.Header.Get("Content-Type") != "text/x" || answer.Header.Get("Set-Cookie") != "state=1" {
		t.Errorf("%d %q %v, %v", answer.StatusCode, body, answer.Header, err)
	}
}
