package server

import (
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
)

// A migration that is written while the gateway serves with --dev is run, one with a fault
// changes nothing, and without --dev the running application stays.
func TestMigrationsAreWatched(t *testing.T) {
	manifest := strings.Replace(answering("unused"), "text: unused", `do: [{query_one: select count(*) as n from users, as: row}, {text: "${row.n}"}]`, 1) +
		"stores: {main: {url: 'sqlite:a.db', migrations: migrations}}\n"
	f := folder{t, t.TempDir()}
	f.write("app.yaml", manifest)
	f.write("migrations/1_users.up.sql", "create table users (id integer primary key);\n")
	s := start(t, f.dir, true, func(s *Server) { s.deps.Dev = true })
	answers := func(want string) func() bool { return func() bool { return get(t, s, "/") == want } }
	await.Until(t, "the table is there", answers("0"))

	f.write("migrations/2_first.up.sql", "insert into users values (1);\n")
	await.Until(t, "a new migration is run", answers("1"))

	f.write("migrations/3_second.up.sql", "insert into user values (2);\n")
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "3_second.up.sql:1: no such table") {
		t.Errorf("a migration that fails: %v", err)
	}
	s.mu.Lock()
	s.deps.Dev = false
	s.mu.Unlock()
	f.write("migrations/3_second.up.sql", "insert into users values (2);\n")
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "migrations are pending: 3_second") || get(t, s, "/") != "1" {
		t.Errorf("without --dev: %v, %s", err, get(t, s, "/"))
	}
}
