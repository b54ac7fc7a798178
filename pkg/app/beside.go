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
type neighbours struct{ hosts []*onHost }

// onHost are those of one host.
type onHost struct {
	host         string
	method, path string // of one of them, escaped
	schema       string // of the database that has its rows
	// open are the names that everybody may read, who are told what they may have meant.
	open []string
}

// of gives the neighbours that are of a host; nil: there is none yet.
func (n *neighbours) of(host string) *onHost {
	for _, h := range n.hosts {
		if h.host == host {
			return h
		}
	}
	return nil
}

// noteNeighbour has requests beside a resource told that there is no such table.
func (b *builder) noteNeighbour(all routes.Pattern, in base, e *resource.Entry, r *resource.Resource) {
	ways := r.Ways()
	if len(all.Names()) > 0 || len(ways) == 0 {
		return
	}
	whole := all.String()
	above, name := path.Dir(whole), path.Base(whole)
	n := b.app.neighbours[above]
	if n == nil {
		n = &neighbours{}
		b.app.neighbours[above] = n
		b.app.deepest = max(b.app.deepest, len(above))
	}
	h := n.of(in.host.String())
	if h == nil {
		one := whole + ways[0].Action.Suffix()
		if ways[0].OfRow {
			one = whole + "/0" + ways[0].Action.Suffix()
		}
		h = &onHost{host: in.host.String(), method: ways[0].Methods()[0], path: (&url.URL{Path: one}).EscapedPath(), schema: r.DatabaseSchema()}
		n.hosts = append(n.hosts, h)
	}
	if e.Public && len(in.through) == 0 && len(h.open) < maxNeighbours && !slices.Contains(h.open, name) {
		h.open = append(h.open, name)
	}
}

// beside finds the resources below a path that are on the host of a request.
func (a *App) beside(above string, c *pipeline.Context) (found []*onHost) {
	n := a.neighbours[above]
	if n == nil {
		return nil
	}
	var m routes.Match
	for _, h := range n.hosts {
		a.Table.Lookup(h.method, c.R.Host, h.path, &m)
		if m.Status == http.StatusOK && a.Routes[m.Route].Host.String() == h.host {
			found = append(found, h)
		}
	}
	return found
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
	if found := a.beside(path.Dir(asked), c); len(found) > 0 && !strings.HasSuffix(asked, "/") && len(name) <= maxAsked && utf8.ValidString(name) {
		r.Message = "Could not find the table '" + found[0].schema + "." + name + "' in the schema cache"
		return inDialect(r, "PGRST205", hintOf(found, name))
	}
	if !a.below(asked, c) {
		return r
	}
	r.Message = "Invalid path specified in request URL"
	return inDialect(r, "PGRST125", "")
}

// hintOf is the hint at a table that everybody may read.
func hintOf(found []*onHost, name string) string {
	for _, h := range found {
		if near := relations.NearestTable(h.open, name); near != "" {
			return "Perhaps you meant the table '" + h.schema + "." + near + "'"
		}
	}
	return ""
}

// below tells whether resources stand above a path, which may have thousands of segments.
func (a *App) below(asked string, c *pipeline.Context) bool {
	asked = asked[:min(len(asked), a.deepest+1)]
	for i := strings.LastIndexByte(asked, '/'); i >= 0; i = strings.LastIndexByte(asked, '/') {
		asked = asked[:i]
		if len(a.beside(cmp.Or(asked, "/"), c)) > 0 {
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
