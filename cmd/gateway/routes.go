package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/spf13/cobra"
)

func routesCommand() *cobra.Command {
	var environment, match, host string
	cmd := &cobra.Command{
		Use:   "routes [MANIFEST]",
		Short: "Print the routing table, or say what answers a request",
		Long: `Prints every route: method, path, pipelines, what answers, and where it is written.
With --match it says which route answers a request and why, which routes match too and
why they lose, and lists the steps that run.`,
		Example: `  gateway routes
  gateway routes examples/chat/app.yaml
  gateway routes app.yaml --match "GET /posts/new"
  gateway routes app.yaml --match "GET /" --host api.example.com`,
		Args: oneManifest,
		RunE: func(cmd *cobra.Command, args []string) error {
			path := manifestOf(args)
			loaded, err := compile(path, environment, true)
			if err != nil {
				return err
			}
			if loaded.Failed() {
				_ = report(loaded, "text", cmd.OutOrStdout(), cmd.ErrOrStderr())
				return &exit{code: exitManifest, err: fmt.Errorf("%s has %s", path, count(loaded.Problems))}
			}
			if match != "" {
				return explain(cmd.OutOrStdout(), loaded.App, match, host)
			}
			return table(cmd.OutOrStdout(), loaded.App)
		},
	}
	cmd.Flags().StringVar(&environment, "env", "prod", "environment: dev, test or prod")
	cmd.Flags().StringVar(&match, "match", "", `a request: "GET /posts/1"`)
	cmd.Flags().StringVar(&host, "host", "localhost", "the host of the request given with --match")
	return cmd
}

func table(out io.Writer, a *app.App) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range a.Routes {
		r := &a.Routes[i]
		method, path, _ := strings.Cut(r.Label(), " ")
		pipes := strings.Join(r.Pipelines, ", ")
		if pipes == "" {
			pipes = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s:%d\n", method, path, pipes, r.Handler, r.At.File, r.At.Line)
	}
	return w.Flush()
}

func explain(out io.Writer, a *app.App, request, host string) error {
	method, path, ok := strings.Cut(strings.TrimSpace(request), " ")
	if !ok || !strings.HasPrefix(path, "/") {
		return &exit{code: exitUsage, err: fmt.Errorf("--match takes a method and a path"), hint: `gateway routes --match "GET /posts/1"`}
	}
	e := a.Table.Explain(strings.ToUpper(method), host, path)
	switch {
	case e.Match.Route >= 0:
		winner(out, a, e.Match.Route)
	case e.Match.Status == 405:
		fmt.Fprintf(out, "405: the path has routes for %s\n", e.Match.Allow)
	case e.Match.Status == 204:
		fmt.Fprintf(out, "204: answered by Allow: %s\n", e.Match.Allow)
	case e.Match.Location != "":
		fmt.Fprintf(out, "%d: redirected to %s\n", e.Match.Status, e.Match.Location)
	default:
		fmt.Fprintf(out, "%d: no route has this path\n", e.Match.Status)
	}
	for _, l := range e.Losers {
		r := &a.Routes[l.Route]
		fmt.Fprintf(out, "not  %s  (%s:%d): %s\n", r.Label(), r.At.File, r.At.Line, l.Reason)
	}
	if e.Match.Route < 0 {
		return nil
	}
	return steps(out, a, e.Match.Route)
}

func winner(out io.Writer, a *app.App, i int) {
	r := &a.Routes[i]
	fmt.Fprintf(out, "%s  answers (%s:%d): %s\n", r.Label(), r.At.File, r.At.Line, r.Handler)
}

func steps(out io.Writer, a *app.App, i int) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "steps:")
	for _, s := range a.Steps(i) {
		from := s.Pipeline
		if from == "" {
			from = "-"
		}
		note := ""
		if s.Note != "" {
			note = "\t" + s.Note
		}
		fmt.Fprintf(w, "  %s%s\t%s\t%s:%d%s\n", strings.Repeat("  ", s.Depth), named(s), from, s.At.File, s.At.Line, note)
	}
	return w.Flush()
}

// named is the plug, with `else` before one that runs instead of the step above it.
func named(s pipeline.Listed) string {
	if s.Arm == "" {
		return s.Plug
	}
	return s.Arm + " " + s.Plug
}
