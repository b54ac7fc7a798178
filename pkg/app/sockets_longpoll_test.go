package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
)

// A pollAnswer is what a client of long polling reads.
type pollAnswer struct {
	Status   int
	Token    string
	Messages []string
	text     string
}

// polled sends one request of long polling, which is answered with 200.
func (h *house) polled(method, path, body string) pollAnswer {
	h.t.Helper()
	r, err := http.NewRequest(method, h.http.URL+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		h.t.Fatalf("%s %s answered %d %s %v", method, path, answer.StatusCode, text, err)
	}
	a := pollAnswer{text: string(text)}
	if err := json.Unmarshal(text, &a); err != nil {
		h.t.Fatalf("%s %s answered %s: %v", method, path, text, err)
	}
	return a
}

// converse begins a session and posts lines of "> "; those of "< " must come, in order.
func (h *house) converse(path string, lines ...string) (token string) {
	h.t.Helper()
	first := h.polled("GET", path, "")
	if first.Status != http.StatusGone || first.Token == "" {
		h.t.Fatalf("a first poll answered %s", first.text)
	}
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	at := path + join + "token=" + first.Token
	var waiting []string
	for _, line := range lines {
		if text, isPost := strings.CutPrefix(line, "> "); isPost {
			if a := h.polled("POST", at, text); a.Status != http.StatusOK {
				h.t.Fatalf("a post of %s answered %s", text, a.text)
			}
			continue
		}
		for len(waiting) == 0 {
			a := h.polled("GET", at, "")
			if a.Status != http.StatusOK {
				h.t.Fatalf("a poll answered %s, want %s", a.text, line)
			}
			waiting = a.Messages
		}
		if want := strings.TrimPrefix(line, "< "); waiting[0] != want {
			h.t.Fatalf("received\n got %s\nwant %s", waiting[0], want)
		}
		waiting = waiting[1:]
	}
	return first.Token
}

const pollingSockets = `
sockets:
  - path: /chat/:room
    connect:
      - verify_token: {token: user, from: [{param: token}]}
        as: user_id
      - require: params.room != 'secret'
    id: user:${user_id}
    websocket: false
    longpoll: {window: 5s}
    channels:
      - topic: t
        join:
          - reply: {user: "${user_id}", socket: "${socket}"}
        handle_in:
          echo:
            - reply: ${payload}
  - path: /both
    connect: []
    longpoll: true
    channels: [{topic: t, join: []}]
`

