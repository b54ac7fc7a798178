package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// channelled makes the manifest of an attack on channels.
func channelled(channels string) string {
	return attacked + given + `
sockets:
  - path: /socket
    connect:
      - verify_token: {token: user, from: [{param: token}]}
        as: user_id
    channels:
` + indent(channels, "      ")
}

// signedIn connects as the user with this id.
func (x *target) signedIn(id string) *client {
	x.t.Helper()
	return x.dial("/socket/websocket?token=" + x.signed("user", id))
}

// TestAttacksOnConnect: who cannot prove who they are is not connected.
func TestAttacksOnConnect(t *testing.T) {
	x := newTarget(t)
	x.open(x.load(channelled("- topic: a\n  join: []")+`
  - path: /broken
    connect: [{assign: {n: "${1 / int(params.n)}"}}]
  - path: /missing
    connect: [{require: params.banned != 'yes'}]
  - path: /else
    connect: [{require: "params.key == 'k'", else: {send_resp: 418}}]
`, nil))
	for _, tt := range []struct {
		path   string
		status int
	}{
		{"/socket/websocket", 403},
		{"/socket/websocket?token=", 403},
		{"/socket/websocket?token=" + x.signed("mail", "1"), 403},
		{"/socket/websocket?token=" + x.signed("user", "1") + "x", 403},
		{"/socket/websocket?token[]=" + x.signed("user", "1"), 403},
		{"/broken/websocket", 403},
		{"/broken/websocket?n=0", 403},
		{"/missing/websocket", 403},
		{"/missing/websocket?banned=yes", 403},
		{"/else/websocket", 418},
		{"/missing/websocket?banned=no", http.StatusSwitchingProtocols},
		{"/socket/websocket?token=" + x.signed("user", "1"), http.StatusSwitchingProtocols},
	} {
		if _, status := x.try(tt.path, nil); status != tt.status {
			t.Errorf("%s: %d, want %d", tt.path, status, tt.status)
		}
	}
	if _, status := x.try("/socket/websocket?token="+x.signed("user", "1"), http.Header{"Origin": {"https://evil.example"}}); status != 403 {
		t.Errorf("a page of another site: %d", status)
	}
}

