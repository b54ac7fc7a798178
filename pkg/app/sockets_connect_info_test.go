package app_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// offered is what a client with an authToken offers.
func offered(token string) http.Header {
	return http.Header{"Sec-Websocket-Protocol": {"phoenix, base64url.bearer.phx." + base64.RawURLEncoding.EncodeToString([]byte(token))}}
}

func TestAuthToken(t *testing.T) {
	const rest = "\n    auth_token: true\n    id: user:${user_id ?? ''}\n    channels: [{topic: t, join: {reply: {user: \"${user_id}\"}}}]\n"
	pipeline := "pipelines: {members: [{verify_token: user, as: user_id}]}\n"
	tests := []struct{ name, before, connect, token, want string }{ // want: whom the join tells of; "" is 403
		{"by default", "", "{verify_token: user, as: user_id}", "TOKEN", `"7"`},
		{"named", "", "{verify_token: {token: user, from: [auth_token]}, as: user_id}", "TOKEN", `"7"`},
		{"through a pipeline that routes use too", pipeline, "[{pipe_through: members}]", "TOKEN", `"7"`},
		{"forged", "", "{verify_token: user, as: user_id}", "TOKENx", ""},
		{"none", "", "{verify_token: user, as: user_id}", "none", ""},
		{"an empty one", "", "{verify_token: user, as: user_id}", "", ""},
		{"an empty one passes nothing", "", "[{verify_token: user, as: user_id, else: continue}, {require: user_id == nil}]", "", "null"},
		{"an expression", "", "[{require: socket.auth_token == 'open sesame'}, {assign: {user_id: \"${socket?.auth_token}\"}}]", "open sesame", `"open sesame"`},
		{"nil where there is none", "", "[{require: socket.auth_token == nil}, {assign: {user_id: none}}]", "none", `"none"`},
		{"a key", "", "[{api_key: {keys: {seven: a-key-of-16-bytes}, from: auth_token}, as: user_id}]", "a-key-of-16-bytes", `"seven"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := serve(t, tt.before+"sockets:\n  - path: /socket\n    connect: "+tt.connect+rest)
			header := offered(strings.Replace(tt.token, "TOKEN", h.token("7"), 1))
			if tt.token == "none" {
				header = http.Header{"Sec-Websocket-Protocol": {"phoenix"}}
			}
			c, status := h.try("/socket/websocket", header)
			if c == nil {
				if tt.want != "" || status != 403 {
					t.Errorf("status %d, want %s\n%s", status, tt.want, h.log.String())
				}
				return
			}
			if tt.want == "" {
				t.Fatal("it is let in")
			}
			c.join("t", "{}", `{"status":"ok","response":{"user":`+tt.want+`}}`)
		})
	}
}

// What is listed is seen in connect, in the id and in channels, and is the connection's own.
func TestConnectInfo(t *testing.T) {
	h := serve(t, `
sockets:
  - path: /socket
    connect_info: [peer, user_agent, x_headers, uri, trace, peer]
    connect:
      - require: socket.peer.address == request.ip and socket.peer.port > 0 and socket.uri.query == 'n=' + params.n + '&vsn=2.0.0'
      - assign: {seen: "${socket}", agent: "${socket.user_agent}"}
    id: agent:${socket.user_agent}
    channels:
      - topic: t
        join: []
        handle_in:
          who: {reply: {id: "${socket.id}", agent: "${agent}", x: "${socket.x_headers['x-n']}", proof: "${socket.x_headers['x-phoenix-authtoken']}", cookie: "${socket.x_headers.cookie}", uri: "${socket.uri.scheme} ${socket.uri.host} ${socket.uri.path}", trace: "${socket.trace}", ip: "${socket.peer.address}", kept: "${seen.x_headers['x-n']}"}}
          whole: {reply: "${socket}"}
          named: {reply: {it: "${socket[payload.name]}"}}
`)
	var clients []*client
	for _, n := range []string{"1", "2", "3"} {
		c, status := h.try("/socket/websocket?n="+n, http.Header{"User-Agent": {"agent " + n}, "X-N": {n, "and"}, "Traceparent": {"00-" + n},
			"X-Phoenix-Authtoken": {"secret"}, "Cookie": {"a=b"}, "Accept": {"x"}})
		if c == nil {
			t.Fatalf("status %d\n%s", status, h.log.String())
		}
		h.token(n)
		clients = append(clients, c)
	}
	for i, c := range clients {
		n := string(rune('1' + i))
		c.join("t", "{}", okReply).ask("t", "who", "{}", strings.ReplaceAll(`{"status":"ok","response":{"id":"agent:agent N","agent":"agent N","x":"N, and","proof":null,"cookie":null,`+
			`"uri":"http 127.0.0.1 /socket/websocket","trace":{"traceparent":"00-N","tracestate":null},"ip":"127.0.0.1","kept":"N, and"}}`, "N", n))
		c.ask("t", "whole", "{}", `{"status":"ok","response":{"id":"agent:agent `+n+`","transport":"websocket"}}`)
		c.ask("t", "named", `{"name":"user_agent"}`, `{"status":"ok","response":{"it":"agent `+n+`"}}`)
		c.ask("t", "named", `{"name":"auth_token"}`, `{"status":"ok","response":{"it":null}}`)
	}
}

// A name that the client computes opens no more of the request than a name that is written.
func TestConnectReadsNoCookieByAComputedName(t *testing.T) {
	h := serve(t, "sockets:\n  - path: /socket\n    connect: [{require: 'request[params.name] != nil'}]\n")
	for name, want := range map[string]int{"path": 101, "cookies": 403, "headers": 403, "body": 403} {
		if _, got := h.try("/socket/websocket?name="+name, http.Header{"Cookie": {"a=b"}}); got != want {
			t.Errorf("%s: status %d, want %d", name, got, want)
		}
	}
}

// guest is an application with sessions and a socket that reads them.
const guest = `version: 1
name: guest
endpoint: {secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, session: {max_age: 1h}}
tokens: {user: {salt: user auth}}
scopes:
  - routes:
      - get: /login/:id
        do:
          - fetch_session
          - protect_from_forgery
          - sign_token: {token: user, data: "${params.id}"}
            as: token
          - put_session: {user_id: "${params.id}", nested: {n: [1]}, token: "${token}"}
          - text: ${csrf_token}
sockets:
  - path: /socket
    CHECK
    connect_info: [session]
    connect: CONNECT
    channels:
      - topic: t
        join: {reply: {user: "${socket.session?.user_id}", session: "${socket.session}"}}
`

// login makes a session and gives its cookies and its CSRF token.
func (h *house) login(id string) (cookies, csrf string) {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	answer, err := (&http.Client{Jar: jar}).Get(h.http.URL + "/login/" + id)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		h.t.Fatalf("login: %d %s %v", answer.StatusCode, text, err)
	}
	at, err := url.Parse(h.http.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range jar.Cookies(at) {
		cookies += c.Name + "=" + c.Value
	}
	return cookies, string(text)
}

// The session is given to who proves by its token that a page of ours sent the request, and
// is absent for all others, who may connect all the same.
func TestConnectSession(t *testing.T) {
	const nobody = `{"status":"ok","response":{"user":null,"session":null}}`
	for _, check := range []string{"check_origin: false", "max_channels: 5"} {
		h := serve(t, strings.NewReplacer("CHECK", check, "CONNECT", "[]").Replace(guest))
		cookies, csrf := h.login("7")
		_, other := h.login("8")
		for name, tt := range map[string]struct{ cookies, csrf, want string }{
			"both":                     {cookies, csrf, "7"},
			"no token":                 {cookies, "", nobody},
			"the token of another":     {cookies, other, nobody},
			"a token that is changed":  {cookies, csrf[1:] + "A", nobody},
			"no session":               {"", csrf, nobody},
			"a session that is forged": {cookies + "x", csrf, nobody},
		} {
			t.Run(check+", "+name, func(t *testing.T) {
				c, status := h.try("/socket/websocket?_csrf_token="+url.QueryEscape(tt.csrf), http.Header{"Cookie": {tt.cookies}})
				if c == nil {
					t.Fatalf("status %d\n%s", status, h.log.String())
				}
				if tt.want == nobody {
					c.join("t", "{}", nobody)
					return
				}
				c.play(`> ["1","1","t","phx_join",{}]`)
				got := c.receive()
				if !strings.Contains(got, `"user":"7","session":{"nested":{"n":[1]},"token":"`) || strings.Contains(got, "csrf") {
					t.Errorf("got %s", got)
				}
			})
		}
		if logged := h.log.String(); strings.Contains(logged, "ERROR") {
			t.Error(logged)
		}
	}
}

