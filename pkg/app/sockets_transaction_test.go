package app_test

import (
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// In channels a transaction tells the others when it is kept, in the order written, and
// nothing when it is undone.
func TestTransactionsInChannels(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			h := serveWith(t, db.URL(t), `
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas: {message: {table: messages, fields: {body: {type: string, required: true}}}}
sockets:
  - path: /socket
    connect: []
    channels:
      - topic: room
        join:
          - transaction:
              - insert: {schema: message, values: {body: joined}}
        handle_in:
          say:
            - transaction:
                - broadcast: {event: said, payload: {body: "${payload?.body}"}}
                - push: {event: yours, payload: {}}
                - insert: {schema: message, values: {body: "${payload?.body}"}}
                  as: saved
            - reply: {id: "${saved.id}"}
          own:
            - transaction:
                - push: {event: never, payload: {}}
                - insert: {schema: message, values: {body: first}}
                - query_one: select id from messages where body = ${payload.body}
                  else:
                    - query: select body from messages order by id
                      as: kept
                    - reply_error: {kept: "${map(kept, .body)}"}
            - reply
`)
			c := h.dial("/socket/websocket").join("room", "{}", okReply)
			c.play(`> ["1","2","room","say",{"body":"hi"}]`, `< [null,null,"room","said",{"body":"hi"}]`, `< ["1",null,"room","yours",{}]`,
				`< ["1","2","room","phx_reply",{"status":"ok","response":{"id":2}}]`)
			c.ask("room", "say", `{}`, `{"status":"error","response":{"reason":"invalid","errors":{"body":["can't be blank"]}}}`)
			c.ask("room", "own", `{"body":"nothing"}`, `{"status":"error","response":{"kept":["joined","hi"]}}`)
			if logged := h.log.String(); strings.Contains(logged, "ERROR") {
				t.Errorf("logged %s", logged)
			}
		})
	}
}

// A loud hub notes what is sent and closed.
type loud struct {
	app.NoHub
	notes []string
}

func (l *loud) Broadcast(topic, event string, payload value.Payload) error {
	l.notes = append(l.notes, topic+" "+event+" "+string(payload.Bytes))
	return nil
}

func (l *loud) Disconnect(id string) error {
	l.notes = append(l.notes, "close "+id)
	return nil
}

// So it is in a route.
func TestTransactionsTellOthers(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			hub, database := &loud{}, db.URL(t)
			path := filepath.Join(t.TempDir(), "app.yaml")
			const text = `
version: 1
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas: {message: {table: messages, fields: {body: {type: string, required: true}}}}
scopes:
  - routes:
      - post: /say
        do:
          - transaction:
              - broadcast: {topic: room, event: said, payload: {body: "${params.body}"}}
              - disconnect: "user:${params.body}"
              - insert: {schema: message, values: {body: "${params.body == 'no' ? nil : params.body}"}}
          - send_resp: 204
`
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			l := app.Load(path, "dev", app.Deps{Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Reader, Hub: hub, Hasher: password.NewHasher(1), Dev: true,
				Getenv: func(name string) (string, bool) { return database, name == "DATABASE_URL" }})
			if l.App == nil {
				t.Fatal(l.Problems)
			}
			if err := l.App.Open(&pipeline.Shared{}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(l.App.Release)
			for _, tt := range []struct {
				body string
				want int
			}{{"no", 422}, {"yes", 204}} {
				if w := apptest.Request(l.App, "POST", "/say", `{"body":"`+tt.body+`"}`); w.Code != tt.want {
					t.Errorf("%s: %d %s, want %d", tt.body, w.Code, w.Body, tt.want)
				}
			}
			if got, want := strings.Join(hub.notes, ", "), `room said {"body":"yes"}, close user:yes`; got != want {
				t.Errorf("the others were told %s, want %s", got, want)
			}
		})
	}
}
