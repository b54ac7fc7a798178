package store

import (
	"context"
	"fmt"
)

// A Script runs statements and whole texts of SQL on one connection.
type Script interface {
	Query(ctx context.Context, st *Statement, args []any, limit int) (*Result, error)
	Exec(ctx context.Context, st *Statement, args []any) (*Result, error)
	// Script runs text of any number of statements, in the words of the database, without
	// values. It lasts as long as it needs: the store's time limit does not hold, ctx ends
	// it. What it set for its connection is reset after it. Its errors are a *ScriptError
	// around those of Store.
	Script(ctx context.Context, sql string) error
}

// A Session is a connection of its own that holds a lock. Outside of Tx each statement
// stands alone. It is for one goroutine, and over when the function that got it returns.
type Session interface {
	Script
	// Tx runs do in a transaction, on the terms of Store.Tx. A script that ends the
	// transaction by itself is a *Fault.
	Tx(ctx context.Context, do func(Script) error) error
}

// A Locker lends sessions that hold a lock of the database.
type Locker interface {
	// Locked runs do while this session alone holds the lock of that name, among all
	// processes that use the database. ctx bounds the waiting for it, and not what do does:
	// a lock that is not free in time is an *Unavailable. A process that dies gives it up.
	Locked(ctx context.Context, name string, do func(Session) error) error
}

// A ScriptError tells where in a script the statement stands that failed.
type ScriptError struct {
	Position  int // in characters from 1; 0: the database does not tell
	Statement int // counts from 1; 0: not known
	Err       error
}

// Error tells the place as far as it is known.
func (e *ScriptError) Error() string {
	switch {
	case e.Position > 0:
		return fmt.Sprintf("character %d: %v", e.Position, e.Err)
	case e.Statement > 0:
		return fmt.Sprintf("statement %d: %v", e.Statement, e.Err)
	}
	return e.Err.Error()
}

// Unwrap gives what went wrong.
func (e *ScriptError) Unwrap() error { return e.Err }
