package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/migrate"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/spf13/cobra"
)

// nameAndManifest takes the name of a migration and at most one manifest.
func nameAndManifest(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return &exit{code: exitUsage, err: errors.New("a migration needs a name"), hint: cmd.CommandPath() + " add_users"}
	case !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`).MatchString(args[0]):
		return &exit{code: exitUsage, err: fmt.Errorf("%q is no name of a migration", args[0]), hint: "letters, digits, _ and -: " + cmd.CommandPath() + " add_users"}
	}
	return oneManifest(cmd, args[1:])
}

func migrateNew(o *migrating) *cobra.Command {
	return &cobra.Command{
		Use:   "new NAME [MANIFEST]",
		Short: "Make the two files of a migration",
		Example: `  gateway migrate new add_users
  gateway migrate new add_users app.yaml`,
		Args: nameAndManifest,
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := o.load(cmd, manifestOf(args[1:]))
			if err != nil {
				return err
			}
			_, dir, err := loaded.App.MigrationsFolder(o.store)
			if err != nil {
				return migrateError(err)
			}
			return write(cmd, dir, args[0], "-- What this migration does.\n", "-- How it is undone.\n")
		},
	}
}

func migrateDiff(o *migrating) *cobra.Command {
	return &cobra.Command{
		Use:   "diff NAME [MANIFEST]",
		Short: "Write a migration from the declared schemas",
		Long: `Compares the tables of the declared schemas with the database and writes the two files of
a migration that makes them the same. Nothing is run, and nothing is dropped: what the
database has and the manifest has not is told in a comment. Read the files before you keep
them.`,
		Example: `  gateway migrate diff add_posts
  gateway migrate diff add_posts app.yaml --env dev`,
		Args: nameAndManifest,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := o.open(cmd, manifestOf(args[1:]))
			if err != nil {
				return err
			}
			defer m.Close()
			if m.Tables == nil {
				return &exit{code: exitUsage, err: fmt.Errorf("store %s has no declared schemas", m.Name), hint: "schemas are tables of the first store"}
			}
			status, err := m.Status(cmd.Context())
			if err != nil {
				return migrateError(err)
			}
			if pending := status.In(migrate.Pending); len(pending) > 0 {
				return &exit{code: exitFailed, err: fmt.Errorf("migrations are pending: %s", pending), hint: "run them first: gateway migrate up"}
			}
			changes, err := m.Store.Changes(cmd.Context(), m.Tables, migrate.Table)
			if err != nil {
				return migrateError(err)
			}
			if len(status) == 0 {
				if err := tellFilled(cmd, m); err != nil {
					return migrateError(err)
				}
			}
			return writeDiff(cmd, m.Dir, args[0], changes)
		},
	}
}

// tellFilled tells that the first migration will lack the tables that are there already: an
// empty database would not get them from it.
func tellFilled(cmd *cobra.Command, m *app.Migrations) error {
	catalog, err := m.Store.Catalog(cmd.Context())
	if err != nil {
		return err
	}
	var there []string
	for _, t := range m.Tables {
		if catalog.Find(t.Name) != nil {
			there = append(there, t.Name)
		}
	}
	if len(there) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: no migration makes what the database has already: %s\nhint: where --dev made it, write the first migration with an empty database\n", strings.Join(there, ", "))
	}
	return nil
}

func writeDiff(cmd *cobra.Command, dir, name string, changes *store.Changes) error {
	if len(changes.Steps) == 0 {
		for _, note := range changes.Notes {
			fmt.Fprintln(cmd.OutOrStdout(), note)
		}
		fmt.Fprintln(cmd.OutOrStdout(), "nothing to write: the database has what the manifest declares")
		return nil
	}
	up, down := migrate.Write(changes)
	return write(cmd, dir, name, up, down)
}

// write makes the files of a migration that is younger than all others.
func write(cmd *cobra.Command, dir, name, up, down string) error {
	files, faults := migrate.Read(dir)
	if err := errors.Join(faults...); err != nil {
		return &exit{code: exitFailed, err: err}
	}
	version := migrate.NextVersion(files, time.Now())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &exit{code: exitFailed, err: err}
	}
	for _, f := range []struct{ kind, text string }{{"up", up}, {"down", down}} {
		path := filepath.Join(dir, fmt.Sprintf("%d_%s.%s.sql", version, name, f.kind))
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			_, err = file.WriteString(f.text)
			err = errors.Join(err, file.Close())
		}
		if err != nil {
			return &exit{code: exitFailed, err: err}
		}
		fmt.Fprintln(cmd.OutOrStdout(), strings.TrimPrefix(path, "./"))
	}
	return nil
}
