package app

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/handlers/resource"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/plugs/data"
	"github.com/openmanifest/gateway/pkg/routes"
)

// ResourceFields describes the keys of a `resources` entry, for the JSON Schema and the
// reference.
func ResourceFields() *spec.Fields {
	f := spec.NewFields("`resources`")
	resource.Describe(f, &resource.Entry{SaveUpload: data.SaveUpload()})
	return f
}

// index reads every `resources` entry before a route is made: any may embed the rows of
// another.
func (b *builder) index(scopes []config.Scope, outer *resource.Place) {
	for i := range scopes {
		place := resource.Within(outer)
		b.places[&scopes[i]] = place
		for _, n := range scopes[i].Routes {
			b.indexEntry(n, place, nil)
		}
		b.index(scopes[i].Scopes, place)
	}
}

func (b *builder) indexEntry(n *source.Node, place *resource.Place, parent *resource.Served) {
	if n.Kind != source.Map || n.Get("resources") == nil {
		return
	}
	s := b.entries.Add(n, entryAt(n), place, parent, data.SaveUpload())
	if s == nil {
		return
	}
	for _, below := range s.Entry.Routes {
		b.indexEntry(below, s.Below, s)
	}
}

// resource adds the routes of one `resources` entry and of those below it. parent is nil
// at the top.
func (b *builder) resource(n *source.Node, in base, parent *resource.Resource) {
	s := b.entries.Of(n)
	if s == nil {
		b.lose(in, n.Get("resources"))
		return
	}
	e := s.Entry
	_, all, ok := b.whole(e.Path, in)
	if !ok {
		return
	}
	r := resource.New(b.app.Env, b.ps, s, parent)
	if r == nil {
		b.lose(in, e.Path)
		return
	}
	def := resource.Def()
	b.noteNeighbour(all, in, e, r)
	for _, w := range r.Ways() {
		b.action(r, w, def, in, all, e, n)
	}
	b.nested(r, e, in, all)
}

// entryAt is the place of the key `resources`.
func entryAt(n *source.Node) diag.Pos {
	for _, e := range n.Entries {
		if e.Key.Value == "resources" {
			return e.Key.At
		}
	}
	return n.At
}

// action adds one route of an action.
func (b *builder) action(r *resource.Resource, w resource.Way, def *pipeline.Def, in base, all routes.Pattern, e *resource.Entry, n *source.Node) {
	full, at, a := all, entryAt(n), w.Action
	if w.OfRow {
		var ok bool
		if full, ok = b.below(all, "/:"+r.Param(), e.Path); !ok {
			return
		}
	}
	if suffix := a.Suffix(); suffix != "" {
		var ok bool
		if full, ok = b.below(full, suffix, e.Path); !ok {
			return
		}
	}
	src := pipeline.RouteSource{
		Path: in.path + "/" + strings.ToLower(strings.Join(w.Methods(), ",")) + full.String(), At: at, After: b.after, Through: in.through,
		List: source.NewScalar(at, ""), Unsafe: !a.Reads(),
	}
	steps := b.c.Handler(src, def, r.Plug(w, full))
	b.add(w.Methods(), in, full, at, "resource "+r.Name()+" "+w.String(), steps, n)
	route := b.inDialect()
	route.rows, route.Refuses = r.Describe(b.app.Env, w), r.Refuses(w)
	b.batchable(r, w, in, full, n)
}

// inDialect marks the route that was added last as one that speaks PostgREST's dialect.
func (b *builder) inDialect() *Route {
	route := &b.app.Routes[len(b.app.Routes)-1]
	route.dialect = true
	return route
}

// below appends a segment to a path.
func (b *builder) below(prefix routes.Pattern, path string, n *source.Node) (routes.Pattern, bool) {
	segment, err := routes.ParsePattern(path)
	if err == nil {
		segment, err = segment.Join(prefix)
	}
	if err != nil {
		b.ps.Add(n.At, "bad-path", "%s: %s", strings.TrimLeft(path, "/:"), err.Message).Suggest("choose another name with `param:`")
		return routes.Pattern{}, false
	}
	return segment, true
}

// nested adds what stands below each row.
func (b *builder) nested(r *resource.Resource, e *resource.Entry, in base, all routes.Pattern) {
	if len(e.Routes) == 0 {
		return
	}
	var ok bool
	if in.prefix, ok = b.below(all, "/:"+r.NestedParam(), e.Path); !ok {
		return
	}
	for _, n := range e.Routes {
		if n.Kind == source.Map && n.Get("resources") != nil {
			b.resource(n, in, r)
			continue
		}
		if !b.misspeltResource(n) {
			spec.Unavailable(b.ps, n.At, "routes of a resource: other than resources")
		}
	}
}

// misspeltResource reports an entry that was meant as `resources`.
func (b *builder) misspeltResource(n *source.Node) bool {
	for _, e := range n.Entries {
		if near := diag.DidYouMean(e.Key.Value, []string{"resources"}); near != "" {
			b.ps.Add(e.Key.At, "unknown-method", "unknown kind of route %q", e.Key.Value).Hint = near
			return true
		}
	}
	return false
}
