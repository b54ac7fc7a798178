package app

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
)

// Loaded is a manifest read and compiled.
type Loaded struct {
	App      *App             // nil when there were errors
	Manifest *config.Manifest // nil when nothing could be read
	Problems []*diag.Problem  // sorted by place
}

// Failed tells whether there was an error.
func (l *Loaded) Failed() bool { return l.App == nil }

// Source gives the text of a file that was read, for excerpts.
func (l *Loaded) Source(file string) string {
	if l.Manifest != nil && l.Manifest.Document != nil {
		for _, f := range l.Manifest.Document.Files {
			if f.Name == file {
				return f.Text
			}
		}
	}
	text, err := readText(file)
	if err != nil {
		return ""
	}
	return text
}

// Load reads the manifest at path and compiles it for an environment.
func Load(path, environment string, d Deps) *Loaded {
	var ps diag.Problems
	l := &Loaded{Manifest: readManifest(path, environment, d, &ps)}
	if l.Manifest != nil {
		l.App = Compile(l.Manifest, d, &ps)
	}
	l.Problems = ps.All()
	return l
}

func readManifest(path, environment string, d Deps, ps *diag.Problems) *config.Manifest {
	dir := filepath.Dir(path)
	o := config.Options{
		Environment: environment, Getenv: d.Getenv, Lenient: d.Lenient,
		ReadFile: func(name string) (string, error) { return readText(resolve(dir, name)) },
	}
	if d.Dev {
		o.DevSecret = func() (string, error) { return devSecret(dir) }
	}
	return config.Load(path, o, ps)
}

func resolve(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// DevDir is the folder beside the manifest that --dev keeps things in; git ignores it.
const DevDir = ".gateway"

// devSecret reads the secret_key_base that --dev made for this manifest, making it the
// first time, so that tokens outlive a restart.
func devSecret(dir string) (string, error) {
	path := filepath.Join(dir, DevDir, "secret_key_base")
	text, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(text))) >= config.MinSecret {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	raw := make([]byte, 48)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	secret := base64.RawURLEncoding.EncodeToString(raw)
	if err := os.MkdirAll(filepath.Join(dir, DevDir), 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, DevDir, ".gitignore"), []byte("*\n"), 0o600); err != nil {
		return "", err
	}
	return secret, os.WriteFile(path, []byte(secret+"\n"), 0o600)
}

// maxText bounds a file that the manifest reads, in bytes.
const maxText = 8 << 20

// readText reads a file whole, within bounds.
func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err == nil && len(text) > maxText {
		err = errors.New("larger than 8 MB")
	}
	return string(text), err
}
