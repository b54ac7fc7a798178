package app_test

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/internal/logbook"
	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// A localHub writes down what it sends to the members of this node.
type localHub struct {
	app.NoHub
	mu   sync.Mutex
	sent []string
}

func (e *localHub) BroadcastLocal(topic, event string, payload value.Payload) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sent = append(e.sent, topic+" "+event+" "+string(payload.Bytes))
	return nil
}

func (e *localHub) heard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.sent)
}

// A listeningApp is an App that listens to a database, without a server.
type listeningApp struct {
	t      *testing.T
	url    string
	hub    localHub
	log    logbook.Book
	shared pipeline.Shared
	asked  chan string // reloads
	live   *app.App
}

func newListening(t *testing.T, notify string) *listeningApp {
	l := &listeningApp{t: t, url: apptest.Postgres(t), asked: make(chan string, 100)}
	l.load(notify)
	t.Cleanup(func() {
		l.live.Release()
		if n := l.shared.Len(); n != 0 {
			t.Errorf("%d shared things stay open", n)
		}
	})
	return l
}

// load replaces the App by one of another manifest, as a reload does.
func (l *listeningApp) load(notify string) {
	l.t.Helper()
	text := "version: 1\nstores:\n  main:\n    url: ${env.DATABASE_URL}\n" + notify
	path := filepath.Join(l.t.TempDir(), "app.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	loaded := app.Load(path, "test", app.Deps{
		Log: slog.New(slog.NewTextHandler(&l.log, nil)), Now: time.Now, Random: rand.Reader, Hub: &l.hub, Hasher: password.NewHasher(1),
		Getenv: func(string) (string, bool) { return l.url, true },
		Reload: func(reason string) { l.asked <- reason },
	})
	if loaded.Failed() {
		l.t.Fatalf("the manifest of the test: %v", loaded.Problems)
	}
	if err := loaded.App.Open(&l.shared); err != nil {
		l.t.Fatal(err)
	}
	old := l.live
	l.live = loaded.App
	if old != nil {
		old.Release()
	}
}

func (l *listeningApp) store() *pipeline.Store { return l.live.Env.Store("") }

func (l *listeningApp) exec(sql string) {
	l.t.Helper()
	if _, err := l.store().Exec(l.t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
		l.t.Fatalf("%s: %v", sql, err)
	}
}

