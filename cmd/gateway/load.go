package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/password"
)

// checkEnvironment refuses an --env that is none.
func checkEnvironment(name string) error {
	if slices.Contains(config.Environments(), name) {
		return nil
	}
	return &exit{code: exitUsage, err: fmt.Errorf("unknown environment %q", name), hint: "--env is one of " + diag.OneOf(config.Environments())}
}

// checkExists tells a manifest that is not there before anything is said of its text.
func checkExists(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return &exit{code: exitUsage, err: fmt.Errorf("there is no %s", path), hint: "name the manifest, such as path/to/app.yaml"}
	}
	return nil
}

// compile reads and compiles a manifest without opening anything.
func compile(path, environment string, lenient bool) (*app.Loaded, error) {
	if err := checkEnvironment(environment); err != nil {
		return nil, err
	}
	if err := checkExists(path); err != nil {
		return nil, err
	}
	return app.Load(path, environment, deps(lenient)), nil
}

// deps are for commands that serve nothing. lenient: what belongs to the machine is a
// warning.
func deps(lenient bool) app.Deps {
	return app.Deps{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Reader, Getenv: os.LookupEnv, Lenient: lenient, Hub: app.NoHub{}, Hasher: password.NewHasher(0),
	}
}

// report writes the problems in a format: text to errs, the others to out.
func report(l *app.Loaded, format string, out, errs io.Writer) error {
	switch format {
	case "json":
		return diag.JSON(out, l.Problems)
	case "github":
		diag.GitHub(out, l.Problems)
	default:
		diag.Text(errs, l.Problems, l.Source)
	}
	return nil
}

// count words how many problems there are.
func count(problems []*diag.Problem) string {
	errs, warnings := 0, 0
	for _, p := range problems {
		if p.Severity == diag.Error {
			errs++
		} else {
			warnings++
		}
	}
	text := plural(errs, "error")
	if warnings > 0 {
		text += ", " + plural(warnings, "warning")
	}
	return text
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
