package sqlite

import (
	"context"

	"github.com/openmanifest/gateway/pkg/store"
)

// tx is a transaction: on the writer's connection, or on one that reads.
type tx struct {
	conn     *conn
	readOnly bool
	failed   error // what every later statement gives
}

// Query gives the rows of a statement.
func (t *tx) Query(_ context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	out := &rowsOutput{limit: store.Limit(limit)}
	if err := t.run(st, args, out); err != nil {
		return nil, err
	}
	return out.result, nil
}

// Exec runs a statement for its effect.
func (t *tx) Exec(_ context.Context, st *store.Statement, args []any) (*store.Result, error) {
	out := &rowsOutput{limit: noRows}
	if err := t.run(st, args, out); err != nil {
		return nil, err
	}
	return out.result, nil
}

// Encode writes the rows of a statement as JSON behind dst.
func (t *tx) Encode(_ context.Context, st *store.Statement, args []any, limit int, dst []byte) (store.Encoded, error) {
	out := &jsonOutput{shape: st.Shape, limit: store.Limit(limit), dst: dst}
	if err := t.run(st, args, out); err != nil {
		return store.Encoded{}, err
	}
	return out.encoded, nil
}

// run could go on after an error, as SQLite undoes only the statement. That it does not
// is Postgres' rule, so that a manifest does the same on both.
func (t *tx) run(st *store.Statement, args []any, out output) error {
	if t.failed != nil {
		return t.failed
	}
	p, err := t.conn.prepare(st)
	if err == nil && t.readOnly && p.writes {
		err = &store.Fault{Message: "the transaction only reads"}
	}
	if err == nil {
		err = t.conn.run(p, args, out)
	}
	t.failed = err
	return err
}

// Tx runs do in a transaction, which has the writer until do returns. It is rolled back
// also when do panics.
func (s *Store) Tx(ctx context.Context, do func(store.Tx) error) error {
	return s.TxWith(ctx, store.TxOptions{}, do)
}

// TxWith is Tx with options. One that only reads takes no part in the writer's turns: it
// sees the rows as they were at its first statement.
func (s *Store) TxWith(ctx context.Context, o store.TxOptions, do func(store.Tx) error) error {
	switch {
	case o.Role != "":
		return &store.Fault{Message: "SQLite has no roles"}
	case len(o.Settings) > 0:
		return &store.Fault{Message: "SQLite has no settings of a transaction"}
	case o.ReadOnly:
		c, err := s.readers.acquire(ctx)
		if err != nil {
			return err
		}
		defer s.readers.release(c)
		return transact(&tx{conn: c, readOnly: true}, "BEGIN", do)
	}
	if err := s.writer.lock(ctx); err != nil {
		return err
	}
	defer s.writer.unlock()
	return transact(&tx{conn: s.writer.conn}, "BEGIN IMMEDIATE", do)
}

// transact runs do between begin and the commit.
func transact(t *tx, begin string, do func(store.Tx) error) error {
	if err := t.conn.simple(begin); err != nil {
		return err
	}
	defer func() {
		t.failed = &store.Fault{Message: "the transaction is over"}
		t.conn.rollback() // does nothing after a commit
	}()
	err := do(t)
	if err == nil {
		err = t.failed
	}
	if err != nil {
		return err
	}
	return t.conn.simple("COMMIT")
}
