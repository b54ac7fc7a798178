package app

import (
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/password"
)

// FuzzLoad gives the loader and the compiler any text. They never panic, every problem has
// a place inside the file, and there is an App exactly when there was no error.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"../../examples/*/app.yaml", "../../testdata/manifests/*/*.yaml", "../../testdata/check/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(manifestIn(string(text)))
		}
	}
	hasher := password.NewHasher(1)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 64<<10 || strings.Contains(text, "include") || strings.Contains(text, "file(") {
			return // they would read the machine's own files
		}
		path := filepath.Join(t.TempDir(), "app.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l := Load(path, "test", Deps{
			Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Reader, Hub: NoHub{}, Hasher: hasher, Lenient: true,
			Getenv: func(string) (string, bool) { return "", false },
		})
		failed := l.App == nil
		for _, p := range l.Problems {
			inside(t, path, text, p.At.File, p.At.Line, p.At.Column)
			if strings.Contains(p.Message, "goroutine ") || strings.Contains(p.Message, "panic") {
				t.Errorf("a message of Go's: %s", p.Message)
			}
		}
		if failed && len(l.Problems) == 0 {
			t.Error("nothing was loaded and no problem tells why")
		}
	})
}

// inside checks that a place is one of the file.
func inside(t *testing.T, path, text, file string, line, column int) {
	t.Helper()
	if file != path {
		if !strings.HasPrefix(file, filepath.Dir(path)) {
			t.Errorf("a problem in %q, which is not the manifest", file)
		}
		return
	}
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n")
	if line < 1 || line > len(lines) || column < 1 {
		t.Errorf("a problem at %d:%d of a file with %d lines", line, column, len(lines))
		return
	}
	if utf8.ValidString(text) && column > utf8.RuneCountInString(lines[line-1])+1 {
		t.Errorf("a problem at %d:%d, the line is %q", line, column, lines[line-1])
	}
}

// manifestIn takes app.yaml out of a txtar archive; other texts are manifests already.
func manifestIn(text string) string {
	_, rest, ok := strings.Cut(text, "-- app.yaml --\n")
	if !ok {
		return text
	}
	manifest, _, _ := strings.Cut(rest, "\n-- ")
	return manifest
}
