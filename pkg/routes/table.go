package routes

import (
	"net/http"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// A Route is one line of a manifest that requests can be for.
type Route struct {
	Methods []string // in capitals; nil: any
	Refuses []string // those of Methods that are answered with a refusal: Allow does not name them
	Host    Host
	Pattern Pattern // the whole path, with that of its scopes
	At      diag.Pos
}

func (r Route) any() bool { return r.Methods == nil }

// label names the route as its writer thinks of it.
func (r Route) label(method string) string {
	text := method + " " + r.Pattern.String()
	if host := r.Host.String(); host != "" {
		text += " on " + host
	}
	return text
}

// methods names what the route is for.
func (r Route) methods() string {
	if r.any() {
		return "any"
	}
	return strings.Join(r.Methods, ", ")
}

// A Table finds routes. It never changes after Build and may be used by many goroutines.
type Table struct {
	routes  []Route
	methods []string // those that routes name, by their code from getMethod on
	exact   map[string]*node
	open    []map[string]*node // by the number of open labels less one: what follows them
	all     *node              // routes without a host
	trees   []*node            // every tree of above, once
}

// Build makes the table of rs; a Match names a route by its place in rs. Routes that
// could never answer, or that another one contradicts, are noted in ps: the table then
// has what came first, and is of use to find more faults only.
func Build(rs []Route, ps *diag.Problems) *Table {
	return buildWith(widths{fewRuns, manyRuns}, rs, ps)
}

func buildWith(w widths, rs []Route, ps *diag.Problems) *Table {
	t := &Table{routes: slices.Clone(rs), methods: []string{http.MethodGet, http.MethodHead}, exact: map[string]*node{}, all: new(node)}
	t.trees = []*node{t.all}
	drafts := map[*node]draft{t.all: {}}
	for i, r := range t.routes {
		for _, name := range r.Host.Names() {
			if r.Pattern.captures(name) {
				ps.Add(r.At, "duplicate-param", "the name %s is taken by the host %s", name, r.Host).
					Suggest("rename the parameter of the path")
			}
		}
		n := t.treeOf(r.Host)
		if drafts[n] == nil {
			drafts[n] = draft{}
		}
		t.add(drafts[n].leafOf(r.Pattern.segments), i, ps)
	}
	for _, n := range t.trees {
		*n = drafts[n].seal(w)
	}
	return t
}

// treeOf gives the tree of a host, a new one where there is none.
func (t *Table) treeOf(h Host) *node {
	if h.fixed == "" {
		return t.all
	}
	hosts := t.exact
	if k := len(h.open); k > 0 {
		for len(t.open) < k {
			t.open = append(t.open, map[string]*node{})
		}
		hosts = t.open[k-1]
	}
	n := hosts[h.fixed]
	if n == nil {
		n = new(node)
		hosts[h.fixed] = n
		t.trees = append(t.trees, n)
	}
	return n
}

// add puts a route into the leaf of its shape.
func (t *Table) add(l *leaf, i int, ps *diag.Problems) {
	r := t.routes[i]
	captures := len(r.Host.Names()) > 0
	if r.any() {
		if first, ok := l.of(anyMethod); ok {
			t.conflict(i, int(first.route), "any", ps)
			return
		}
		l.add(take{int32(i), anyMethod, captures})
		return
	}
	told := -1 // two routes that share several methods are one fault
	for _, method := range r.Methods {
		if neverRouted(method) {
			ps.Add(r.At, "bad-method", "%s is never routed", method).Suggest("requests with it are answered with 405")
			continue
		}
		if !slices.Contains(t.methods, method) {
			t.methods = append(t.methods, method)
		}
		code := t.code(method)
		first, taken := l.of(code)
		switch other := int(first.route); {
		case !taken:
			l.add(take{int32(i), code, captures})
		case other != i && other != told:
			told = other
			t.conflict(i, told, method, ps)
		}
	}
}

// code gives the number of a method.
func (t *Table) code(method string) methodCode {
	for i, known := range t.methods {
		if known == method {
			return getMethod + methodCode(i)
		}
	}
	return unknownMethod
}

func (t *Table) conflict(later, first int, method string, ps *diag.Problems) {
	a, b := t.routes[later], t.routes[first]
	place := ""
	if !b.At.IsZero() {
		place = " at " + b.At.String()
	}
	p := ps.Add(a.At, "route-conflict", "%s has the shape of %s%s", a.label(method), b.label(method), place).
		Suggest("both would answer %s; rename one path or limit it with `host`", a.Pattern.example())
	if place != "" {
		p.Relate(b.At, "%s stands here", b.label(method))
	}
}

// neverRouted tells the methods that a gateway does not answer: one opens a tunnel, the
// other sends secrets back (RFC 9110, 9.3.6 and 9.3.8).
func neverRouted(method string) bool {
	return method == http.MethodConnect || method == http.MethodTrace
}

// hostTrees appends the trees that a request for this host may be answered from, most
// specific first.
func (t *Table) hostTrees(host string, to []*node) []*node {
	if len(t.trees) > 1 {
		name := hostName(host)
		if n := t.exact[name]; n != nil {
			to = append(to, n)
		}
		for _, hosts := range t.open {
			label, after, ok := strings.Cut(name, ".")
			if !ok || label == "" {
				break
			}
			name = after
			if n := hosts[name]; n != nil {
				to = append(to, n)
			}
		}
	}
	return append(to, t.all)
}