// TestAttacksOnJoin: a join whose rule is not true, or cannot be decided, is refused.
func TestAttacksOnJoin(t *testing.T) {
	tests := []struct {
		name, rule    string
		topic, sent   string
		opens, opened string // topic and payload of a join that is let in; "" for none
	}{
		{"a missing member", "require: payload.banned != true", "a:1", `{}`, "a:1", `{"banned": false}`},
		{"a payload that is none", "require: payload.banned != true", "a:1", `null`, "", ""},
		{"a payload that is a list", "require: payload.banned != true", "a:1", `[]`, "", ""},
		{"two missing members", "require: payload.a == payload.b", "a:1", `{}`, "a:1", `{"a": 1, "b": 1}`},
		{"two nulls", "require: payload.a == payload.b", "a:1", `{"a": null, "b": null}`, "", ""},
		{"the id of another", "require: params.id == string(user_id)", "a:2", `{}`, "a:1", `{}`},
		{"a text and a number", "require: params.id == user_id", "a:1", `{}`, "", ""},
		{"a role like another", "require: has(payload.roles, 'admin')", "a:1", `{"roles": "not-admin"}`, "a:1", `{"roles": ["admin"]}`},
		{"a capture by the payload", "require: params.id == string(user_id)", "a:2", `{"id": "1", "params": {"id": "1"}}`, "", ""},
		{"a token of another kind", "verify_token: {token: mail, from: [{payload: token}]}", "a:1", `{"token": "<user:1>"}`, "a:1", `{"token": "<mail:1>"}`},
		{"a row of another", "query_one: select id from posts where id = ${int(params.id)} and user_id = ${user_id}", "a:2", `{}`, "a:1", `{}`},
		{"a statement for an id", "query_one: select id from posts where title = ${payload.t}", "a:1", `{"t": "' or '1'='1"}`, "a:1", `{"t": "of ada"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newTarget(t)
			x.open(x.load(channelled("- topic: a:{id}\n  join:\n    - "+tt.rule), nil))
			x.ask("GET", "/given/rows", "")
			if got := x.joined(tt.topic, tt.sent); !strings.Contains(got, `"status":"error"`) {
				t.Errorf("%s %s: %s", tt.topic, tt.sent, got)
			}
			if tt.opens == "" {
				return
			}
			if got := x.joined(tt.opens, tt.opened); !strings.Contains(got, `"status":"ok"`) {
				t.Errorf("%s %s must be let in: %s\n%s", tt.opens, tt.opened, got, x.log.String())
			}
		})
	}
}

// joined joins a topic as the user 1 and gives the reply.
func (x *target) joined(topic, payload string) string {
	x.t.Helper()
	for _, kind := range []string{"user", "mail"} {
		if strings.Contains(payload, "<"+kind+":1>") {
			payload = strings.ReplaceAll(payload, "<"+kind+":1>", x.signed(kind, "1"))
		}
	}
	c := x.signedIn("1")
	return c.play(fmt.Sprintf(`> ["1","1",%q,"phx_join",%s]`, topic, payload)).receive()
}

// TestTopicsThatAreNone: a capture is never empty and never more than its part.
func TestTopicsThatAreNone(t *testing.T) {
	x := newTarget(t)
	x.open(x.load(channelled("- topic: a:{id}\n  join: []"), nil))
	c := x.signedIn("1")
	for _, topic := range []string{"a:", "a", "a:1:2", ":1", "b:1", "phoenix", ""} {
		c.play(fmt.Sprintf(`> ["1","1",%q,"phx_join",{}]`, topic))
		if got := c.receive(); !strings.Contains(got, `"status":"error"`) {
			t.Errorf("%q: %s", topic, got)
		}
	}
}

// TestEventsOfTheProtocol: what a client sends under the names of the protocol reaches no
// handler and no other member, and no rule can send it.
func TestEventsOfTheProtocol(t *testing.T) {
	x := newTarget(t)
	x.open(x.load(channelled(`- topic: a
  join: []
  handle_in:
    send:
      - broadcast: {event: "${payload.event}", payload: {}}
      - reply: {sent: true}
    ping: {reply: {pong: true}}
    _: {reply: {inside: true}}`), nil))
	attacker, member := x.signedIn("2").join("a", "{}", okReply), x.signedIn("1").join("a", "{}", okReply)
	for _, event := range []string{"phx_reply", "phx_error", "phx_close", "phx_other"} {
		attacker.play(fmt.Sprintf(`> ["1","7","a",%q,{}]`, event))
		attacker.play(fmt.Sprintf(`> ["1","8","a","send",{"event":%q}]`, event))
		for got := ""; !strings.Contains(got, `"8"`); {
			if got = attacker.receive(); strings.Contains(got, "inside") || strings.Contains(got, "sent") {
				t.Errorf("%s: %s", event, got)
			}
		}
	}
	attacker.ask("a", "ping", "{}", `{"status":"ok","response":{"pong":true}}`)
	member.ask("a", "ping", "{}", `{"status":"ok","response":{"pong":true}}`) // the first that it gets
}

// TestEventsBeforeTheJoin: who has not joined a topic reaches none of its rules.
func TestEventsBeforeTheJoin(t *testing.T) {
	x := newTarget(t)
	x.open(x.load(channelled("- topic: a\n  join: [{require: false}]\n  handle_in: {_: {reply: {inside: true}}}"), nil))
	c := x.signedIn("1")
	for _, line := range []string{`["1","2","a","e",{}]`, `[null,"2","a","e",{}]`} {
		if got := c.play("> " + line).receive(); strings.Contains(got, "inside") || !strings.Contains(got, "unmatched topic") {
			t.Errorf("%s: %s", line, got)
		}
	}
	c.join("a", "{}", unauthorized)
	if got := c.play(`> ["1","2","a","e",{}]`).receive(); strings.Contains(got, "inside") {
		t.Errorf("after a join that was refused: %s", got)
	}
}

// TestHiddenFieldsOfChannels: a row in a reply, a push, a broadcast or a presence leaves its
// hidden fields behind, and handle_out that cannot be decided drops.
func TestHiddenFieldsOfChannels(t *testing.T) {
	x := newTarget(t)
	x.open(x.load(channelled(`- topic: a
  join:
    - query_one: select * from users where id = ${user_id}
      as: me
    - reply: {me: "${me}"}
  after_join:
    - push: {event: hello, payload: "${me}"}
    - track: {key: "${user_id}", meta: {who: "${me}"}}
  handle_in:
    all:
      - query: select * from users
        as: users
      - broadcast: {event: rows, payload: {rows: "${users}", me: "${merge(me, {a: 1})}"}}
      - broadcast: {event: secret, payload: {inside: true}}
      - broadcast: {event: end, payload: {}}
  handle_out:
    secret:
      - require: payload.to == user_id
      - push`), nil))
	x.ask("GET", "/given/rows", "")
	c := x.signedIn("1")
	c.play(`> ["1","1","a","phx_join",{}]`, `> ["1","2","a","all",{}]`)
	var seen strings.Builder
	for !strings.Contains(seen.String(), `"end"`) {
		_, text, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(text)
	}
	for _, part := range []string{"hello", "presence_state", "rows", "ada"} {
		if !strings.Contains(seen.String(), part) {
			t.Errorf("there is no %q: %s", part, seen.String())
		}
	}
	for _, part := range []string{hash, "password_hash", "inside"} {
		if strings.Contains(seen.String(), part) {
			t.Errorf("%q left: %s", part, seen.String())
		}
	}
	_ = c.WriteMessage(websocket.CloseMessage, nil) // it ends anyway
}

// TestHiddenFieldsOfABroadcast: a row that a route sends to a channel leaves its hidden
// fields behind.
func TestHiddenFieldsOfABroadcast(t *testing.T) {
	x := newTarget(t)
	x.open(x.load(strings.Replace(channelled("- topic: a\n  join: []"), "\nsockets:", `
  - routes:
      - get: /shout
        do:
          - query: select * from users order by id
            as: users
          - broadcast: {topic: a, event: shout, payload: {first: "${users[0]}", all: "${users}"}}
          - text: OK
sockets:`, 1), nil))
	x.ask("GET", "/given/rows", "")
	c := x.signedIn("1").join("a", "{}", okReply)
	x.ask("GET", "/shout", "")
	if got := c.receive(); !strings.Contains(got, "ada") || !strings.Contains(got, "eve") || strings.Contains(got, hash) || strings.Contains(got, "password_hash") {
		t.Errorf("%s\n%s", got, x.log.String())
	}
}

// TestRulesOfChannelsThatOpen: what would open a channel by mistake is refused at load.
func TestRulesOfChannelsThatOpen(t *testing.T) {
	for name, tt := range map[string]struct{ channel, load string }{
		"an else that replies":        {"- topic: a\n  join: [{require: \"user_id == 1\", else: {reply: {}}}]", "would let the caller in"},
		"an else that is empty":       {"- topic: a\n  join: [{require: \"user_id == 1\", else: []}]", "must end in an answer"},
		"an else that continues":      {"- topic: a\n  join: [{require: \"user_id == 1\", else: continue}]", "would guard nothing"},
		"an else behind a condition":  {"- topic: a\n  join: [{require: \"user_id == 1\", else: {reply_error: {}, when: \"false\"}}]", "must end in an answer"},
		"no join":                     {"- topic: a", "needs \"join\""},
		"an empty join":               {"- topic: a\n  join:", "`join` is empty"},
		"a name of connect":           {"- topic: a\n  join: [{assign: {user_id: 2}}]", "already bound|cannot be set again"},
		"a name of connect by as":     {"- topic: a\n  join: [{verify_token: {token: mail, from: [{payload: t}]}, as: user_id}]", "already bound"},
		"an event of the protocol":    {"- topic: a\n  join: []\n  handle_in: {phx_join: []}", "belongs to the protocol"},
		"a push of the protocol":      {"- topic: a\n  join: []\n  after_join: [{push: {event: phx_close}}]", "belongs to the protocol"},
		"a capture that is no secret": {"- topic: a:{id}\n  join: [{require: params.ids == '1'}]", "there is no member \"ids\""},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTarget(t)
			loaded := x.load(channelled(tt.channel), nil)
			problems := told(loaded.Problems)
			found := false
			for part := range strings.SplitSeq(tt.load, "|") {
				found = found || strings.Contains(problems, part)
			}
			if !loaded.Failed() || !found {
				t.Errorf("not refused with %q: %s", tt.load, problems)
			}
		})
	}
}
