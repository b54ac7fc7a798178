package app

import (
	"cmp"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/handlers/resource"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/routes"
)

const (
	maxAsked      = 100 // bytes of a name that is said back
	maxNeighbours = 500 // that are looked through for a hint
)

// neighbours are the resources right below one path.
type neighbours struct {
	path   string // of one of them, escaped
	schema string // of the database that has its rows
	// open are the names that everybody may read, who are told what they may have meant.
	open []string
}

// noteNeighbour has requests beside a resource told that there is no such table.
func (b *builder) noteNeighbour(all routes.Pattern, in base, e *resource.Entry, r *resource.Resource) {
	if len(all.Names()) > 0 {
		return
	}
	whole := all.String()
	above := path.Dir(whole)
	n := b.app.neighbours[above]
	if n == nil {
		n = &neighbours{path: (&url.URL{Path: whole}).EscapedPath(), schema: r.DatabaseSchema()}
		b.app.neighbours[above] = n
		b.app.deepest = max(b.app.deepest, len(above))
	}
	name := path.Base(whole)
	if e.Public && len(in.through) == 0 && len(n.open) < maxNeighbours && !slices.Contains(n.open, name) {
		n.open = append(n.open, name)
	}
}

// beside finds the resources below a path. served is false where they are another host's.
func (a *App) beside(above string, c *pipeline.Context) (n *neighbours, served bool) {
	if n = a.neighbours[above]; n == nil {
		return nil, false
	}
	var m routes.Match
	a.Table.Lookup(http.MethodGet, c.R.Host, n.path, &m)
	return n, m.Status != http.StatusNotFound
}

// missing is the refusal of a path that nothing serves. Clients of PostgREST know by a code
// that there is no such table, or no such path (PostgREST.Error, TableNotFound and
// InvalidResourcePath).
func (a *App) missing(c *pipeline.Context) *pipeline.Refusal {
	r := &pipeline.Refusal{Status: http.StatusNotFound, Reason: "not_found"}
	if len(a.neighbours) == 0 || a.otherForm(c) {
		return r
	}
	asked := c.R.URL.Path
	name := path.Base(asked)
	if n, served := a.beside(path.Dir(asked), c); served && !strings.HasSuffix(asked, "/") && len(name) <= maxAsked && utf8.ValidString(name) {
		r.Message = "Could not find the table '" + n.schema + "." + name + "' in the schema cache"
		hint := ""
		if near := relations.NearestTable(n.open, name); near != "" {
			hint = "Perhaps you meant the table '" + n.schema + "." + near + "'"
		}
		return inDialect(r, "PGRST205", hint)
	}
	if !a.below(asked, c) {
		return r
	}
	r.Message = "Invalid path specified in request URL"
	return inDialect(r, "PGRST125", "")
}

// below tells whether resources stand above a path, which may have thousands of segments.
func (a *App) below(asked string, c *pipeline.Context) bool {
	asked = asked[:min(len(asked), a.deepest+1)]
	for i := strings.LastIndexByte(asked, '/'); i >= 0; i = strings.LastIndexByte(asked, '/') {
		asked = asked[:i]
		if _, served := a.beside(cmp.Or(asked, "/"), c); served {
			return true
		}
	}
	return false
}

// notAllowed is the refusal of a method where the path has others.
func (a *App) notAllowed(c *pipeline.Context, allow string) *pipeline.Refusal {
	r := &pipeline.Refusal{Status: http.StatusMethodNotAllowed, Reason: "method_not_allowed"}
	if len(a.neighbours) == 0 || a.otherForm(c) {
		return r
	}
	for other := range strings.SplitSeq(allow, ", ") {
		var m routes.Match
		a.Table.Lookup(other, c.R.Host, c.R.URL.EscapedPath(), &m)
		if m.Status == http.StatusOK && a.Routes[m.Route].dialect {
			r.Message = "Unsupported HTTP method: " + c.Method
			return inDialect(r, "PGRST117", "")
		}
	}
	return r
}

// otherForm tells that an error is answered in a form in which the dialect has no place.
func (a *App) otherForm(c *pipeline.Context) bool {
	return wantsHTML(c) || a.Manifest.Endpoint.RenderErrors.JSON == "phoenix"
}

func inDialect(r *pipeline.Refusal, code, hint string) *pipeline.Refusal {
	problem := pipeline.ProblemJSON(nil, r)
	r.Headers = http.Header{"Content-Type": problemType, "Proxy-Status": {"gateway; error=" + code}} // as its handlers have it
	r.Body = appendDialect(problem[:len(problem)-1], code, hint, r)
	return r
}
