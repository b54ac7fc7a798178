package app

import (
	"maps"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/routes"
)

// builder turns scopes into routes.
type builder struct {
	app   *App
	c     *pipeline.Compiler
	ps    *diag.Problems
	after pipeline.Flow // of endpoint.plugs
}

// base is what scopes give to the routes inside them.
type base struct {
	prefix  routes.Pattern
	host    routes.Host
	hosted  bool
	through []spec.Ref
	path    string // of keys and names
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
			return
		}
		joined, err := p.Join(outer.prefix)
		if err != nil {
			b.patternError(s.Path, err)
			return
		}
		inner.prefix = joined
	}
	if s.Host != nil {
		if scheme := strings.Index(s.Host.Value, "://"); scheme >= 0 {
			b.ps.Add(s.Host.Span(0, scheme+3), "bad-host", "a host is written without a scheme").Suggest("such as api.example.com")
			return
		}
		h, err := routes.ParseHost(s.Host.Value)
		if err != nil {
			b.patternError(s.Host, err)
			return
		}
		if outer.hosted {
			b.ps.Add(s.Host.At, "nested-host", "a scope inside a scope with `host` cannot have another host").Suggest("move it out")
		}
		inner.host, inner.hosted = h, true
	}
	for _, n := range s.Routes {
		b.route(n, inner)
	}
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

func (b *builder) patternError(n *source.Node, e *routes.PatternError) {
	p := b.ps.Add(n.Span(e.Start, e.End), "bad-path", "%s", e.Message)
	p.Hint = e.Hint
}

// Methods lists the keys that make a route, with the methods that they take.
func Methods() map[string]string {
	return map[string]string{"get": "GET", "post": "POST", "put": "PUT", "patch": "PATCH", "delete": "DELETE", "options": "OPTIONS", "head": "HEAD"}
}

// routeNode is a route as written.
type routeNode struct {
	at      diag.Pos
	keys    []source.Entry // method keys, `any`, `match`
	path    *source.Node   // beside match
	do      *source.Node
	doAt    diag.Pos
	inline  []source.Entry // everything else
	methods []string       // nil: any
}

func (b *builder) route(n *source.Node, in base) {
	if n.Kind != source.Map {
		b.ps.Add(n.At, "not-a-route", "a route is a map, such as `get: /health` with `text: OK`")
		return
	}
	if n.Get("resources") != nil {
		b.resource(n, in, nil)
		return
	}
	r, ok := b.parseRoute(n)
	if !ok {
		return
	}
	pathNode := r.keys[0].Value
	if r.path != nil {
		pathNode = r.path
	}
	own, ok := b.pattern(pathNode)
	if !ok {
		return
	}
	full, err := own.Join(in.prefix)
	if err != nil {
		b.patternError(pathNode, err)
		return
	}
	list := r.list(n)
	src := pipeline.RouteSource{
		Path: in.path + "/" + strings.ToLower(r.label()) + full.String(), At: r.at, After: b.after, Through: in.through,
		List: list, Unsafe: r.unsafe(), Bodyless: proxies(list),
	}
	b.add(r.methods, in, full, r.at, answerName(list), b.c.Route(src))
}

