package sqlite

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
)

const (
	// lockLook is how often a lock that is taken is asked for again.
	lockLook = 50 * time.Millisecond
	// scriptTime bounds a statement of a session, which may read and write every row.
	scriptTime = 24 * time.Hour
)

// scripting is a connection beside the others, so that nothing a script does to its
// connection outlives it.
type scripting struct {
	conn *conn
	held *tx // what statements run in while there is a transaction
	over bool
}

var _ store.Locker = (*Store)(nil)

// Locked locks a file beside the database, FILE-NAME.lock, which stays there empty. The
// database's own lock would not do: it is given up with each transaction.
func (s *Store) Locked(ctx context.Context, name string, do func(store.Session) error) error {
	held, err := s.lock(ctx, name)
	if err != nil {
		return err
	}
	defer held.close()
	options := s.options
	options.Timeout = scriptTime
	c, err := connect(s.name, s.flags, "PRAGMA synchronous=FULL", options, newTurns())
	if err != nil {
		return err
	}
	lent := &scripting{conn: c}
	defer func() {
		lent.over = true
		c.close()
	}()
	return do(lent)
}

// lock asks for the lock until it is free or ctx ends.
func (s *Store) lock(ctx context.Context, name string) (*conn, error) {
	options := s.options
	options.Wait = 1 // the engine does not wait: it would not see the end of ctx
	c, err := connect(lockName(s.name, s.flags, name), s.flags, "", options, newTurns())
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			c.close()
			return nil, &store.Unavailable{Message: "the lock of " + name + " is held by another process", Err: ctx.Err()}
		case <-timer.C:
		}
		err := c.db.Exec("BEGIN EXCLUSIVE")
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, sqlite3.BUSY) && !errors.Is(err, sqlite3.LOCKED) {
			c.close()
			return nil, classify(err, 0, "")
		}
		timer.Reset(lockLook)
	}
}

// lockName names what is locked for a database.
func lockName(database string, flags sqlite3.OpenFlag, name string) string {
	suffix := "-" + name + ".lock"
	if path, query, ok := strings.Cut(database, "?"); ok && flags&sqlite3.OPEN_URI != 0 {
		return path + suffix + "?" + query
	}
	return database + suffix
}

// statements is what runs one.
func (s *scripting) statements() *tx {
	switch {
	case s.over:
		return &tx{failed: &store.Fault{Message: "the session is over"}}
	case s.held != nil:
		return s.held
	}
	return &tx{conn: s.conn}
}

// Query gives the rows of a statement.
func (s *scripting) Query(ctx context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	return s.statements().Query(ctx, st, args, limit)
}

// Exec runs a statement for its effect.
func (s *scripting) Exec(ctx context.Context, st *store.Statement, args []any) (*store.Result, error) {
	return s.statements().Exec(ctx, st, args)
}

// Script runs the statements one after the other.
func (s *scripting) Script(ctx context.Context, sql string) error {
	t := s.statements()
	if t.failed == nil {
		t.failed = s.script(ctx, sql)
	}
	return t.failed
}

func (s *scripting) script(ctx context.Context, sql string) error {
	before := s.conn.db.SetInterrupt(ctx)
	err := s.each(ctx, sql)
	s.conn.db.SetInterrupt(before)
	if s.held != nil {
		return err
	}
	if !s.conn.db.GetAutocommit() {
		if undo := s.conn.simple("ROLLBACK"); undo != nil {
			return undo
		}
		if err == nil {
			err = &store.Fault{Message: "the script leaves a transaction open"}
		}
	}
	if reset := s.conn.simple("PRAGMA foreign_keys=ON; PRAGMA legacy_alter_table=OFF"); err == nil {
		err = reset
	}
	return err
}

func (s *scripting) each(ctx context.Context, sql string) error {
	rest := form.Rest(sql)
	for number := 1; rest != ""; number++ {
		tail, err := s.one(rest)
		switch {
		case err != nil && ctx.Err() != nil:
			return &store.Unavailable{Message: "the script was ended", Err: ctx.Err()}
		case err != nil:
			return placed(sql, rest, number, err)
		}
		rest = form.Rest(tail)
	}
	return nil
}

// one runs the first statement of sql and gives what stands after it.
func (s *scripting) one(sql string) (tail string, err error) {
	if verb := form.Verb(sql); s.held != nil && form.Transactional(verb) {
		return "", &store.Fault{Message: verb + ": the script has a transaction that is not its own"}
	}
	stmt, tail, err := s.conn.db.PrepareFlags(sql, 0)
	if err != nil || stmt == nil {
		return "", classify(err, 0, sql)
	}
	for stmt.Step() {
		continue // rows have nobody to go to
	}
	err = classify(stmt.Err(), 0, "")
	if closed := classify(stmt.Close(), 0, ""); err == nil {
		err = closed
	}
	return tail, err
}

// placed adds where in sql the statement stands, of which rest is what follows.
func placed(sql, rest string, number int, err error) error {
	at := utf8.RuneCountInString(sql[:len(sql)-len(rest)]) + 1
	var fault *store.Fault
	if errors.As(err, &fault) && fault.Position > 0 {
		at += fault.Position - 1
		fault.Position = 0 // it is in another text
	}
	return &store.ScriptError{Position: at, Statement: number, Err: err}
}

// Tx runs do in a transaction, which is rolled back also when do panics.
func (s *scripting) Tx(_ context.Context, do func(store.Script) error) error {
	if s.held != nil || s.over {
		return &store.Fault{Message: "there is a transaction already, or the session is over"}
	}
	if err := s.conn.simple("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	s.held = &tx{conn: s.conn}
	defer func() {
		s.held = nil
		if s.conn.db.GetAutocommit() {
			return
		}
		if err := s.conn.simple("ROLLBACK"); err != nil {
			s.conn.options.Logger.Warn("sqlite: rollback", "error", err)
		}
	}()
	err := do(s)
	if err == nil {
		err = s.held.failed
	}
	if err != nil {
		return err
	}
	return s.conn.simple("COMMIT")
}
