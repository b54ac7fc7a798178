package pipeline

import (
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/store"
)

// Catalog tells what a store's database has, read once for this application. It is nil
// where the database cannot be had: a problem of the machine, reported at the place that
// needs it.
func (e *Env) Catalog(s *Store, at diag.Pos, ps *diag.Problems) *store.Catalog {
	type read struct {
		catalog *store.Catalog
		err     error
	}
	r := e.Memo("catalog|"+s.Name, func() any {
		if e.ReadCatalog == nil {
			return read{&store.Catalog{}, nil}
		}
		c, err := e.ReadCatalog(s)
		return read{c, err}
	}).(read)
	if r.err == nil {
		return r.catalog
	}
	p := ps.Add(at, "store-unreachable", "the store %s cannot be asked for its tables: %v", s.Name, r.err)
	if e.Lenient {
		p.Severity = diag.Warning
	}
	p.Suggest("start the database, or declare the fields: `schema:` needs no database to be checked")
	return nil
}
