package server

import (
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
)

// A database of which a table is served says by NOTIFY, as for PostgREST, that it changed.
func TestATableThatChanges(t *testing.T) {
	f := folder{t, t.TempDir()}
	url := apptest.Postgres(t)
	f.write("app.yaml", "version: 1\nendpoint: {listen: '127.0.0.1:0'}\nstores: {main: {url: '"+url+"'}}\nscopes: [{routes: []}]\n")
	s := start(t, f.dir, false)
	run := func(sql string) {
		if _, err := s.App().Env.Store("").Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
			t.Fatal(err)
		}
	}
	run("create table things (id bigint primary key)")
	run("insert into things values (1)")
	f.write("app.yaml", "version: 1\nendpoint: {listen: '127.0.0.1:0'}\nstores: {main: {url: '"+url+"'}}\nscopes: [{routes: [{resources: /things, table: things, fields: all, public: true}]}]\n")
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "/things"); got != `[{"id":1}]` {
		t.Fatalf("got %s", got)
	}
	run("alter table things add name text default 'x'")
	await.Until(t, "the new column is served", func() bool {
		run("notify pgrst, 'reload schema'") // again, for one that comes before the listening has begun
		return strings.Contains(get(t, s, "/things"), `"name":"x"`)
	})
}
