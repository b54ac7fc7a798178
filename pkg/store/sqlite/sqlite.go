// Package sqlite is the store in a file, or in memory: SQLite inside this process,
// through the engine's own interface. Some connections read, one writes; statements
// that wait for the writer share its transactions.
//
// # Functions
//
// SQL can call these beside the engine's own. NULL in any place gives NULL.
//
//   - text REGEXP pattern, regexp(pattern, text): whether the pattern finds something in
//     the text. The patterns are those of Go's package regexp (RE2), of at most 4096 bytes.
//   - iregexp(pattern, text): the same in any case.
//   - moment(datetime): a stored datetime in the form that Encode answers,
//     2025-01-01T00:05:00.123+00:00; other values as they are.
//   - cast_to(type, value): the value as one of a type of Postgres: a number, a boolean, a date,
//     a time, a uuid, JSON. What is none ends the statement.
//   - compare_json(a, b): -1, 0 or 1, by the order that jsonb has; NULL where one is no JSON.
package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/vfs/memdb" // databases in memory that connections share

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
)

// Store is one SQLite database.
type Store struct {
	name    string // what the engine opens, with flags
	flags   sqlite3.OpenFlag
	options store.Options
	readers *pool
	writer  *writer
	outputs sync.Pool // of *jsonOutput
}

var _ store.Store = (*Store)(nil)

// Open takes sqlite:PATH or sqlite::memory:. A relative path is taken from the working
// directory. The file and its folder are made when they are not there. A database in
// memory is its own for each Open, and gone with Close.
func Open(_ context.Context, url string, options store.Options) (*Store, error) {
	name, flags, err := target(url)
	if err != nil {
		return nil, err
	}
	s := &Store{name: name, flags: flags, options: options.WithDefaults()}
	s.outputs.New = func() any { return new(jsonOutput) }
	turns := newTurns()
	open := func(pragmas string) (*conn, error) { return connect(name, flags, pragmas, s.options, turns) }
	c, err := open("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
	if err != nil {
		return nil, fmt.Errorf("open sqlite store: %w", err)
	}
	s.writer = newWriter(c, s.options)
	s.readers = newPool(s.options, func() (*conn, error) { return open("PRAGMA query_only=ON") })
	return s, nil
}

// target reads a url into the name that the engine opens.
func target(url string) (name string, flags sqlite3.OpenFlag, err error) {
	path, ok := strings.CutPrefix(url, "sqlite:")
	if !ok || path == "" {
		return "", 0, errors.New("the url of a sqlite store is neither sqlite:PATH nor `sqlite::memory:` in form")
	}
	flags = sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE
	if path == ":memory:" {
		return "file:/gateway-" + rand.Text() + "?vfs=memdb", flags | sqlite3.OPEN_URI, nil
	}
	path = strings.TrimPrefix(path, "//")
	if strings.ContainsAny(path, "?#\x00") {
		return "", 0, errors.New("the url of a sqlite store takes no parameters")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return "", 0, fmt.Errorf("open sqlite store: %w", err)
	}
	return path, flags, nil
}

// Dialect is SQLite.
func (s *Store) Dialect() store.Dialect { return store.SQLite }

// Close ends the connections; the busy ones when they become free.
func (s *Store) Close() {
	s.readers.close()
	s.writer.close()
}

// Query gives the rows of a statement, one that writes too.
func (s *Store) Query(ctx context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	out := &rowsOutput{limit: store.Limit(limit)}
	if err := s.run(ctx, st, args, out); err != nil {
		return nil, err
	}
	return out.result, nil
}

// Encode writes the rows of a statement as JSON behind dst, one that writes too.
func (s *Store) Encode(ctx context.Context, st *store.Statement, args []any, limit int, dst []byte) (store.Encoded, error) {
	out := s.outputs.Get().(*jsonOutput)
	*out = jsonOutput{shape: st.Shape, limit: store.Limit(limit), dst: dst}
	err := s.run(ctx, st, args, out)
	encoded := out.encoded
	*out = jsonOutput{} // it holds on to nothing
	s.outputs.Put(out)
	if err != nil {
		return store.Encoded{}, err
	}
	return encoded, nil
}

// run gives a statement that writes to the writer, and runs others here. Where its first
// word does not tell which it is, the engine does when it is prepared.
func (s *Store) run(ctx context.Context, st *store.Statement, args []any, out output) error {
	if !st.Reads && changes(form.Verb(st.SQL)) {
		return s.writer.run(ctx, &write{st: st, args: args, out: out})
	}
	writes, err := s.read(ctx, st, args, out)
	if writes {
		return s.writer.run(ctx, &write{st: st, args: args, out: out})
	}
	return err
}

// changes tells the first words of statements that change rows.
func changes(verb string) bool {
	switch verb {
	case "insert", "update", "delete", "replace":
		return true
	}
	return false
}

// read runs a statement that only reads; writes tells one that does more, and did not run.
func (s *Store) read(ctx context.Context, st *store.Statement, args []any, out output) (writes bool, err error) {
	c, err := s.readers.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer s.readers.release(c)
	p, err := c.prepare(st)
	if err != nil || p.writes {
		return err == nil, err
	}
	return false, c.run(p, args, out)
}

// Exec runs a statement for its effect, on the writer.
func (s *Store) Exec(ctx context.Context, st *store.Statement, args []any) (*store.Result, error) {
	out := &rowsOutput{limit: noRows}
	if err := s.writer.run(ctx, &write{st: st, args: args, out: out}); err != nil {
		return nil, err
	}
	return out.result, nil
}

// Check prepares a statement and forgets it.
func (s *Store) Check(ctx context.Context, st *store.Statement) error {
	c, err := s.readers.acquire(ctx)
	if err != nil {
		return err
	}
	defer s.readers.release(c)
	p, err := c.compile(st, 0)
	if err != nil {
		return err
	}
	defer func() { _ = p.stmt.Close() }() // it was never run, so it has no error to tell
	return countPlaces(p.params, st.Params)
}

func countPlaces(have, want int) error {
	if have != want {
		return &store.Fault{Message: fmt.Sprintf("the SQL has places for %d values, not %d", have, want)}
	}
	return nil
}

// Stats tells how busy the connections are: those that read, and the one that writes.
func (s *Store) Stats() store.Stats {
	r, w := s.readers, s.writer
	r.mu.Lock()
	lent, idle, closed := r.lent, len(r.idle), r.closed
	r.mu.Unlock()
	writing := len(w.turn)
	if !closed {
		idle += 1 - writing
	}
	return store.Stats{
		InUse: lent + writing, Idle: idle, Max: r.max + 1,
		Waits: uint64(r.line.waits.Load() + w.line.waits.Load()), Waited: time.Duration(r.line.waited.Load() + w.line.waited.Load()),
	}
}

// Ping reads the file's header.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.Query(ctx, &store.Statement{SQL: "PRAGMA schema_version"}, nil, 1)
	return err
}
