package sqlite

import (
	"context"
	"strings"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/store/internal/lru"
	"github.com/openmanifest/gateway/pkg/value"
)

// conn is one connection and what it has prepared. One goroutine at a time.
type conn struct {
	db       *sqlite3.Conn
	options  store.Options
	prepared *lru.Cache[*store.Statement, *prepared]
	watch    *watchdog
	calls    functions
}

// prepared is a statement that the engine has compiled.
type prepared struct {
	stmt     *sqlite3.Stmt
	params   int
	writes   bool
	joins    bool // may run in a transaction with statements of others
	columns  *value.Columns
	kinds    []kind
	compiled int      // how often the engine compiled it anew when columns were read off it
	encoder  *encoder // made when first needed
}

func connect(name string, flags sqlite3.OpenFlag, pragmas string, options store.Options, turns *turns) (*conn, error) {
	db, err := sqlite3.OpenFlags(name, flags)
	if err != nil {
		return nil, classify(err, 0, "")
	}
	if err = db.BusyTimeout(options.Wait); err == nil {
		err = db.Exec("PRAGMA foreign_keys=ON; " + pragmas)
	}
	if err == nil {
		// Else the engine plans anew what has a place behind LIMIT or LIKE, at each run.
		_, err = db.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true)
	}
	if err != nil {
		_ = db.Close() // the reason it is of no use is the error above
		return nil, classify(err, 0, "")
	}
	c := &conn{db: db, options: options}
	if err := c.calls.register(db); err != nil {
		_ = db.Close()
		return nil, classify(err, 0, "")
	}
	c.prepared = lru.New[*store.Statement](store.PreparedMax, func(p *prepared) {
		_ = p.stmt.Close() // repeats the error of its last run, which was told then
	})
	c.watch = &watchdog{Context: context.Background(), turns: turns}
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
	p.encoder = nil
}

// encode gives what writes the rows as JSON.
func (p *prepared) encode(shape *store.Shape) *encoder {
	if p.encoder == nil {
		p.encoder = newEncoder(p, shape)
	}
	return p.encoder
}

// run binds, steps and reads, and leaves the statement ready for the next time.
func (c *conn) run(p *prepared, args []any, out output) error {
	if err := countPlaces(p.params, len(args)); err != nil {
		return err
	}
	for i, arg := range args {
		if err := bind(p.stmt, i+1, arg); err != nil {
			return err
		}
	}
	var before int64
	if p.writes {
		before = c.db.TotalChanges()
	}
	c.calls.refused = nil
	c.watch.begin(c.options.Timeout)
	defer c.finish(p)
	out.begin()
	if err := c.step(p, out); err != nil {
		return c.explain(err, len(args), p.stmt.SQL())
	}
	var affected int64
	if p.writes && c.db.TotalChanges() != before {
		affected = c.db.Changes()
	}
	out.end(p, affected)
	return nil
}

// finish leaves the statement as it was before.
func (c *conn) finish(p *prepared) {
	c.watch.end()
	_ = p.stmt.Reset() // repeats the error of step
	if p.params > 0 {
		_ = p.stmt.ClearBindings() // cannot fail (sqlite3_clear_bindings)
	}
}

// explain says whose doing an error of a run is.
func (c *conn) explain(err error, args int, sql string) error {
	if refused := c.calls.refused; refused != nil {
		c.calls.refused = nil
		return refused
	}
	return classify(err, args, sql)
}

func (c *conn) step(p *prepared, out output) error {
	for p.stmt.Step() {
		if len(p.kinds) == 0 {
			continue
		}
		if err := out.row(c, p); err != nil {
			return err
		}
	}
	return p.stmt.Err()
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

// rollback ends the transaction, if the engine has not by itself.
func (c *conn) rollback() {
	if c.db.GetAutocommit() {
		return
	}
	if err := c.db.Exec("ROLLBACK"); err != nil {
		c.options.Logger.Warn("sqlite: rollback", "error", err)
	}
}

// position turns the rest of a statement's text into the place where it begins.
func position(sql, rest string) int {
	if rest == "" || !strings.HasSuffix(sql, rest) {
		return 0
	}
	return len([]rune(sql[:len(sql)-len(rest)])) + 1
}
