package pipeline

import (
	"fmt"
	"maps"
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
)

// A Compiler compiles the plug lists of one manifest. One goroutine at a time.
type Compiler struct {
	Env      *Env
	Problems *diag.Problems

	defs       map[string]*Def
	load       spec.Loader
	cache      map[string]*compiled
	used       map[string]bool   // pipelines
	toldBehind map[diag.Pos]bool // guards behind a cache that were reported
	maxSlot    int

	root                  *expr.Scope
	starts                map[Place]flow
	functions             map[string]bool
	routeBase, routeScope *expr.Scope // the names of all routes, made once
}

// NewCompiler compiles with the given plugs.
func NewCompiler(env *Env, defs []*Def, ps *diag.Problems) *Compiler {
	c := &Compiler{Env: env, Problems: ps, defs: map[string]*Def{}, cache: map[string]*compiled{}, used: map[string]bool{}, maxSlot: FirstNameSlot,
		root: expr.NewScope(env.Functions), starts: map[Place]flow{}, functions: map[string]bool{}}
	for _, f := range expr.FunctionDocs() {
		c.functions[f.Name] = true
	}
	for _, d := range defs {
		c.defs[d.Name] = d
	}
	c.load = config.NewLoader(env.Functions, env.Lenient)
	return c
}

// Slots is the number of slots that a Context needs to run anything compiled so far.
func (c *Compiler) Slots() int { return c.maxSlot + 1 }

// list is one list of plugs being compiled.
type list struct {
	*Compiler
	ps          *diag.Problems
	place       Place
	path        string   // keys and names that lead here
	pipeline    string   // the pipeline that the list belongs to
	running     []string // pipelines that run this one, outermost first
	inElse      bool
	conditional bool         // the list runs only sometimes
	rest        string       // the name of the route's *rest; "" without one
	tx          *transacting // the transaction that the list runs in; nil for none
	unsafe      bool         // the route's method changes something: session and cookies need CSRF protection
}

// compile compiles the entries at n, in order of running. f is moved on to what is known
// after them.
func (l *list) compile(n *source.Node, f *flow) *Steps {
	steps := &Steps{}
	if n == nil || n.Null() {
		return steps
	}
	count := map[string]int{}
	for _, entry := range spec.Items(n) {
		if f.ended {
			l.ps.Add(entry.At, "unreachable", "this can never run: the list has answered before it").Suggest("move it up, or give the answer before it a `when:`").
				Relate(f.endedAt, "it answers here")
			break
		}
		before := len(steps.list)
		l.entry(entry, f, steps, count)
		if f.early == nil && opensEarly(steps.list[before:], l.place) {
			f.early = maps.Clone(f.bound)
			if f.early == nil {
				f.early = map[string]string{}
			}
		}
		l.maxSlot = max(l.maxSlot, f.next)
	}
	return steps
}

// opensEarly tells steps that may let a member in before the list has ended: what is bound
// after them may not be.
func opensEarly(list []step, place Place) bool {
	for i := range list {
		st := &list[i]
		if st.def != nil && st.def.Opens&place != 0 && st.when != nil {
			return true
		}
		if opens(st.do, place) || opens(st.otherwise, place) {
			return true
		}
	}
	return false
}

func opens(s *Steps, place Place) bool {
	if s == nil {
		return false
	}
	for i := range s.list {
		st := &s.list[i]
		if st.def != nil && st.def.Opens&place != 0 || opens(st.do, place) || opens(st.otherwise, place) {
			return true
		}
	}
	return false
}

// entry compiles one entry and appends its steps.
func (l *list) entry(n *source.Node, f *flow, steps *Steps, count map[string]int) {
	e, ok := l.parse(n)
	if !ok {
		l.unknown(n, f)
		return
	}
	switch {
	case e.do != nil:
		l.branch(e, f, steps)
	case e.name == "pipe_through":
		l.through(e, f, steps)
	default:
		count[e.name]++
		path := fmt.Sprintf("%s/%s", l.path, e.name)
		if count[e.name] > 1 {
			path = fmt.Sprintf("%s/%s.%d", l.path, e.name, count[e.name])
		}
		l.plug(e, path, f, steps)
	}
}

