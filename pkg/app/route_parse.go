package app

import (
	"maps"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

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
		default:
			r.inline = append(r.inline, e)
		}
	}
	b.meantDo(n, r)
	if len(r.keys) == 0 && !b.meantMethod(n, r) {
		return nil, false
	}
	r.at = r.keys[0].Key.At
	return r, b.methods(r) && b.oneForm(r)
}

// meantMethod reports a route without a method. One that is misspelt is then read as what
// it was meant for.
func (b *builder) meantMethod(n *source.Node, r *routeNode) bool {
	known := append(slices.Sorted(maps.Keys(Methods())), "any", "match", "resources", "rpc", "batch")
	for i, e := range r.inline {
		near := diag.Nearest(e.Key.Value, known)
		if near == "" || r.path == nil && !strings.HasPrefix(e.Value.Value, "/") {
			continue
		}
		b.ps.Add(e.Key.At, "unknown-method", "unknown kind of route %q", e.Key.Value).Hint = diag.DidYouMean(e.Key.Value, known)
		if near == "resources" || near == "rpc" || near == "batch" {
			return false
		}
		r.keys = []source.Entry{meant(e, near)}
		r.inline = slices.Delete(slices.Clone(r.inline), i, i+1)
		return true
	}
	p := b.ps.Add(n.At, "no-method", "this route has no method")
	switch method := n.Get("method"); {
	case n.Get("routes") != nil || n.Get("pipe_through") != nil:
		p.Suggest("a scope inside a scope stands in `scopes`, beside `routes`")
	case r.path != nil && method != nil && Methods()[strings.ToLower(method.Value)] != "":
		p.Suggest("the method is the key: `%s: %s`", strings.ToLower(method.Value), r.path.Value)
	default:
		p.Suggest("begin it with one of %s", diag.OneOf(known))
	}
	return false
}

// meantDo reads `do` and `path` where they are misspelt.
func (b *builder) meantDo(n *source.Node, r *routeNode) {
	for i, e := range r.inline {
		key := e.Key.Value
		asPath := r.path == nil && n.Get("match") != nil && diag.Nearest(key, []string{"path"}) != ""
		asDo := r.do == nil && len(r.inline) == 1 && diag.Nearest(key, []string{"do"}) != ""
		if b.c.Known(key) || !asPath && !asDo {
			continue
		}
		b.ps.Add(e.Key.At, "unknown-key", "unknown key %q of a route", key).Hint = diag.DidYouMean(key, []string{"do", "path"})
		if r.inline = slices.Delete(slices.Clone(r.inline), i, i+1); asPath {
			r.path = e.Value
		} else {
			r.do, r.doAt = e.Value, e.Key.At
		}
		return
	}
}

// meant is an entry under the key that it was meant for.
func meant(e source.Entry, key string) source.Entry {
	k := *e.Key
	k.Value = key
	return source.Entry{Key: &k, Value: e.Value}
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
