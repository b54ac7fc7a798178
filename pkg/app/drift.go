package app

import (
	"context"

	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store/drift"
)

// tellDrift logs where the first store is not what the schemas say. It stops nothing: a
// database that cannot be had, or that is ahead of the manifest, is served as far as it goes.
func tellDrift(env *pipeline.Env, st *pipeline.Store) {
	tables := tablesOf(env)
	if len(tables) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), catalogTimeout)
	defer cancel()
	catalog, err := st.Catalog(ctx)
	if err != nil {
		env.Log.Warn("schemas not compared with the database", "store", st.Name, "error", err)
		return
	}
	hint := "gateway migrate diff NAME writes what is missing"
	if s := spec.Find(env.Manifest.Stores, st.Name); s == nil || s.Migrations == "" {
		hint = "give the store `migrations: FOLDER`, then gateway migrate diff NAME writes what is missing"
	}
	for _, d := range drift.Compare(tables, catalog, st.Store.Dialect()) {
		if d.Severity > drift.Note {
			env.Log.Warn("drift: "+d.String(), "store", st.Name, "means", d.Severity.String(), "hint", hint)
		}
	}
}
