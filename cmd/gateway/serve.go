package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/server"
	"github.com/spf13/cobra"
)

func serveCommand() *cobra.Command {
	var environment string
	var dev, watch bool
	cmd := &cobra.Command{
		Use:   "serve [MANIFEST]",
		Short: "Serve a manifest",
		Long: `Serves a manifest (app.yaml when none is named) until it is told to stop by SIGTERM or
Ctrl-C; requests under way then have 30 seconds. SIGHUP reads the manifest again, and with
--watch every change of a file does. A manifest with faults changes nothing.

--dev is for the machine of a developer: environment dev, --watch, a secret_key_base that
is made and kept beside the manifest; migrations that are pending are run, and missing
tables of declared schemas are created.`,
		Example: `  gateway serve examples/chat/app.yaml --dev
  gateway serve app.yaml --env prod
  gateway serve app.yaml --watch`,
		Args: oneManifest,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dev && !cmd.Flags().Changed("env") {
				environment = "dev"
			}
			if dev && !cmd.Flags().Changed("watch") {
				watch = true
			}
			path := manifestOf(args)
			if err := errors.Join(checkEnvironment(environment), checkExists(path)); err != nil {
				return err
			}
			o := server.Options{Path: path, Environment: environment, Dev: dev, Watch: watch, Getenv: os.LookupEnv, Random: rand.Reader, Now: time.Now}
			return serve(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVar(&dev, "dev", false, "for the machine of a developer")
	cmd.Flags().BoolVar(&watch, "watch", false, "reload when a file changes; on with --dev")
	cmd.Flags().StringVar(&environment, "env", "prod", "environment: dev, test or prod")
	return cmd
}

func serve(ctx context.Context, o server.Options, out, errs io.Writer) error {
	if ctx == nil {
		ctx = context.Background()
	}
	// Before it is told that the gateway serves: who reads that may send a signal at once.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once, as it does any other
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)

	o.Logs, o.Version = observe.NewLogs(errs, o.Dev), versionText()
	o.Log = o.Logs.Logger()
	o.Report = func(text string) { fmt.Fprint(errs, text) }
	s, err := server.New(o)
	if err != nil {
		return &exit{code: exitFailed, err: err}
	}
	if err := s.Start(); err != nil {
		return startError(err, o.Path, errs)
	}
	fmt.Fprintf(out, "%s: serving %s on %s\n", o.Path, plural(len(s.App().Routes), "route"), strings.Join(s.URLs(), " and "))
	go reloadOn(ctx, hup, s)
	defer layFloor().end()
	if err := s.Run(ctx); err != nil {
		return &exit{code: exitFailed, err: err}
	}
	return nil
}

// reloadOn reads the manifest again at each signal. What goes wrong is logged.
func reloadOn(ctx context.Context, hup <-chan os.Signal, s *server.Server) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			_ = s.Reload() // the log has told why, and the running manifest stays
		}
	}
}

func startError(err error, path string, errs io.Writer) error {
	var invalid *server.Invalid
	if errors.As(err, &invalid) {
		diag.Text(errs, invalid.Loaded.Problems, invalid.Loaded.Source)
		return &exit{code: exitManifest, err: fmt.Errorf("%s has %s", path, count(invalid.Loaded.Problems))}
	}
	hint := ""
	if errors.Is(err, syscall.EADDRINUSE) {
		hint = "another program listens there; change `endpoint.listen`"
		if strings.HasPrefix(err.Error(), "admin: ") {
			hint = "another program listens there; change `endpoint.admin`"
		}
	}
	return &exit{code: exitFailed, err: err, hint: hint}
}
