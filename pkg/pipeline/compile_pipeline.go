package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
)

// compiled is a pipeline compiled for one set of names; every use with the same names
// shares it.
type compiled struct {
	steps    *Steps
	after    flow
	problems *diag.Problems
	told     []diag.Pos // uses named in its problems
}

// maxUses bounds the uses that a problem in a pipeline names.
const maxUses = 3

// runPipeline compiles a pipeline at one of its uses.
func (l *list) runPipeline(name string, at diag.Pos, f *flow) *Steps {
	p := l.Env.Manifest.Pipeline(name)
	if p == nil {
		names := l.Env.Manifest.PipelineNames()
		problem := l.ps.Add(at, "unknown-pipeline", "there is no pipeline %q", name)
		problem.Hint = declaredHint(name, "pipeline", names)
		f.loose = true
		return &Steps{}
	}
	l.used[name] = true
	if slices.Contains(l.running, name) {
		l.ps.Add(at, "pipeline-cycle", "the pipeline %s runs itself: %s", name, strings.Join(append(l.running, name), " → "))
		f.loose = true
		return &Steps{}
	}
	key := l.cacheKey(name, f)
	done := l.cache[key]
	if done == nil {
		done = l.compilePipeline(p.Name, p.List, *f)
		l.cache[key] = done
	}
	if done.problems.Len() > 0 && len(done.told) < maxUses && !slices.Contains(done.told, at) {
		done.told = append(done.told, at)
		for _, problem := range done.problems.All() {
			problem.Relate(at, "used here")
			l.ps.Take(problem)
		}
	}
	*f = done.after
	return done.steps
}

func (l *list) compilePipeline(name string, n *sourceNode, f flow) *compiled {
	inner := *l
	inner.ps = &diag.Problems{}
	inner.pipeline, inner.rest = name, "" // it is compiled once for many routes
	inner.path = joinPath("pipelines", name)
	inner.running = append(slices.Clone(l.running), name)
	done := &compiled{problems: inner.ps}
	done.steps = inner.compile(n, &f)
	done.after = f
	return done
}

// cacheKey tells two uses of a pipeline apart when their names or rules differ.
func (l *list) cacheKey(name string, f *flow) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s|%p|%d|%v|%v|%v|%v|%v|%v|%v|%d|%s|", name, l.tx, l.place, l.inElse, l.conditional, l.unsafe, f.forgery, f.admitted, f.bodyless, f.loose, f.next, strings.Join(l.running, ","))
	b.WriteString(f.scope.Key())
	for _, n := range slices.Sorted(maps.Keys(f.bound)) {
		fmt.Fprintf(&b, "|%s=%s%v", n, f.bound[n], f.fixed[n])
	}
	for _, n := range slices.Sorted(maps.Keys(f.reuse)) {
		fmt.Fprintf(&b, "|%s@%d", n, f.reuse[n])
	}
	return b.String()
}

// Unused compiles the pipelines that nothing runs, for their faults: the names that they
// would see are not known, so unknown names are let pass.
func (c *Compiler) Unused() {
	for _, p := range c.Env.Manifest.Pipelines {
		if c.used[p.Name] {
			continue
		}
		place := c.placeOf(p.List)
		l := &list{Compiler: c, ps: c.Problems, place: place, pipeline: p.Name, path: joinPath("pipelines", p.Name), running: []string{p.Name}}
		f := c.start(place)
		if socket, ok := f.scope.Lookup("socket"); ok {
			socket.Type = expr.Any // what a socket's connect_info lists is not known here
			f.scope = f.scope.With(socket)
		}
		f.loose = true
		l.compile(p.List, &f)
	}
}

// placeOf finds a place where all plugs of a list may stand; a route where there is none.
func (c *Compiler) placeOf(n *sourceNode) Place {
	may := Anywhere
	for _, item := range spec.Items(n) {
		names := []string{item.Value}
		for _, e := range item.Entries {
			names = append(names, e.Key.Value)
		}
		for _, name := range names {
			if d := c.defs[name]; d != nil {
				may &= d.Places
			}
		}
	}
	for _, place := range []Place{Route, Join, AfterJoin, In, Out, Leave, Every, Connect} {
		if may&place != 0 {
			return place
		}
	}
	return Route
}
