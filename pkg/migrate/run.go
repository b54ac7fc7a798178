package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

// DefaultWait is how long one who migrates waits for another to be done.
const DefaultWait = 60 * time.Second

// lockName is the database's lock that one who migrates holds.
const lockName = "migrations"

// A Database is a store that lends sessions.
type Database interface {
	store.Locker
	Dialect() store.Dialect
	Query(ctx context.Context, st *store.Statement, args []any, limit int) (*store.Result, error)
	Exec(ctx context.Context, st *store.Statement, args []any) (*store.Result, error)
}

// A Runner runs the files of a folder on a database. Two at a time wait for each other.
type Runner struct {
	Store Database
	Files []Migration // as Read gives them
	Wait  time.Duration
	Now   func() time.Time
	// Told hears of each migration that ran, at once. nil: nobody.
	Told func(m *Migration, took time.Duration)
	// Warn hears what is odd and stops nothing. nil: nobody.
	Warn func(text string)
}

// Bounds say how far to go.
type Bounds struct {
	Steps int    // at most; 0: no bound
	To    *int64 // up to this version, or down to it; it stays
}

// A Failure is a migration that did not run. Those before it did.
type Failure struct {
	Path   string
	Line   int    // 0: the database does not tell
	Number int    // of the statement in the file; 0: not known
	Kept   bool   // what the file did before may have been kept, as it has no transaction
	Done   int    // migrations that ran before
	Left   Status // those that did not, this one first
	Err    error
}

// Error says what failed, where.
func (f *Failure) Error() string {
	place := f.Path
	if f.Line > 0 {
		place += fmt.Sprintf(":%d", f.Line)
	} else if f.Number > 0 {
		place += fmt.Sprintf(": statement %d", f.Number)
	}
	return place + ": " + reason(f.Err)
}

// Unwrap gives what the database said.
func (f *Failure) Unwrap() error { return f.Err }

// reason is what the database said, without a place in text that nobody sees.
func reason(err error) string {
	var fault *store.Fault
	if errors.As(err, &fault) {
		return fault.Message
	}
	var script *store.ScriptError
	if errors.As(err, &script) {
		return script.Err.Error()
	}
	return err.Error()
}

// Rest says what ran and what did not, and the way out where there is one.
func (f *Failure) Rest() string {
	text := f.sum()
	switch refused := strings.Contains(reason(f.Err), "transaction"); {
	case refused && f.Kept:
		return text + "; on Postgres such a file holds one statement"
	case refused:
		return text + "; what cannot run in a transaction says `" + directive + " " + noTransaction + "` at the top of its file"
	}
	return text
}

func (f *Failure) sum() string {
	text := "none ran before it"
	if f.Done > 0 {
		text = fmt.Sprintf("%d before it ran and stay", f.Done)
	}
	if len(f.Left) > 1 {
		text += fmt.Sprintf(", %d after it did not run", len(f.Left)-1)
	}
	if f.Kept {
		return text + "; the file runs in no transaction: what it did before may be there"
	}
	return text + "; of this one nothing was kept"
}

// Up runs what is pending, in order. An error is a *Failure when a migration has failed.
func (r *Runner) Up(ctx context.Context, b Bounds) error {
	return r.locked(ctx, func(s store.Session, l *ledger, status Status) error {
		pending := status.In(Pending)
		if b.To != nil {
			if !slices.ContainsFunc(status, func(l Line) bool { return l.Version == *b.To }) {
				return fmt.Errorf("there is no version %d", *b.To)
			}
			pending = slices.DeleteFunc(pending, func(l Line) bool { return l.Version > *b.To })
		}
		r.warn(status)
		return r.each(b.cut(pending), func(m *Migration) error {
			return r.run(ctx, s, &m.Up, func(q querier) error { return l.add(ctx, q, m, r.Now()) })
		})
	})
}

// Down undoes what ran, the last first: one step where b says nothing else. Nothing is done
// when one of the steps has no down file.
func (r *Runner) Down(ctx context.Context, b Bounds) error {
	if b.Steps == 0 && b.To == nil {
		b.Steps = 1
	}
	return r.locked(ctx, func(s store.Session, l *ledger, status Status) error {
		ran := slices.DeleteFunc(slices.Clone(status), func(l Line) bool { return l.State == Pending || b.To != nil && l.Version <= *b.To })
		slices.Reverse(ran)
		ran = b.cut(ran)
		for i := range ran {
			switch {
			case ran[i].State == NoFile:
				return fmt.Errorf("%d cannot be undone: it has no file here", ran[i].Version)
			case ran[i].Down == nil:
				return fmt.Errorf("%s cannot be undone: it has no down.sql", ran[i].Title())
			}
		}
		return r.each(ran, func(m *Migration) error {
			return r.run(ctx, s, m.Down, func(q querier) error { return l.remove(ctx, q, m.Version) })
		})
	})
}

