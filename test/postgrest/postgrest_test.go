// Package postgrest_test tries the client of PostgREST, as npm has it, on the gateway.
package postgrest_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/gatewaytest"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
)

// atLeast is how many cases each store must hold.
const atLeast = 320

// What a case gives that is not what it wants is on stderr: see kit.mjs.
func TestClient(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			url := db.URL(t)
			setUp(t, url, read(t, "tables.sql"))
			manifest := read(t, "app.yaml")
			if db.Name == "postgres" {
				setUp(t, url, read(t, "postgres.sql"))
				manifest += read(t, "postgres.yaml")
			}
			server := httptest.NewServer(apptest.Compile(t, manifest, url))
			t.Cleanup(server.Close)

			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			node := exec.CommandContext(ctx, gatewaytest.Node(t, ".."), "postgrest.mjs", server.URL, db.Name)
			var wrong bytes.Buffer
			node.Stderr = &wrong
			out, err := node.Output()
			if err != nil || wrong.Len() > 0 {
				t.Errorf("node postgrest.mjs: %v\n%s", err, wrong.String())
			}
			if held := strings.Count(string(out), "\n"); held < atLeast {
				t.Errorf("%d cases held, want %d or more", held, atLeast)
			}
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const empty = "version: 1\nname: setup\nstores: {main: {url: '${env.DATABASE_URL}'}}\nscopes: [{routes: [{get: /, text: Hello}]}]\n"

// setUp runs a script in a database before a manifest is read that serves its tables.
func setUp(t *testing.T, url, script string) {
	t.Helper()
	a := apptest.Compile(t, empty, url)
	err := a.Env.Store("").Locked(t.Context(), "setup", func(s store.Session) error { return s.Script(t.Context(), script) })
	if err != nil {
		t.Fatal(err)
	}
}