// unknown goes on behind an entry that could not be read. What it says to bind is bound;
// where it says nothing it may have been meant to bind anything.
func (l *list) unknown(n *source.Node, f *flow) {
	as := n.Get("as")
	if as == nil || as.Kind != source.Scalar {
		f.loose = true
		return
	}
	if _, seen := f.scope.Lookup(as.Value); !seen {
		f.bind(l.ps, "as", as.Value, as.At, expr.Any)
	}
}

// branch compiles { when, do, else }.
func (l *list) branch(e *entry, f *flow, steps *Steps) {
	b := l.build(e, f)
	b.guard = l.guards(e.do) || l.guards(e.orElse)
	st := step{at: e.at, from: l.pipeline, when: b.Condition(e.when), condition: e.when.Value, strict: b.guard}
	st.asks, st.reads = l.needsOf(b, f, e.at), b.uses
	inner := *l
	inner.conditional = true
	before := *f
	arm, other := before, before
	inner.path = l.path + "/do"
	st.do = inner.compile(e.do, &arm)
	if e.orElse != nil {
		inner.path = l.path + "/else"
		other.reuse = newNames(before, arm)
		other.next = max(other.next, arm.next)
		st.otherwise = inner.compile(e.orElse, &other)
		other.reuse = before.reuse
	}
	*f = merge(before, arm, other)
	steps.add(st)
}

// guards tells whether a list holds a guard: then the condition that decides whether it
// runs is read as strictly.
func (l *list) guards(n *source.Node) bool {
	if n == nil {
		return false
	}
	for _, item := range spec.Items(n) {
		switch item.Kind {
		case source.Scalar:
			if d := l.defs[item.Value]; d != nil && d.Guard {
				return true
			}
		case source.Map:
			for _, e := range item.Entries {
				d := l.defs[e.Key.Value]
				if d != nil && d.Guard || e.Key.Value == "pipe_through" {
					return true
				}
				if (e.Key.Value == "do" || e.Key.Value == "else" || e.Key.Value == "transaction") && l.guards(e.Value) {
					return true
				}
			}
		}
	}
	return false
}

func (s *Steps) add(st step) { s.list = append(s.list, st) }

// build starts the building of one entry.
func (l *list) build(e *entry, f *flow) *Build {
	return &Build{Rest: l.rest, Env: l.Env, Problems: l.ps, Place: l.place, At: e.at, Options: e.options, flow: f, uses: map[string]bool{}, result: expr.Any, broken: new(bool), list: l}
}

// needsOf tells what must be read of the request before the step runs.
func (l *list) needsOf(b *Build, f *flow, at diag.Pos) needs {
	n := l.readsOf(b, f)
	if n&needBody != 0 && f.bodyless {
		l.ps.Add(at, "body-is-proxied", "request.body cannot be read on a route that ends in proxy").Suggest("the body is passed on unread")
	}
	l.forgery(b, f, at)
	return n
}

// readsOf is needsOf for what was compiled so far, without a word about faults.
func (l *list) readsOf(b *Build, f *flow) needs {
	var n needs
	if l.place&HTTP == 0 {
		return n
	}
	if b.uses["csrf_token"] {
		n |= needToken
	}
	if b.uses["csp_nonce"] {
		n |= needNonce
	}
	if l.place != Route {
		return n
	}
	if b.uses["params"] && !f.bodyless {
		n |= needParams
	}
	// An expression that takes the request as a whole may read any of it.
	if b.uses["request.body"] || b.uses["request.*"] && !f.bodyless {
		n |= needBody
	}
	return n
}

// join of a path of keys, for places that outlive edits.
func joinPath(parts ...string) string { return strings.Join(parts, "/") }
