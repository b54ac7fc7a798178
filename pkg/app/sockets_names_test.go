package app_test

import (
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
)

// counters is a channel that counts in names of each kind.
const counters = `
      - topic: room:{id}
        join:
          - assign: {hits: 0, name: "${payload.name ?? 'none'}"}
          - assign: {big: yes}
            when: payload.big ?? false
        handle_in:
          get: {reply: {hits: "${hits}", name: "${name}", user: "${user}"}}
          add:
            - assign: {step: "${payload.by}"}
            - assign: {hits: "${hits + step}"}
            - reply: {hits: "${hits}"}
          add_and_fail:
            - assign: {hits: "${hits + 1}"}
            - require: false
          twice:
            - {reply: {seen: "${payload.n}"}, when: payload.n == 1}
            - assign: {own: 1}
            - reply: {own: "${own}"}
          maybe: {reply: {big: "${big ?? 'no'}"}}
`

func TestNamesOfAMembership(t *testing.T) {
	h := serve(t, rooms(counters))
	a := h.dial("/socket/websocket?user=ann").join("room:7", `{"name":"A","big":true}`, okReply)
	b := h.dial("/socket/websocket?user=bob").join("room:7", `{}`, okReply)
	a.ask("room:7", "add", `{"by":2}`, `{"status":"ok","response":{"hits":2}}`).
		ask("room:7", "add", `{"by":3}`, `{"status":"ok","response":{"hits":5}}`).
		ask("room:7", "add_and_fail", `{}`, unauthorized).
		ask("room:7", "get", `{}`, `{"status":"ok","response":{"hits":6,"name":"A","user":"ann"}}`).
		ask("room:7", "maybe", `{}`, `{"status":"ok","response":{"big":"yes"}}`).
		ask("room:7", "twice", `{"n":1}`, `{"status":"ok","response":{"seen":1}}`).
		ask("room:7", "twice", `{"n":2}`, `{"status":"ok","response":{"own":1}}`)
	// Another membership, and the same client in another topic, have names of their own.
	b.ask("room:7", "get", `{}`, `{"status":"ok","response":{"hits":0,"name":"none","user":"bob"}}`).
		ask("room:7", "maybe", `{}`, `{"status":"ok","response":{"big":"no"}}`)
	a.join("room:8", `{"name":"A8"}`, okReply).ask("room:8", "get", `{}`, `{"status":"ok","response":{"hits":0,"name":"A8","user":"ann"}}`)
	// A new join begins anew.
	a.play(`> ["1","9","room:8","phx_leave",{}]`, `< ["1","9","room:8","phx_reply",{"status":"ok","response":{}}]`, `< ["1","1","room:8","phx_close",{}]`).
		join("room:8", `{}`, okReply).ask("room:8", "get", `{}`, `{"status":"ok","response":{"hits":0,"name":"none","user":"ann"}}`)
}

// A name may hold the request whole, and its params: they must not change when the
// context that ran connect serves others.
func TestNamesOutliveTheRunThatBoundThem(t *testing.T) {
	h := serve(t, `
sockets:
  - path: /socket
    connect_info: [x_headers]
    connect: [{assign: {from: "${request}", nested: {all: ["${request}"]}, said: "${params}", agent: "${socket.x_headers}"}}]
    channels:
      - topic: t
        join: []
        handle_in:
          who: {reply: {path: "${from.query.n}", all: "${nested.all[0].query.n}", said: "${said.n}", agent: "${agent['x-n']}"}}
`)
	var clients []*client
	for _, n := range []string{"1", "2", "3"} {
		c, status := h.try("/socket/websocket?n="+n, map[string][]string{"X-N": {n}})
		if c == nil {
			t.Fatalf("status %d", status)
		}
		h.token(n)
		clients = append(clients, c)
	}
	for i, c := range clients {
		n := string(rune('1' + i))
		c.join("t", "{}", okReply).ask("t", "who", "{}", strings.ReplaceAll(`{"status":"ok","response":{"path":"N","all":"N","said":"N","agent":"N"}}`, "N", n))
	}
}

func TestPresence(t *testing.T) {
	h := serve(t, rooms(`
      - topic: room:{id}
        join: []
        after_join: {track: {key: "${user}", meta: {status: online, n: 1}}}
        handle_in:
          set: [{update_presence: {merge: {status: "${payload.status}"}}}, reply]
          replace: [{update_presence: {key: "${user}", meta: "${payload}"}}, reply]
          again: [{track: {key: "${user}"}}, reply]
          other: [{track: {key: other}}, reply]
          away: [untrack, reply]
          list: {reply: {who: "${keys(presence_list(topic))}", n: "${presence_count(topic)}", status: "${presence_list(topic)[user].metas[0].status}"}}
`))
	diff := func(c *client, holds ...string) {
		t.Helper()
		got := c.receive()
		for _, part := range holds {
			if !strings.Contains(got, part) {
				t.Fatalf("received %s, want one with %s", got, part)
			}
		}
	}
	a := h.dial("/socket/websocket?user=ann").join("room:7", `{}`, okReply)
	diff(a, `[null,null,"room:7","presence_diff",{"joins":{"ann":`)
	diff(a, `["1",null,"room:7","presence_state",{"ann":{"metas":[{"phx_ref":"`, `"status":"online"`, `"n":1`)
	b := h.dial("/socket/websocket?user=bob").join("room:7", `{}`, okReply)
	diff(a, `"presence_diff"`, `"bob"`)
	diff(b, `"presence_diff"`, `"bob"`)
	diff(b, `"presence_state"`, `"bob"`, `"ann"`)
	a.ask("room:7", "list", `{}`, `{"status":"ok","response":{"who":["ann","bob"],"n":2,"status":"online"}}`)

	send := func(c *client, event, payload string) {
		c.play(`> ["1","5","room:7","` + event + `",` + payload + `]`)
	}
	reply := `< ["1","5","room:7","phx_reply",{"status":"ok","response":{}}]`
	send(a, "set", `{"status":"busy"}`)
	diff(a, `"presence_diff"`, `"joins":{"ann"`, `"phx_ref_prev"`, `"status":"busy"`, `"n":1`, `"leaves":{"ann"`)
	a.play(reply)
	diff(b, `"status":"busy"`)
	send(a, "replace", `{"x":1.50}`)
	diff(a, `"x":1.50`)
	a.play(reply)
	diff(b, `"x":1.50`)
	a.ask("room:7", "again", `{}`, `{"status":"error","response":{"reason":"conflict"}}`)
	a.ask("room:7", "replace", `[1]`, `{"status":"error","response":{"reason":"invalid"}}`)
	// untrack takes all that this member tracks.
	send(a, "other", `{}`)
	diff(a, `"joins":{"other"`)
	diff(a, `"presence_state"`)
	a.play(reply)
	diff(b, `"other"`)
	send(a, "away", `{}`)
	diff(a, `"leaves":{"ann"`)
	diff(a, `"leaves":{"other"`)
	a.play(reply)
	diff(b, `"leaves":{"ann"`)
	diff(b, `"leaves":{"other"`)
	a.ask("room:7", "set", `{"status":"x"}`, `{"status":"error","response":{"reason":"not_found"}}`)
	a.Close()
	b.Close()
	await.Until(t, "nobody is present", func() bool { return h.hub.Presence().Count("room:7") == 0 })
}