func TestConnectGoesByTheSession(t *testing.T) {
	for name, connect := range map[string]string{
		"a guard": "[{require: socket.session.user_id == '7'}]",
		"a token": "[{verify_token: {token: user, from: [{session: token}]}, as: user_id}, {require: user_id == '7'}]",
		"a text":  "[{assign: {name: \"user ${socket.session.user_id}\"}}, {require: name == 'user 7'}]",
	} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, strings.NewReplacer("CHECK", "", "CONNECT", connect).Replace(guest))
			cookies, csrf := h.login("7")
			for query, want := range map[string]int{"?_csrf_token=" + csrf: 101, "": 403, "?_csrf_token[a]=" + csrf: 403} {
				if _, got := h.try("/socket/websocket"+query, http.Header{"Cookie": {cookies}}); got != want {
					t.Errorf("%s: status %d, want %d", query, got, want)
				}
			}
			if logged := h.log.String(); strings.Contains(logged, "ERROR") {
				t.Errorf("what the client lacks is logged as a fault of ours: %s", logged)
			}
		})
	}
}

func TestConnectTakesATokenOfAHeader(t *testing.T) {
	h := serve(t, "sockets:\n  - path: /socket\n    connect_info: [x_headers]\n    connect: [{verify_token: {token: user, from: [{header: X-Token}]}}]\n")
	for token, want := range map[string]int{h.token("7"): 101, "": 403, "x": 403} {
		if _, got := h.try("/socket/websocket", http.Header{"x-token": {token}}); got != want {
			t.Errorf("%q: status %d, want %d", token, got, want)
		}
	}
}

