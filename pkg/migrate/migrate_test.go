package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/migrate"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/postgres"
	"github.com/openmanifest/gateway/pkg/store/sqlite"
)

// database is what tests ask of both stores.
type database interface {
	store.Store
	store.Locker
}

func open(t *testing.T, url string) database {
	t.Helper()
	var s database
	var err error
	if strings.HasPrefix(url, "sqlite:") {
		s, err = sqlite.Open(t.Context(), url, store.Options{Pool: 2})
	} else {
		s, err = postgres.Open(t.Context(), url, store.Options{Pool: 2})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// onBoth runs a test on an empty database of each kind.
func onBoth(t *testing.T, test func(*kit)) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			test(&kit{T: t, s: open(t, db.URL(t)), dir: t.TempDir()})
		})
	}
}

// kit is a folder and a database.
type kit struct {
	*testing.T
	s    database
	dir  string
	ran  []string
	warn []string
}

// write makes files: name and text by turns.
func (k *kit) write(files ...string) {
	k.Helper()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(k.dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			k.Fatal(err)
		}
	}
}

func (k *kit) runner() *migrate.Runner {
	k.Helper()
	files, faults := migrate.Read(k.dir)
	if len(faults) > 0 {
		k.Fatal(errors.Join(faults...))
	}
	k.ran, k.warn = nil, nil
	return &migrate.Runner{
		Store: k.s, Files: files, Now: apptest.Now, Wait: time.Minute,
		Told: func(m *migrate.Migration, _ time.Duration) { k.ran = append(k.ran, m.String()) },
		Warn: func(text string) {
			k.warn = append(k.warn, strings.ReplaceAll(text, k.dir+string(filepath.Separator), ""))
		},
	}
}

func (k *kit) up(b migrate.Bounds) error   { return k.runner().Up(k.Context(), b) }
func (k *kit) down(b migrate.Bounds) error { return k.runner().Down(k.Context(), b) }

