package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openmanifest/gateway/pkg/store"
)

const (
	// lockLook is how often a lock that is taken is asked for again. A statement that waits
	// on the server would hold a snapshot, for which CREATE INDEX CONCURRENTLY of the one
	// that has the lock would wait in turn.
	lockLook = 50 * time.Millisecond
	// endTime bounds the end of a session and of its transactions.
	endTime = 5 * time.Second
)

// scripting is a connection beside the pool, so that nothing a script does to its
// connection outlives it.
type scripting struct {
	session *session
	held    *tx // what statements run in while there is a transaction
}

var _ store.Locker = (*Store)(nil)

// Locked takes an advisory lock of the server, which the server gives up with the connection.
func (s *Store) Locked(ctx context.Context, name string, do func(store.Session) error) error {
	config := s.pool.Config().ConnConfig.Config.Copy()
	config.RuntimeParams["statement_timeout"] = "0"
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return unavailable(ctx, err)
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.Background(), endTime)
		defer cancel()
		_ = conn.Close(ending) // the server rolls back and unlocks, whatever it answers
	}()
	if err := lock(ctx, conn, name); err != nil {
		return err
	}
	lent := &scripting{session: newSession(s, conn)}
	err = do(lent)
	lent.held = &tx{session: lent.session, failed: &store.Fault{Message: "the session is over"}}
	return err
}

// lock asks for the lock until it is free or ctx ends.
func lock(ctx context.Context, conn *pgconn.PgConn, name string) error {
	h := fnv.New64a()
	h.Write([]byte("gateway " + name))
	sql := fmt.Sprintf("select pg_try_advisory_lock(%d)", int64(h.Sum64()))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return &store.Unavailable{Message: "the lock of " + name + " is held by another process", Err: ctx.Err()}
		case <-timer.C:
		}
		results, err := conn.Exec(ctx, sql).ReadAll()
		if err != nil {
			return classify(err, 0)
		}
		if string(results[0].Rows[0][0]) == "t" {
			return nil
		}
		timer.Reset(lockLook)
	}
}

// Query gives the rows of a statement.
func (s *scripting) Query(_ context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	return s.own().rows(s.run(s.own().newCall(st, args, limit, wantRows)))
}

// Exec runs a statement for its effect.
func (s *scripting) Exec(_ context.Context, st *store.Statement, args []any) (*store.Result, error) {
	return s.own().rows(s.run(s.own().newCall(st, args, 0, wantNothing)))
}

func (s *scripting) own() *Store { return s.session.store }

func (s *scripting) run(c *call) *call {
	if s.held != nil {
		return s.held.run(c)
	}
	c.err = classify(s.session.run(c), len(c.args))
	return c
}

// Script sends the text as it is.
func (s *scripting) Script(ctx context.Context, sql string) error {
	if s.held == nil {
		return s.send(ctx, sql)
	}
	if s.held.failed == nil {
		s.held.failed = s.within(ctx, sql)
	}
	return s.held.failed
}

// within runs a script that must leave the transaction as it is: a savepoint goes with the
// transaction in which it was made.
func (s *scripting) within(ctx context.Context, sql string) error {
	if _, err := s.session.simple("savepoint gateway_script"); err != nil {
		return classify(err, 0)
	}
	if err := s.send(ctx, sql); err != nil {
		return err
	}
	if _, err := s.session.simple("release savepoint gateway_script"); err != nil {
		return &store.Fault{Message: "the script ends the transaction that it runs in", Err: err}
	}
	return nil
}

func (s *scripting) send(ctx context.Context, sql string) error {
	results := s.session.conn.Exec(ctx, sql)
	done := 0
	for results.NextResult() {
		if _, err := results.ResultReader().Close(); err == nil {
			done++
		}
	}
	if err := results.Close(); err != nil {
		return scriptError(ctx, err, done)
	}
	if s.held == nil && s.session.conn.TxStatus() != 'I' {
		s.session.store.rollback(s.session)
		return &store.Fault{Message: "the script leaves a transaction open"}
	}
	// RESET ALL leaves the role as it is (SQL commands, RESET).
	_, err := s.session.simple("reset all; reset role")
	return classify(err, 0)
}

func scriptError(ctx context.Context, err error, done int) error {
	if ctx.Err() != nil {
		return &store.Unavailable{Message: "the script was ended", Err: ctx.Err()}
	}
	e := &store.ScriptError{Statement: done + 1, Err: classify(err, 0)}
	var told *pgconn.PgError
	if errors.As(err, &told) {
		e.Position = int(told.Position)
	}
	return e
}

// Tx runs do in a transaction, which is rolled back also when do panics.
func (s *scripting) Tx(_ context.Context, do func(store.Script) error) error {
	if s.held != nil {
		return &store.Fault{Message: "there is a transaction already"}
	}
	if _, err := s.session.simple("begin"); err != nil {
		return classify(err, 0)
	}
	s.held = &tx{session: s.session}
	settled := false
	defer func() {
		s.held = nil
		if !settled && s.session.conn.TxStatus() != 'I' {
			s.session.store.rollback(s.session)
		}
	}()
	err := do(s)
	if err == nil {
		err = s.held.failed
	}
	if err != nil {
		return err
	}
	settled = true
	return s.session.commit()
}