// A member that new rules read and a connection lacks is like a name of connect.
func TestReloadOfConnectInfo(t *testing.T) {
	socket := func(info, reply string) string {
		return fmt.Sprintf("sockets:\n  - path: /socket\n    connect_info: [%s]\n    connect: []\n    channels: [{topic: t, join: [], handle_in: {x: {reply: {v: %q}}}}]\n", info, reply)
	}
	tests := []struct{ name, before, after, want string }{
		{"still there", socket("peer, user_agent", "${socket.peer.address}"), socket("peer", "now ${socket.peer.address}"), "now 127.0.0.1"},
		{"listed and not read", socket("", "a"), socket("peer", "b"), "b"},
		{"read and not there", socket("", "a"), socket("peer", "${socket.peer.address}"), ""},
		{"read whole and not there", socket("", "a"), socket("peer", "${socket['p' + 'eer'].address}"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := serve(t, tt.before)
			c := h.dial("/socket/websocket").join("t", "{}", okReply)
			h.reload(tt.after)
			if tt.want == "" {
				if code := c.closeCode(); code != 1012 {
					t.Errorf("close code %d, want 1012", code)
				}
				return
			}
			c.ask("t", "x", "{}", `{"status":"ok","response":{"v":"`+tt.want+`"}}`)
		})
	}
}

// A client of the long poll sends the token in a header, and what is shown is the same.
func TestConnectOfALongPoll(t *testing.T) {
	h := serve(t, `
sockets:
  - path: /socket
    longpoll: true
    auth_token: true
    connect_info: [peer, x_headers]
    connect:
      - verify_token: user
        as: user_id
      - require: user_id == '7' and socket.transport == 'longpoll' and socket.peer.address == '127.0.0.1' and socket.x_headers?.['x-phoenix-authtoken'] == nil
`)
	for token, want := range map[string]string{h.token("7"): `"status":410`, h.token("8"): `"status":403`, "": `"status":403`, "x": `"status":403`} {
		r, err := http.NewRequest("GET", h.http.URL+"/socket/longpoll?vsn=2.0.0", nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("X-Phoenix-AuthToken", token)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%q: %s %v, want %s", token, text, err, want)
		}
	}
}

// What a socket shows is not known to a pipeline that no socket runs.
func TestConnectInfoOfAPipelineThatNothingRuns(t *testing.T) {
	h := serve(t, "")
	loaded := h.compile("pipelines: {p: [{require: socket.peer.address == 'x'}, {push: {event: e}}]}\n")
	if len(loaded.Problems) > 0 {
		t.Errorf("problems: %v", loaded.Problems)
	}
}
