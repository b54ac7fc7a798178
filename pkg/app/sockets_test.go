package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestConnect(t *testing.T) {
	byToken := "connect: [{verify_token: {token: user, from: [{param: token}]}, as: user_id}]\n    id: user:${user_id}"
	tests := []struct {
		name, rules, path string
		header            http.Header
		want              int
		logged            string
	}{
		{"anyone", "connect: []", "/socket/websocket", nil, 101, ""},
		{"a token", byToken, "/socket/websocket?token=TOKEN", nil, 101, ""},
		{"no token", byToken, "/socket/websocket", nil, 403, ""},
		{"an empty token", byToken, "/socket/websocket?token=", nil, 403, ""},
		{"a forged token", byToken, "/socket/websocket?token=TOKENx", nil, 403, ""},
		{"a token that is a map", byToken, "/socket/websocket?token[a]=TOKEN", nil, 403, ""},
		{"a nested param", "connect: {require: params.a.b == 'x'}", "/socket/websocket?a[b]=x", nil, 101, ""},
		{"another nested param", "connect: {require: params.a.b == 'x'}", "/socket/websocket?a[b]=y", nil, 403, ""},
		{"a missing param", "connect: {require: params.a.b == 'x'}", "/socket/websocket", nil, 403, ""},
		{"a nil on both sides", "connect: {require: 'params?.a == params?.b'}", "/socket/websocket", nil, 403, ""},
		{"a query that cannot be read", "connect: []", "/socket/websocket?a=%zz", nil, 400, ""},
		{"a header", "connect_info: [x_headers]\n    connect: {require: \"socket.x_headers['x-k'] == 'v'\"}", "/socket/websocket", http.Header{"X-K": {"v"}}, 101, ""},
		{"another header", "connect_info: [x_headers]\n    connect: {require: \"socket.x_headers['x-k'] == 'v'\"}", "/socket/websocket", http.Header{"X-K": {"w"}}, 403, ""},
		{"the address", "connect: {require: request.ip == '127.0.0.1'}", "/socket/websocket", nil, 101, ""},
		{"the request's id", "connect: {require: request.id == 'abcdefghijklmnopqrstuvwxyz'}", "/socket/websocket", http.Header{"X-Request-Id": {"abcdefghijklmnopqrstuvwxyz"}}, 101, ""},
		{"a status of choice", "connect: [{send_resp: 429, when: params.full == 'yes'}]", "/socket/websocket?full=yes", nil, 429, ""},
		{"a status in else", "connect: [{require: false, else: {send_resp: 401}}]", "/socket/websocket", nil, 401, ""},
		{"an error of ours", "connect: [{assign: {n: \"${int(request.method)}\"}}]", "/socket/websocket", nil, 403, "connect rules of a socket"},
		{"what the client sent wrongly", "connect: [{assign: {n: \"${int(params.n)}\"}}]", "/socket/websocket?n=x", nil, 403, ""},
		{"nil in the id", "connect: []\n    id: user:${[request.method]}", "/socket/websocket", nil, 403, "connect rules of a socket"},
		{"what the client did not send in the id", "connect: []\n    id: user:${params.id}", "/socket/websocket", nil, 403, ""},
		{"a map of the client's for an id", "connect: []\n    id: ${params.id}", "/socket/websocket?id[a]=b", nil, 403, ""},
		{"an id that is nil", "connect: []\n    id: ${params.id}", "/socket/websocket", nil, 101, ""},
		{"no version", "connect: []", "/socket/websocket?vsn=", nil, 403, ""},
		{"another page", "connect: []", "/socket/websocket", http.Header{"Origin": {"http://evil.example"}}, 403, ""},
		{"the page of this host", "connect: []", "/socket/websocket", http.Header{"Origin": {"http://127.0.0.1:5173"}}, 101, ""},
		{"any page", "connect: []\n    check_origin: false", "/socket/websocket", http.Header{"Origin": {"http://evil.example"}}, 101, ""},
		{"a listed page", "connect: []\n    check_origin: [//a.example]", "/socket/websocket", http.Header{"Origin": {"https://a.example"}}, 101, ""},
		{"this host when others are listed", "connect: []\n    check_origin: [//a.example]", "/socket/websocket", http.Header{"Origin": {"http://127.0.0.1"}}, 403, ""},
		{"another socket", "connect: []", "/other/websocket", nil, 404, ""},
		{"long poll", "connect: []", "/socket/longpoll", nil, 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := serve(t, "sockets:\n  - path: /socket\n    "+tt.rules+"\n")
			path := tt.path
			if strings.Contains(path, "TOKEN") {
				path = strings.ReplaceAll(path, "TOKEN", h.token("7"))
			}
			if _, got := h.try(path, tt.header); got != tt.want {
				t.Errorf("status %d, want %d\n%s", got, tt.want, h.log.String())
			}
			if logged := h.log.String(); tt.logged != "" && !strings.Contains(logged, tt.logged) || tt.logged == "" && strings.Contains(logged, "ERROR") {
				t.Errorf("logged %q, want %q", logged, tt.logged)
			}
		})
	}
}

