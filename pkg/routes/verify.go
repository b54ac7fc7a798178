package routes

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// Covers tells whether a path that a manifest names is answered by a route for method,
// on any host. A segment beginning with : is a hole that anything may fill, so only a
// parameter covers it; *name at the end is covered by a *name only. Query and fragment do
// not count, nor does a slash at the end.
func (t *Table) Covers(method, path string) bool {
	path = strings.ReplaceAll(cutQuery(path), " ", "%20") // as a browser sends it
	var p requestPath
	if path == "" || p.set(path) != sound || neverRouted(method) {
		return false
	}
	// Keys of trees have no colon, so a hole meets parameters only.
	w := walk{path: &p, slot: new(slot), method: t.code(method), onlyRest: strings.Contains(path, "/*")}
	return w.through(t.trees)
}

func cutQuery(path string) string {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		return path[:i]
	}
	return path
}

// Nearest gives the declared pattern for method that the writer of path most likely
// meant, or "". Parameters of a pattern fit whatever stands in their place.
func (t *Table) Nearest(method, path string) string {
	path = cutQuery(path)
	if path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	var known []string
	patterns := map[string]string{}
	for i := range t.routes {
		r := &t.routes[i]
		if !r.takes(method) {
			continue
		}
		filled := r.Pattern.filled(path)
		if patterns[filled] == "" {
			patterns[filled] = r.Pattern.String()
			known = append(known, filled)
		}
	}
	return patterns[diag.Nearest(path, known)]
}

// takes tells whether the route answers the method, as the only one of its shape.
func (r *Route) takes(method string) bool {
	_, ok := r.methodRank(method)
	return ok
}

// filled writes the pattern with the segments of path in place of its parameters.
func (p Pattern) filled(path string) string {
	if len(p.segments) == 0 {
		return "/"
	}
	given := strings.Split(strings.TrimPrefix(path, "/"), "/")
	var b strings.Builder
	for i, s := range p.segments {
		b.WriteByte('/')
		switch {
		case s.kind == static || i >= len(given):
			b.WriteString(s.String())
		case s.kind == rest:
			b.WriteString(strings.Join(given[i:], "/"))
		default:
			b.WriteString(given[i])
		}
	}
	return b.String()
}
