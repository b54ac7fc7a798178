package postgres

import (
	"context"

	"github.com/openmanifest/gateway/pkg/store"
)

// tx is a transaction on one connection.
type tx struct {
	session *session
	failed  error // what every later statement gives
}

// Query gives the rows of a statement.
func (t *tx) Query(_ context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	return t.run(st, args, store.Limit(limit))
}

// Exec runs a statement for its effect.
func (t *tx) Exec(_ context.Context, st *store.Statement, args []any) (*store.Result, error) {
	return t.run(st, args, noRows)
}

func (t *tx) run(st *store.Statement, args []any, limit int) (*store.Result, error) {
	if t.failed != nil {
		return nil, t.failed
	}
	result, err := t.session.run(st, args, limit)
	if err != nil && stale(err) {
		t.session.prepared.Drop(st)
	}
	t.failed = classify(err, len(args))
	return result, t.failed
}

// Tx runs do in a transaction. It is rolled back also when do panics.
func (s *Store) Tx(ctx context.Context, do func(store.Tx) error) error {
	c, session, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer s.release(c)
	if _, err := session.simple("begin"); err != nil {
		return classify(err, 0)
	}
	t := &tx{session: session}
	settled := false
	defer func() {
		t.failed = &store.Fault{Message: "the transaction is over"}
		if !settled {
			s.rollback(session)
		}
	}()
	err = do(t)
	if err == nil {
		err = t.failed
	}
	if err != nil {
		return err
	}
	settled = true
	_, err = session.simple("commit")
	return classify(err, 0)
}

func (s *Store) rollback(session *session) {
	if session.conn.IsClosed() {
		return // the server rolls back by itself
	}
	if _, err := session.simple("rollback"); err != nil {
		s.options.Logger.Warn("postgres: rollback", "error", err)
	}
}
