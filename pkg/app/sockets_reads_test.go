package app_test

import (
	"fmt"
	"path/filepath"
	"testing"
)

// Wherever a list reads a name that join bound, a member without it joins again at the
// reload; where only the join reads it, the member stays.
func TestReloadFindsWhatIsRead(t *testing.T) {
	const manifest = `
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas: {note: {table: notes, fields: {body: {type: string}}}}
pipelines: {shared: [{when: "%s > 1", do: [{assign: {hits: 1}}]}]}
sockets:
  - path: /socket
    connect: []
    id: me
    channels:
      - topic: room:{id}
        join: [{assign: {hits: 0%s}}]
        after_join: [%s]
        handle_in: {get: [%s]}
        handle_out: {out: [%s]}
        leave: [%s]
`
	tests := []struct {
		name                  string
		after, in, out, leave string
		stays                 bool
	}{
		{name: "nowhere", in: `{reply: {v: 2}}`, stays: true},
		{name: "after the join only", after: `{push: {event: e, payload: {extra: "${extra}"}}}`, stays: true},
		{name: "a reply", in: `{reply: {extra: "${extra}"}}`},
		{name: "deep in a reply", in: `{reply: {a: [{b: ["x${extra}"]}]}}`},
		{name: "a condition of an answer", in: `{reply: {}, when: extra == 1}`},
		{name: "a condition of a branch", in: `{when: extra == 1, do: [reply]}`},
		{name: "inside a branch", in: `{when: hits == 1, do: [{reply: {extra: "${extra}"}}]}`},
		{name: "the other arm of a branch", in: `{when: hits == 1, do: [reply], else: [{reply: {extra: "${extra}"}}]}`},
		{name: "an else", in: `{require: hits == 1, else: {reply_error: {extra: "${extra}"}}}`},
		{name: "a guard", in: `{require: extra == 2}`},
		{name: "SQL", in: `{query: "select body from notes where id = ${extra}"}`},
		{name: "values of a row", in: `{insert: {schema: note, values: {body: "${string(extra)}"}}}`},
		{name: "an assign", in: `{assign: {hits: "${hits + extra}"}}`},
		{name: "a closure", in: `{reply: {l: "${map([1], # + extra)}"}}`},
		{name: "a key of a limit", in: `{rate_limit: {rate: 1/s, key: "${extra}"}}`},
		{name: "a key of presence", in: `{track: {key: "k${extra}"}}`},
		{name: "a topic", in: `{broadcast: {topic: "room:${extra}", event: e}}`},
		{name: "an event", in: `{push: {event: "e${extra}"}}`},
		{name: "an id", in: `{disconnect: "u${extra}"}`},
		{name: "a pipeline", in: `{pipe_through: shared}`},
		{name: "a filter", out: `{require: extra == 2}, push`},
		{name: "the list of leaving", leave: `{broadcast: {event: left, payload: {extra: "${extra}"}}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := serveWith(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), fmt.Sprintf(manifest, "1", "", "", "{reply: {v: 1}}", "", ""))
			c := h.dial("/socket/websocket").join("room:7", "{}", okReply).ask("room:7", "get", "{}", `{"status":"ok","response":{"v":1}}`)
			h.reload(fmt.Sprintf(manifest, "extra", ", extra: 2", tt.after, tt.in, tt.out, tt.leave))
			if tt.stays {
				c.play(`> ["1","2","room:7","nope",{}]`, `< ["1","2","room:7","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`)
				return
			}
			c.play(`< ["1","1","room:7","phx_error",{}]`, `> ["2","3","room:7","phx_join",{}]`, `< ["2","3","room:7","phx_reply",{"status":"ok","response":{}}]`)
		})
	}
}
