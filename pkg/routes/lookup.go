package routes

import (
	"net/http"
	"slices"
	"strings"
)

// A Match is what Lookup found. A caller keeps it for the next request: its memory is
// used again, so Params are good until then.
type Match struct {
	// Route is the place of the route in the list given to Build, -1 unless Status is 200.
	Route int
	// Params are the captured labels of the host, then those of the path in the order of
	// Pattern.Names, decoded once. A *name has no slash in front.
	Params []string
	// Status is
	//   200: Route answers,
	//   204: an OPTIONS request that no route takes, answered by Allow,
	//   301, 308: the path has one slash too many, Location is without it,
	//   400: the path is malformed, leaves the root, or is longer than MaxPath,
	//   404: no route has this path,
	//   405: routes have it, for the methods in Allow; or the method is CONNECT or TRACE.
	Status   int
	Allow    string // methods, sorted
	Location string // an escaped path on this host; the query is the caller's to add
	Head     bool   // a GET route answers a HEAD request

	path     requestPath
	slot     slot
	captured []int32
	trees    []*node
}

// Lookup finds the route for a request. path is escaped, as r.URL.EscapedPath() gives it,
// and host is as received. It allocates nothing for a path without escapes once the
// memory of m has grown.
func (t *Table) Lookup(method, host, path string, m *Match) {
	m.Route, m.Params, m.Allow, m.Location, m.Head = -1, m.Params[:0], "", "", false
	m.Status = t.lookup(method, host, path, m)
	m.forget()
}

// forget lets go of the table, which may be an old one soon, and of the memory that a path
// of very many segments took.
func (m *Match) forget() {
	m.slot = slot{}
	clear(m.trees)
	m.path.trim()
	if cap(m.captured) > keptSegments {
		m.captured = nil
	}
}

func (t *Table) lookup(method, host, path string, m *Match) (status int) {
	fault := m.path.set(path)
	m.trees = t.hostTrees(host, m.trees[:0])
	switch {
	case fault == malformed:
		return http.StatusBadRequest
	case neverRouted(method):
		if fault == sound {
			m.Allow = t.allowed(m)
		}
		return http.StatusMethodNotAllowed
	case fault == empty:
		return http.StatusNotFound
	}
	w := walk{path: &m.path, slot: &m.slot, method: t.code(method), captured: m.captured[:0], rest: -1}
	found := w.through(m.trees)
	m.captured = w.captured
	if found {
		return t.answer(&w, host, m)
	}
	if m.Allow = t.allowed(m); m.Allow == "" {
		return http.StatusNotFound
	}
	if method == http.MethodOptions {
		return http.StatusNoContent
	}
	return http.StatusMethodNotAllowed
}

// answer fills m from what was found.
func (t *Table) answer(w *walk, host string, m *Match) (status int) {
	if w.redirect {
		// No empty segment and no backslash came this far, so this cannot name a host.
		m.Location = strings.TrimSuffix(m.path.raw, "/")
		if w.method == getMethod || w.method == headMethod {
			return http.StatusMovedPermanently
		}
		return http.StatusPermanentRedirect
	}
	m.Route, m.Head = int(w.found.route), w.method == headMethod && w.found.method == getMethod
	if w.found.hostCaptures {
		t.captureHost(host, m)
	}
	for _, i := range w.captured {
		m.Params = append(m.Params, m.path.segment(int(i)))
	}
	if w.rest >= 0 {
		m.Params = append(m.Params, m.path.rest(w.rest))
	}
	return http.StatusOK
}

func (t *Table) captureHost(host string, m *Match) {
	name := hostName(host)
	for _, open := range t.routes[m.Route].Host.open {
		label, after, _ := strings.Cut(name, ".")
		if open != "" {
			m.Params = append(m.Params, label)
		}
		name = after
	}
}

// allowed lists the methods that the path of m is answered for, "" for none.
func (t *Table) allowed(m *Match) string {
	var methods []string
	w := walk{path: &m.path, slot: &m.slot, captured: m.captured[:0], visit: func(found take) {
		if found.method == anyMethod {
			methods = append(methods, "DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
			return
		}
		method := t.methods[found.method-getMethod]
		if slices.Contains(t.routes[found.route].Refuses, method) {
			return
		}
		methods = append(methods, method)
		if found.method == getMethod {
			methods = append(methods, http.MethodHead)
		}
	}}
	w.through(m.trees)
	m.captured = w.captured
	if methods == nil {
		return ""
	}
	methods = append(methods, http.MethodOptions)
	slices.Sort(methods)
	return strings.Join(slices.Compact(methods), ", ")
}
