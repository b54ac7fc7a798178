package sqlite_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/sqlite"
	"github.com/openmanifest/gateway/pkg/store/storetest"
	"github.com/openmanifest/gateway/pkg/value"
)

func open(t *testing.T, url string, options store.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestContractInFile(t *testing.T) {
	storetest.Run(t, func(t *testing.T, options store.Options) store.Store {
		return open(t, "sqlite:"+filepath.Join(t.TempDir(), "data", "app.db"), options)
	})
}

func TestEncodingInFile(t *testing.T) {
	storetest.RunEncode(t, func(t *testing.T, options store.Options) store.Store {
		return open(t, "sqlite:"+filepath.Join(t.TempDir(), "app.db"), options)
	})
}

func TestEncodingInMemory(t *testing.T) {
	storetest.RunEncode(t, func(t *testing.T, options store.Options) store.Store { return open(t, "sqlite::memory:", options) })
}

func TestContractInMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T, options store.Options) store.Store {
		return open(t, "sqlite::memory:", options)
	})
}

func exec(t *testing.T, s store.Tx, sql string, args ...any) {
	t.Helper()
	if _, err := s.Exec(t.Context(), &store.Statement{SQL: sql, Params: len(args)}, args); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func one(t *testing.T, s store.Tx, sql string, args ...any) any {
	t.Helper()
	result, err := s.Query(t.Context(), &store.Statement{SQL: sql, Params: len(args)}, args, 1)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return result.Rows[0][0]
}

func TestURLs(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, url := range []string{"", "sqlite:", "postgres://x", "app.db", "sqlite:a.db?mode=ro", "sqlite:a\x00b", "sqlite:/dev/null/a.db"} {
		if s, err := sqlite.Open(t.Context(), url, store.Options{}); err == nil {
			s.Close()
			t.Errorf("%q was opened", url)
		}
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for url, file := range map[string]string{"sqlite:deep/down/a.db": "deep/down/a.db", "sqlite:b.db": "b.db", "sqlite://c.db": "c.db", "sqlite://" + here + "/d.db": "d.db"} {
		open(t, url, store.Options{})
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestFileIsKept(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
	first := open(t, url, store.Options{})
	exec(t, first, "create table a (n integer)")
	exec(t, first, "insert into a values (1)")
	second := open(t, url, store.Options{}) // as another process would
	exec(t, second, "insert into a values (2)")
	first.Close()
	second.Close()
	if got := one(t, open(t, url, store.Options{}), "select count(*) from a"); got != int64(2) {
		t.Errorf("%v rows were kept, want 2", got)
	}
}

func TestMemoriesAreApart(t *testing.T) {
	a, b := open(t, "sqlite::memory:", store.Options{}), open(t, "sqlite::memory:", store.Options{})
	exec(t, a, "create table only_in_a (n integer)")
	if tables, err := b.Tables(t.Context()); err != nil || len(tables) != 0 {
		t.Errorf("tables %v, %v", tables, err)
	}
}

func TestPragmas(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), store.Options{})
	err := s.Tx(t.Context(), func(tx store.Tx) error {
		for pragma, want := range map[string]any{"journal_mode": "wal", "synchronous": int64(2), "foreign_keys": int64(1)} {
			if got := one(t, tx, "pragma "+pragma); got != want {
				t.Errorf("%s is %v, want %v", pragma, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestForeignTables reads columns as others declare and fill them.
func TestForeignTables(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	day := time.Date(2025, 1, 2, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		declared, stored string
		want             any
	}{
		{"TINYINT(1)", "1", int64(1)}, {"bool", "0", false}, {"BOOLEAN", "'true'", "true"},
		{"timestamp", "'2025-01-02 00:00:00'", day}, {"DATETIME", "'2025-01-02T02:00:00+02:00'", day}, {"DATETIME", "1735776000", int64(1735776000)},
		{"TIMESTAMP", "'soon'", "soon"}, {"NUMERIC(10,2)", "'12.50'", value.Number("12.5")}, {"decimal", "'x'", "x"},
		{"JSONB", "'[1]'", []any{int64(1)}}, {"JSON", "'{'", &value.Raw{Bytes: []byte("{")}}, {"guid", "x'0c8f1d9e6a3b4f0a9b1c2d3e4f5a6b7c'", "0c8f1d9e-6a3b-4f0a-9b1c-2d3e4f5a6b7c"},
		{"BLOB", "'text'", []byte("text")}, {"", "1.5", 1.5}, {"varchar(20)", "7", "7"}, {"DOUBLE PRECISION", "2", 2.0}, {"FLOAT", "9e999", "Infinity"},
	} {
		exec(t, s, "drop table if exists a")
		exec(t, s, "create table a (v "+tt.declared+")")
		exec(t, s, "insert into a values ("+tt.stored+")")
		if got := one(t, s, "select v from a"); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s holding %s reads %#v, want %#v", tt.declared, tt.stored, got, tt.want)
		}
	}
	exec(t, s, "create table strict_one (n integer) strict")
	_, err := s.Exec(t.Context(), &store.Statement{SQL: "insert into strict_one values (?1)", Params: 1}, []any{"abc"})
	var invalid *store.Invalid
	if !errors.As(err, &invalid) || invalid.Column != "n" {
		t.Errorf("a strict table: %#v", err)
	}
	exec(t, s, "create index lowered on a (lower(v))")
	exec(t, s, "create unique index one on a (length(v))")
	exec(t, s, "insert into a values ('Infinity')")
	_, err = s.Exec(t.Context(), &store.Statement{SQL: "insert into a values ('Infinity')"}, nil)
	var conflict *store.Conflict
	if !errors.As(err, &conflict) || conflict.Constraint != "one" || conflict.Kind != store.Unique {
		t.Errorf("an index on an expression: %#v", err)
	}
	exec(t, s, "create trigger closed before insert on a begin select raise(abort, 'not on sundays'); end")
	_, err = s.Exec(t.Context(), &store.Statement{SQL: "insert into a values ('z')"}, nil)
	if !errors.As(err, &conflict) || conflict.Kind != store.Check || conflict.Message != "not on sundays" {
		t.Errorf("a trigger's refusal: %#v", err)
	}
}

func TestNotADatabase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(file, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), "sqlite:"+file, store.Options{})
	var unavailable *store.Unavailable
	if !errors.As(err, &unavailable) {
		t.Errorf("%v, want Unavailable", err)
	}
}

// SQLite keeps 64 bits of a number. What it would round is refused.
func TestNumbersThatWouldLoseDigits(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	exec(t, s, "create table a (n numeric)")
	insert := &store.Statement{SQL: "insert into a values (?1)", Params: 1}
	for text, kept := range map[value.Number]bool{
		"0.1": true, "1.50": true, "12345678901.25": true, "9007199254740993": true, "1e3": true,
		"12345678901234567890.123": false, "0.12345678901234567890": false, "99999999999999999999": false, "1e999": false,
	} {
		_, err := s.Exec(t.Context(), insert, []any{text})
		var invalid *store.Invalid
		if refused := errors.As(err, &invalid); refused == kept || err != nil && !refused {
			t.Errorf("%s: %v, want kept to be %v", text, err, kept)
		}
	}
}
