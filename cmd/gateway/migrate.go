package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/migrate"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/spf13/cobra"
)

// migrating is what the commands of `migrate` are told.
type migrating struct {
	environment, store string
}

func migrateCommand() *cobra.Command {
	var o migrating
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring a database to the form that a manifest needs",
		Long: `Runs the migrations of a store: files of SQL in the folder that its ` + "`migrations`" + ` names,
VERSION_NAME.up.sql, and VERSION_NAME.down.sql to undo it. Each runs once, in order, in a
transaction, and is noted in the table schema_migrations. Two who migrate wait for each
other. A file whose first lines say "-- gateway: no transaction" runs without one.`,
		Example: `  gateway migrate new add_users
  gateway migrate diff add_posts
  gateway migrate up
  gateway migrate status
  gateway migrate down`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&o.environment, "env", "prod", "environment: dev, test or prod")
	cmd.PersistentFlags().StringVar(&o.store, "store", "", "the store; the first that has migrations when left out")
	cmd.AddCommand(migrateUp(&o), migrateDown(&o), migrateStatus(&o), migrateNew(&o), migrateDiff(&o))
	return cmd
}

// bounded adds the flags that say how far to go, and gives what reads them.
func bounded(cmd *cobra.Command, most int, toDoc string) func() (migrate.Bounds, error) {
	steps := cmd.Flags().Int("steps", most, "how many at most; 0 is no bound")
	to := cmd.Flags().Int64("to", 0, toDoc)
	return func() (migrate.Bounds, error) {
		b := migrate.Bounds{Steps: *steps}
		if *steps < 0 || *to < 0 {
			return b, &exit{code: exitUsage, err: errors.New("--steps and --to are not negative"), hint: cmd.CommandPath() + " --help"}
		}
		if cmd.Flags().Changed("to") {
			b.To = to
			if !cmd.Flags().Changed("steps") {
				b.Steps = 0
			}
		}
		return b, nil
	}
}

func migrateUp(o *migrating) *cobra.Command {
	var bounds func() (migrate.Bounds, error)
	cmd := &cobra.Command{
		Use:   "up [MANIFEST]",
		Short: "Run what is pending",
		Example: `  gateway migrate up
  gateway migrate up app.yaml --env dev
  gateway migrate up --steps 1
  gateway migrate up --to 20250131120000`,
		Args: oneManifest,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.move(cmd, args, bounds, "up", (*migrate.Runner).Up)
		},
	}
	bounds = bounded(cmd, 0, "run those up to this version")
	return cmd
}

func migrateDown(o *migrating) *cobra.Command {
	var bounds func() (migrate.Bounds, error)
	cmd := &cobra.Command{
		Use:   "down [MANIFEST]",
		Short: "Undo what ran last",
		Long: `Undoes the migration that ran last, by its down.sql. Nothing is done when one of the
steps has none.`,
		Example: `  gateway migrate down
  gateway migrate down --steps 2
  gateway migrate down --to 20250131120000`,
		Args: oneManifest,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.move(cmd, args, bounds, "down", (*migrate.Runner).Down)
		},
	}
	bounds = bounded(cmd, 1, "undo those after this version, which stays; 0 undoes all")
	return cmd
}

// move runs migrations up or down and tells each.
func (o *migrating) move(cmd *cobra.Command, args []string, bounds func() (migrate.Bounds, error), direction string, run func(*migrate.Runner, context.Context, migrate.Bounds) error) error {
	b, err := bounds()
	if err != nil {
		return err
	}
	m, err := o.open(cmd, manifestOf(args))
	if err != nil {
		return err
	}
	defer m.Close()
	ran := 0
	m.Told = func(done *migrate.Migration, took time.Duration) {
		ran++
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s (%s)\n", direction, done, took.Round(time.Microsecond))
	}
	m.Warn = func(text string) { fmt.Fprintf(cmd.ErrOrStderr(), "gateway: warning: %s\n", text) }
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(m.Runner, ctx, b); err != nil {
		return migrateError(err)
	}
	if ran == 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "store %s: nothing to do\n", m.Name)
	}
	return nil
}

func migrateStatus(o *migrating) *cobra.Command {
	return &cobra.Command{
		Use:   "status [MANIFEST]",
		Short: "Tell what ran and what is pending",
		Long:  "Prints each migration with its state. Nothing is changed.",
		Example: `  gateway migrate status
  gateway migrate status app.yaml --store reports`,
		Args: oneManifest,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := o.open(cmd, manifestOf(args))
			if err != nil {
				return err
			}
			defer m.Close()
			status, err := m.Status(cmd.Context())
			if err != nil {
				return migrateError(err)
			}
			return statusTable(cmd.OutOrStdout(), m, status)
		},
	}
}

func statusTable(out io.Writer, m *app.Migrations, status migrate.Status) error {
	if len(status) == 0 {
		fmt.Fprintf(out, "store %s: there are no migrations\n", m.Name)
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "version\tstate\tran at\tname")
	for i := range status {
		l := &status[i]
		at, name := "-", l.Name
		if !l.At.IsZero() {
			at = l.At.Format(time.DateTime)
		}
		switch {
		case l.State == migrate.NoFile:
			name = "-"
		case l.Changed:
			name += " (changed after it ran)"
		case l.OutOfOrder:
			name += " (before one that ran)"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", l.Version, l.State, at, name)
	}
	return w.Flush()
}

// open reads the manifest and opens the store.
func (o *migrating) open(cmd *cobra.Command, path string) (*app.Migrations, error) {
	loaded, err := o.load(cmd, path)
	if err != nil {
		return nil, err
	}
	m, err := loaded.App.OpenMigrations(o.store)
	if err != nil {
		return nil, migrateError(err)
	}
	return m, nil
}

// load reads the manifest as far as its stores go. Nothing is opened.
func (o *migrating) load(cmd *cobra.Command, path string) (*app.Loaded, error) {
	if err := errors.Join(checkEnvironment(o.environment), checkExists(path)); err != nil {
		return nil, err
	}
	loaded := app.LoadStores(path, o.environment, deps(true))
	if loaded.Failed() {
		_ = report(loaded, "text", cmd.OutOrStdout(), cmd.ErrOrStderr())
		return nil, &exit{code: exitManifest, err: fmt.Errorf("%s has %s", path, count(loaded.Problems))}
	}
	return loaded, nil
}

// migrateError adds what to do.
func migrateError(err error) error {
	var failed *migrate.Failure
	var away *store.Unavailable
	switch {
	case errors.As(err, &failed):
		return &exit{code: exitFailed, err: err, hint: failed.Rest()}
	case errors.Is(err, app.ErrNoStore):
		return &exit{code: exitUsage, err: err}
	case errors.Is(err, app.ErrNoMigrations):
		return &exit{code: exitUsage, err: err, hint: "name a folder: `stores: {main: {url: ..., migrations: migrations}}`"}
	case errors.As(err, &away) && strings.HasPrefix(away.Message, "the lock"):
		return &exit{code: exitFailed, err: err, hint: "another process migrates this database; try again when it is done"}
	}
	return &exit{code: exitFailed, err: err}
}
