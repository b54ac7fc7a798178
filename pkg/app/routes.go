package app

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/handlers/batch"
	"github.com/openmanifest/gateway/pkg/handlers/resource"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/routes"
)

// builder turns scopes into routes.
type builder struct {
	app   *App
	c     *pipeline.Compiler
	ps    *diag.Problems
	after pipeline.Flow // of endpoint.plugs

	entries *resource.Entries // of `resources`
	places  map[*config.Scope]*resource.Place
	called  []*pipeline.Store // whose functions are served
	unknown map[string]bool   // the hosts and paths whose unknown functions have a route

	prints map[string]uint64 // of pipelines
	lost   []string          // beginnings of paths whose routes have a fault
}

// base is what scopes give to the routes inside them.
type base struct {
	prefix  routes.Pattern
	host    routes.Host
	hosted  bool
	through []spec.Ref
	path    string         // of keys and names
	scope   routes.Pattern // the prefix of the scope
	place   *resource.Place
	batched *[]batch.Target // what a batch of the scope can do
}

func (b *builder) scopes(list []config.Scope, outer base) {
	for i := range list {
		b.scope(&list[i], outer)
	}
}

func (b *builder) scope(s *config.Scope, outer base) {
	inner := outer
	inner.through = append(slices.Clone(outer.through), s.PipeThrough...)
	if s.Path != nil {
		p, ok := b.pattern(s.Path)
		if !ok {
			b.lose(outer, s.Path)
			return
		}
		joined, err := p.Join(outer.prefix)
		if err != nil {
			b.patternError(s.Path, err)
			b.lose(outer, s.Path)
			return
		}
		inner.prefix = joined
	}
	if s.Host != nil {
		if scheme := strings.Index(s.Host.Value, "://"); scheme >= 0 {
			b.ps.Add(s.Host.Span(0, scheme+3), "bad-host", "a host is written without a scheme").Suggest("such as api.example.com")
			b.lose(inner, nil)
			return
		}
		h, err := routes.ParseHost(s.Host.Value)
		if err != nil {
			b.patternError(s.Host, err)
			b.lose(inner, nil)
			return
		}
		if outer.hosted {
			b.ps.Add(s.Host.At, "nested-host", "a scope inside a scope with `host` cannot have another host").Suggest("move it out")
		}
		inner.host, inner.hosted = h, true
	}
	inner.scope, inner.place, inner.batched = inner.prefix, b.places[s], new([]batch.Target)
	for _, n := range s.Routes {
		b.route(n, inner)
	}
	b.batches(s.Routes, inner)
	b.scopes(s.Scopes, inner)
}

func (b *builder) pattern(n *source.Node) (routes.Pattern, bool) {
	if n.Kind != source.Scalar {
		b.ps.Add(n.At, "wrong-type", "expected a path such as /posts/:id")
		return routes.Pattern{}, false
	}
	p, err := routes.ParsePattern(n.Value)
	if err != nil {
		b.patternError(n, err)
		return routes.Pattern{}, false
	}
	return p, true
}

// whole reads the path of a route, and joins it to those of its scopes. A path with a fault
// is reported and lost.
func (b *builder) whole(n *source.Node, in base) (own, full routes.Pattern, ok bool) {
	if own, ok = b.pattern(n); ok {
		var err *routes.PatternError
		if full, err = own.Join(in.prefix); err == nil {
			return own, full, true
		}
		b.patternError(n, err)
	}
	b.lose(in, n)
	return own, full, false
}

func (b *builder) patternError(n *source.Node, e *routes.PatternError) {
	p := b.ps.Add(n.Span(e.Start, e.End), "bad-path", "%s", e.Message)
	p.Hint = e.Hint
}

// Methods lists the keys that make a route, with the methods that they take.
func Methods() map[string]string {
	return map[string]string{"get": "GET", "post": "POST", "put": "PUT", "patch": "PATCH", "delete": "DELETE", "options": "OPTIONS", "head": "HEAD"}
}

