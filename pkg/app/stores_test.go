package app_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

const storeManifest = `version: 1
stores: {main: {url: "${env.DATABASE_URL}", pool: 2}}
schemas:
  user: {table: users, fields: {email: {type: string}}}
  signup: {table: users, fields: {email: {type: string}, terms: {type: boolean}}}
scopes:
  - routes:
      - resources: /users
        schema: user
        public: true
      - post: /signups
        do: [{insert: {schema: signup, values: {email: x}}}, {send_resp: 204}]
`

func TestTablesAreMade(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a := apptest.Compile(t, storeManifest, db.URL(t))
			tables, err := a.Env.Store("main").Tables(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(tables) != 1 || len(tables[0].Columns) != 3 {
				t.Errorf("tables %+v, want users with the columns of both schemas", tables)
			}
			if err := a.Ready(t.Context()); err != nil {
				t.Errorf("Ready: %v", err)
			}
		})
	}
}

// Two Apps with the same settings share one store; it closes with the last of them.
func TestStoresOutliveAReload(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
	shared := &pipeline.Shared{}
	first, second := apptest.Load(t, storeManifest, url).App, apptest.Load(t, storeManifest, url).App
	if err := first.Open(shared); err != nil {
		t.Fatal(err)
	}
	if err := second.Open(shared); err != nil {
		t.Fatal(err)
	}
	if first.Env.Store("").Store != second.Env.Store("").Store {
		t.Error("the second App opened a store of its own")
	}
	first.Release()
	if err := second.Ready(t.Context()); err != nil {
		t.Errorf("after the first App went: %v", err)
	}
	other := apptest.Load(t, strings.Replace(storeManifest, "pool: 2", "pool: 3", 1), url).App
	if err := other.Open(shared); err != nil {
		t.Fatal(err)
	}
	if first.Env.Store("").Store == other.Env.Store("").Store {
		t.Error("an App with another pool found the old store")
	}
	second.Release()
	other.Release()
	if n := shared.Len(); n != 0 {
		t.Errorf("%d things are still open", n)
	}
	if err := second.Ready(context.Background()); err == nil {
		t.Error("a store that nobody holds still answers")
	}
}

func TestStoreThatCannotBeOpened(t *testing.T) {
	for _, tt := range []struct{ url, secret string }{
		{"sqlite:/dev/null/x.db", "nothing"},
		{"postgres://me:s3cret@127.0.0.1:1/x", "s3cret"},
	} {
		a := apptest.Load(t, storeManifest, tt.url).App
		err := a.Open(&pipeline.Shared{})
		if err == nil {
			a.Release()
			t.Errorf("%s was opened", tt.url)
			continue
		}
		if !strings.Contains(err.Error(), "store main") || strings.Contains(err.Error(), tt.secret) {
			t.Errorf("error %q, want one that names the store and no password", err)
		}
	}
}

// A store that cannot be had is no fault of the caller's, and passes: it may ask again. Only
// who wrote, and got no answer from the store, is not told to write again.
func TestStoreThatWentAway(t *testing.T) {
	a := apptest.Compile(t, storeManifest, "sqlite::memory:")
	tests := []struct {
		request, body string
		unknown       bool
		code, retry   string
	}{
		{"GET /users", "", false, "unavailable", "1"},
		{"GET /users/1", "", false, "unavailable", "1"},
		{"GET /users?order=email", "", false, "unavailable", "1"},
		{"DELETE /users/1", "", false, "unavailable", "1"},
		{"POST /users", `{"email":"x"}`, false, "unavailable", "1"},
		{"POST /signups", "", false, "unavailable", "1"},
		{"DELETE /users/1", "", true, "unknown_outcome", ""},
		{"POST /users", `{"email":"x"}`, true, "unknown_outcome", ""},
		{"POST /signups", "", true, "unknown_outcome", ""},
	}
	for _, tt := range tests {
		a.Env.Store("main").Store = down{unknown: tt.unknown}
		method, path, _ := strings.Cut(tt.request, " ")
		w := apptest.Request(a, method, path, tt.body)
		if w.Code != 503 || !strings.Contains(w.Body.String(), tt.code) || w.Header().Get("Retry-After") != tt.retry {
			t.Errorf("%s, unknown %v: %d %v %s", tt.request, tt.unknown, w.Code, w.Header(), w.Body)
		}
	}
}

// down is a store that cannot be had.
type down struct {
	store.Store
	unknown bool
}

func (d down) gone() error { return &store.Unavailable{Message: "gone", Unknown: d.unknown} }

func (d down) Query(context.Context, *store.Statement, []any, int) (*store.Result, error) {
	return nil, d.gone()
}

func (d down) Exec(context.Context, *store.Statement, []any) (*store.Result, error) {
	return nil, d.gone()
}

func (d down) Encode(context.Context, *store.Statement, []any, int, []byte) (store.Encoded, error) {
	return store.Encoded{}, d.gone()
}
