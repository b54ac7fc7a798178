package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// catalogTimeout bounds the reading of what a database has.
const catalogTimeout = 10 * time.Second

// readCatalog asks a database what it has, over a connection of its own: the store itself
// is opened after the manifest has been compiled. What migrations make must be there by
// then: with migrate those that are pending are run, else they are an error.
func readCatalog(env *pipeline.Env, st *pipeline.Store, migrate bool) (*store.Catalog, error) {
	declared := spec.Find(env.Manifest.Stores, st.Name)
	url := databaseURL(env, declared)
	if file, ok := strings.CutPrefix(url, "sqlite:"); ok && (!migrate || declared.Migrations == "") {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return &store.Catalog{}, nil // asking must not make it
		}
	}
	opened, err := openDriver(url, store.Options{Pool: 1, Logger: env.Log, Timeout: catalogTimeout})
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	if err := migrateFirst(env, st.Name, declared, opened, migrate); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), catalogTimeout)
	defer cancel()
	return opened.Catalog(ctx)
}

// databaseURL is the url of a store, its file relative to the manifest.
func databaseURL(env *pipeline.Env, s *config.Store) string {
	url := string(s.URL)
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok && path != ":memory:" {
		url = "sqlite:" + env.Path(strings.TrimPrefix(path, "//"))
	}
	return url
}
