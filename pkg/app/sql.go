package app

import (
	"context"
	"errors"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// faultsTime bounds how long a load asks the databases about SQL.
const faultsTime = 2 * time.Second

// tellFaults logs what the databases will not take of the SQL in the manifest, so that a
// misspelt table is known before a request needs it. It stops nothing: the table may be made
// later, and a database that is away is asked about nothing more.
func tellFaults(env *pipeline.Env) {
	ctx, cancel := context.WithTimeout(context.Background(), faultsTime)
	defer cancel()
	away := map[*pipeline.Store]bool{}
	asked := map[question]bool{} // a pipeline is compiled at each place that uses it
	for _, sql := range env.SQL {
		q := question{sql.Store, sql.Place(0), sql.Statement.SQL}
		if away[sql.Store] || asked[q] {
			continue
		}
		asked[q] = true
		err := sql.Store.Check(ctx, sql.Statement)
		var gone *store.Unavailable
		var fault *store.Fault
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &gone):
			away[sql.Store] = true
		case errors.As(err, &fault):
			env.Log.Warn("the database does not take this SQL", "at", sql.Place(fault.Position).String(), "store", sql.Store.Name, "error", fault.Message)
		}
	}
}

type question struct {
	store *pipeline.Store
	at    diag.Pos
	sql   string
}
