package server

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
)

// A manifest that is written while it is being read is read once more.
func TestAnEditDuringAReloadIsSeen(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", answering("one"))
	s := start(t, f.dir, false)
	last := s.watched.fingerprint()
	s.options.Report = func(string) { f.write("app.yaml", answering("three")) }

	f.write("app.yaml", "version: 1\nscopes: [")
	last = s.reloadChanged(last) // refused, and repaired before it has told so
	if got := get(t, s, "/"); got != "one" {
		t.Fatalf("a manifest with a fault changed the answer to %q", got)
	}
	s.reloadChanged(last)
	if got := get(t, s, "/"); got != "three" {
		t.Errorf("the edit gives %q, want three", got)
	}
}

func TestWatchSetsDoNotChange(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	for _, name := range []string{one, two} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set := func(name string) fileSet {
		return fileSet{files: map[string]bool{name: true}, folders: map[string]bool{}, globs: map[string]bool{}}
	}
	a := set(one)
	if both := a.with(set(two)); len(both.fingerprint()) != 2 || len(a.fingerprint()) != 1 {
		t.Errorf("together %v, the first alone %v", both.files, a.files)
	}
}

// What changes between the start and the first look is seen.
func TestAnEditBeforeWatchingIsSeen(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", answering("one"))
	s := start(t, f.dir, false)
	s.seen = s.watched.fingerprint()
	f.write("app.yaml", answering("two"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.watch(ctx) }()
	await.Until(t, "the edit is served", func() bool { return get(t, s, "/") == "two" })
	cancel()
	await.From(t, "the end of the watching", done)
}