func TestSocketRoutes(t *testing.T) {
	h := serve(t, `
sockets:
  - path: /tenants/:tenant/socket
    connect: {require: params.tenant == 'a'}
    channels: [{topic: t, join: []}]
`)
	for path, want := range map[string]int{
		"/tenants/a/socket/websocket":          101,
		"/tenants/b/socket/websocket":          403,
		"/tenants/b/socket/websocket?tenant=a": 403, // the path counts
		"/tenants/a/socket/websocket/":         101, // as Phoenix, which drops empty segments
		"/tenants/a/socket//websocket":         101,
		"//tenants/a//socket/websocket//":      101,
		"/tenants/b/socket//websocket":         403,
		"/tenants//socket/websocket":           404,
	} {
		if _, got := h.try(path, nil); got != want {
			t.Errorf("%s: status %d, want %d", path, got, want)
		}
	}
	answer, err := http.Get(h.http.URL + "/tenants/a/socket/websocket")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 400 {
		t.Errorf("a plain GET: status %d, want 400", answer.StatusCode)
	}
	answer, err = http.Post(h.http.URL+"/tenants/a/socket/websocket", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 400 {
		t.Errorf("a POST: status %d, want 400", answer.StatusCode)
	}
	routes := h.live.Load().Routes
	if last := routes[len(routes)-1]; last.Label() != "GET /tenants/:tenant/socket/websocket" || last.Handler != "socket /tenants/:tenant/socket" {
		t.Errorf("the table has %s %s", last.Label(), last.Handler)
	}
}

func TestConnectCountsItsCallers(t *testing.T) {
	h := serve(t, "sockets: [{path: /socket, connect: [{rate_limit: {rate: 1/h}}]}]\n")
	for i, want := range []int{101, 403, 403} {
		if _, got := h.try("/socket/websocket", nil); got != want {
			t.Errorf("connection %d: status %d, want %d", i, got, want)
		}
	}
}

// rooms is a socket for the tests of one channel: what a client says in its params and
// payloads is all it knows.
func rooms(channel string) string {
	return "sockets:\n  - path: /socket\n    connect: [{assign: {user: \"${params.user ?? 'nobody'}\"}}]\n    id: user:${user}\n    channels:\n" + channel
}

func TestJoin(t *testing.T) {
	tests := []struct{ name, join, topic, payload, want string }{
		{"open", "[]", "room:7", "{}", okReply},
		{"a reply", "{reply: {id: \"${params.id}\", topic: \"${topic}\", user: \"${user}\", socket: \"${socket}\", event: \"${event}\"}}", "room:7", "{}",
			`{"status":"ok","response":{"id":"7","topic":"room:7","user":"ann","socket":{"id":"user:ann","transport":"websocket"},"event":"phx_join"}}`},
		{"the payload as it came", "{reply: \"${payload}\"}", "room:7", `{"a": 1.0,"b":[null]}`, `{"status":"ok","response":{"a": 1.0,"b":[null]}}`},
		{"a capture", "{require: params.id == '7'}", "room:7", "{}", okReply},
		{"another capture", "{require: params.id == '7'}", "room:8", "{}", unauthorized},
		{"what the client says", "{require: payload.secret == 'x'}", "room:7", `{"secret":"x"}`, okReply},
		{"what it does not say", "{require: payload.secret == 'x'}", "room:7", `{}`, unauthorized},
		{"nil against nil", "{require: 'payload?.a == payload?.b'}", "room:7", `{}`, unauthorized},
		{"a payload that is no map", "{require: payload.secret == 'x'}", "room:7", `[1]`, unauthorized},
		{"unlike types", "{require: payload.n == '5'}", "room:7", `{"n":5}`, unauthorized},
		{"an error reply", "{reply_error: {reason: full}}", "room:7", "{}", `{"status":"error","response":{"reason":"full"}}`},
		{"an error reply in else", "[{require: false, else: {reply_error: {why: \"${failure.reason}\"}}}]", "room:7", "{}", `{"status":"error","response":{"why":"forbidden"}}`},
		{"a token of the payload", "[{verify_token: {token: user, from: [{payload: token}]}}]", "room:7", `{"token":"bad"}`, unauthorized},
		{"a limit", "[{rate_limit: {rate: 1/h, key: \"${user}\"}}, {rate_limit: {rate: 1/h, key: \"${nil}\"}}]", "room:7", `{}`, `{"status":"error","response":{"reason":"rate_limited"}}`},
		{"an error of ours", "{assign: {n: \"${int(socket.transport)}\"}}", "room:7", `{}`, joinCrashed},
		{"what the client did not send", "{assign: {n: \"n ${payload.n}\"}}", "room:7", `{}`, invalidReply},
		{"a map of the client's", "{assign: {n: \"n ${payload.n ?? 1}\"}}", "room:7", `{"n":{}}`, invalidReply},
		{"a when that the client makes undecidable", "[{reply_error: {}, when: payload.n > 1}]", "room:7", `{"n":"x"}`, invalidReply},
		{"a when that cannot be decided", "[{reply_error: {}, when: int(socket.transport) > 1}]", "room:7", `{}`, joinCrashed},
		{"stop", "stop", "room:7", `{}`, joinCrashed},
		{"no such topic", "[]", "hall:7", "{}", ""},
		{"an empty capture", "[]", "room:", "{}", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := serve(t, rooms("      - topic: room:{id}\n        join: "+tt.join+"\n"))
			c := h.dial("/socket/websocket?user=ann")
			if tt.want == "" {
				c.play(fmt.Sprintf(`> ["1","1",%q,"phx_join",%s]`, tt.topic, tt.payload),
					fmt.Sprintf(`< [null,"1",%q,"phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`, tt.topic))
				return
			}
			c.join(tt.topic, tt.payload, tt.want)
			if logged := h.log.String(); strings.Contains(logged, "ERROR") != (tt.want == joinCrashed && tt.name != "stop") {
				t.Errorf("logged %q", logged)
			}
			if tt.want == okReply {
				return
			}
			if strings.Contains(tt.want, `"status":"error"`) { // nobody is in who was refused
				c.play(fmt.Sprintf(`> ["1","2",%q,"x",{}]`, tt.topic), fmt.Sprintf(`< [null,"2",%q,"phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`, tt.topic))
			}
		})
	}
}

