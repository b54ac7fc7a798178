package app_test

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/presence"
)

// hash is what must never leave; theSecret signs the tokens.
const (
	hash      = "pbkdf2-never-leaves"
	theSecret = "the-secret-of-the-application-0123456789abcdef0123456789abcdef0123456789"
)

// attacked stands before every manifest of the attacks: two users, a post of each, and
// tokens of three kinds.
const attacked = `
version: 1
endpoint: {secret_key_base: "${env.SECRET_KEY_BASE}"}
stores: {main: {url: "sqlite:attack.db"}}
tokens: {user: {salt: user auth}, mail: {salt: mail}, short: {salt: short, max_age: 1m}}
schemas:
  user:
    table: users
    fields: {name: {type: string, unique: true}, role: {type: string}, password_hash: {type: string, hidden: true}}
  post:
    table: posts
    fields: {title: {type: string, required: true}, user_id: {references: user, writable: false}, secret: {type: string, hidden: true}}
`

// given are the routes that every attack may use to prepare itself.
const given = `
scopes:
  - path: /given
    routes:
      - get: /rows
        do:
          - execute: insert into users (id, name, role, password_hash) values (1, 'ada', 'admin', 'pbkdf2-never-leaves'), (2, 'eve', 'user', 'pbkdf2-never-leaves')
          - execute: insert into posts (id, title, user_id, secret) values (1, 'of ada', 1, 'pbkdf2-never-leaves'), (2, 'of eve', 2, 'pbkdf2-never-leaves')
          - text: OK
      - get: /token/user/:id
        do:
          - sign_token: {token: user, data: "${int(params.id)}"}
            as: token
          - text: ${token}
      - get: /token/mail/:id
        do:
          - sign_token: {token: mail, data: "${int(params.id)}"}
            as: token
          - text: ${token}
      - get: /token/short/:id
        do:
          - sign_token: {token: short, data: "${int(params.id)}"}
            as: token
          - text: ${token}
      - get: /token/claims/:id
        do:
          - sign_token: {token: user, data: {sub: "${params.id}", roles: not-admin}}
            as: token
          - text: ${token}
`

// routed makes the manifest of an attack on routes: its lines stand in a list of routes.
func routed(lines string) string { return attacked + given + "  - routes:\n" + indent(lines, "      ") }

// guarded is a route GET /x whose guard is attacked; what it guards is the word "inside".
func guarded(guard string) string {
	return routed("- get: /x\n  do:\n" + indent(guard, "    ") + "    - text: inside\n- get: /x/:id\n  text: page")
}

func indent(text, by string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSuffix(text, "\n") + "\n") {
		b.WriteString(by + line)
	}
	return b.String()
}

// A target is an application under attack, with a clock that stands still until it is set.
type target struct {
	house
	clock atomic.Int64 // seconds
	env   map[string]string
}

func newTarget(t *testing.T) *target {
	return &target{house: house{t: t}, env: map[string]string{"SECRET_KEY_BASE": theSecret}}
}

func (x *target) now() time.Time { return time.Unix(1_700_000_000+x.clock.Load(), 0).UTC() }

// load reads the manifest as `gateway serve` does. In the dev environment the tables are made.
func (x *target) load(manifest string, more map[string]string) *app.Loaded {
	x.t.Helper()
	refs, err := presence.NewRefs(rand.Reader, time.Now())
	if err != nil {
		x.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&x.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	x.hub = channels.New(channels.Options{Log: log, Refs: refs})
	dir := x.t.TempDir()
	for name, text := range more {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			x.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			x.t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "app.yaml")
	if err := os.WriteFile(path, []byte(manifest), 0o600); err != nil {
		x.t.Fatal(err)
	}
	return app.Load(path, "dev", app.Deps{
		Log: log, Now: x.now, Random: rand.Reader, Hub: app.NewHub(x.hub), Hasher: password.NewHasher(1), Dev: true,
		Getenv: func(name string) (string, bool) { v, ok := x.env[name]; return v, ok },
	})
}

// open serves what was loaded until the test is over.
func (x *target) open(loaded *app.Loaded) {
	x.t.Helper()
	if loaded.Failed() {
		x.t.Fatalf("refused at load: %s", told(loaded.Problems))
	}
	if err := loaded.App.Open(&x.shared); err != nil {
		x.t.Fatal(err)
	}
	x.live.Store(loaded.App)
	x.hub.Apply(loaded.App.SocketRules())
	x.http = httptest.NewServer(x)
	x.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), await.Patience)
		defer cancel()
		if err := x.hub.Drain(ctx); err != nil {
			x.t.Error(err)
		}
		x.http.Close()
		x.hub.Apply(nil)
		loaded.App.Release()
		await.Until(x.t, "the App closes", func() bool { return closed(loaded.App) })
	})
}

// An answer is what the target says to a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// whole is everything that a client sees of it.
func (a answer) whole() string {
	var b strings.Builder
	_ = a.header.Write(&b) // a Builder takes all
	return b.String() + a.body
}

// ask sends a request. The target is sent as it is written, and no redirect is followed.
func (x *target) ask(method, path, body string, headers ...string) answer {
	x.t.Helper()
	r, err := http.NewRequestWithContext(x.t.Context(), method, x.http.URL, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	raw, query, _ := strings.Cut(path, "?")
	r.URL.Opaque = "//" + r.URL.Host + raw
	r.URL.RawQuery = query
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, text, _ := strings.Cut(h, ": ")
		r.Header.Set(name, text)
	}
	w, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		x.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return answer{w.StatusCode, w.Header, string(text)}
}

// signed asks for a token of a kind.
func (x *target) signed(kind, id string) string {
	x.t.Helper()
	a := x.ask("GET", "/given/token/"+kind+"/"+id, "")
	if a.status != http.StatusOK {
		x.t.Fatalf("a token %s for %s: %d %s\n%s", kind, id, a.status, a.body, x.log.String())
	}
	return a.body
}