// states tells the status in one line: 1 up, 2 pending.
func (k *kit) states() string {
	k.Helper()
	status, err := k.runner().Status(k.Context())
	if err != nil {
		k.Fatal(err)
	}
	var words []string
	for i := range status {
		word := fmt.Sprintf("%d %s", status[i].Version, status[i].State)
		if status[i].Changed {
			word += " changed"
		}
		if status[i].OutOfOrder {
			word += " out of order"
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func (k *kit) want(what, got, want string) {
	k.Helper()
	if got != want {
		k.Errorf("%s: %q, want %q", what, got, want)
	}
}

func (k *kit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// tables lists what the database has, without our own.
func (k *kit) tables() string {
	k.Helper()
	all, err := k.s.Tables(k.Context())
	k.must(err)
	var names []string
	for _, t := range all {
		if t.Name != migrate.Table {
			names = append(names, t.Name)
		}
	}
	return strings.Join(names, " ")
}

func create(name string) string { return "create table " + name + " (n integer);\n" }

func drop(name string) string { return "drop table " + name + ";\n" }

func version(v int64) *int64 { return &v }

func TestUpAndDown(t *testing.T) {
	onBoth(t, func(k *kit) {
		k.write("1_a.up.sql", create("a"), "1_a.down.sql", drop("a"), "20_b.up.sql", create("b"), "20_b.down.sql", drop("b"), "3_c.up.sql", create("c"), "3_c.down.sql", drop("c"), "README.md", "not a migration")
		k.want("at first", k.states(), "1 pending, 3 pending, 20 pending")
		k.want("status makes no table", k.tables(), "")
		k.must(k.up(migrate.Bounds{Steps: 1}))
		k.want("one step", strings.Join(k.ran, " ")+": "+k.tables(), "1_a: a")
		k.must(k.up(migrate.Bounds{To: version(3)}))
		k.want("up to 3", strings.Join(k.ran, " ")+": "+k.tables(), "3_c: a c")
		k.must(k.up(migrate.Bounds{}))
		k.want("the rest", k.states()+": "+k.tables(), "1 up, 3 up, 20 up: a b c")
		k.must(k.up(migrate.Bounds{}))
		k.want("nothing to do", strings.Join(k.ran, " "), "")
		k.must(k.down(migrate.Bounds{}))
		k.want("down is one step", strings.Join(k.ran, " ")+": "+k.tables(), "20_b: a c")
		k.must(k.down(migrate.Bounds{To: version(0)}))
		k.want("down to nothing", strings.Join(k.ran, " ")+": "+k.states(), "3_c 1_a: 1 pending, 3 pending, 20 pending")
		k.must(k.up(migrate.Bounds{}))
		status, err := k.runner().Status(k.Context())
		if err != nil || !status[0].At.Equal(apptest.Now().Truncate(time.Second)) {
			t.Errorf("it ran at %v, %v", status[0].At, err)
		}
		if err := k.up(migrate.Bounds{To: version(4)}); err == nil || !strings.Contains(err.Error(), "no version 4") {
			t.Errorf("up to a version that is not there: %v", err)
		}
	})
}

func TestWhatIsOdd(t *testing.T) {
	onBoth(t, func(k *kit) {
		k.write("2_b.up.sql", create("b"), "4_d.up.sql", create("d"))
		k.must(k.up(migrate.Bounds{}))
		k.write("1_a.up.sql", create("a"), "2_b.up.sql", "-- now with a comment\n"+create("b"))
		k.must(os.Remove(filepath.Join(k.dir, "4_d.up.sql")))
		k.want("status", k.states(), "1 pending out of order, 2 up changed, 4 no file")
		k.must(k.up(migrate.Bounds{}))
		k.want("warnings", strings.Join(k.warn, "\n"), "1_a.up.sql comes before one that ran already\n"+
			"2_b.up.sql: the file was changed after it ran; a change belongs into a new migration\n"+
			"4 ran and has no file here: the database is newer than this folder, or the file went")
		k.want("it ran", k.tables(), "a b d")
		for _, tt := range []struct {
			b    migrate.Bounds
			want string
		}{{migrate.Bounds{}, "4 cannot be undone: it has no file here"}, {migrate.Bounds{To: version(1)}, "4 cannot be undone: it has no file here"}} {
			if err := k.down(tt.b); err == nil || err.Error() != tt.want {
				t.Errorf("down: %v, want %s", err, tt.want)
			}
		}
		k.write("4_d.up.sql", strings.ReplaceAll(create("d"), "\n", "\r\n"), "4_d.down.sql", drop("d"))
		k.want("line ends do not count", k.states(), "1 up, 2 up changed, 4 up")
		if err := k.down(migrate.Bounds{Steps: 2}); err == nil || err.Error() != "2_b cannot be undone: it has no down.sql" {
			t.Errorf("down: %v", err)
		}
		k.want("nothing was undone", k.tables(), "a b d")
	})
}

func TestFailures(t *testing.T) {
	onBoth(t, func(k *kit) {
		k.write("1_a.up.sql", create("a"), "2_b.up.sql", create("b")+"\ninsert into a values (1);\ninsert into nothing values (1);\n", "3_c.up.sql", create("c"))
		err := k.up(migrate.Bounds{})
		var failed *migrate.Failure
		if !errors.As(err, &failed) {
			t.Fatalf("%T %v", err, err)
		}
		if place := filepath.Base(failed.Path); place != "2_b.up.sql" || failed.Line != 4 || !strings.Contains(err.Error(), "2_b.up.sql:4: ") || !strings.Contains(err.Error(), "nothing") {
			t.Errorf("%v (line %d)", err, failed.Line)
		}
		k.want("the rest", failed.Rest(), "1 before it ran and stay, 1 after it did not run; of this one nothing was kept")
		k.want("kept", k.states()+": "+k.tables(), "1 up, 2 pending, 3 pending: a")
		k.write("2_b.up.sql", "-- gateway: no transaction\n"+create("b")+"commit")
		if err := k.up(migrate.Bounds{}); k.s.Dialect() == store.SQLite && (!errors.As(err, &failed) || !failed.Kept || !strings.Contains(failed.Rest(), "may be there")) {
			t.Errorf("without a transaction: %v", err)
		}
	})
}

// alone is what a database does in no transaction.
func alone(d store.Dialect) string {
	if d == store.SQLite {
		return "vacuum;\n"
	}
	return "create index concurrently t1_n on t1 (n);\n"
}

// TestNoTransaction runs what a database does in none.
func TestNoTransaction(t *testing.T) {
	onBoth(t, func(k *kit) {
		alone := alone(k.s.Dialect())
		k.write("1_t.up.sql", create("t1"), "2_alone.up.sql", alone)
		var failed *migrate.Failure
		if err := k.up(migrate.Bounds{}); !errors.As(err, &failed) || !strings.HasSuffix(failed.Rest(), "; what cannot run in a transaction says `-- gateway: no transaction` at the top of its file") {
			t.Errorf("in a transaction: %v", err)
		}
		if k.s.Dialect() == store.Postgres {
			k.write("2_alone.up.sql", "-- gateway: no transaction\nselect 1;\n"+alone)
			if err := k.up(migrate.Bounds{}); !errors.As(err, &failed) || !strings.HasSuffix(failed.Rest(), "; on Postgres such a file holds one statement") {
				t.Errorf("two statements: %v", err)
			}
		}
		k.write("2_alone.up.sql", "-- An index, or less space.\n\n-- gateway: no transaction\n"+alone)
		k.must(k.up(migrate.Bounds{}))
		k.want("status", k.states(), "1 up, 2 up")
	})
}

// TestScriptsThatSet: what a file sets for its connection does not reach the next one, nor
// the table of versions. A dump begins so.
func TestScriptsThatSet(t *testing.T) {
	k := &kit{T: t, s: open(t, apptest.Postgres(t)), dir: t.TempDir()}
	k.write("1_a.up.sql", "select set_config('search_path', '', false);\ncreate schema app;\ncreate table app.a (n integer);\n", "2_b.up.sql", create("b"))
	k.must(k.up(migrate.Bounds{}))
	k.want("status", k.states()+": "+k.tables(), "1 up, 2 up: b")
	k.write("3_c.up.sql", "-- gateway: no foreign keys\n"+create("c"))
	if err := k.up(migrate.Bounds{}); err == nil || !strings.Contains(err.Error(), "`no foreign keys` is for SQLite") {
		t.Errorf("what is SQLite's: %v", err)
	}
}

// TestTwoAtOnce: one waits for the other, and each file runs once. Who waits is not waited
// for by an index that is made beside all others.
func TestTwoAtOnce(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			url := db.URL(t)
			k := &kit{T: t, s: open(t, url), dir: t.TempDir()}
			for i := range 8 {
				k.write(fmt.Sprintf("%d_t.up.sql", i), create(fmt.Sprint("t", i)))
			}
			k.write("8_alone.up.sql", "-- gateway: no transaction\n"+alone(k.s.Dialect()))
			const many = 4
			done := make(chan error, many)
			for range many {
				r := k.runner()
				r.Told, r.Store = nil, open(t, url) // as another process would
				go func() { done <- r.Up(t.Context(), migrate.Bounds{}) }()
			}
			for range many {
				k.must(<-done)
			}
			k.want("tables", k.tables(), "t0 t1 t2 t3 t4 t5 t6 t7")
		})
	}
}

// TestWaitingIsBounded: who finds the lock taken for too long says so.
func TestWaitingIsBounded(t *testing.T) {
	onBoth(t, func(k *kit) {
		k.write("1_a.up.sql", create("a"))
		k.must(k.s.Locked(t.Context(), "migrations", func(store.Session) error {
			r := k.runner()
			r.Wait = 100 * time.Millisecond
			err := r.Up(t.Context(), migrate.Bounds{})
			var away *store.Unavailable
			if !errors.As(err, &away) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("while another has the lock: %v", err)
			}
			return nil
		}))
		k.must(k.up(migrate.Bounds{}))
	})
}

