package app_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// SQL that names what the database has not is told when the manifest is loaded, once for each
// place, and what it takes is not.
func TestSQLThatTheDatabaseDoesNotTakeIsTold(t *testing.T) {
	const manifest = `version: 1
stores: {main: {url: "${env.DATABASE_URL}", pool: 2}}
schemas:
  user: {table: users, fields: {email: {type: string}}}
pipelines:
  shared:
    - query: select id from userss where id = ${params.id}
      as: rows
scopes:
  - pipe_through: shared
    routes:
      - {get: /a, text: a}
  - pipe_through: shared
    routes:
      - get: /b
        do:
          - query_one: select id, emial from users limit 1
            as: user
          - execute: delete from users where email = ${params.email}
          - json: "${user}"
`
	for name, url := range map[string]string{"postgres": apptest.Postgres(t), "sqlite": "sqlite:" + t.TempDir() + "/a.db"} {
		t.Run(name, func(t *testing.T) {
			apptest.Compile(t, manifest, url)
			again := apptest.Load(t, manifest, url).App
			var log bytes.Buffer
			again.Env.Log = slog.New(slog.NewTextHandler(&log, nil))
			if err := again.Open(&pipeline.Shared{}); err != nil {
				t.Fatal(err)
			}
			again.Release()
			got := log.String()
			if n := strings.Count(got, "the database does not take this SQL"); n != 2 {
				t.Errorf("told %d faults, want two: %s", n, got)
			}
			for _, want := range []string{"userss", "emial", "app.yaml:7:", "app.yaml:17:35"} {
				if !strings.Contains(got, want) {
					t.Errorf("logged %s, want %s in it", got, want)
				}
			}
		})
	}
}
