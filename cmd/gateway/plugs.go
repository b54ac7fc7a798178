package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/reference"
	"github.com/spf13/cobra"
)

func plugsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "plugs [NAME]",
		Short: "List the plugs, or tell all about one",
		Example: `  gateway plugs
  gateway plugs rate_limit`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &exit{code: exitUsage, err: fmt.Errorf("one plug at a time, found %d", len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return reference.PlugList(cmd.OutOrStdout())
			}
			ok, err := reference.Plug(cmd.OutOrStdout(), args[0])
			if err == nil && !ok {
				hint := cmp.Or(diag.DidYouMean(args[0], reference.PlugNames()), "gateway plugs lists them all")
				return &exit{code: exitUsage, err: fmt.Errorf("there is no plug %q", args[0]), hint: hint}
			}
			return err
		},
	}
}

func schemaCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a manifest, for editors",
		Long: `Prints the JSON Schema (draft-07). An editor with a YAML language server completes and
checks a manifest whose first line names it:

  # yaml-language-server: $schema=./gateway.schema.json`,
		Example: `  gateway schema > gateway.schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir != "" {
				return writePages(dir)
			}
			text, err := reference.SchemaText()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "pages", "", "write the reference pages into this folder instead")
	_ = cmd.Flags().MarkHidden("pages") // for `make generate`
	return cmd
}

func writePages(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range reference.Pages() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