// TestEctosTable: a Phoenix application's table is taken as it is.
func TestEctosTable(t *testing.T) {
	onBoth(t, func(k *kit) {
		k.write("0_ecto.up.sql", "create table schema_migrations (version bigint not null primary key, inserted_at timestamp(0));\ninsert into schema_migrations values (1, '2025-01-02 03:04:05');\n")
		files, _ := migrate.Read(k.dir)
		k.must(k.s.Locked(t.Context(), "test", func(s store.Session) error { return s.Script(t.Context(), files[0].Up.SQL) }))
		k.must(os.Remove(filepath.Join(k.dir, "0_ecto.up.sql")))
		k.write("1_a.up.sql", create("a"), "2_b.up.sql", create("b"))
		k.want("before", k.states(), "1 up, 2 pending")
		k.must(k.up(migrate.Bounds{}))
		k.want("after", k.states()+": "+k.tables(), "1 up, 2 up: b")
	})
}

// TestForeignKeysAtTheEnd: a file may make a table anew without the rows that refer to it
// going with it, and is refused when some point at nothing afterwards.
func TestForeignKeysAtTheEnd(t *testing.T) {
	k := &kit{T: t, s: open(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db")), dir: t.TempDir()}
	k.write("1_a.up.sql", "create table a (id integer primary key);\ncreate table b (a_id integer references a on delete cascade);\ninsert into a values (1), (2);\ninsert into b values (1);\n",
		"2_less.up.sql", "-- gateway: no foreign keys\ncreate table made (id integer primary key);\ninsert into made select id from a where id > 1;\ndrop table a;\nalter table made rename to a;\n")
	if err := k.up(migrate.Bounds{}); err == nil || !strings.Contains(err.Error(), "point at rows that are not there") {
		t.Errorf("rows that point at nothing: %v", err)
	}
	k.write("2_less.up.sql", "-- gateway: no foreign keys\ncreate table made (id integer primary key);\ninsert into made select id from a;\ndrop table a;\nalter table made rename to a;\n")
	k.must(k.up(migrate.Bounds{}))
	count := &store.Statement{SQL: "select count(*) from b"}
	result, err := k.s.Query(t.Context(), count, nil, 1)
	if err != nil || result.Rows[0][0] != int64(1) {
		t.Errorf("rows that refer to the table: %v, %v", result, err)
	}
}
