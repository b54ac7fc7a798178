package main

import (
	"fmt"
	"slices"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/spf13/cobra"
)

func checkCommand() *cobra.Command {
	var environment, format string
	var strict bool
	cmd := &cobra.Command{
		Use:   "check [MANIFEST]",
		Short: "Find every fault of a manifest",
		Long: `Reads a manifest (app.yaml when none is named) and everything it includes, and tells
every fault with its place, the line and a way out. Nothing is opened or changed.
What belongs to the machine, such as a variable that is not set, is a warning.`,
		Example: `  gateway check
  gateway check examples/chat/app.yaml --env dev
  gateway check app.yaml --format json
  gateway check app.yaml --strict`,
		Args: oneManifest,
		RunE: func(cmd *cobra.Command, args []string) error {
			formats := []string{"text", "json", "github"}
			if !slices.Contains(formats, format) {
				return &exit{code: exitUsage, err: fmt.Errorf("unknown format %q", format), hint: "--format is one of " + diag.OneOf(formats)}
			}
			path := manifestOf(args)
			loaded, err := compile(path, environment, !strict)
			if err != nil {
				return err
			}
			if err := report(loaded, format, cmd.OutOrStdout(), cmd.ErrOrStderr()); err != nil {
				return err
			}
			if loaded.Failed() {
				if format == "text" {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", path, count(loaded.Problems))
				}
				return &exit{code: exitManifest}
			}
			if format == "text" {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: ok, %s, %s, %s\n", path, plural(len(loaded.App.Routes), "route"), plural(len(loaded.App.Sockets), "socket"), count(loaded.Problems))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&environment, "env", "prod", "environment: dev, test or prod")
	cmd.Flags().StringVar(&format, "format", "text", "text, json or github")
	cmd.Flags().BoolVar(&strict, "strict", false, "what belongs to the machine is an error too")
	return cmd
}
