package app

import (
	"net/http"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/handlers/resource"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/routes"
)

// A neighbour is a resource that stands beside a path which nothing serves.
type neighbour struct {
	path   string // of the resource
	schema string // of the database that has its rows
}

// noteNeighbour has requests beside a resource told that there is no such table.
func (b *builder) noteNeighbour(all routes.Pattern, r *resource.Resource) {
	whole := all.String()
	if above := path.Dir(whole); len(all.Names()) == 0 && b.app.neighbours[above].path == "" {
		b.app.neighbours[above] = neighbour{whole, r.DatabaseSchema()}
	}
}

// missing is the refusal of a path that nothing serves. Clients of PostgREST know by a code
// that there is no such table (PostgREST.Error, TableNotFound).
func (a *App) missing(c *pipeline.Context) *pipeline.Refusal {
	r := &pipeline.Refusal{Status: http.StatusNotFound, Reason: "not_found"}
	if len(a.neighbours) == 0 || wantsHTML(c) || a.Manifest.Endpoint.RenderErrors.JSON == "phoenix" {
		return r
	}
	const longest = 100 // of a name in a message, in bytes
	asked := c.R.URL.Path
	name := path.Base(asked)
	beside, ok := a.neighbours[path.Dir(asked)]
	if !ok || strings.HasSuffix(asked, "/") || len(name) > longest || !utf8.ValidString(name) {
		return r
	}
	var m routes.Match
	if a.Table.Lookup(http.MethodGet, c.R.Host, beside.path, &m); m.Status == http.StatusNotFound {
		return r // of another host
	}
	r.Message = "Could not find the table '" + beside.schema + "." + name + "' in the schema cache"
	problem := pipeline.ProblemJSON(nil, r)
	r.Headers, r.Body = http.Header{"Content-Type": problemType}, appendDialect(problem[:len(problem)-1], "PGRST205", r)
	return r
}
