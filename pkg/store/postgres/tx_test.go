package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/openmanifest/gateway/pkg/store"
)

// role makes a role with an odd name, dropped when the test ends.
func role(t *testing.T, s store.Tx) string {
	t.Helper()
	name := `odd "role" ` + rand.Text()
	quoted := pgx.Identifier{name}.Sanitize()
	exec(t, s, "create role "+quoted)
	t.Cleanup(func() {
		if _, err := s.Exec(context.Background(), &store.Statement{SQL: "drop role " + quoted}, nil); err != nil {
			t.Error(err)
		}
	})
	return name
}

// TestTxOptions: role and settings are the transaction's, and go with it.
func TestTxOptions(t *testing.T) {
	s := openLast(t)
	name := role(t, s)
	exec(t, s, "create table secrets (a text)")
	o := store.TxOptions{Role: name, Settings: map[string]string{"request.jwt.claims": `{"sub":"it's \\ 7"}`, "timezone": "Asia/Tokyo"}}
	const asked = `select current_user || '|' || current_setting('request.jwt.claims', true) || '|' || current_setting('timezone')`
	for range 2 {
		err := s.TxWith(t.Context(), o, func(tx store.Tx) error {
			if got, want := one(t, tx, asked), name+`|{"sub":"it's \\ 7"}|Asia/Tokyo`; got != want {
				t.Errorf("within: %v, want %s", got, want)
			}
			_, err := tx.Query(t.Context(), &store.Statement{SQL: "select * from secrets"}, nil, 1)
			if store.ToldOf(err).Code != "42501" {
				t.Errorf("a table that the role may not read: %v", err)
			}
			return nil
		})
		if store.ToldOf(err).Code != "42501" {
			t.Errorf("the transaction: %v", err)
		}
		if got, want := one(t, s, asked), "postgres||UTC"; got != want {
			t.Errorf("after it: %v, want %s", got, want)
		}
	}
}

// TestTxOptionsRefused: what cannot be had is told before anything is done, and the
// connection is good after that.
func TestTxOptionsRefused(t *testing.T) {
	s := openLast(t)
	for _, tt := range []struct {
		o    store.TxOptions
		code string // "" where the server is not asked
	}{
		{store.TxOptions{Role: "none"}, ""},
		{store.TxOptions{Role: "a\x00b"}, ""},
		{store.TxOptions{Role: "nobody has this name"}, "22023"},
		{store.TxOptions{Settings: map[string]string{"timezone": "Nowhere/Land"}}, "22023"},
		{store.TxOptions{Settings: map[string]string{"nothing": "x"}}, "42704"},
		{store.TxOptions{Settings: map[string]string{"a.b": "x\x00"}}, "22021"},
	} {
		err := s.TxWith(t.Context(), tt.o, func(store.Tx) error { t.Errorf("%+v began", tt.o); return nil })
		if err == nil || store.ToldOf(err).Code != tt.code {
			t.Errorf("%+v: %v, code %q, want %q", tt.o, err, store.ToldOf(err).Code, tt.code)
		}
		exec(t, s, "select 1")
	}
}

// TestReadOnlyWithRole: the options go together.
func TestReadOnlyWithRole(t *testing.T) {
	s := openLast(t)
	exec(t, s, "create table t (a int)")
	err := s.TxWith(t.Context(), store.TxOptions{ReadOnly: true, Role: role(t, s)}, func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), &store.Statement{SQL: "create temporary sequence x"}, nil)
		return err
	})
	var fault *store.Fault
	if !errors.As(err, &fault) || fault.Told.Code != "25006" {
		t.Errorf("a write in a transaction that reads only: %v", err)
	}
}
