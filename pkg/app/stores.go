package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/migrate"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/postgres"
	"github.com/openmanifest/gateway/pkg/store/sqlite"
)

// declareStores gives every declared store a handle, which is filled when the App opens.
// With create, migrations that are pending are run, and the tables that the schemas need
// are made in the first store.
func declareStores(env *pipeline.Env, create bool, ps *diag.Problems) {
	env.ReadCatalog = func(s *pipeline.Store) (*store.Catalog, error) { return readCatalog(env, s, create) }
	for i := range env.Manifest.Stores {
		declared := &env.Manifest.Stores[i]
		handle := &pipeline.Store{Name: declared.Name, Dialect: expr.SQLite}
		if declared.Value.Driver == "postgres" {
			handle.Dialect = expr.Postgres
		}
		env.AddStore(handle)
		env.OnOpen(func(l *pipeline.Lease) error {
			if err := openStore(env, l, declared, handle); err != nil {
				return fmt.Errorf("%s: open store %s: %w", declared.At, declared.Name, err)
			}
			return nil
		})
		declareMigrations(env, declared, handle, create, ps)
	}
	first := env.Store("")
	if first != nil && create && !migrates(env, first) {
		env.OnOpen(func(*pipeline.Lease) error { return createTables(env, first) })
	}
	if first != nil {
		env.OnOpen(func(*pipeline.Lease) error { tellDrift(env, first); tellFaults(env); return nil })
	}
}

// openStore opens the database, or finds it open: it outlives a reload that does not
// change its settings.
func openStore(env *pipeline.Env, l *pipeline.Lease, s *spec.Named[config.Store], handle *pipeline.Store) error {
	url := databaseURL(env, &s.Value)
	hidden := hiddenColumns(env.Manifest)
	options := store.Options{Pool: s.Value.Pool, Logger: env.Log, Hidden: func(column string) bool {
		_, found := slices.BinarySearch(hidden, column)
		return found
	}}
	name := ""
	if url == "sqlite::memory:" {
		name = s.Name // each has a database of its own
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%d|%q", name, url, s.Value.Pool, hidden)) // a url may hold a password
	opened, err := pipeline.Get(l, "store|"+hex.EncodeToString(key[:]), func() (store.Store, func(), error) {
		opened, err := openDriver(url, options)
		if err != nil {
			return nil, nil, err
		}
		return opened, opened.Close, nil
	})
	handle.Store = opened
	return err
}

func openDriver(url string, options store.Options) (store.Store, error) {
	if strings.HasPrefix(url, "sqlite:") {
		s, err := sqlite.Open(context.Background(), url, options)
		if err != nil {
			return nil, err // not s: a nil *Store is no nil Store
		}
		return s, nil
	}
	s, err := postgres.Open(context.Background(), url, options)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// hiddenColumns lists the columns that stay back in every row, sorted.
func hiddenColumns(m *config.Manifest) []string {
	var names []string
	for _, s := range m.Schemas {
		for _, f := range s.Value.Fields {
			if f.Value.Hidden || f.Value.Virtual {
				names = append(names, f.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// createTimeout bounds the making of tables at start.
const createTimeout = 30 * time.Second

// migrates tells a store whose tables are made by migrations alone: what --dev made beside
// them would be missing elsewhere, and in the way of the migration that makes it.
func migrates(env *pipeline.Env, st *pipeline.Store) bool {
	folder := spec.Find(env.Manifest.Stores, st.Name).Migrations
	if folder == "" {
		return false
	}
	files, _ := migrate.Read(env.Path(folder)) // faults are reported where the store is declared
	return len(files) > 0
}

// createTables makes the tables of the declared schemas that are not there yet.
func createTables(env *pipeline.Env, st *pipeline.Store) error {
	tables := tablesOf(env)
	if len(tables) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), createTimeout)
	defer cancel()
	made, err := st.Create(ctx, tables)
	if err != nil {
		return fmt.Errorf("create tables in store %s: %w", st.Name, err)
	}
	if len(made) > 0 {
		env.Log.Info("tables created", "store", st.Name, "tables", strings.Join(made, ", "))
	}
	return nil
}

// tablesOf describes the tables of the schemas. Schemas of one table share its columns.
func tablesOf(env *pipeline.Env) []store.Table {
	var tables []store.Table
	var told diag.Problems // when the manifest was compiled
	for _, s := range env.Manifest.Schemas {
		t := records.SetOf(env, s.Name, &told).Table(s.Value.Table)
		k := slices.IndexFunc(tables, func(other store.Table) bool { return other.Name == t.Name })
		if k < 0 {
			tables = append(tables, t)
			continue
		}
		for _, c := range t.Columns {
			if !slices.ContainsFunc(tables[k].Columns, func(other store.Column) bool { return other.Name == c.Name }) {
				tables[k].Columns = append(tables[k].Columns, c)
			}
		}
		tables[k].Uniques = append(tables[k].Uniques, t.Uniques...)
	}
	return append(tables, env.NeededTables()...)
}

// Ready tells whether every store of the App answers.
func (a *App) Ready(ctx context.Context) error {
	for _, s := range a.Env.Stores() {
		if err := s.Ping(ctx); err != nil {
			return fmt.Errorf("store %s: %w", s.Name, err)
		}
	}
	return nil
}

// unavailable tells an error that passes: a store that cannot be had.
func unavailable(err error) bool {
	var down *pipeline.Unavailable
	return errors.As(err, &down)
}

// away is the answer while a store cannot be had. A write that was sent and whose answer
// never came may have been kept: nobody is told to send it again.
func away(err error) *pipeline.Refusal {
	refusal := &pipeline.Refusal{Status: http.StatusServiceUnavailable, Reason: "unavailable"}
	var down *store.Unavailable
	if errors.As(err, &down) && down.Unknown {
		refusal.Reason = "unknown_outcome"
	} else {
		refusal.Headers = http.Header{"Retry-After": {"1"}}
	}
	return refusal
}
