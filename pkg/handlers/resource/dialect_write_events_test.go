package resource_test

import (
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// heard is a hub that keeps what is sent.
type heard struct {
	app.NoHub
	sent []string
}

// Broadcast implements pipeline.Broadcaster.
func (h *heard) Broadcast(topic, event string, payload value.Payload) error {
	h.sent = append(h.sent, topic+" "+event+" "+string(payload.Bytes))
	return nil
}

// compileWith is apptest.Compile with a hub.
func compileWith(t *testing.T, yaml, database string, hub app.Hub) *app.App {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	l := app.Load(path, "dev", app.Deps{
		Log: slog.New(slog.DiscardHandler), Now: apptest.Now, Random: rand.Reader, Hub: hub, Hasher: password.NewHasher(2), Dev: true,
		Getenv: func(name string) (string, bool) { return database, name == "DATABASE_URL" },
	})
	if l.App == nil {
		t.Fatalf("compile: %v", l.Problems)
	}
	if err := l.App.Open(&pipeline.Shared{}); err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(l.App.Release)
	return l.App
}

const telling = `version: 1
name: telling
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  note: {table: notes, fields: {text: {type: string, required: true}, secret: {type: string, hidden: true}, slug: {type: string, unique: true}, who: {type: bigint}}}
pipelines:
  known:
    - assign: {me: "${request.headers['x-user'] ?? nil}"}
scopes:
  - pipe_through: known
    routes:
      - resources: /notes
        schema: note
        owner: {who: "${me}"}
        broadcast: {topic: "user:${record.who}"}
      - resources: /quiet
        schema: note
        public: true
        broadcast: {topic: all, only: deleted}
`

func TestWritesAreTold(t *testing.T) {
	tests := []struct {
		name, request, body string
		headers             []string
		status              int
		want                []string
	}{
		{"create", "POST /notes", `{"text":"a","secret":"s"}`, []string{ann}, 201, []string{`user:1 created {"id":1,"text":"a","slug":null,"who":1}`}},
		{"create many", "POST /notes", `[{"text":"b"},{"text":"c"}]`, []string{bob}, 201, []string{`user:2 created {"id":2,"text":"b","slug":null,"who":2}`, `user:2 created {"id":3,"text":"c","slug":null,"who":2}`}},
		{"not valid", "POST /notes", `[{"text":"b"},{"text":""}]`, []string{bob}, 422, nil},
		{"rolled back", "POST /notes", `{"text":"r"}`, []string{bob, "Prefer: tx=rollback"}, 201, nil},
		{"update by key", "PATCH /notes/1", `{"text":"A"}`, []string{ann}, 204, []string{`user:1 updated {"id":1,"text":"A","slug":null,"who":1}`}},
		{"update of nothing", "PATCH /notes/1", `{}`, []string{ann}, 204, nil},
		{"update by filter", "PATCH /notes?id=gt.0", `{"text":"x"}`, []string{bob}, 204, []string{`user:2 updated {"id":2,"text":"x","slug":null,"who":2}`, `user:2 updated {"id":3,"text":"x","slug":null,"who":2}`}},
		{"upsert", "POST /notes", `[{"id":1,"text":"up"},{"id":50,"text":"new"}]`, []string{ann, "Prefer: resolution=merge-duplicates"}, 201, []string{`user:1 updated {"id":1,"text":"up","slug":null,"who":1}`, `user:1 created {"id":50,"text":"new","slug":null,"who":1}`}},
		{"out of reach", "DELETE /notes?id=eq.2", "", []string{ann}, 204, nil},
		{"delete by key", "DELETE /notes/50", "", []string{ann}, 204, []string{`user:1 deleted {"id":50,"text":"new","slug":null,"who":1}`}},
		{"delete by filter", "DELETE /notes?id=gt.0", "", []string{bob}, 204, []string{`user:2 deleted {"id":2,"text":"x","slug":null,"who":2}`, `user:2 deleted {"id":3,"text":"x","slug":null,"who":2}`}},
		{"only", "PATCH /quiet/1", `{"text":"q"}`, nil, 204, nil},
		{"only these", "DELETE /quiet/1", "", nil, 204, []string{`all deleted {"id":1,"text":"q","slug":null,"who":1}`}},
	}
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			hub := &heard{}
			a := compileWith(t, telling, db.URL(t), hub)
			for _, tt := range tests {
				hub.sent = nil
				method, path, _ := strings.Cut(tt.request, " ")
				w := apptest.Request(a, method, path, tt.body, tt.headers...)
				slices.Sort(hub.sent)
				slices.Sort(tt.want)
				if w.Code != tt.status || !slices.Equal(hub.sent, tt.want) {
					t.Errorf("%s: status %d, want %d; told\n%s\nwant\n%s\n%s", tt.name, w.Code, tt.status, strings.Join(hub.sent, "\n"), strings.Join(tt.want, "\n"), w.Body)
				}
			}
		})
	}
}
