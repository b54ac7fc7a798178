// Command gateway serves a backend that is written in one YAML manifest.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK       = 0
	exitFailed   = 1 // something of ours or of the machine: a port in use, a store that is down
	exitUsage    = 2
	exitManifest = 3 // the manifest has errors
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process around it.
func run(args []string, out, errs io.Writer) int {
	root := newRoot(out, errs)
	root.SetArgs(args)
	err := root.Execute()
	var e *exit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		if e.err != nil {
			fmt.Fprintf(errs, "gateway: %v\n", e.err)
		}
		if e.hint != "" {
			fmt.Fprintf(errs, "hint: %s\n", e.hint)
		}
		return e.code
	}
	fmt.Fprintf(errs, "gateway: %v\nhint: gateway --help\n", err)
	return exitUsage
}

// exit is an error that says how the process ends. err is nil when all was said.
type exit struct {
	code int
	err  error
	hint string
}

// Error implements error.
func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func newRoot(out, errs io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "gateway",
		Short: "Serve a backend that is written in one YAML manifest",
		Long: `Gateway serves a backend that is written in one YAML manifest: routes, JSON CRUD,
proxies, pages, tokens and Phoenix channels.`,
		Example: `  gateway serve examples/chat/app.yaml --dev
  gateway check app.yaml
  gateway routes app.yaml --match "GET /posts/1"`,
		SilenceUsage: true, SilenceErrors: true,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &exit{code: exitUsage, err: err, hint: cmd.CommandPath() + " --help"}
	})
	root.SetOut(out)
	root.SetErr(errs)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(commands()...)
	return root
}

// noSuchCommand refuses a first word that is no command.
func noSuchCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	hint := cmp.Or(diag.DidYouMean(args[0], names), "gateway --help")
	if strings.HasSuffix(args[0], ".yaml") || strings.HasSuffix(args[0], ".yml") {
		hint = "gateway serve " + args[0]
	}
	return &exit{code: exitUsage, err: fmt.Errorf("unknown command %q", args[0]), hint: hint}
}

// commands lists what gateway can do.
func commands() []*cobra.Command {
	return []*cobra.Command{serveCommand(), checkCommand(), routesCommand(), migrateCommand(), plugsCommand(), schemaCommand(), versionCommand()}
}

// defaultManifest is read where none is named.
const defaultManifest = "app.yaml"

// oneManifest takes at most one argument.
func oneManifest(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return &exit{code: exitUsage, err: fmt.Errorf("one manifest at a time, found %d", len(args)), hint: "parts of a manifest are joined by its `include:`"}
	}
	return nil
}

func manifestOf(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	return defaultManifest
}
