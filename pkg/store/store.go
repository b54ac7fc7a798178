// Package store is the seam to databases: statements with bound values go in, rows of
// plain values come out, and errors say whose doing they are. The drivers below it
// (postgres, sqlite) pass one contract, written in package storetest.
//
// # Values
//
// Into a statement go nil, bool, int64, int, float64, value.Number, string, time.Time,
// []byte, []any, map[string]any, value.Claims, value.Object and *value.Raw. Lists and
// maps become JSON, or an array where a Postgres parameter is one. Text is converted to
// the parameter's type, since what strangers send is text: '42' finds the row 42. Text
// given for json is JSON text.
//
// Out of a row come nil, bool, int64, float64, string, time.Time (UTC), value.Number
// (every decimal), []byte (binary), []any (arrays) and what JSON holds. Dates and times
// of day are text, "2006-01-02" and "15:04:05", with a fraction where there is one;
// NaN and infinities are the text "NaN", "Infinity", "-Infinity".
//
// # Where SQLite differs
//
// SQLite has no types of parameters: it compares text with a column by the column's
// affinity, so '42' finds the row 42, and 'abc' finds none where Postgres says Invalid.
// What a column may hold is kept by checks that Create writes into its tables; there
// the text must already have the form that comes out ('true' is no boolean, a date is
// 2006-01-02). Booleans are the numbers 0 and 1, also in a column of text. A datetime is stored as RFC 3339 text in UTC with microseconds, so that
// it sorts; text is stored as it is. A decimal is an integer or a float: exact to 15
// digits, without its scale. The type of a result is known for plain columns only:
// max(inserted_at) is text.
package store

