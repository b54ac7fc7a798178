package sqlite_test

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/store"
)

// TestLockedByAnother: while another process writes, reads go on and writes wait their time
// once, however many there are; what comes after it goes on.
func TestLockedByAnother(t *testing.T) {
	const wait = 200 * time.Millisecond
	file := filepath.Join(t.TempDir(), "a.db")
	s := open(t, "sqlite:"+file, store.Options{Wait: wait})
	exec(t, s, "create table a (n integer primary key)")
	exec(t, s, "insert into a values (0)")
	other, err := sqlite3.Open("file:" + filepath.ToSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Exec("begin immediate; insert into a values (1)"); err != nil {
		t.Fatal(err)
	}
	insert := &store.Statement{SQL: "insert into a values (?1) returning n", Params: 1}
	began := time.Now()
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			var err error
			switch i % 3 {
			case 0:
				_, err = s.Encode(t.Context(), insert, []any{int64(100 + i)}, 1, nil)
			case 1:
				_, err = s.Exec(t.Context(), &store.Statement{SQL: "create table b (n integer)"}, nil) // never shares a transaction
			default:
				err = s.Tx(t.Context(), func(store.Tx) error { return nil })
			}
			var unavailable *store.Unavailable
			if !errors.As(err, &unavailable) || unavailable.Unknown {
				t.Errorf("write %d: %v, want Unavailable and known not to be kept", i, err)
			}
		})
	}
	if got := one(t, s, "select count(*) from a"); got != int64(1) {
		t.Errorf("a read meanwhile: %v rows, want 1", got)
	}
	all.Wait()
	if took := time.Since(began); took > 10*time.Second { // one after the other would take twice as long
		t.Errorf("it took %s to give up after %s", took, wait)
	}
	if err := other.Exec("commit"); err != nil {
		t.Fatal(err)
	}
	exec(t, s, "insert into a values (2)")
	if got := one(t, s, "select group_concat(n) from a"); got != "0,1,2" {
		t.Errorf("rows %v, want 0,1,2", got)
	}
}

// TestFull: a file that cannot grow refuses what does not fit, and keeps what was answered.
func TestFull(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.db")
	s := open(t, "sqlite:"+file, store.Options{})
	exec(t, s, "create table a (n integer primary key, filling blob)")
	exec(t, s, "pragma max_page_count = 200")
	insert := &store.Statement{SQL: "insert into a (filling) values (randomblob(?1)) returning n", Params: 1}
	var (
		all              sync.WaitGroup
		mu               sync.Mutex
		answered, failed int64
	)
	for range 16 {
		all.Go(func() {
			for range 20 {
				_, err := s.Encode(t.Context(), insert, []any{int64(10_000)}, 1, nil)
				mu.Lock()
				if err == nil {
					answered++
				} else {
					failed++
				}
				mu.Unlock()
				var unavailable *store.Unavailable
				if err != nil && (!errors.As(err, &unavailable) || !strings.Contains(err.Error(), "full")) {
					t.Errorf("%v, want Unavailable that says full", err)
				}
			}
		})
	}
	all.Wait()
	if answered == 0 || failed == 0 {
		t.Errorf("%d were answered and %d failed", answered, failed)
	}
	if got := one(t, s, "select count(*) from a"); got != answered {
		t.Errorf("%v rows are kept of %d answered", got, answered)
	}
	exec(t, s, "delete from a")
	exec(t, s, "insert into a (filling) values (?1)", []byte("fits again"))
}
