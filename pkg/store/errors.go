package store

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTooManyRows is inside the *Fault of a query with more rows than it may have.
var ErrTooManyRows = errors.New("too many rows")

// Kind tells which rule of the database a write broke.
type Kind string

// The kinds of constraints. Postgres' exclusion constraints count as unique, an error
// raised by a trigger or function as check.
const (
	Unique     Kind = "unique"
	ForeignKey Kind = "foreign_key"
	NotNull    Kind = "not_null"
	Check      Kind = "check"
)

// Conflict is a refusal: the values break a constraint of the database.
type Conflict struct {
	Kind Kind
	// Table and Columns say where, as far as the database tells. They are empty for
	// foreign keys on SQLite, and Columns is empty when a row cannot go because others
	// reference it.
	Table      string
	Columns    []string
	Constraint string // its name, where it has one that the database tells
	Message    string // in the database's words, without values
	Told       Told
}

// Error tells what broke and where.
func (c *Conflict) Error() string {
	where := c.Table
	if len(c.Columns) > 0 {
		where += "(" + strings.Join(c.Columns, ", ") + ")"
	}
	if where == "" {
		where = c.Constraint
	}
	return strings.TrimSpace(fmt.Sprintf("%s constraint broken %s: %s", c.Kind, where, c.Message))
}

// Invalid is a refusal: a value is not one that its parameter or column can hold.
type Invalid struct {
	Param   int    // counts from 1; 0 when the database does not tell
	Column  string // "" when the database does not tell
	Message string
	Told    Told
}

// Error tells which value and why.
func (e *Invalid) Error() string {
	switch {
	case e.Param > 0:
		return fmt.Sprintf("value %d: %s", e.Param, e.Message)
	case e.Column != "":
		return fmt.Sprintf("value for %s: %s", e.Column, e.Message)
	default:
		return "value: " + e.Message
	}
}

// Unavailable is a failure: the database cannot be reached, is too busy, or took too
// long. The same statement may work later, except that after a lost connection nobody
// knows whether a write was kept.
type Unavailable struct {
	Message string
	Err     error // may be nil
	// Unknown tells that a statement which writes was sent and its answer never came: the
	// database may or may not have kept it. It is never sent again by the store.
	Unknown bool
	Told    Told
}

// Error tells what was waited for.
func (e *Unavailable) Error() string {
	if e.Err == nil {
		return "store unavailable: " + e.Message
	}
	return fmt.Sprintf("store unavailable: %s: %v", e.Message, e.Err)
}

// Unwrap gives the cause: context.Canceled where the caller gave up waiting.
func (e *Unavailable) Unwrap() error { return e.Err }

// Fault is a failure: the statement is wrong, which is ours.
type Fault struct {
	Message  string
	Position int   // in the SQL, in characters from 1; 0 when not known
	Err      error // may be nil
	Told     Told
}

// Error tells what the database said of the statement.
func (e *Fault) Error() string {
	if e.Position > 0 {
		return fmt.Sprintf("statement at character %d: %s", e.Position, e.Message)
	}
	return "statement: " + e.Message
}

// Unwrap gives the cause.
func (e *Fault) Unwrap() error { return e.Err }

// TooManyRows is the fault of a query that has more than limit rows.
func TooManyRows(limit int) error {
	return &Fault{Message: fmt.Sprintf("more than %d rows", limit), Err: ErrTooManyRows}
}
