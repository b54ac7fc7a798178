package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/postgres"
)

// TestReadsAreSentAgain: what only reads runs once more when its connection breaks before the
// answer, and no more than once, also where a transaction keeps it from writing.
func TestReadsAreSentAgain(t *testing.T) {
	url := database(t)
	server := open(t, url, store.Options{Pool: 2})
	exec(t, server, "create table notes (a int)")
	exec(t, server, "insert into notes values (7)")
	const waiting = `select coalesce(min(pid), 0) from pg_stat_activity where datname = current_database() and query = 'select a from notes' and wait_event_type = 'Lock' and pid <> $1`
	for name, read := range map[string]func(*postgres.Store, *store.Statement) error{
		"Query": func(s *postgres.Store, st *store.Statement) error {
			r, err := s.Query(context.Background(), st, nil, 1)
			if err == nil && r.Rows[0][0] != int64(7) {
				err = errors.New("another row")
			}
			return err
		},
		"Encode": func(s *postgres.Store, st *store.Statement) error {
			r, err := s.Encode(context.Background(), st, nil, 1, []byte("["))
			if err == nil && string(r.JSON) != `[{"a":7}` {
				err = errors.New(string(r.JSON))
			}
			return err
		},
		"transaction": func(s *postgres.Store, st *store.Statement) error {
			o := store.TxOptions{ReadOnly: true, Settings: map[string]string{"a.b": "c"}}
			return s.TxWith(context.Background(), o, func(tx store.Tx) error {
				r, err := tx.Query(context.Background(), st, nil, 1)
				if err == nil && r.Rows[0][0] != int64(7) {
					err = errors.New("another row")
				}
				return err
			})
		},
	} {
		for _, guarded := range []bool{false, true} {
			for ends := range 3 {
				s := open(t, url, store.Options{Pool: 2})
				st := &store.Statement{SQL: "select a from notes", Shape: &store.Shape{}, Reads: true, Guarded: guarded}
				done := make(chan error, 1)
				err := server.Tx(t.Context(), func(tx store.Tx) error {
					exec(t, tx, "lock table notes")
					go func() { done <- read(s, st) }()
					last := int64(0)
					for range ends {
						pid := int64(0)
						if err := within(patience, func() bool { pid = one(t, server, waiting, last).(int64); return pid != 0 }); err != nil {
							return err
						}
						exec(t, server, "select pg_terminate_backend($1)", pid)
						last = pid
					}
					return nil
				})
				if err != nil {
					t.Fatalf("%s, guarded %v: it was not sent again: %v, %v", name, guarded, err, await.From(t, "the end of the read", done))
				}
				var gone *store.Unavailable
				if err := await.From(t, "the end of the read", done); ends < 2 && err != nil || ends == 2 && (!errors.As(err, &gone) || gone.Unknown) {
					t.Errorf("%s, guarded %v, ended %d times: %v", name, guarded, ends, err)
				}
			}
		}
	}
}
