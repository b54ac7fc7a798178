package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/migrate"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// migrationsTime bounds what a load asks a database about its migrations; those that it
// runs take as long as they need.
const migrationsTime = 10 * time.Second

// declareMigrations reads the migrations of a store, whose faults are faults of the
// manifest. Once the store is open they are run, or, without run, must have run.
func declareMigrations(env *pipeline.Env, s *spec.Named[config.Store], handle *pipeline.Store, run bool, ps *diag.Problems) {
	if s.Value.Migrations == "" {
		return
	}
	dir := env.Path(s.Value.Migrations)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		ps.Warn(s.Value.MigrationsAt, "missing-folder", "there is no folder %s", s.Value.Migrations).Suggest("`gateway migrate new NAME` makes it")
	}
	files, faults := migrate.Read(dir)
	for _, fault := range faults {
		ps.Add(s.Value.MigrationsAt, "migration", "%s", nearer(env, fault.Error()))
	}
	if len(faults) > 0 {
		return
	}
	env.OnOpen(func(*pipeline.Lease) error {
		runner, err := runnerOf(env, handle.Store, files)
		if err == nil {
			err = settleMigrations(env, handle.Name, runner, run)
		}
		if err != nil {
			return fmt.Errorf("%s: store %s: %w", s.Value.MigrationsAt, s.Name, err)
		}
		return nil
	})
}

// migrateFirst does the same for a store that is read before the App opens.
func migrateFirst(env *pipeline.Env, name string, s *config.Store, opened store.Store, run bool) error {
	files, faults := migrate.Read(env.Path(s.Migrations))
	if s.Migrations == "" || len(files) == 0 || len(faults) > 0 {
		return nil
	}
	runner, err := runnerOf(env, opened, files)
	if err != nil {
		return err
	}
	return settleMigrations(env, name, runner, run)
}

// nearer tells a path as it is seen from the manifest.
func nearer(env *pipeline.Env, text string) string {
	if base := env.Path("."); base != "." && len(text) > len(base) && text[:len(base)] == base {
		return text[len(base)+1:]
	}
	return text
}

// runnerOf ties files to a store that is open.
func runnerOf(env *pipeline.Env, opened store.Store, files []migrate.Migration) (*migrate.Runner, error) {
	database, ok := opened.(migrate.Database)
	if !ok {
		return nil, fmt.Errorf("%T takes no migrations", opened)
	}
	return &migrate.Runner{Store: database, Files: files, Now: env.Now}, nil
}

// settleMigrations runs what is pending, or tells it. A database that cannot be had stops
// nothing: the App serves without it, as it does when it goes later.
func settleMigrations(env *pipeline.Env, name string, r *migrate.Runner, run bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), migrationsTime)
	defer cancel()
	status, err := r.Status(ctx)
	var away *store.Unavailable
	if errors.As(err, &away) && !run {
		env.Log.Warn("migrations not looked at", "store", name, "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, text := range status.Warnings() {
		env.Log.Warn("migrations: "+nearer(env, text), "store", name)
	}
	pending := status.In(migrate.Pending)
	switch {
	case len(pending) == 0:
		return nil
	case !run:
		return &PendingMigrations{Store: name, Status: pending}
	}
	r.Told = func(m *migrate.Migration, took time.Duration) {
		env.Log.Info("migrated", "store", name, "migration", m.String(), "took", took.Round(time.Microsecond).String())
	}
	err = r.Up(context.Background(), migrate.Bounds{})
	var failed *migrate.Failure
	if errors.As(err, &failed) {
		return fmt.Errorf("%s (%s)", nearer(env, failed.Error()), failed.Rest())
	}
	return err
}

// PendingMigrations is a database that is not yet what the manifest was written for.
type PendingMigrations struct {
	Store  string
	Status migrate.Status
}

// Error names what is pending and the way out.
func (p *PendingMigrations) Error() string {
	return fmt.Sprintf("migrations are pending: %s; run `gateway migrate up`", p.Status)
}