// A client of long polling passes the same rules as one with a websocket.
func TestLongpoll(t *testing.T) {
	h := serve(t, pollingSockets)
	user := h.token("7")
	token := h.converse("/chat/a/longpoll?vsn=2.0.0&token="+user,
		`> ["1","1","t","phx_join",{}]`,
		`< ["1","1","t","phx_reply",{"status":"ok","response":{"user":"7","socket":{"id":"user:7","transport":"longpoll"}}}]`,
		`> ["1","2","t","echo",{"x":1.0}]`, `< ["1","2","t","phx_reply",{"status":"ok","response":{"x":1.0}}]`)
	if n := h.hub.Stats().Polls; n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
	tests := []struct {
		name, method, path, want string
	}{
		{"no token of the user", "GET", "/chat/a/longpoll?vsn=2.0.0", `{"status":403}`},
		{"a rule on a path parameter", "GET", "/chat/secret/longpoll?vsn=2.0.0&token=" + user, `{"status":403}`},
		{"the token of another socket", "POST", "/both/longpoll?vsn=2.0.0&token=" + token, `{"status":410}`},
		{"a token of the user is none of a session", "POST", "/chat/a/longpoll?vsn=2.0.0&token=" + user, `{"status":410}`},
		{"a token that was changed", "POST", "/chat/a/longpoll?vsn=2.0.0&token=" + token[:len(token)-2] + "xx", `{"status":410}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if a := h.polled(tt.method, tt.path, `[null,"1","phoenix","heartbeat",{}]`); a.text != tt.want {
				t.Errorf("answered %s, want %s", a.text, tt.want)
			}
		})
	}
	if _, status := h.try("/chat/a/websocket?token="+user, nil); status != http.StatusNotFound {
		t.Errorf("a websocket where there is none answered %d", status)
	}
	h.dial("/both/websocket").join("t", "{}", okReply)
	h.converse("/both/longpoll?vsn=2.0.0", `> ["1","1","t","phx_join",{}]`, `< ["1","1","t","phx_reply",{"status":"ok","response":{}}]`)

	// A session that is gone does not take the user's own token from the rules.
	if n, err := h.hub.Disconnect("user:7"); n != 1 || err != nil {
		t.Fatalf("%d sessions of the user: %v", n, err)
	}
	if a := h.polled("GET", "/chat/a/longpoll?vsn=2.0.0&token="+user+"&token="+token, ""); a.Status != http.StatusGone || a.Token == "" {
		t.Errorf("answered %s", a.text)
	}
}

// Sessions outlive a reload, and end with their socket.
func TestLongpollReload(t *testing.T) {
	h := serve(t, pollingSockets)
	token := h.converse("/both/longpoll?vsn=2.0.0", `> ["1","1","t","phx_join",{}]`, `< ["1","1","t","phx_reply",{"status":"ok","response":{}}]`)
	h.reload(strings.Replace(pollingSockets, "longpoll: true", "longpoll: {window: 200ms}", 1))
	at := "/both/longpoll?vsn=2.0.0&token=" + token
	if a := h.polled("POST", at, `[null,"1","phoenix","heartbeat",{}]`); a.Status != http.StatusOK {
		t.Errorf("a post after the reload answered %s", a.text)
	}
	if a := h.polled("GET", at, ""); len(a.Messages) != 1 {
		t.Errorf("a poll after the reload answered %s", a.text)
	}
	h.reload(strings.Replace(pollingSockets, "path: /both", "path: /other", 1))
	await.Until(t, "the session ends with its path", func() bool { return h.hub.Stats().Polls == 0 })
}

// Methods that long polling has no use for are 400 with nothing in it, OPTIONS is answered
// for any page, and what endpoint.plugs read of a body is read nonetheless.
func TestLongpollMethods(t *testing.T) {
	h := serve(t, pollingSockets)
	for _, method := range []string{"PUT", "DELETE", "PATCH", "HEAD"} {
		r, _ := http.NewRequest(method, h.http.URL+"/both/longpoll", nil)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		if answer.Body.Close(); answer.StatusCode != http.StatusBadRequest || len(text) > 0 {
			t.Errorf("%s answered %d %q", method, answer.StatusCode, text)
		}
	}
	r, _ := http.NewRequest("OPTIONS", h.http.URL+"/both/longpoll", nil)
	for name, value := range map[string]string{"Origin": h.http.URL, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"} {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Access-Control-Allow-Headers"); answer.StatusCode != http.StatusOK || got != "content-type" || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("OPTIONS answered %d %v", answer.StatusCode, answer.Header)
	}
}

// A body of any type but lines is one message, also where method_override looks into it first.
func TestLongpollBodyOfAnyType(t *testing.T) {
	h := serve(t, pollingSockets)
	at := "/both/longpoll?vsn=2.0.0&token=" + h.polled("GET", "/both/longpoll?vsn=2.0.0", "").Token
	for _, kind := range []string{"application/x-www-form-urlencoded", "application/json", "text/plain", ""} {
		r, _ := http.NewRequest("POST", h.http.URL+at, strings.NewReader(`[null,"1","phoenix","heartbeat",{}]`))
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		if answer.Body.Close(); string(text) != `{"status":200}` {
			t.Errorf("%q answered %d %s", kind, answer.StatusCode, text)
		}
	}
	if a := h.polled("GET", at, ""); len(a.Messages) != 4 {
		t.Errorf("a poll answered %s", a.text)
	}
}

// What a long poll says to the pages of other origins is not undone by a cors of the endpoint:
// without its headers no page could post.
func TestLongpollBesideCors(t *testing.T) {
	h := serve(t, `version: 1
endpoint:
  secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  plugs: [{cors: {origins: ["https://a.example"], credentials: true}}]
sockets: [{path: /socket, connect: [], longpoll: true, check_origin: [//a.example, //b.example]}]
`)
	for _, origin := range []string{"https://a.example", "https://b.example", ""} {
		for method, want := range map[string]string{"OPTIONS": "content-type", "GET": ""} {
			r, err := http.NewRequest(method, h.http.URL+"/socket/longpoll", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Access-Control-Request-Method", "POST")
			r.Header.Set("Access-Control-Request-Headers", "content-type")
			if origin != "" {
				r.Header.Set("Origin", origin)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			got := answer.Header
			if got.Get("Access-Control-Allow-Origin") != "*" || got.Get("Access-Control-Allow-Headers") != want || got.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s from %q: %v", method, origin, got)
			}
		}
	}
}