import (
	"context"
	"log/slog"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// Dialect is the SQL that a store speaks.
type Dialect uint8

// The dialects.
const (
	Postgres Dialect = iota + 1
	SQLite
)

// String names the dialect as the scheme of its urls does.
func (d Dialect) String() string {
	switch d {
	case Postgres:
		return "postgres"
	case SQLite:
		return "sqlite"
	default:
		return "unknown"
	}
}

// The bounds that hold where Options say nothing else.
const (
	// DefaultRows bounds the rows of one answer.
	DefaultRows = 10_000
	// DefaultPool is the number of connections, as in Ecto.
	DefaultPool = 10
	// DefaultTimeout is how long one statement may take.
	DefaultTimeout = 30 * time.Second
	// DefaultWait is how long a statement waits for a connection or for SQLite's writer.
	DefaultWait = 5 * time.Second
	// PreparedMax bounds the prepared statements that one connection keeps; the one used
	// longest ago goes first, so statements of an app that was replaced go by themselves.
	PreparedMax = 500
)

// Statement is SQL with places for values: $1, $2 on Postgres, ?1, ?2 on SQLite. Each
// connection prepares it once and knows it by its address: make it once, at load.
type Statement struct {
	SQL    string
	Params int    // the number of places
	Shape  *Shape // for Encode; nil: every column, by its type
	// Reads tells that it changes nothing, so that it may be sent again when a connection
	// was lost. A statement that does not say so is sent once.
	Reads bool
	// Quick tells that it is over at once, such as one that finds a row by its key, so that
	// others may wait behind it on the same connection.
	Quick bool
	// Guarded tells that it calls functions which may write, and shall not: by itself it runs
	// in a transaction that only reads.
	Guarded bool
}

// Result is what a statement gave.
type Result struct {
	// Columns describes Rows. It is made when a connection prepares the statement and
	// shared by the results of that connection; nil when there are no columns.
	Columns *value.Columns
	Rows    [][]any
	// Affected counts the rows inserted, updated or deleted; 0 for a statement that reads.
	Affected int64
}

// Row gives row i with its names.
func (r *Result) Row(i int) *value.Row {
	return &value.Row{Columns: r.Columns, Values: r.Rows[i]}
}

// A Querier runs statements: a store, or a transaction of one.
type Querier interface {
	Query(ctx context.Context, st *Statement, args []any, limit int) (*Result, error)
	Exec(ctx context.Context, st *Statement, args []any) (*Result, error)
	Encode(ctx context.Context, st *Statement, args []any, limit int, dst []byte) (Encoded, error)
}

// Tx runs statements in one transaction. A statement that fails ends it: the statements
// after it give its error again, and nothing is kept. It is for one goroutine, and over
// when the function that got it returns.
type Tx interface{ Querier }

// Store is one database. Its errors are a *Conflict or an *Invalid where the values are
// to blame, an *Unavailable where the database cannot be had, and a *Fault where the
// statement is wrong. It is safe for many goroutines.
//
// A context bounds the waiting for a connection. A statement that has begun is not ended
// with it, but by the store's own time limit.
type Store interface {
	Dialect() Dialect
	// Query gives the rows of a statement, one that writes (returning) too. More than
	// limit rows are a *Fault that is ErrTooManyRows; what a writing statement wrote may
	// have been kept then. A limit of 0 means DefaultRows.
	Query(ctx context.Context, st *Statement, args []any, limit int) (*Result, error)
	// Exec runs a statement for its effect; rows that it returns are dropped.
	Exec(ctx context.Context, st *Statement, args []any) (*Result, error)
	// Encode appends the rows of a statement to dst as JSON, in the form of its Shape. The
	// limit is that of Query.
	Encode(ctx context.Context, st *Statement, args []any, limit int, dst []byte) (Encoded, error)
	// TxWith is Tx with options.
	TxWith(ctx context.Context, o TxOptions, do func(Tx) error) error
	// Locked runs do with one connection, while it alone holds the database's lock of that
	// name: for migrations (see Locker). ctx bounds the waiting for it, and not what do does.
	Locked(ctx context.Context, name string, do func(Session) error) error
	// Tx commits when do returns nil and every statement in it succeeded. do must use
	// its Tx alone: the store itself may have no second connection to give.
	Tx(ctx context.Context, do func(Tx) error) error
	// Check prepares a statement and forgets it: a *Fault tells what the database does
	// not accept, or that the number of places is not st.Params.
	Check(ctx context.Context, st *Statement) error
	// Catalog tells what the database has.
	Catalog(ctx context.Context) (*Catalog, error)
	// Tables describes the tables and views that statements see without a prefix, by name.
	Tables(ctx context.Context) ([]Table, error)
	// Create makes the tables that are not there yet, all or none, and names those it
	// made, a table after those it references. Tables that are there stay as they are.
	Create(ctx context.Context, tables []Table) (made []string, err error)
	// Ping tells whether the database answers.
	Ping(ctx context.Context) error
	// Stats tells how busy the connections are. It asks the database nothing, and may be
	// called at any time, also after Close.
	Stats() Stats
	// Close ends the connections, the busy ones when they become free.
	Close()
}

// Stats is how busy the connections of a store are.
type Stats struct {
	InUse int // run a statement or a transaction
	Idle  int // are open and free
	Max   int // at most, the one that writes to SQLite included
	// Waits counts who had to wait until one was free, Waited is how long they did in all.
	Waits  uint64
	Waited time.Duration
}

// Options say how to open a store. The zero value has defaults for all.
type Options struct {
	// Hidden tells the columns that must not leave (see value.NewColumns); nil: none.
	Hidden func(column string) bool
	// Pool bounds the connections; on SQLite those that read, beside one that writes.
	Pool int
	// Timeout bounds one statement, Wait the waiting for a connection.
	Timeout, Wait time.Duration
	// Logger is told what no caller can be told; nil drops it.
	Logger *slog.Logger
}

// WithDefaults fills what was left out.
func (o Options) WithDefaults() Options {
	if o.Pool <= 0 {
		o.Pool = DefaultPool
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Wait <= 0 {
		o.Wait = DefaultWait
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Limit is the bound that a limit given to Query means.
func Limit(limit int) int {
	if limit <= 0 {
		return DefaultRows
	}
	return limit
}