func (b *builder) route(n *source.Node, in base) {
	if n.Kind != source.Map {
		b.ps.Add(n.At, "not-a-route", "a route is a map, such as `get: /health` with `text: OK`")
		return
	}
	switch {
	case n.Get("resources") != nil:
		b.resource(n, in, nil)
		return
	case n.Get("rpc") != nil:
		b.functions(n, in)
		return
	case n.Get("batch") != nil:
		return // made behind all resources of the scope
	}
	r, ok := b.parseRoute(n)
	if !ok {
		b.lose(in, pathOf(n))
		return
	}
	pathNode := r.keys[0].Value
	if r.path != nil {
		pathNode = r.path
	}
	_, full, ok := b.whole(pathNode, in)
	if !ok {
		return
	}
	list := r.list(n)
	src := pipeline.RouteSource{
		Path: in.path + "/" + strings.ToLower(r.label()) + full.String(), At: r.at, After: b.after, Through: in.through,
		List: list, Unsafe: r.unsafe(), Bodyless: proxies(list), Rest: restOf(full),
	}
	b.add(r.methods, in, full, r.at, answerName(list), b.c.Route(src), list)
}

// restOf is the name of a pattern's *rest; "" without one.
func restOf(p routes.Pattern) string {
	text := p.String()
	last := text[strings.LastIndexByte(text, '/')+1:]
	if name, ok := strings.CutPrefix(last, "*"); ok {
		return name
	}
	return ""
}

// add notes a compiled route.
func (b *builder) add(methods []string, in base, full routes.Pattern, at diag.Pos, handler string, steps *pipeline.Steps, list *source.Node) {
	var names []string
	for _, p := range in.through {
		names = append(names, p.Name)
	}
	b.app.Routes = append(b.app.Routes, Route{
		Route: routes.Route{Methods: methods, Host: in.host, Pattern: full, At: at}, Pipelines: names, Handler: handler, Steps: steps,
		Fingerprint: b.fingerprint(list, in.through),
		first:       steps.First(),
		names:       append(in.host.Names(), full.Names()...), usesParams: steps.Reads("params"),
	})
}

// table builds the routing table.
func (b *builder) table() *routes.Table {
	list := make([]routes.Route, len(b.app.Routes))
	for i, r := range b.app.Routes {
		list[i] = r.Route
	}
	return routes.Build(list, b.ps)
}

// list gives the route's plugs: what `do` holds, or the one plug beside the method.
func (r *routeNode) list(n *source.Node) *source.Node {
	if r.do != nil {
		return r.do
	}
	one := source.NewMap(r.inline[0].Key.At)
	one.Entries = r.inline
	return source.NewList(n.At, one)
}

func (r *routeNode) label() string {
	if r.methods == nil {
		return "any"
	}
	return strings.Join(r.methods, ",")
}

// unsafe tells a route that takes other methods than GET, HEAD and OPTIONS.
func (r *routeNode) unsafe() bool {
	return r.methods == nil || slices.ContainsFunc(r.methods, func(m string) bool { return m != "GET" && m != "HEAD" && m != "OPTIONS" })
}

// proxies tells a list that passes the body on unread, at any depth.
func proxies(n *source.Node) bool {
	for _, item := range spec.Items(n) {
		if item.Kind == source.Scalar && item.Value == "proxy" {
			return true
		}
		for _, e := range item.Entries {
			if e.Key.Value == "proxy" || (e.Key.Value == "do" || e.Key.Value == "transaction") && proxies(e.Value) || e.Key.Value == "else" && e.Value.Kind != source.Scalar && proxies(e.Value) {
				return true
			}
		}
	}
	return false
}

// answerName names the plug that answers, for the table: the last one of the list.
func answerName(n *source.Node) string {
	items := spec.Items(n)
	if len(items) == 0 {
		return ""
	}
	last := items[len(items)-1]
	if last.Kind == source.Scalar {
		return last.Value
	}
	for _, e := range last.Entries {
		if !slices.Contains(pipeline.Modifiers(), e.Key.Value) {
			return describeAnswer(e)
		}
	}
	return ""
}

func describeAnswer(e source.Entry) string {
	if e.Value.Kind == source.Scalar && e.Value.Value != "" && len(e.Value.Value) <= 40 && !strings.Contains(e.Value.Value, "\n") {
		return e.Key.Value + " " + e.Value.Value
	}
	if to := e.Value.Get("to"); to != nil && to.Kind == source.Scalar {
		return e.Key.Value + " " + to.Value
	}
	return e.Key.Value
}
