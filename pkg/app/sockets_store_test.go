package app_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// stored is a room whose door, lists and farewells use the database.
const stored = `
stores: {main: {url: "${env.DATABASE_URL}", pool: 4}}
schemas:
  member:
    table: members
    fields: {room: {type: string}, name: {type: string}, secret: {type: string, hidden: true}, age: {type: integer}}
  message:
    table: messages
    fields: {room: {type: string}, body: {type: text, required: true, length: {max: 5}}, slug: {type: string, unique: true}}
pipelines:
  membership:
    - query_one: select id, name, secret, age from members where room = ${params.room} and name = ${name}
      as: member
    - query: select name from members where room = ${params.room} and name != ${name} order by name
      as: others
    - assign: {muted: "${map(others, .name)}", seen: 0}
sockets:
  - path: /socket
    connect:
      - query: select id from members
        as: everyone
      - assign: {name: "${params.user ?? 'nobody'}"}
    id: ${name}
    channels:
      - topic: setup
        join: []
        handle_in:
          member: [{insert: {schema: member, values: "${payload}"}}, reply]
          left: [{query: select body from messages where room = 'farewells' order by id, as: rows}, {reply: {said: "${map(rows, .body)}", all: "${len(everyone)}"}}]
      - topic: room:{room}
        join:
          - pipe_through: membership
          - reply: {member: "${member}", muted: "${muted}", knows: "${member.secret}"}
        after_join:
          - execute: update members set age = age + 1 where id = ${member.id}
          - query_one: select age from members where id = ${member.id}
            as: now_aged
          - push: {event: welcome, payload: {age: "${now_aged.age}"}}
        handle_in:
          whoami: {reply: "${member}"}
          count: [{assign: {seen: "${seen + 1}"}}, {reply: {seen: "${seen}", of: "${member.name}"}}]
          say:
            - validate: {fields: {body: {type: string, required: true}}}
            - insert: {schema: message, values: {room: "${params.room}", body: "${payload.body}", slug: "${payload?.slug}"}}
              as: saved
            - assign: {seen: "${seen + 1}"}
            - broadcast: {payload: {by: "${name}", body: "${saved.body}"}}
            - reply: {body: "${saved.body}", seen: "${seen}"}
          find: [{query_one: "select body from messages where slug = ${payload.slug}", as: m}, {reply: "${m}"}]
          find_else: [{query_one: "select body from messages where slug = ${payload.slug}", as: m, else: {reply_error: {why: "${failure.reason}"}}}, {reply: "${m}"}]
          find_on: [{query_one: "select body from messages where slug = ${payload.slug}", as: m, else: continue}, {reply: {m: "${m?.body}"}}]
          number: [{query_one: "select name from members where age > ${payload.n}", as: m, else: continue}, {reply: {}}]
          list: [{query: "select body from messages where room = ${params.room} order by id", as: ms}, {reply: {list: "${ms}"}}]
        handle_out:
          say: [{require: "not has(muted, payload.by)"}, {query_one: "select count(*) as n from messages", as: n}, {push: {payload: {body: "${payload.body}", n: "${n.n}", to: "${member.name}"}}}]
        leave:
          - insert: {schema: message, values: {room: farewells, body: "${member.name}"}}
`

// both runs a test on each kind of database, with two members in the room x and none other.
func both(t *testing.T, test func(t *testing.T, h *house, setup *client)) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			h := serveWith(t, db.URL(t), stored)
			setup := h.dial("/socket/websocket").join("setup", "{}", okReply)
			for _, name := range []string{"ann", "bob"} {
				setup.ask("setup", "member", `{"room":"x","name":"`+name+`","age":30}`, okReply)
			}
			test(t, h, setup)
		})
	}
}