// add notes a compiled route.
func (b *builder) add(methods []string, in base, full routes.Pattern, at diag.Pos, handler string, steps *pipeline.Steps) {
	var names []string
	for _, p := range in.through {
		names = append(names, p.Name)
	}
	b.app.Routes = append(b.app.Routes, Route{
		Route: routes.Route{Methods: methods, Host: in.host, Pattern: full, At: at}, Pipelines: names, Handler: handler, Steps: steps,
		names: append(in.host.Names(), full.Names()...), usesParams: steps.Reads("params"),
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

// verifyPaths checks what redirect, path() and url() name against the table.
func (b *builder) verifyPaths() {
	if b.app.Table == nil {
		return
	}
	for _, p := range b.app.Env.Paths.All() {
		if b.app.Table.Covers("GET", p.Pattern) {
			continue
		}
		problem := b.ps.Add(p.At, "unknown-path", "no GET route answers %s", strings.ReplaceAll(p.Pattern, ":_", "${...}")).
			Suggest("declare one, or name a path that is there")
		if near := b.app.Table.Nearest("GET", p.Pattern); near != "" {
			problem.Suggest("did you mean %q?", near)
		}
	}
}

func (b *builder) parseRoute(n *source.Node) (*routeNode, bool) {
	r := &routeNode{}
	for _, e := range n.Entries {
		key := e.Key.Value
		switch {
		case key == "any" || key == "match" || Methods()[key] != "":
			r.keys = append(r.keys, e)
		case key == "path":
			r.path = e.Value
		case key == "do":
			r.do, r.doAt = e.Value, e.Key.At
		case key == "rpc" || key == "batch":
			spec.Unavailable(b.ps, e.Key.At, key)
			return nil, false
		default:
			r.inline = append(r.inline, e)
		}
	}
	if len(r.keys) == 0 {
		return nil, b.noMethod(n, r)
	}
	r.at = r.keys[0].Key.At
	return r, b.methods(r) && b.oneForm(r)
}

func (b *builder) noMethod(n *source.Node, r *routeNode) bool {
	known := append(slices.Sorted(maps.Keys(Methods())), "any", "match", "resources")
	for _, e := range r.inline {
		if r.path != nil || strings.HasPrefix(e.Value.Value, "/") || strings.HasPrefix(e.Key.Value, "resource") {
			if near := diag.DidYouMean(e.Key.Value, known); near != "" {
				b.ps.Add(e.Key.At, "unknown-method", "unknown kind of route %q", e.Key.Value).Hint = near
				return false
			}
		}
	}
	b.ps.Add(n.At, "no-method", "this route has no method").Suggest("begin it with one of %s", diag.OneOf(known))
	return false
}

// methods reads what the route takes.
func (b *builder) methods(r *routeNode) bool {
	if len(r.keys) > 1 {
		b.ps.Add(r.keys[1].Key.At, "several-methods", "a route has one method key; this one has %s and %s", r.keys[0].Key.Value, r.keys[1].Key.Value).
			Suggest("write `match: [%s, %s]` and `path:`", strings.ToUpper(r.keys[0].Key.Value), strings.ToUpper(r.keys[1].Key.Value))
		return false
	}
	key := r.keys[0]
	if key.Key.Value != "match" {
		if r.path != nil {
			b.ps.Add(r.path.At, "misplaced-key", "`path` stands beside `match` only").Suggest("the path is the value of `%s`", key.Key.Value)
			return false
		}
		if key.Key.Value != "any" {
			r.methods = []string{Methods()[key.Key.Value]}
		}
		return true
	}
	if r.path == nil {
		b.ps.Add(key.Key.At, "missing-key", "`match` needs `path`").Suggest("write `path: /…` beside it")
		return false
	}
	return b.match(key, r)
}

// match reads the methods of a route with `match`.
func (b *builder) match(key source.Entry, r *routeNode) bool {
	ok := true
	for _, item := range spec.Items(key.Value) {
		m := strings.ToUpper(item.Value)
		switch {
		case item.Kind != source.Scalar || m == "":
			b.ps.Add(item.At, "unknown-method", "expected a method").Suggest("such as `match: [GET, POST]`")
			ok = false
		case Methods()[strings.ToLower(m)] == "":
			p := b.ps.Add(item.At, "unknown-method", "%q is not a method", item.Value)
			p.Hint = diag.DidYouMean(m, slices.Sorted(maps.Values(Methods())))
			ok = false
		case !slices.Contains(r.methods, m):
			r.methods = append(r.methods, m)
		}
	}
	if ok && len(r.methods) == 0 {
		b.ps.Add(key.Value.At, "no-method", "`match` names no method").Suggest("such as `match: [GET, POST]`")
	}
	return ok && len(r.methods) > 0
}

// oneForm refuses a route that has both `do` and an answer beside the method.
func (b *builder) oneForm(r *routeNode) bool {
	if r.do == nil {
		if len(r.inline) == 0 {
			b.ps.Add(r.at, "no-answer", "this route has no plugs").Suggest("write its answer beside it (`text: OK`), or a list under `do:`")
			return false
		}
		return true
	}
	if len(r.inline) > 0 {
		b.ps.Add(r.inline[0].Key.At, "both-forms", "a route has either `do` or one plug beside the method, not both").Suggest("move it into `do:`")
		return false
	}
	return true
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
			if e.Key.Value == "proxy" || e.Key.Value == "do" && proxies(e.Value) || e.Key.Value == "else" && e.Value.Kind != source.Scalar && proxies(e.Value) {
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
