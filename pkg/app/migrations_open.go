package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/migrate"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// What may be wrong with the name of a store.
var (
	ErrNoMigrations = errors.New("no store has `migrations`")
	ErrNoStore      = errors.New("there is no store")
)

// LoadStores reads a manifest as far as its databases go: its sections, its schemas, its
// migrations. What its routes need of a database may still have to be made.
func LoadStores(path, environment string, d Deps) *Loaded {
	var ps diag.Problems
	l := &Loaded{Manifest: readManifest(path, environment, d, &ps)}
	if l.Manifest != nil && !ps.Failed() {
		env := newEnv(l.Manifest, d)
		declareStores(env, false, &ps)
		checkSchemas(env, &ps)
		if !ps.Failed() {
			l.App = &App{Manifest: l.Manifest, Env: env, log: d.Log}
		}
	}
	l.Problems = ps.All()
	return l
}

// Migrations is a store and its folder, for the commands that migrate.
type Migrations struct {
	*migrate.Runner
	Name   string        // of the store
	Dir    string        // of the files
	Tables []store.Table // of the declared schemas; nil for a store that has none
	Store  Database

	lease *pipeline.Lease
}

// Database is what the commands ask of a store.
type Database interface {
	migrate.Database
	store.Changer
	Catalog(ctx context.Context) (*store.Catalog, error)
}

// Close closes the store.
func (m *Migrations) Close() { m.lease.Release() }

// MigrationsFolder finds the store to migrate and its folder without opening anything. name
// "" is the first store that has one.
func (a *App) MigrationsFolder(name string) (*spec.Named[config.Store], string, error) {
	stores := a.Manifest.Stores
	for i := range stores {
		s := &stores[i]
		switch {
		case name != "" && s.Name != name, name == "" && s.Value.Migrations == "":
			continue
		case s.Value.Migrations == "":
			return nil, "", fmt.Errorf("store %s has no `migrations`", name)
		}
		return s, a.Env.Path(s.Value.Migrations), nil
	}
	if name != "" {
		return nil, "", fmt.Errorf("%w %q; declared are %s", ErrNoStore, name, diag.OneOf(spec.NamesOf(stores)))
	}
	return nil, "", ErrNoMigrations
}

// OpenMigrations opens one store of an App that is not open.
func (a *App) OpenMigrations(name string) (*Migrations, error) {
	declared, dir, err := a.MigrationsFolder(name)
	if err != nil {
		return nil, err
	}
	if declared.Value.URL == "" {
		return nil, fmt.Errorf("the url of store %s is not known: a variable is not set", declared.Name)
	}
	files, faults := migrate.Read(dir)
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	handle := a.Env.Store(declared.Name)
	m := &Migrations{Name: declared.Name, Dir: dir, lease: (&pipeline.Shared{}).Lease()}
	if err := openStore(a.Env, m.lease, declared, handle); err != nil {
		return nil, fmt.Errorf("open store %s: %w", declared.Name, err)
	}
	var ok bool
	if m.Store, ok = handle.Store.(Database); !ok {
		m.Close()
		return nil, fmt.Errorf("%T takes no migrations", handle.Store)
	}
	m.Runner = &migrate.Runner{Store: m.Store, Files: files, Now: a.Env.Now}
	if handle == a.Env.Store("") {
		m.Tables = append([]store.Table{}, tablesOf(a.Env)...)
	}
	return m, nil
}
