package storetest

import (
	"errors"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

const insertUser = "insert into users (email) values ($1)"

func transactions(t *testing.T, open Open) {
	d := base(t, open)
	d.create(users())
	insert := d.st(insertUser)
	err := d.Tx(t.Context(), func(tx store.Tx) error {
		for _, email := range []string{"a", "b"} {
			if _, err := tx.Exec(t.Context(), insert, []any{email}); err != nil {
				return err
			}
		}
		seen, err := tx.Query(t.Context(), d.st("select count(*) from users"), nil, 0)
		if err == nil && seen.Rows[0][0] != int64(2) {
			t.Errorf("within: %v rows, want 2", seen.Rows)
		}
		if outside := d.one("select count(*) from users"); outside != int64(0) {
			t.Errorf("outside, before the commit: %v rows, want 0", outside)
		}
		return err
	})
	if got := d.one("select count(*) from users"); err != nil || got != int64(2) {
		t.Errorf("after the commit: %v rows, %v", got, err)
	}
	if err := d.Tx(t.Context(), func(store.Tx) error { return nil }); err != nil {
		t.Errorf("an empty transaction: %v", err)
	}
}

func failedTransactions(t *testing.T, open Open) {
	d := base(t, open)
	d.create(users())
	insert := d.st(insertUser)
	ours := errors.New("ours")
	write := func(tx store.Tx, email string) error {
		_, err := tx.Exec(t.Context(), insert, []any{email})
		return err
	}
	var kept store.Tx
	for _, tt := range []struct {
		name string
		do   func(store.Tx) error
		want func(error) bool
	}{
		{"our error", func(tx store.Tx) error { return errors.Join(write(tx, "a"), ours) }, func(err error) bool { return errors.Is(err, ours) }},
		{"a conflict", func(tx store.Tx) error { return errors.Join(write(tx, "a"), write(tx, "a")) }, isConflict},
		{"a conflict that is passed over", func(tx store.Tx) error {
			_ = errors.Join(write(tx, "a"), write(tx, "a"))
			return nil
		}, isConflict},
		{"a write after a conflict", func(tx store.Tx) error {
			_ = errors.Join(write(tx, "a"), write(tx, "a"))
			return write(tx, "b")
		}, isConflict},
		{"too many rows", func(tx store.Tx) error {
			_, err := tx.Query(t.Context(), d.st("select 1 union all select 2"), nil, 1)
			return errors.Join(write(tx, "a"), err)
		}, func(err error) bool { return errors.Is(err, store.ErrTooManyRows) }},
		{"its own commit", func(tx store.Tx) error {
			_, err := tx.Exec(t.Context(), d.st("commit"), nil)
			return err
		}, isFault},
		{"use after its end", func(tx store.Tx) error { kept = tx; return ours }, func(error) bool { return isFault(write(kept, "a")) }},
		{"a panic", func(tx store.Tx) error { _ = write(tx, "a"); panic("oops") }, func(err error) bool { return err.Error() == "oops" }},
	} {
		err := recovered(func() error { return d.Tx(t.Context(), tt.do) })
		if err == nil || !tt.want(err) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := d.one("select count(*) from users"); got != int64(0) {
			t.Errorf("%s: %v rows were kept", tt.name, got)
		}
	}
	d.exec(insertUser, "still works")
}

func isConflict(err error) bool {
	var e *store.Conflict
	return errors.As(err, &e)
}

func isFault(err error) bool {
	var e *store.Fault
	return errors.As(err, &e)
}

func recovered(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New(r.(string))
		}
	}()
	return do()
}
