package app_test

import (
	"strings"
	"testing"
)

func TestSocketProblems(t *testing.T) {
	socket := func(rest string) string { return "sockets:\n  - path: /socket\n    connect: []\n" + rest }
	channel := func(rest string) string {
		return socket("    channels:\n      - topic: room:{id}\n        join: []\n" + rest)
	}
	tests := []struct {
		name, sockets string
		want          []string // parts of the problems, in order
	}{
		{"no connect", "sockets: [{path: /socket}]\n", []string{"needs \"connect\""}},
		{"an empty connect", "sockets:\n  - path: /socket\n    connect:\n", []string{"`connect` is empty"}},
		{"no join", socket("    channels: [{topic: a}]\n"), []string{"needs \"join\""}},
		{"an empty join", socket("    channels:\n      - topic: a\n        join:\n"), []string{"`join` is empty"}},
		{"a path that is no path", "sockets: [{path: socket, connect: []}]\n", []string{"a path begins with"}},
		{"a path with a wildcard", "sockets: [{path: /a/*rest, connect: []}]\n", []string{"cannot end in a wildcard"}},
		{"two sockets at one path", "sockets: [{path: /a, connect: []}, {path: /a/, connect: []}]\n", []string{"there is already a socket at /a"}},
		{"two sockets of one shape", "sockets: [{path: '/a/:b', connect: []}, {path: '/a/:c', connect: []}]\n", []string{"has the shape of GET /a/:b/websocket"}},
		{"a route at the websocket", "sockets: [{path: /taken, connect: []}]\n", []string{"GET /taken/websocket has the shape of GET /taken/websocket"}},
		{"no transport", "sockets: [{path: /a, connect: [], websocket: false}]\n", []string{"no client can reach this socket"}},
		{"an origin that is none", "sockets: [{path: /a, connect: [], check_origin: [a.example, //b.example]}]\n", []string{"this is no origin"}},
		{"a topic twice", socket("    channels: [{topic: a, join: []}, {topic: a, join: []}]\n"), []string{"a is never reached: a before it takes every such topic"}},
		{"a topic that another covers", socket("    channels: [{topic: 'room:*', join: []}, {topic: 'room:{id}', join: []}]\n"), []string{"room:{id} is never reached: room:* before it"}},
		{"a special topic first", socket("    channels: [{topic: 'room:lobby', join: []}, {topic: 'room:{id}', join: []}]\n"), nil},
		{"a topic of the protocol", socket("    channels: [{topic: phoenix, join: []}]\n"), []string{"belongs to the protocol"}},
		{"a star inside", socket("    channels: [{topic: 'a*b', join: []}]\n"), []string{"17:26: a * may stand only at the end"}},
		{"a computed topic", socket("    channels: [{topic: 'room:${params.id}', join: []}]\n"), []string{"a topic is not computed"}},
		{"an event of the protocol", channel("        handle_in: {phx_join: reply}\n"), []string{`the event "phx_join" belongs to the protocol`}},
		{"an event of the protocol to filter", channel("        handle_out: {phx_reply: push}\n"), []string{`the event "phx_reply" belongs to the protocol`}},
		{"any other event to filter", channel("        handle_out: {_: push}\n"), []string{"`_` stands in handle_in only"}},
		{"a capture misspelt", channel("        handle_in: {x: {reply: {id: \"${params.ids}\"}}}\n"), []string{"ids"}},
		{"a param where none is captured", socket("    channels: [{topic: 'room:*', join: {require: params.id == '1'}}]\n"), []string{"id"}},
		{"a name of another list", channel("        handle_in: {x: [{assign: {n: 1}}, reply], y: {reply: {n: \"${n}\"}}}\n"), []string{`"n"`}},
		{"a name of after_join", channel("        after_join: [{assign: {n: 1}}]\n        leave: [{broadcast: {event: e, payload: \"${n}\"}}]\n"), []string{`"n"`}},
		{"a name of connect set again", "sockets:\n  - path: /s\n    connect: [{assign: {u: 1}}]\n    channels: [{topic: a, join: [{assign: {u: 2}}]}]\n", []string{`"u" is bound and cannot be set again`}},
		{"the request in a channel", channel("        handle_in: {x: {reply: {ip: \"${request.ip}\"}}}\n"), []string{"request"}},
		{"the payload in connect", "sockets: [{path: /s, connect: [{require: payload.a == 1}]}]\n", []string{"payload"}},
		{"an unknown name in the id", "sockets: [{path: /s, connect: [], id: 'user:${user_id}'}]\n", []string{"user_id"}},
		{"an else of join that opens", channel("") + "      - topic: b\n        join: [{require: false, else: reply}]\n", []string{"would let the caller in"}},
		{"an else of join without an answer", channel("") + "      - topic: b\n        join: [{require: false, else: []}]\n", []string{"must end in an answer"}},
		{"a push in join", socket("    channels: [{topic: a, join: [push]}]\n"), []string{"`push` cannot stand in join"}},
		{"a reply in leave", channel("        leave: [reply]\n"), []string{"`reply` cannot stand in leave"}},
		{"what cannot run", channel("        handle_in: {x: [reply, push]}\n"), []string{"can never run"}},
		{"several at once", channel("        handle_in: {x: nope, y: {reply: \"${z}\"}}\n"), []string{`unknown plug "nope"`, `"z"`}},
	}
	h := serve(t, "")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loaded := h.compile(tt.sockets)
			var got []string
			for _, p := range loaded.Problems {
				got = append(got, p.Error())
			}
			if len(got) != len(tt.want) {
				t.Fatalf("problems:\n%s\nwant %q", strings.Join(got, "\n"), tt.want)
			}
			for i, part := range tt.want {
				if !strings.Contains(got[i], part) {
					t.Errorf("problem %d: %s\nwant %q", i, got[i], part)
				}
			}
			if loaded.Failed() != (len(tt.want) > 0) {
				t.Errorf("an App in spite of problems, or none without: %v", loaded.App)
			}
		})
	}
}
