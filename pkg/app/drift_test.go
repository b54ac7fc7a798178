package app_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// Where the database is not what the schemas say, the log tells it at load.
func TestDriftIsTold(t *testing.T) {
	for name, url := range map[string]string{"postgres": apptest.Postgres(t), "sqlite": "sqlite:" + t.TempDir() + "/a.db"} {
		t.Run(name, func(t *testing.T) {
			a := apptest.Compile(t, storeManifest, url)
			if _, err := a.Env.Store("").Exec(t.Context(), &store.Statement{SQL: "alter table users rename column email to mail"}, nil); err != nil {
				t.Fatal(err)
			}
			again := apptest.Load(t, storeManifest, url).App
			var log bytes.Buffer
			again.Env.Log = slog.New(slog.NewTextHandler(&log, nil))
			if err := again.Open(&pipeline.Shared{}); err != nil {
				t.Fatal(err)
			}
			again.Release()
			if got := log.String(); !strings.Contains(got, `msg="drift: users.email is not in the database" store=main means="an answer would fail" hint="give the store `+"`migrations: FOLDER`"+`, then gateway migrate diff NAME writes what is missing"`) {
				t.Errorf("logged %s", got)
			}
		})
	}
}
