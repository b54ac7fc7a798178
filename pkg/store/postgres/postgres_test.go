package postgres_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/postgres"
	"github.com/openmanifest/gateway/pkg/store/storetest"
)

// serverURL is a database of the server on which tests make databases of their own.
func serverURL() string {
	return cmp.Or(os.Getenv("GATEWAY_TEST_POSTGRES"), "postgres://postgres@127.0.0.1:5432/postgres")
}

// database makes an empty one, dropped when the test ends, and gives its url.
func database(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	admin, err := pgx.Connect(ctx, serverURL())
	if err != nil {
		t.Fatalf("these tests need a Postgres server, by GATEWAY_TEST_POSTGRES or on 127.0.0.1:5432: %v", err)
	}
	name := "gateway_test_" + strings.ToLower(rand.Text())
	if _, err := admin.Exec(ctx, "create database "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		defer admin.Close(ctx)
		if _, err := admin.Exec(ctx, "drop database "+name+" with (force)"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(serverURL())
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func open(t *testing.T, url string, options store.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T, options store.Options) store.Store {
		return open(t, database(t), options)
	})
}

// openLast is a store of one connection, so that what stays behind on it is seen.
func openLast(t *testing.T) *postgres.Store {
	t.Helper()
	return open(t, database(t), store.Options{Pool: 1})
}