// ears lists the connections that listen, each by its process and the channel that it came
// to listen to last.
func (l *listeningApp) ears() []string {
	l.t.Helper()
	result, err := l.store().Query(l.t.Context(), &store.Statement{SQL: "select pid::text || ' ' || query as q from pg_stat_activity where datname = current_database() and query like 'listen %' and state = 'idle' order by 1"}, nil, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	var out []string
	for _, row := range result.Rows {
		out = append(out, fmt.Sprint(row[0]))
	}
	return out
}

// listens waits until one connection listens, and came to this channel last; it gives its
// process.
func (l *listeningApp) listens(channel string) (pid string) {
	l.t.Helper()
	await.Until(l.t, "it listens to "+channel, func() bool {
		ears := l.ears()
		if len(ears) != 1 {
			return false
		}
		var query string
		pid, query, _ = strings.Cut(ears[0], " ")
		return query == `listen "`+channel+`"`
	})
	return pid
}

// hears notifies a channel and waits for what is sent.
func (l *listeningApp) hears(channel, payload string, want ...string) {
	l.t.Helper()
	before := len(l.hub.heard())
	l.exec("select pg_notify('" + channel + "', '" + strings.ReplaceAll(payload, "'", "''") + "')")
	await.Until(l.t, "it is sent", func() bool { return len(l.hub.heard()) >= before+len(want) })
	if got := l.hub.heard()[before:]; !slices.Equal(got, want) {
		l.t.Errorf("%s %s: sent %q, want %q", channel, payload, got, want)
	}
}

const orders = `
    notify:
      order_changed: {topic: "orders:${payload.id}", event: changed}
      Said-So: {topic: talk, event: said}
      told: {topic: "${channel}:${payload.to ?? 'all'}", event: "${payload.event}", payload: {id: "${payload.id}", all: "${payload}", n: 1}}
      whole: {topic: talk, event: whole, payload: "${payload}"}
`

func TestNotify(t *testing.T) {
	l := newListening(t, orders)
	l.listens("whole")
	tests := []struct{ name, channel, payload, want string }{
		{"an object byte for byte", "order_changed", `{"id": 7, "a":[1.0, null]}`, `orders:7 changed {"id": 7, "a":[1.0, null]}`},
		{"a text", "Said-So", `it's "so"`, `talk said {"payload":"it's \"so\""}`},
		{"no text", "Said-So", ``, `talk said {"payload":""}`},
		{"a list", "Said-So", `[1]`, `talk said {"payload":"[1]"}`},
		{"an object that is broken", "Said-So", `{"a":1`, `talk said {"payload":"{\"a\":1"}`},
		{"two objects", "Said-So", `{} {}`, `talk said {"payload":"{} {}"}`},
		{"all of it computed", "told", `{"id":"x","to":"ann","event":"e"}`, `told:ann e {"id":"x","all":{"id":"x","to":"ann","event":"e"},"n":1}`},
		{"a default", "told", `{"event":"e"}`, `told:all e {"id":null,"all":{"event":"e"},"n":1}`},
		{"the payload whole", "whole", ` {"a": 1}`, `talk whole  {"a": 1}`},
		{"a text whole", "whole", `x`, `talk whole "x"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { l.hears(tt.channel, tt.payload, tt.want) })
	}
	if logged := l.log.String(); logged != "" {
		t.Error(logged)
	}
}

// What cannot be sent is told to the log with its place, and what comes next is sent.
func TestNotifyThatCannotBeSent(t *testing.T) {
	for _, tt := range []struct{ name, channel, payload, logged string }{
		{"a text where a member is read", "order_changed", `7`, "app.yaml:7:4"},
		{"a member that is not there", "order_changed", `{}`, "app.yaml:7:4"},
		{"a map inside a text", "order_changed", `{"id":{}}`, "app.yaml:7:4"},
		{"no event", "told", `{"event":""}`, "is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newListening(t, orders)
			l.listens("whole")
			l.exec("select pg_notify('" + tt.channel + "', '" + tt.payload + "')")
			l.hears("Said-So", "next", `talk said {"payload":"next"}`)
			logged := l.log.String()
			if strings.Count(logged, "level=ERROR") != 1 || !strings.Contains(logged, "store=main channel="+tt.channel) || !strings.Contains(logged, tt.logged) {
				t.Errorf("logged %q, want %s", logged, tt.logged)
			}
		})
	}
}

// One connection serves the rules and the word that tables have changed.
func TestNotifyBesideTheChangesOfTables(t *testing.T) {
	l := newListening(t, "")
	l.exec("create table things (id bigint primary key)")
	const served = "scopes: [{routes: [{resources: /things, table: things, fields: all, public: true}]}]\n"
	l.load("    notify: {pgrst: {topic: talk, event: schema}}\n" + served)
	pid := l.listens("pgrst")
	l.hears("pgrst", "reload schema", `talk schema {"payload":"reload schema"}`)
	l.load("    notify: {a: {topic: talk, event: said}}\n" + served)
	if again := l.listens("a"); again != pid {
		t.Errorf("the connection was made anew, by process %s instead of %s", again, pid)
	}
	l.hears("a", "x", `talk said {"payload":"x"}`)
	l.exec("notify pgrst, 'reload schema'")
	for range 2 {
		select {
		case reason := <-l.asked:
			if reason != "tables of store main" {
				t.Errorf("reload of %s", reason)
			}
		case <-time.After(await.Patience):
			t.Fatal("nobody asks for a reload")
		}
	}
}

func TestNotifyWhenTheManifestChanges(t *testing.T) {
	const other = "\n    notify:\n      b: {topic: talk, event: other}\n"
	rule := func(event string) string { return "\n    notify:\n      a: {topic: talk, event: " + event + "}\n" }
	l := newListening(t, rule("one"))
	pid := l.listens("a")
	l.hears("a", "x", `talk one {"payload":"x"}`)

	l.load(rule("two"))
	if again := l.listens("a"); again != pid {
		t.Errorf("the connection was made anew, by process %s instead of %s", again, pid)
	}
	l.hears("a", "x", `talk two {"payload":"x"}`)

	l.load(other)
	if again := l.listens("b"); again != pid {
		t.Errorf("the connection was made anew, by process %s instead of %s", again, pid)
	}
	l.exec("select pg_notify('a', 'x')")
	l.hears("b", "x", `talk other {"payload":"x"}`)

	l.load("")
	await.Until(t, "nobody listens", func() bool { return len(l.ears()) == 0 })
}

// What is notified while other channels come and go is sent once, and in order.
func TestNotifyWhileTheManifestChanges(t *testing.T) {
	const reloads, each = 30, 10
	rules := "\n    notify:\n      a: {topic: talk, event: said}\n"
	l := newListening(t, rules)
	l.listens("a")
	for i := range reloads {
		more := ""
		for j := range i % 3 {
			more += fmt.Sprintf("      b%d: {topic: talk, event: other}\n", i+j)
		}
		l.load(rules + more) // does not wait until the database knows
		for j := range each {
			l.exec(fmt.Sprintf("select pg_notify('a', '%d')", i*each+j))
		}
	}
	await.Until(t, "all are sent", func() bool { return len(l.hub.heard()) >= reloads*each })
	for i, got := range l.hub.heard() {
		if want := fmt.Sprintf(`talk said {"payload":"%d"}`, i); got != want {
			t.Fatalf("sent %s, want %s", got, want)
		}
	}
	if logged := l.log.String(); logged != "" {
		t.Error(logged)
	}
}

func TestNotifyAfterTheConnectionWasLost(t *testing.T) {
	l := newListening(t, orders)
	pid := l.listens("whole")
	l.exec("select pg_terminate_backend(" + pid + ")")
	await.Until(t, "it listens anew", func() bool { return l.listens("whole") != pid })
	await.Until(t, "the log tells what was missed", func() bool { return strings.Contains(l.log.String(), "what it notified meanwhile was not sent") })
	l.hears("Said-So", "x", `talk said {"payload":"x"}`)
}

// Members of channels get it, and what belongs to the protocol cannot be sent.
func TestNotifyReachesMembers(t *testing.T) {
	h := serveWith(t, apptest.Postgres(t), `
stores: {main: {url: "${env.DATABASE_URL}", notify: {order_changed: {topic: "room:${payload.id}", event: "${payload.event}"}}}}
sockets: [{path: /socket, connect: [], channels: [{topic: "room:{id}", join: []}]}]
`)
	c := h.dial("/socket/websocket").join("room:7", "{}", okReply)
	l := &listeningApp{t: t, live: h.live.Load()}
	l.listens("order_changed")
	l.exec(`select pg_notify('order_changed', '{"id":7,"event":"phx_error"}')`)
	l.exec(`select pg_notify('order_changed', '{"id":8,"event":"changed"}')`)
	l.exec(`select pg_notify('order_changed', '{"id":7,"event":"changed"}')`)
	c.play(`< [null,null,"room:7","changed",{"id":7,"event":"changed"}]`)
	if logged := h.log.String(); strings.Count(logged, "level=ERROR") != 1 || !strings.Contains(logged, "phx_") {
		t.Errorf("logged %q", logged)
	}
}
