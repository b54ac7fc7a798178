package sqlite

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/store/internal/lru"
	"github.com/openmanifest/gateway/pkg/value"
)

// noRows asks conn.run to drop the rows.
const noRows = -1

// conn is one connection and what it has prepared. One goroutine at a time.
type conn struct {
	db       *sqlite3.Conn
	options  store.Options
	prepared *lru.Cache[*store.Statement, *prepared]
	watch    *watchdog
}

// prepared is a statement that the engine has compiled.
type prepared struct {
	stmt     *sqlite3.Stmt
	params   int
	writes   bool
	joins    bool // may run in a transaction with statements of others
	columns  *value.Columns
	kinds    []kind
	compiled int // how often the engine compiled it anew when columns were read off it
}

func connect(name string, flags sqlite3.OpenFlag, pragmas string, options store.Options) (*conn, error) {
	db, err := sqlite3.OpenFlags(name, flags)
	if err != nil {
		return nil, classify(err, 0, "")
	}
	if err = db.BusyTimeout(options.Wait); err == nil {
		err = db.Exec("PRAGMA foreign_keys=ON; " + pragmas)
	}
	if err != nil {
		_ = db.Close() // the reason it is of no use is the error above
		return nil, classify(err, 0, "")
	}
	c := &conn{db: db, options: options}
	c.prepared = lru.New[*store.Statement](store.PreparedMax, func(p *prepared) {
		_ = p.stmt.Close() // repeats the error of its last run, which was told then
	})
	c.watch = newWatchdog()
	db.SetInterrupt(c.watch)
	return c, nil
}

// close ends the connection; its statements go first, or the engine would keep it.
func (c *conn) close() {
	for c.prepared.Len() > 0 {
		c.prepared.DropOldest()
	}
	if err := c.db.Close(); err != nil {
		c.options.Logger.Warn("sqlite: close", "error", err)
	}
}

// prepare compiles st once for this connection.
func (c *conn) prepare(st *store.Statement) (*prepared, error) {
	if p, ok := c.prepared.Get(st); ok {
		return p, nil
	}
	p, err := c.compile(st, sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return nil, err
	}
	c.prepared.Put(st, p)
	return p, nil
}

func (c *conn) compile(st *store.Statement, flags sqlite3.PrepareFlag) (*prepared, error) {
	verb := form.Verb(st.SQL)
	if form.Transactional(verb) {
		return nil, &store.Fault{Message: verb + " is no statement: transactions are begun and ended by the store"}
	}
	stmt, tail, err := c.db.PrepareFlags(st.SQL, flags)
	if err != nil {
		return nil, classify(err, 0, st.SQL)
	}
	if stmt == nil {
		return nil, &store.Fault{Message: "there is no SQL in it"}
	}
	if !form.Blank(tail) {
		_ = stmt.Close() // it was never run
		return nil, &store.Fault{Message: "there is more than one statement", Position: position(st.SQL, tail)}
	}
	p := &prepared{stmt: stmt, params: stmt.BindCount(), writes: !stmt.ReadOnly()}
	switch verb {
	case "insert", "update", "delete", "replace", "with":
		p.joins = true
	}
	p.describe(c.options.Hidden)
	return p, nil
}

// describe reads the columns off the statement.
func (p *prepared) describe(hidden func(string) bool) {
	n := p.stmt.ColumnCount()
	if n == 0 {
		return
	}
	names := make([]string, n)
	p.kinds = make([]kind, n)
	for i := range names {
		names[i] = p.stmt.ColumnName(i)
		p.kinds[i] = kindOf(p.stmt.ColumnDeclType(i))
	}
	p.columns = value.NewColumns(names, hidden)
}

// run binds, steps and reads, and leaves the statement ready for the next time.
func (c *conn) run(p *prepared, args []any, limit int) (*store.Result, error) {
	if err := countPlaces(p.params, len(args)); err != nil {
		return nil, err
	}
	for i, arg := range args {
		if err := bind(p.stmt, i+1, arg); err != nil {
			return nil, err
		}
	}
	c.watch.timer.Reset(c.options.Timeout)
	before := c.db.TotalChanges()
	result, err := c.step(p, limit)
	if !c.watch.timer.Stop() {
		// It has barked or is about to: a new one, so that the next run is not hit.
		c.watch = newWatchdog()
		c.db.SetInterrupt(c.watch)
	}
	_ = p.stmt.Reset() // repeats the error of step
	if len(args) > 0 {
		_ = p.stmt.ClearBindings() // cannot fail (sqlite3_clear_bindings)
	}
	if err != nil {
		return nil, classify(err, len(args), p.stmt.SQL())
	}
	if p.writes && c.db.TotalChanges() != before {
		result.Affected = c.db.Changes()
	}
	return result, nil
}

func (c *conn) step(p *prepared, limit int) (*store.Result, error) {
	result := &store.Result{}
	for p.stmt.Step() {
		if limit == noRows || len(p.kinds) == 0 {
			continue
		}
		if len(result.Rows) == 0 {
			p.refresh(c.options.Hidden)
		}
		if len(result.Rows) == limit {
			return nil, store.TooManyRows(limit)
		}
		row := make([]any, len(p.kinds))
		if err := p.stmt.Columns(row...); err != nil {
			return nil, err
		}
		for i, k := range p.kinds {
			row[i] = readKind(k, row[i])
		}
		result.Rows = append(result.Rows, row)
	}
	if limit != noRows {
		result.Columns = p.columns
	}
	return result, p.stmt.Err()
}

// refresh describes the columns again when the engine compiled the statement anew, as
// it does after the schema changed: * may stand for others now.
func (p *prepared) refresh(hidden func(string) bool) {
	if n := p.stmt.Status(sqlite3.STMTSTATUS_REPREPARE, false); n != p.compiled {
		p.compiled = n
		p.describe(hidden)
	}
}

// simple runs a command without values.
func (c *conn) simple(sql string) error { return classify(c.db.Exec(sql), 0, sql) }

// watchdog ends a statement that takes too long: the engine asks its Err now and then.
// A timer kept from statement to statement is cheaper than a context for each.
type watchdog struct {
	context.Context
	timer   *time.Timer
	expired atomic.Bool
}

func newWatchdog() *watchdog {
	w := &watchdog{Context: context.Background()}
	w.timer = time.AfterFunc(time.Hour, func() { w.expired.Store(true) })
	w.timer.Stop()
	return w
}

// Err is DeadlineExceeded once the time is up.
func (w *watchdog) Err() error {
	if w.expired.Load() {
		return context.DeadlineExceeded
	}
	return nil
}

// position turns the rest of a statement's text into the place where it begins.
func position(sql, rest string) int {
	if rest == "" || !strings.HasSuffix(sql, rest) {
		return 0
	}
	return len([]rune(sql[:len(sql)-len(rest)])) + 1
}