func TestEvents(t *testing.T) {
	h := serve(t, rooms(`
      - topic: room:{id}
        join: []
        after_join:
          - push: {event: hello, payload: {user: "${user}", said: "${payload}"}}
        handle_in:
          echo: {reply: "${payload}"}
          about: {reply: {event: "${event}", id: "${params.id}", user: "${user}", socket: "${socket.id}"}}
          silent:
          say: {broadcast: {}}
          others: {broadcast_from: {event: said, payload: {by: "${user}"}}}
          guarded: [{require: payload.key == 'x'}, {reply: {in: true}}]
          answered: [{require: payload.key == 'x', else: {reply_error: {no: "${failure.status}"}}}, reply]
          ignored: [{require: payload.key == 'x', else: []}, reply]
          broken: {reply: {n: "${int(socket.transport)}"}}
          counted: {reply: {n: "n ${payload.n}"}}
          bye: {stop: {reply: {bye: true}}}
          crash: {stop: error}
          evil: {push: {event: "${payload.event}"}}
`))
	joined := func() *client {
		return h.dial("/socket/websocket?user=ann").join("room:7", `{"p":1}`, okReply).play(`< ["1",null,"room:7","hello",{"user":"ann","said":{"p":1}}]`)
	}
	tests := []struct {
		name  string
		lines []string
	}{
		{"a reply byte for byte", []string{`> ["1","2","room:7","echo",{"a": 1.00,"z":[ 1 ]}]`, `< ["1","2","room:7","phx_reply",{"status":"ok","response":{"a": 1.00,"z":[ 1 ]}}]`}},
		{"what an event sees", []string{`> ["1","2","room:7","about",{}]`, `< ["1","2","room:7","phx_reply",{"status":"ok","response":{"event":"about","id":"7","user":"ann","socket":"user:ann"}}]`}},
		{"no reply", []string{`> ["1","2","room:7","silent",{}]`, `> ["1","3","room:7","echo",{}]`, `< ["1","3","room:7","phx_reply",{"status":"ok","response":{}}]`}},
		{"an event not declared", []string{`> ["1","2","room:7","nope",{}]`, `< ["1","2","room:7","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`}},
		{"the name of no event", []string{`> ["1","2","room:7","_",{}]`, `< ["1","2","room:7","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`}},
		{"a broadcast", []string{`> ["1","2","room:7","say",{"a": 1}]`, `< [null,null,"room:7","say",{"a": 1}]`}},
		{"a guard passes", []string{`> ["1","2","room:7","guarded",{"key":"x"}]`, `< ["1","2","room:7","phx_reply",{"status":"ok","response":{"in":true}}]`}},
		{"a guard refuses", []string{`> ["1","2","room:7","guarded",{}]`, `< ["1","2","room:7","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`,
			`> ["1","3","room:7","echo",{}]`, `< ["1","3","room:7","phx_reply",{"status":"ok","response":{}}]`}},
		{"an else answers", []string{`> ["1","2","room:7","answered",{"key":"y"}]`, `< ["1","2","room:7","phx_reply",{"status":"error","response":{"no":403}}]`}},
		{"an else that is silent ends the list", []string{`> ["1","2","room:7","ignored",{"key":"y"}]`, `> ["1","3","room:7","echo",{}]`, `< ["1","3","room:7","phx_reply",{"status":"ok","response":{}}]`}},
		{"an error of ours", []string{`> ["1","2","room:7","broken",{}]`, `< ["1","1","room:7","phx_error",{}]`,
			`> ["1","3","room:7","echo",{}]`, `< [null,"3","room:7","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`}},
		{"what the client did not send", []string{`> ["1","2","room:7","counted",{}]`, `< ["1","2","room:7","phx_reply",{"status":"error","response":{"reason":"invalid"}}]`,
			`> ["1","3","room:7","counted",{"n":[]}]`, `< ["1","3","room:7","phx_reply",{"status":"error","response":{"reason":"invalid"}}]`,
			`> ["1","4","room:7","counted",{"n":4}]`, `< ["1","4","room:7","phx_reply",{"status":"ok","response":{"n":"n 4"}}]`}},
		{"stop", []string{`> ["1","2","room:7","bye",{}]`, `< ["1","2","room:7","phx_reply",{"status":"ok","response":{"bye":true}}]`, `< ["1","1","room:7","phx_close",{}]`}},
		{"stop with an error", []string{`> ["1","2","room:7","crash",{}]`, `< ["1","1","room:7","phx_error",{}]`}},
		{"an event of the protocol", []string{`> ["1","2","room:7","evil",{"event":"phx_error"}]`, `< ["1","2","room:7","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { joined().play(tt.lines...).Close() })
	}
	if logged := h.log.String(); !strings.Contains(logged, "channel rules failed") || !strings.Contains(logged, "topic=room:7 in=handle_in event=broken") || !strings.Contains(logged, "app.yaml:") {
		t.Errorf("the error of ours is not logged with its place: %s", logged)
	}
	a, b := joined(), joined()
	a.play(`> ["1","2","room:7","others",{}]`, `> ["1","3","room:7","echo",{}]`, `< ["1","3","room:7","phx_reply",{"status":"ok","response":{}}]`)
	b.play(`< [null,null,"room:7","said",{"by":"ann"}]`)
}

func TestAnyOtherEvent(t *testing.T) {
	h := serve(t, rooms(`
      - topic: room:{id}
        join: []
        handle_in: {known: {reply: {known: true}}, _: {reply: {other: "${event}"}}}
`))
	h.dial("/socket/websocket").join("room:7", "{}", okReply).
		ask("room:7", "known", "{}", `{"status":"ok","response":{"known":true}}`).
		ask("room:7", "x", "{}", `{"status":"ok","response":{"other":"x"}}`).
		ask("room:7", "phx_close", "{}", `{"status":"error","response":{"reason":"unmatched event"}}`)
}

func TestFilter(t *testing.T) {
	h := serve(t, rooms(`
      - topic: room:{id}
        join: [{assign: {blocked: "${payload.blocked ?? []}"}}]
        handle_in:
          msg: {broadcast: {}}
          plain: {broadcast: {}}
          dropped: {broadcast: {}}
          kick: {broadcast: {}}
          done: reply
        handle_out:
          msg: [{require: "not has(blocked, payload.by)"}, push]
          dropped: []
          kick: [{when: payload.who == user, do: [push, stop]}, push: {event: kicked}]
`))
	ann := h.dial("/socket/websocket?user=ann").join("room:7", `{"blocked":["bob"]}`, okReply)
	bob := h.dial("/socket/websocket?user=bob").join("room:7", `{}`, okReply)
	done := []string{`> ["1","9","room:7","done",{}]`, `< ["1","9","room:7","phx_reply",{"status":"ok","response":{}}]`}
	ann.play(`> ["1",null,"room:7","msg",{"by":"bob"}]`, `> ["1",null,"room:7","msg",{"by":"cid"}]`, `> ["1",null,"room:7","dropped",{}]`).
		play(`< ["1",null,"room:7","msg",{"by":"cid"}]`, `> ["1",null,"room:7","plain",{}]`, `< [null,null,"room:7","plain",{}]`)
	bob.play(`< ["1",null,"room:7","msg",{"by":"bob"}]`, `< ["1",null,"room:7","msg",{"by":"cid"}]`, `< [null,null,"room:7","plain",{}]`)
	// What cannot be decided is dropped.
	ann.play(`> ["1",null,"room:7","msg",{}]`).play(done...)
	ann.play(`> ["1",null,"room:7","kick",{"who":"bob"}]`, `< ["1",null,"room:7","kicked",{"who":"bob"}]`)
	bob.play(`< ["1",null,"room:7","kick",{"who":"bob"}]`, `< ["1","1","room:7","phx_close",{}]`)
	if logged := h.log.String(); strings.Contains(logged, "ERROR") {
		t.Errorf("logged %s", logged)
	}
}

// What leave does is told to those who stay.
func TestLeave(t *testing.T) {
	h := serve(t, rooms(`
      - topic: room:{id}
        join: [{assign: {name: "${payload.name}"}}]
        handle_in: {rename: [{assign: {name: "${payload.name}"}}, reply]}
        leave: [{broadcast: {event: left, payload: {name: "${name}", user: "${user}", gone: "${payload == nil}"}}}]
`))
	ann := h.dial("/socket/websocket?user=ann").join("room:7", `{"name":"A"}`, okReply)
	bob := h.dial("/socket/websocket?user=bob").join("room:7", `{"name":"B"}`, okReply).ask("room:7", "rename", `{"name":"Bob"}`, okReply)
	bob.Close()
	ann.play(`< [null,null,"room:7","left",{"name":"Bob","user":"bob","gone":true}]`)
}
