package app_test

import (
	"testing"

	"github.com/openmanifest/gateway/internal/await"
)

// room gives a socket with a name of connect and one channel, whose handle_in and join
// differ from manifest to manifest.
func room(connect, join, get string) string {
	return "sockets:\n  - path: /socket\n    connect: [" + connect + "]\n    channels:\n      - topic: room:{id}\n        join: [" + join + "]\n        handle_in: {get: " + get + "}\n"
}

func TestReload(t *testing.T) {
	const (
		user  = `{assign: {user: "${params.user}"}}`
		team  = `{assign: {team: "${params.team ?? 'none'}"}}`
		name  = `{assign: {name: "${payload.name}", hits: 1}}`
		extra = `{assign: {aaa: 5, name: "${payload.name}", hits: 1, extra: 2}}`
	)
	phxError := `< ["1","1","room:7","phx_error",{}]`
	tests := []struct {
		name, before, after string
		lines               []string // after the reload; the member had asked before
		close               int      // the code with which the connection closes; 0: it stays
	}{
		{"other rules for the next event", room(user, name, `{reply: {v: 1}}`), room(user, name, `{reply: {v: 2, name: "${name}", user: "${user}"}}`),
			[]string{`> ["1","2","room:7","get",{}]`, `< ["1","2","room:7","phx_reply",{"status":"ok","response":{"v":2,"name":"N","user":"ann"}}]`}, 0},
		{"names in other slots", room(user, name, `{reply: {v: 1}}`), room(user+", "+team, extra, `[{assign: {hits: "${hits + 1}"}}, {reply: {name: "${name}", hits: "${hits}"}}]`),
			[]string{`> ["1","2","room:7","get",{}]`, `< ["1","2","room:7","phx_reply",{"status":"ok","response":{"name":"N","hits":2}}]`,
				`> ["1","3","room:7","get",{}]`, `< ["1","3","room:7","phx_reply",{"status":"ok","response":{"name":"N","hits":3}}]`}, 0},
		{"a name of join that is lacking", room(user, name, `{reply: {v: 1}}`), room(user, extra, `{reply: {extra: "${extra}"}}`),
			[]string{phxError, `> ["2","3","room:7","phx_join",{"name":"M"}]`, `< ["2","3","room:7","phx_reply",{"status":"ok","response":{}}]`,
				`> ["2","4","room:7","get",{}]`, `< ["2","4","room:7","phx_reply",{"status":"ok","response":{"extra":2}}]`}, 0},
		{"a name of connect that is lacking", room(user, name, `{reply: {v: 1}}`), room(user+", "+team, name, `{reply: {team: "${team}"}}`), nil, 1012},
		{"a name of connect that only join reads", room(user, name, `{reply: {v: 1}}`), room(user+", "+team, name+`, {require: team == 'a'}`, `{reply: {v: 2}}`), nil, 1012},
		{"a guard that is new", room(user, name, `{reply: {v: 1}}`), room(user, name, `[{require: name == 'other'}, {reply: {v: 1}}]`),
			[]string{`> ["1","2","room:7","get",{}]`, `< ["1","2","room:7","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`}, 0},
		{"an event that is gone", room(user, name, `{reply: {v: 1}}`), "sockets: [{path: /socket, connect: [], channels: [{topic: 'room:{id}', join: []}]}]\n",
			[]string{`> ["1","2","room:7","get",{}]`, `< ["1","2","room:7","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`}, 0},
		{"a topic that is gone", room(user, name, `{reply: {v: 1}}`), "sockets: [{path: /socket, connect: [], channels: [{topic: other, join: []}]}]\n",
			[]string{`< ["1","1","room:7","phx_close",{}]`, `> ["2","3","room:7","phx_join",{}]`, `< [null,"3","room:7","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`}, 0},
		{"a topic under another pattern", room(user, name, `{reply: {v: 1}}`), "sockets: [{path: /socket, connect: [], channels: [{topic: 'room:*', join: [], handle_in: {get: {reply: {rest: true}}}}]}]\n",
			[]string{`> ["1","2","room:7","get",{}]`, `< ["1","2","room:7","phx_reply",{"status":"ok","response":{"rest":true}}]`}, 0},
		{"a socket that is gone", room(user, name, `{reply: {v: 1}}`), "", nil, 1012},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := serve(t, tt.before)
			c := h.dial("/socket/websocket?user=ann").join("room:7", `{"name":"N"}`, okReply).
				ask("room:7", "get", `{}`, `{"status":"ok","response":{"v":1}}`)
			old := h.reload(tt.after)
			if tt.close != 0 {
				if got := c.closeCode(); got != tt.close {
					t.Errorf("close code %d, want %d", got, tt.close)
				}
			}
			c.play(tt.lines...)
			await.Until(t, "the old App closes", func() bool { return closed(old) })
		})
	}
}

// A manifest that goes back to what it was finds the names that were bound then.
func TestReloadThereAndBack(t *testing.T) {
	first := room(``, `{assign: {name: "${payload.name}"}}`, `{reply: {name: "${name}"}}`)
	h := serve(t, first)
	c := h.dial("/socket/websocket").join("room:7", `{"name":"N"}`, okReply)
	h.reload(room(``, ``, `{reply: {}}`))
	c.ask("room:7", "get", `{}`, okReply)
	h.reload(first)
	c.ask("room:7", "get", `{}`, `{"status":"ok","response":{"name":"N"}}`)
}

// A filter that is new holds for the next broadcast.
func TestReloadOfAFilter(t *testing.T) {
	channel := func(out string) string {
		return rooms("      - topic: room:{id}\n        join: []\n        handle_in: {msg: {broadcast: {}}, done: reply}\n" + out)
	}
	h := serve(t, channel(""))
	c := h.dial("/socket/websocket").join("room:7", `{}`, okReply)
	c.play(`> ["1",null,"room:7","msg",{}]`, `< [null,null,"room:7","msg",{}]`)
	h.reload(channel("        handle_out: {msg: []}\n"))
	c.play(`> ["1",null,"room:7","msg",{}]`).ask("room:7", "done", "{}", okReply)
	h.reload(channel(""))
	c.play(`> ["1",null,"room:7","msg",{}]`, `< [null,null,"room:7","msg",{}]`)
}
