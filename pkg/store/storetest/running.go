package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

func manyAtOnce(t *testing.T, open Open) {
	d := base(t, open)
	d.create(users())
	const workers, each = 16, 25
	insert, find := d.st("insert into users (email) values ($1) returning id"), d.st("select email from users where id = $1")
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				email := fmt.Sprint(w, "-", i)
				made, err := d.Query(t.Context(), insert, []any{email}, 1)
				if err != nil {
					t.Errorf("insert: %v", err)
					return
				}
				found, err := d.Query(t.Context(), find, []any{made.Rows[0][0]}, 1)
				if err != nil || len(found.Rows) != 1 || found.Rows[0][0] != email {
					t.Errorf("the row of %s: %v, %v", email, found, err)
				}
				if _, err := d.Exec(t.Context(), insert, []any{email}); !isConflict(err) {
					t.Errorf("%s again: %v", email, err)
				}
			}
		})
	}
	wg.Wait()
	if got := d.one("select count(*) from users"); got != int64(workers*each) {
		t.Errorf("%v rows, want %d", got, workers*each)
	}
}

// manyStatements goes past the bound of what a connection keeps prepared, and back.
func manyStatements(t *testing.T, open Open) {
	d := db{t, open(t, store.Options{Pool: 1})}
	var all []*store.Statement
	for i := range store.PreparedMax + 20 {
		all = append(all, d.st(fmt.Sprintf("select %d + $1", i)))
	}
	for range 2 {
		for i, st := range all {
			got, err := d.Query(t.Context(), st, []any{int64(1)}, 1)
			if err != nil || len(got.Rows) != 1 || got.Rows[0][0] != int64(i+1) {
				t.Fatalf("statement %d: %v, %v", i, got, err)
			}
		}
	}
}

func tableChanges(t *testing.T, open Open) {
	d := db{t, open(t, store.Options{Pool: 1})}
	d.create(users())
	d.exec("insert into users (email) values ('a')")
	all := d.st("select * from users")
	for _, tt := range []struct {
		change string
		want   []string
	}{
		{"", []string{"id", "email", "password_hash", "status"}},
		{"alter table users add column more boolean not null default true", []string{"id", "email", "password_hash", "status", "more"}},
		{"alter table users rename column more to less", []string{"id", "email", "password_hash", "status", "less"}},
		{"alter table users drop column password_hash", []string{"id", "email", "status", "less"}},
	} {
		if tt.change != "" {
			d.exec(tt.change)
		}
		result, err := d.Query(t.Context(), all, nil, 1)
		if err != nil {
			t.Fatalf("after %q: %v", tt.change, err)
		}
		row := result.Row(0)
		if !reflect.DeepEqual(row.Names(), tt.want) || len(row.Values) != len(tt.want) {
			t.Errorf("after %q: %v %v, want %v", tt.change, row.Names(), row.Values, tt.want)
		}
		if v, ok := row.Member("less"); ok && v != true {
			t.Errorf("after %q: less is %v, want true", tt.change, v)
		}
	}
}

// waiting: who finds no connection waits as long as his context and the bound allow.
func waiting(t *testing.T, open Open) {
	const bound = 200 * time.Millisecond
	d := db{t, open(t, store.Options{Pool: 1, Wait: bound})}
	d.create(users())
	gone, leave := context.WithCancel(t.Context())
	leave()
	insert := d.st(insertUser)
	err := d.Tx(t.Context(), func(tx store.Tx) error {
		for name, tt := range map[string]struct {
			ctx  context.Context
			want error
		}{"bound": {t.Context(), context.DeadlineExceeded}, "gone": {gone, context.Canceled}} {
			began := time.Now()
			_, err := d.Exec(tt.ctx, insert, []any{name})
			is[*store.Unavailable](t, name, err)
			if !errors.Is(err, tt.want) || time.Since(began) > 20*bound {
				t.Errorf("%s: %v after %s, want %v", name, err, time.Since(began), tt.want)
			}
			err = d.Tx(tt.ctx, func(store.Tx) error { return nil })
			is[*store.Unavailable](t, name+" for a transaction", err)
		}
		_, err := tx.Exec(t.Context(), insert, []any{"inside"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.one("select email from users"); got != "inside" {
		t.Errorf("users: %v", got)
	}
}

// slow statements are ended by the store, and its connections are good after that.
func slow(t *testing.T, open Open) {
	d := db{t, open(t, store.Options{Pool: 1, Timeout: time.Second})}
	d.create(users())
	sql := "select count(*) from (" + strings.ReplaceAll(counting, "$1", "2000000000") + ") x"
	for range 2 {
		began := time.Now()
		_, err := d.Query(t.Context(), d.st(sql), nil, 1)
		is[*store.Unavailable](t, "slow query", err)
		_, err = d.Exec(t.Context(), d.st("insert into users (email) select 'x' || ("+sql+")"), nil)
		is[*store.Unavailable](t, "slow insert", err)
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("ended after %s", took)
		}
		d.exec(insertUser, began.String())
	}
	if got := d.one("select count(*) from users"); got != int64(2) {
		t.Errorf("%v rows, want 2", got)
	}
}

// stats: what is lent is in use until it comes back, and only who finds none free waits.
func stats(t *testing.T, open Open) {
	const pool = 2
	d := db{t, open(t, store.Options{Pool: pool, Wait: 500 * time.Millisecond})}
	d.create(users())
	d.one("select count(*) from users")
	before := d.Stats()
	if before.InUse != 0 || before.Idle == 0 || before.Max < pool || before.Waits != 0 || before.Waited != 0 {
		t.Errorf("at rest: %+v", before)
	}
	err := d.Tx(t.Context(), func(store.Tx) error {
		if in := d.Stats(); in.InUse != 1 || in.InUse+in.Idle > in.Max || in.Waits != 0 {
			t.Errorf("in a transaction: %+v", in)
		}
		return d.Tx(t.Context(), func(store.Tx) error {
			_, err := d.Query(t.Context(), d.st("select 1"), nil, 1)
			return err
		})
	})
	is[*store.Unavailable](t, "a connection too many", err)
	if after := d.Stats(); after.InUse != 0 || after.Waits != 1 || after.Waited < 400*time.Millisecond {
		t.Errorf("after one has waited: %+v", after)
	}
	d.Close()
	if closed := d.Stats(); closed.InUse != 0 || closed.Idle != 0 || closed.Waits != 1 {
		t.Errorf("after the end: %+v", closed)
	}
}

func closing(t *testing.T, open Open) {
	d := base(t, open)
	if err := d.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	d.create(users())
	d.one("select count(*) from users")
	d.Close()
	d.Close()
	_, err := d.Query(t.Context(), d.st("select 1"), nil, 1)
	is[*store.Unavailable](t, "query", err)
	_, err = d.Exec(t.Context(), d.st(insertUser), []any{"a"})
	is[*store.Unavailable](t, "exec", err)
	is[*store.Unavailable](t, "tx", d.Tx(t.Context(), func(store.Tx) error { return nil }))
	is[*store.Unavailable](t, "ping", d.Ping(t.Context()))
}