func TestMembersByTheDatabase(t *testing.T) {
	both(t, func(t *testing.T, h *house, setup *client) {
		const notFound = `{"status":"error","response":{"reason":"not_found"}}`
		h.dial("/socket/websocket?user=eve").join("room:x", "{}", notFound).
			play(`> ["1","2","room:x","whoami",{}]`, `< [null,"2","room:x","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
		ann := h.dial("/socket/websocket?user=ann").join("room:y", "{}", notFound)
		ann.join("room:x", "{}", `{"status":"ok","response":{"member":{"id":1,"name":"ann","age":30},"muted":["bob"],"knows":null}}`).
			play(`< ["1",null,"room:x","welcome",{"age":31}]`)
		// What join bound stays as it was, and hidden columns stay here.
		ann.ask("room:x", "whoami", "{}", `{"status":"ok","response":{"id":1,"name":"ann","age":30}}`).
			ask("room:x", "count", "{}", `{"status":"ok","response":{"seen":1,"of":"ann"}}`).
			ask("room:x", "count", "{}", `{"status":"ok","response":{"seen":2,"of":"ann"}}`)
		// Each membership has its own names.
		bob := h.dial("/socket/websocket?user=bob").
			join("room:x", "{}", `{"status":"ok","response":{"member":{"id":2,"name":"bob","age":30},"muted":["ann"],"knows":null}}`).
			play(`< ["1",null,"room:x","welcome",{"age":31}]`)
		bob.ask("room:x", "count", "{}", `{"status":"ok","response":{"seen":1,"of":"bob"}}`)
		bob.play(`> ["2","2","room:x","phx_join",{}]`, `< ["2","2","room:x","phx_reply",{"status":"ok","response":{"member":{"id":2,"name":"bob","age":31},"muted":["ann"],"knows":null}}]`,
			`< ["1","1","room:x","phx_close",{}]`, `< ["2",null,"room:x","welcome",{"age":32}]`,
			`> ["2","3","room:x","count",{}]`, `< ["2","3","room:x","phx_reply",{"status":"ok","response":{"seen":1,"of":"bob"}}]`)
		ann.Close()
		await.Until(t, "the farewells of both are kept", func() bool {
			setup.play(`> ["1","5","setup","left",{}]`)
			return setup.receive() == `["1","5","setup","phx_reply",{"status":"ok","response":{"said":["bob","ann"],"all":0}}]`
		})
	})
}

func TestEventsByTheDatabase(t *testing.T) {
	both(t, func(t *testing.T, h *house, _ *client) {
		ann, bob := h.dial("/socket/websocket?user=ann"), h.dial("/socket/websocket?user=bob")
		for _, c := range []*client{ann, bob} {
			c.play(`> ["1","1","room:x","phx_join",{}]`)
			if got := c.receive(); !strings.Contains(got, `"status":"ok"`) {
				t.Fatalf("join: %s", got)
			}
			c.play(`< ["1",null,"room:x","welcome",{"age":31}]`)
		}
		for _, tt := range []struct{ event, payload, reply string }{
			{"say", `{"body":"hi","slug":"a"}`, `{"status":"ok","response":{"body":"hi","seen":1}}`},
			{"say", `{"body":"hi","slug":"a"}`, `{"status":"error","response":{"reason":"invalid","errors":{"slug":["has already been taken"]}}}`},
			{"say", `{"body":"too long"}`, `{"status":"error","response":{"reason":"invalid","errors":{"body":["should be at most 5 character(s)"]}}}`},
			{"say", `{}`, `{"status":"error","response":{"reason":"invalid","errors":{"body":["can't be blank"]}}}`},
			{"say", `[1]`, `{"status":"error","response":{"reason":"invalid"}}`},
			{"count", `{}`, `{"status":"ok","response":{"seen":2,"of":"ann"}}`}, // what was refused bound nothing
			{"find", `{"slug":"a"}`, `{"status":"ok","response":{"body":"hi"}}`},
			{"find", `{"slug":"z"}`, `{"status":"error","response":{"reason":"not_found"}}`},
			{"find_else", `{"slug":"z"}`, `{"status":"error","response":{"why":"not_found"}}`},
			{"find_on", `{"slug":"z"}`, `{"status":"ok","response":{"m":null}}`},
			{"list", `{}`, `{"status":"ok","response":{"list":[{"body":"hi"}]}}`},
		} {
			ann.play(fmt.Sprintf(`> ["1","5","room:x",%q,%s]`, tt.event, tt.payload))
			if got, want := ann.receive(), `["1","5","room:x","phx_reply",`+tt.reply+`]`; got != want {
				t.Errorf("%s %s\n got %s\nwant %s", tt.event, tt.payload, got, want)
			}
			if strings.Contains(tt.reply, `"seen":1`) { // the filter asks the database, for those who may hear it
				ann.play(`< ["1",null,"room:x","say",{"body":"hi","n":1,"to":"ann"}]`)
			}
		}
		bob.ask("room:x", "count", "{}", `{"status":"ok","response":{"seen":1,"of":"bob"}}`) // who muted ann heard nothing
		if logged := h.log.String(); strings.Contains(logged, "ERROR") {
			t.Errorf("logged %s", logged)
		}
	})
}

// A fickle store goes away and comes back.
type fickle struct {
	store.Store
	gone atomic.Bool
}

func (f *fickle) Query(ctx context.Context, s *store.Statement, args []any, limit int) (*store.Result, error) {
	if f.gone.Load() {
		return down{}.Query(ctx, s, args, limit)
	}
	return f.Store.Query(ctx, s, args, limit)
}

func (f *fickle) Exec(ctx context.Context, s *store.Statement, args []any) (*store.Result, error) {
	if f.gone.Load() {
		return down{}.Exec(ctx, s, args)
	}
	return f.Store.Exec(ctx, s, args)
}

// A store that went away ends the memberships that need it, when they do, and no others;
// nobody is let in unseen.
func TestChannelsWhoseStoreWentAway(t *testing.T) {
	h := serveWith(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), `
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas: {member: {table: members, fields: {name: {type: string}}}}
sockets:
  - path: /socket
    connect: []
    channels:
      - topic: open
        join: []
        handle_in: {add: [{insert: {schema: member, values: {name: "${payload.name}"}}}, reply], echo: {reply: "${payload}"}}
      - topic: guarded:{name}
        join: [{query_one: "select name from members where name = ${params.name}", as: m, else: {reply_error: {why: unknown}}}]
        after_join: [{track: {key: "${params.name}"}}]
        handle_in: {ask: [{query: select name from members, as: ms}, {reply: {n: "${len(ms)}"}}], echo: {reply: "${payload}"}}
        handle_out: {news: [{query: select name from members, as: ms}, push]}
        leave: [{execute: delete from members}]
`)
	flaky := &fickle{Store: h.live.Load().Env.Store("main").Store}
	h.live.Load().Env.Store("main").Store = flaky
	const state = "presence_"
	c := h.dial("/socket/websocket").join("open", "{}", okReply).ask("open", "add", `{"name":"ann"}`, okReply)
	guarded := func() *client {
		g := h.dial("/socket/websocket").join("guarded:ann", "{}", okReply)
		for range 2 {
			if got := g.receive(); !strings.Contains(got, state) {
				t.Fatalf("received %s, want %s", got, state)
			}
		}
		return g
	}
	g, quiet := guarded(), guarded()
	g.receive() // the diff of quiet
	flaky.gone.Store(true)

	h.dial("/socket/websocket").join("guarded:ann", "{}", joinCrashed)
	g.ask("guarded:ann", "echo", `{"a":1}`, `{"status":"ok","response":{"a":1}}`)
	g.play(`> ["1","5","guarded:ann","ask",{}]`, `< ["1","1","guarded:ann","phx_error",{}]`,
		`> ["1","6","guarded:ann","echo",{}]`, `< [null,"6","guarded:ann","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
	if got := quiet.receive(); !strings.Contains(got, `"leaves":{"ann"`) {
		t.Errorf("the others see %s, want the leave", got)
	}
	quiet.ask("guarded:ann", "echo", `{}`, okReply)
	if err := h.hub.Broadcast("guarded:ann", "news", value.JSON([]byte(`{}`))); err != nil {
		t.Fatal(err)
	}
	quiet.play(`< ["1","1","guarded:ann","phx_error",{}]`) // a filter that cannot decide lets nothing through
	c.ask("open", "echo", `{"still":true}`, `{"status":"ok","response":{"still":true}}`)
	if n := h.hub.Presence().Count("guarded:ann"); n != 0 {
		t.Errorf("%d are present", n)
	}

	flaky.gone.Store(false)
	g.play(`> ["7","7","guarded:ann","phx_join",{}]`, `< ["7","7","guarded:ann","phx_reply",{"status":"ok","response":{}}]`)
	if logged := h.log.String(); !strings.Contains(logged, "app.yaml:") || strings.Contains(logged, "panic") {
		t.Errorf("logged %s", logged)
	}
}
