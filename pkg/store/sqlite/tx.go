package sqlite

import (
	"context"

	"github.com/openmanifest/gateway/pkg/store"
)

// tx is a transaction on the writer's connection.
type tx struct {
	conn   *conn
	failed error // what every later statement gives
}

// Query gives the rows of a statement.
func (t *tx) Query(_ context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	return t.run(st, args, store.Limit(limit))
}

// Exec runs a statement for its effect.
func (t *tx) Exec(_ context.Context, st *store.Statement, args []any) (*store.Result, error) {
	return t.run(st, args, noRows)
}

// run could go on after an error, as SQLite undoes only the statement. That it does not
// is Postgres' rule, so that a manifest does the same on both.
func (t *tx) run(st *store.Statement, args []any, limit int) (result *store.Result, err error) {
	if t.failed != nil {
		return nil, t.failed
	}
	p, err := t.conn.prepare(st)
	if err == nil {
		result, err = t.conn.run(p, args, limit)
	}
	t.failed = err
	return result, err
}

// Tx runs do in a transaction, which has the writer until do returns. It is rolled back
// also when do panics.
func (s *Store) Tx(ctx context.Context, do func(store.Tx) error) error {
	if err := s.writer.lock(ctx); err != nil {
		return err
	}
	defer s.writer.unlock()
	c := s.writer.conn
	if err := c.simple("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	t := &tx{conn: c}
	defer func() {
		t.failed = &store.Fault{Message: "the transaction is over"}
		s.writer.rollback() // does nothing after a commit
	}()
	err := do(t)
	if err == nil {
		err = t.failed
	}
	if err != nil {
		return err
	}
	return c.simple("COMMIT")
}
