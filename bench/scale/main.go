// Command scale measures what the project promises of 10,000 routes, and exits with 1 where
// a bound does not hold: checking and reloading under a second each, and a lookup within
// 1.5 times that of 10 routes. It is no test: on a busy machine it would fail.
package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/openmanifest/gateway/bench/manifest"
	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/routes"
	"github.com/openmanifest/gateway/pkg/server"
)

// What is promised, and how often it is tried: the median counts.
const (
	many, few   = 10_000, 10
	loadBound   = time.Second
	lookupBound = 1.5
	repeats     = 5
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "scale")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "app.yaml")
	check, err := timed(path, func() error { _, err := load(path); return err })
	if err != nil {
		return err
	}
	fmt.Printf("check of %d routes: %v (bound %v)\n", many, check, loadBound)
	reload, err := timeReload(path)
	if err != nil {
		return err
	}
	fmt.Printf("reload of %d routes: %v (bound %v)\n", many, reload, loadBound)
	lookup, err := compareLookups(path)
	if err != nil {
		return err
	}
	return errors.Join(below("check", check.Seconds(), loadBound.Seconds()), below("reload", reload.Seconds(), loadBound.Seconds()),
		below("lookup", lookup, lookupBound))
}

func below(what string, got, bound float64) error {
	if got < bound {
		return nil
	}
	return fmt.Errorf("%s: %.2f is not below %.2f", what, got, bound)
}

// timed gives the median time of do, which reads a manifest that differs each time.
func timed(path string, do func() error) (time.Duration, error) {
	var took []time.Duration
	for i := range repeats {
		if err := os.WriteFile(path, []byte(manifest.Routes(many, fmt.Sprint("edit", i, "-"))), 0o600); err != nil {
			return 0, err
		}
		runtime.GC() // what an earlier turn left is not this one's
		began := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began).Round(time.Millisecond))
	}
	return median(took), nil
}

func median[T time.Duration | float64](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

func load(path string) (*app.App, error) {
	l := app.Load(path, "prod", app.Deps{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Reader, Getenv: os.LookupEnv, Hub: app.NoHub{}, Hasher: password.NewHasher(0),
	})
	if l.Failed() {
		return nil, fmt.Errorf("the manifest has %d problems, the first: %w", len(l.Problems), l.Problems[0])
	}
	return l.App, nil
}

func timeReload(path string) (time.Duration, error) {
	s, err := server.New(server.Options{
		Path: path, Environment: "prod", Log: slog.New(slog.DiscardHandler), Getenv: os.LookupEnv, Random: rand.Reader, Now: time.Now,
	})
	if err != nil {
		return 0, err
	}
	if err := s.Start(); err != nil {
		return 0, err
	}
	return timed(path, s.Reload) // the process ends with the measurement, and the listener with it
}

// compareLookups tells how much longer a lookup takes in the table of many routes than in
// that of few: the greater of two ratios, for the same few paths over and over, and for all
// paths at random, where the table does not stay in the processor's caches. It prints a bare
// httprouter beside both.
func compareLookups(path string) (ratio float64, err error) {
	tables := map[int]find{}
	for _, n := range []int{few, many} {
		if err := os.WriteFile(path, []byte(manifest.Routes(n, "")), 0o600); err != nil {
			return 0, err
		}
		a, err := load(path)
		if err != nil {
			return 0, err
		}
		var m routes.Match
		tables[n] = func(path string) bool {
			a.Table.Lookup("GET", "localhost:4000", path, &m)
			return m.Route >= 0
		}
	}
	bare := map[int]find{}
	for _, n := range []int{few, many} {
		r := manifest.Bare(n)
		bare[n] = func(path string) bool {
			handle, _, _ := r.Lookup("GET", path)
			return handle != nil
		}
	}
	ratio = max(compare("lookup, 4 paths", tables, 4), compare("lookup, all paths at random", tables, many))
	compare("lookup by a bare httprouter, 4 paths", bare, 4)
	compare("lookup by a bare httprouter, all paths at random", bare, many)
	return ratio, nil
}

// A find looks a path up and tells whether it is there.
type find func(path string) bool

// compare gives the median ratio of many to few.
func compare(what string, tables map[int]find, visited int) float64 {
	fewPaths, manyPaths := manifest.Paths(few, visited), manifest.Paths(many, visited)
	var small, large, ratios []float64
	for range repeats {
		s, l := lookups(tables[few], fewPaths), lookups(tables[many], manyPaths)
		small, large, ratios = append(small, s), append(large, l), append(ratios, l/s)
	}
	ratio := median(ratios)
	fmt.Printf("%s: %.0f ns of %d routes, %.0f ns of %d, ratio %.2f\n", what, median(small), few, median(large), many, ratio)
	return ratio
}

// lookups gives the ns of one lookup.
func lookups(found find, paths []string) float64 {
	const turns = 1_000_000
	missing := 0
	began := time.Now()
	for i := range turns {
		if !found(paths[i%len(paths)]) {
			missing++
		}
	}
	took := time.Since(began)
	if missing > 0 {
		panic(fmt.Sprintf("%d lookups found nothing", missing)) // the measurement is worth nothing
	}
	return float64(took.Nanoseconds()) / turns
}
