package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openmanifest/gateway/pkg/store"
)

// Query gives the rows of a statement.
func (s *Store) Query(ctx context.Context, st *store.Statement, args []any, limit int) (result *store.Result, err error) {
	if st.Guarded {
		err = s.TxWith(ctx, store.TxOptions{ReadOnly: true}, func(tx store.Tx) error {
			result, err = tx.Query(ctx, st, args, limit)
			return err
		})
		return result, err
	}
	return s.rows(s.run(ctx, s.newCall(st, args, limit, wantRows)))
}

// Exec runs a statement for its effect.
func (s *Store) Exec(ctx context.Context, st *store.Statement, args []any) (*store.Result, error) {
	return s.rows(s.run(ctx, s.newCall(st, args, 0, wantNothing)))
}

// Encode gives the rows of a statement as JSON.
func (s *Store) Encode(ctx context.Context, st *store.Statement, args []any, limit int, dst []byte) (encoded store.Encoded, err error) {
	if st.Guarded {
		err = s.TxWith(ctx, store.TxOptions{ReadOnly: true}, func(tx store.Tx) error {
			encoded, err = tx.Encode(ctx, st, args, limit, dst)
			return err
		})
		return encoded, err
	}
	return s.json(s.run(ctx, s.newEncode(st, args, limit, dst)))
}

// run runs a statement in the company of others, if it is quick, and else by itself.
func (s *Store) run(ctx context.Context, c *call) *call {
	if !c.st.Quick || !s.together(ctx, c) {
		s.alone(ctx, c, false)
	}
	return c
}

// together runs a statement in a pipe. It tells false when the statement has to run by
// itself: it was not prepared before, was slow lately, or is long; or a pipe has let go of
// it before anything was done.
func (s *Store) together(ctx context.Context, c *call) bool {
	k := s.known.of(c.st)
	if k == nil || k.alone() {
		return false
	}
	if err := c.bind(k.params); err != nil {
		c.err = err
		return true
	}
	p := s.writing
	if c.st.Reads {
		p = s.reading
	}
	if len(c.text) > batchBytes || !p.run(ctx, c) {
		return false
	}
	switch {
	case c.err == nil:
	case c.cancelled:
		k.wasSlow()
		return false
	case stale(c.err):
		return false
	case c.again():
		s.alone(ctx, c, true)
	default:
		c.settle()
	}
	return true
}

// alone runs a statement on a connection that it has for itself: with fresh, on one that
// has just answered.
func (s *Store) alone(ctx context.Context, c *call, fresh bool) {
	for {
		conn, session, err := s.lend(ctx, fresh)
		if err != nil {
			c.err = err
			return
		}
		began := time.Now()
		c.err = session.run(c)
		s.known.took(c.st, time.Since(began))
		if c.err != nil && stale(c.err) {
			session.prepared.Drop(c.st)
			c.err = session.run(c)
		}
		s.takeBack(conn)
		if fresh || !c.again() {
			c.settle()
			return
		}
		fresh = true
	}
}

// again tells a statement that may be sent once more: its connection broke before it was
// sent, or it only reads. One that took all its time has none left.
func (c *call) again() bool {
	return c.err != nil && lost(c.err) && !pgconn.Timeout(c.err) && (!c.sent || c.st.Reads)
}

// settle makes the driver's error the store's.
func (c *call) settle() {
	if c.err != nil && lost(c.err) {
		c.err = broken(c.err, c.sent && !c.st.Reads)
		return
	}
	c.err = classify(c.err, len(c.args))
}
