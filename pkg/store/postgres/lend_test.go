package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/store"
)

// However many statements and transactions take long, quick statements have a connection.
func TestSlowStatementsLeaveAConnection(t *testing.T) {
	url := database(t)
	s, other := open(t, url, store.Options{Pool: 3, Wait: patience}), open(t, url, store.Options{Pool: 1})
	quick := &store.Statement{SQL: `select $1::bigint`, Params: 1, Quick: true, Reads: true}
	if _, err := s.Query(t.Context(), quick, []any{int64(0)}, 1); err != nil { // it is known
		t.Fatal(err)
	}
	locked, release, unlocked := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		unlocked <- other.Tx(context.Background(), func(tx store.Tx) error {
			defer func() { <-release }()
			_, err := tx.Exec(context.Background(), &store.Statement{SQL: `select pg_advisory_xact_lock(7)`}, nil)
			close(locked)
			return err
		})
	}()
	select {
	case <-locked:
	case err := <-unlocked:
		t.Fatalf("nobody has the lock: %v", err)
	}
	slow := &store.Statement{SQL: `select pg_advisory_xact_lock_shared(7)`}
	const each = 4
	done := make(chan error, 2*each)
	for range each {
		go func() {
			_, err := s.Exec(context.Background(), slow, nil)
			done <- err
		}()
		go func() {
			done <- s.Tx(context.Background(), func(tx store.Tx) error {
				_, err := tx.Exec(context.Background(), slow, nil)
				return err
			})
		}()
	}
	if err := within(patience, func() bool { return s.Stats().Waits >= 2*each-2 }); err != nil {
		t.Errorf("%v: %d wait", err, s.Stats().Waits)
	}
	if err := errors.Join(together(s, quick, numbers(200)...)...); err != nil {
		t.Errorf("beside slow statements: %v", err)
	}
	if len(done) > 0 {
		t.Error("a slow statement was over")
	}
	close(release)
	for range 2 * each {
		if err := await.From(t, "a slow statement", done); err != nil {
			t.Error(err)
		}
	}
	if err := await.From(t, "the end of the lock", unlocked); err != nil {
		t.Error(err)
	}
}
