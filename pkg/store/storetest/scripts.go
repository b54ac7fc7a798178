package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

// lockName is the lock of these tests.
const lockName = "tests"

// A scripted store is one whose errors end the test.
type scripted struct {
	db
	store.Locker
}

func withScripts(t *testing.T, open Open) scripted {
	t.Helper()
	d := base(t, open)
	locker, ok := d.Store.(store.Locker)
	if !ok {
		t.Fatalf("%T lends no sessions", d.Store)
	}
	return scripted{d, locker}
}

func (d scripted) locked(do func(store.Session) error) error {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), time.Minute)
	defer cancel()
	return d.Locked(ctx, lockName, do)
}

func scripts(t *testing.T, open Open) {
	d := withScripts(t, open)
	const script = `;; -- a comment; with a semicolon
create table notes (id integer primary key, text varchar(20) /* ; */);
insert into notes values (1, 'a; b'), (2, '');;

select * from notes;
-- the end`
	err := d.locked(func(s store.Session) error {
		if err := s.Script(t.Context(), script); err != nil {
			return err
		}
		result, err := s.Query(t.Context(), d.st("select text from notes where id = $1"), []any{int64(1)}, 1)
		if err != nil || len(result.Rows) != 1 || result.Rows[0][0] != "a; b" {
			t.Errorf("within: %v, %v", result, err)
		}
		_, err = s.Exec(t.Context(), d.st("delete from notes where id = $1"), []any{int64(2)})
		return errors.Join(err, s.Script(t.Context(), ""), s.Script(t.Context(), "-- nothing"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.one("select count(*) from notes"); got != int64(1) {
		t.Errorf("%v rows, want 1", got)
	}
}

// scriptFaults: a script that fails tells where, and in a transaction leaves nothing.
func scriptFaults(t *testing.T, open Open) {
	d := withScripts(t, open)
	d.exec("create table notes (id integer primary key)")
	for _, tt := range []struct {
		name, script string
		line         int // of the character that is told; 0: the database tells none
		statement    int
		want         func(error) bool
	}{
		{"a table that is not there", "insert into notes values (1);\n\ninsert into nots values (2)", 3, 2, isFault},
		{"characters of several bytes", "-- äöü\ninsert into notes values (1) ;\n-- ß\nselect frm notes", 4, 2, isFault},
		{"a conflict", "insert into notes values (1);\n insert into notes values (1);\ninsert into notes values (3)", 2, 2, isConflict},
		{"its own commit", "insert into notes values (1);\ncommit", 0, 0, isFault},
		{"its own transaction", "insert into notes values (1);\ncommit;\nbegin;", 0, 0, isFault},
	} {
		err := d.locked(func(s store.Session) error {
			err := s.Tx(t.Context(), func(tx store.Script) error { return tx.Script(t.Context(), tt.script) })
			if got, err := s.Query(t.Context(), d.st("select 1"), nil, 1); err != nil || len(got.Rows) != 1 {
				t.Errorf("%s: the session afterwards: %v", tt.name, err)
			}
			return err
		})
		if err == nil || !tt.want(err) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var told *store.ScriptError
		if tt.line > 0 && errors.As(err, &told) {
			line := strings.Count(string([]rune(tt.script)[:max(told.Position-1, 0)]), "\n") + 1
			if told.Position > 0 && line != tt.line || tt.statement > 0 && told.Position == 0 && told.Statement != tt.statement {
				t.Errorf("%s: line %d, statement %d (%v), want %d, %d", tt.name, line, told.Statement, err, tt.line, tt.statement)
			}
		} else if tt.line > 0 {
			t.Errorf("%s: %T %v tells no place", tt.name, err, err)
		}
		if !strings.Contains(tt.script, "commit") {
			if got := d.one("select count(*) from notes"); got != int64(0) {
				t.Errorf("%s: %v rows were kept", tt.name, got)
			}
		}
		d.exec("delete from notes")
	}
}

// sessions: a transaction of a session keeps all or nothing, and a script outside of one
// closes what it opened.
func sessions(t *testing.T, open Open) {
	d := withScripts(t, open)
	d.exec("create table notes (id integer primary key)")
	ours := errors.New("ours")
	var kept store.Session
	err := d.locked(func(s store.Session) error {
		kept = s
		within := func(do func(store.Script) error) error {
			return recovered(func() error { return s.Tx(t.Context(), do) })
		}
		insert := func(tx store.Script) error { return tx.Script(t.Context(), "insert into notes values (1)") }
		for name, do := range map[string]func(store.Script) error{
			"our error":          func(tx store.Script) error { return errors.Join(insert(tx), ours) },
			"a panic":            func(tx store.Script) error { _ = insert(tx); panic("oops") },
			"passed over":        func(tx store.Script) error { _ = errors.Join(insert(tx), insert(tx)); return nil },
			"within another one": func(tx store.Script) error { return errors.Join(insert(tx), s.Tx(t.Context(), insert)) },
		} {
			if err := within(do); err == nil {
				t.Errorf("%s is no error", name)
			}
			if got := d.one("select count(*) from notes"); got != int64(0) {
				t.Errorf("%s: %v rows were kept", name, got)
			}
		}
		err := s.Script(t.Context(), "begin; insert into notes values (1)")
		is[*store.Fault](t, "a transaction left open", err)
		if err := s.Script(t.Context(), "begin; insert into notes values (2); commit"); err != nil {
			t.Errorf("a transaction of its own: %v", err)
		}
		return within(func(tx store.Script) error { return tx.Script(t.Context(), "insert into notes values (3)") })
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.one("select sum(id) from notes"); got != int64(5) {
		t.Errorf("the sum is %v, want 5", got)
	}
	if err := kept.Script(t.Context(), "delete from notes"); err == nil {
		t.Error("a session was used after its end")
	}
}

// locks: one session at a time, others wait as long as they may, and a lock of another
// name is another.
func locks(t *testing.T, open Open) {
	d := withScripts(t, open)
	inside, leave := make(chan struct{}), make(chan struct{})
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		first <- d.locked(func(store.Session) error { close(inside); <-leave; return nil })
	}()
	select {
	case <-inside:
	case err := <-first:
		t.Fatalf("the first does not get the lock: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := d.Locked(short, lockName, func(store.Session) error { t.Error("two hold the lock"); return nil })
	is[*store.Unavailable](t, "a lock that is held", err)
	if err := d.Locked(t.Context(), "another", func(store.Session) error { return nil }); err != nil {
		t.Errorf("a lock of another name: %v", err)
	}
	go func() { second <- d.locked(func(store.Session) error { return nil }) }()
	close(leave)
	if err := errors.Join(<-first, <-second); err != nil {
		t.Error(err)
	}
}

// endedScript: the time of a script is that of its context, not that of the store.
func endedScript(t *testing.T, open Open) {
	store0 := open(t, store.Options{Pool: 2, Timeout: 50 * time.Millisecond})
	d := scripted{db{t, store0}, store0.(store.Locker)}
	count := func(n string) string {
		return "create table counted_" + n + " as select count(*) as n from (" + strings.ReplaceAll(counting, "$1", n) + ") x"
	}
	err := d.locked(func(s store.Session) error {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := s.Script(t.Context(), count("500000")); err != nil {
			t.Errorf("a script longer than a statement may be: %v", err)
		}
		return s.Script(ctx, count("2000000000"))
	})
	is[*store.Unavailable](t, "a script past its time", err)
	read := d.st("select n from counted_500000")
	result, err := d.Query(t.Context(), read, nil, 1)
	for end := time.Now().Add(30 * time.Second); errors.As(err, new(*store.Unavailable)) && time.Now().Before(end); { // it has little time
		result, err = d.Query(t.Context(), read, nil, 1)
	}
	if err != nil || result.Rows[0][0] != int64(500000) {
		t.Errorf("counted %v, %v", result, err)
	}
}