// cut leaves as many as there may be.
func (b Bounds) cut(lines Status) Status {
	if b.Steps > 0 && len(lines) > b.Steps {
		return lines[:b.Steps]
	}
	return lines
}

// locked holds the lock, with the database as it is then.
func (r *Runner) locked(ctx context.Context, do func(store.Session, *ledger, Status) error) error {
	wait := r.Wait
	if wait <= 0 {
		wait = DefaultWait
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return r.Store.Locked(waiting, lockName, func(s store.Session) error {
		l, err := ensure(ctx, s, r.Store.Dialect())
		if err != nil {
			return fmt.Errorf("table %s: %w", Table, err)
		}
		applied, err := l.applied(ctx, s)
		if err != nil {
			return fmt.Errorf("table %s: %w", Table, err)
		}
		return do(s, l, compare(r.Files, applied))
	})
}

func (r *Runner) warn(s Status) {
	if r.Warn == nil {
		return
	}
	for _, text := range s.Warnings() {
		r.Warn(text)
	}
}

func (r *Runner) each(lines Status, run func(*Migration) error) error {
	for i := range lines {
		began := time.Now()
		err := run(&lines[i].Migration)
		var failed *Failure
		if errors.As(err, &failed) {
			failed.Done, failed.Left = i, lines[i:]
		}
		if err != nil {
			return err
		}
		if r.Told != nil {
			r.Told(&lines[i].Migration, time.Since(began))
		}
	}
	return nil
}

// run runs a file and notes it, both or none where the file has a transaction.
func (r *Runner) run(ctx context.Context, s store.Session, f *File, note func(querier) error) error {
	if f.NoTransaction {
		if err := s.Script(ctx, f.SQL); err != nil {
			return failure(f, err)
		}
		if err := note(s); err != nil {
			return failure(f, fmt.Errorf("it ran, and could not be noted: %w", err))
		}
		return nil
	}
	within := func(do func(store.Script) error) error { return s.Tx(ctx, do) }
	if f.NoForeignKeys {
		within = func(do func(store.Script) error) error { return r.withoutForeignKeys(ctx, s, do) }
	}
	err := within(func(tx store.Script) error {
		if err := tx.Script(ctx, f.SQL); err != nil {
			return err
		}
		return note(tx)
	})
	if err != nil {
		return failure(f, err)
	}
	return nil
}

// violations counts the rows that point at nothing.
const violations = "select count(*) from pragma_foreign_key_check"

// withoutForeignKeys runs do in a transaction of SQLite that looks at foreign keys at its
// end, where no more rows may point at nothing than before.
func (r *Runner) withoutForeignKeys(ctx context.Context, s store.Session, do func(store.Script) error) (err error) {
	if r.Store.Dialect() != store.SQLite {
		return &store.Fault{Message: "`" + noForeignKeys + "` is for SQLite"}
	}
	set := func(to string) error {
		_, err := s.Exec(ctx, &store.Statement{SQL: "pragma foreign_keys = " + to}, nil)
		return err
	}
	if err := set("off"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set("on")) }()
	return s.Tx(ctx, func(tx store.Script) error {
		before, err := tx.Query(ctx, &store.Statement{SQL: violations}, nil, 1)
		if err != nil {
			return err
		}
		if err := do(tx); err != nil {
			return err
		}
		after, err := tx.Query(ctx, &store.Statement{SQL: violations}, nil, 1)
		if err == nil && after.Rows[0][0].(int64) > before.Rows[0][0].(int64) {
			err = &store.Fault{Message: "afterwards rows point at rows that are not there: `pragma foreign_key_check` lists them"}
		}
		return err
	})
}

// failure places an error in the file.
func failure(f *File, err error) *Failure {
	out := &Failure{Path: f.Path, Kept: f.NoTransaction, Err: err}
	var script *store.ScriptError
	if errors.As(err, &script) {
		out.Number = script.Statement
		if script.Position > 0 {
			out.Line = 1
			for i, c := range []rune(f.SQL) {
				if i >= script.Position-1 {
					break
				}
				if c == '\n' {
					out.Line++
				}
			}
		}
	}
	return out
}
