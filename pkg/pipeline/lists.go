package pipeline

import (
	"maps"
	"slices"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
)

type sourceNode = source.Node

// Flow is what is known at the end of a list, for the lists that run after it.
type Flow struct {
	f        flow
	captures []string
	captured bool
	socket   expr.Type // what channels see as `socket`; not a record: SocketType(nil)
}

// WithSocket says what the channels of a socket see as `socket`.
func (f Flow) WithSocket(t expr.Type) Flow {
	f.socket = t
	return f
}

func (f Flow) socketName() expr.Name {
	t := f.socket
	if !t.IsRecord() {
		t = SocketType(nil)
	}
	return expr.Name{Name: "socket", Slot: SlotSocket, Type: t}
}

// WithCaptures says what the topic of the join that follows captures: any other member of
// its `params` is then an error.
func (f Flow) WithCaptures(names []string) Flow {
	f.captures, f.captured = names, true
	return f
}

// params is what is known of `params` in a channel.
func (f Flow) params() expr.Type {
	if !f.captured {
		return expr.Sent(expr.OpenMap())
	}
	fields := make(map[string]expr.Type, len(f.captures))
	for _, name := range f.captures {
		fields[name] = expr.Sent(expr.String)
	}
	return expr.Record(fields)
}

// start gives the names that the language itself has at a place, made once.
func (c *Compiler) start(place Place) flow {
	f, ok := c.starts[place]
	if !ok {
		f = c.languageNames(place)
		c.starts[place] = f
	}
	return f
}

func (c *Compiler) languageNames(place Place) flow {
	s := c.root
	name := func(n string, slot int, t expr.Type) { s = s.With(expr.Name{Name: n, Slot: slot, Type: t}) }
	switch {
	case place == Endpoint:
		name("request", SlotRequest, RequestType())
	case place == Route:
		name("request", SlotRequest, RequestType())
		name("params", SlotParams, expr.Sent(expr.OpenMap()))
	case place == Connect:
		name("request", SlotRequest, connectRequestType())
		name("params", SlotParams, expr.Sent(expr.OpenMap()))
	default:
		name("params", SlotParams, expr.Sent(expr.OpenMap()))
		name("topic", SlotTopic, expr.Sent(expr.String))
		name("event", SlotEvent, expr.Sent(expr.String))
		name("payload", SlotPayload, expr.Sent(expr.Any))
		name("socket", SlotSocket, SocketType(nil))
	}
	return flow{scope: s, next: FirstNameSlot, functions: c.functions}
}

// SocketType is what channels see as `socket`, with these members beside its own.
func SocketType(members map[string]expr.Type) expr.Type {
	all := map[string]expr.Type{"id": expr.Nullable(expr.String), "transport": expr.String}
	maps.Copy(all, members)
	return expr.Record(all)
}

// ConnectSocketType is what connect sees as `socket`: the id is made after it.
func ConnectSocketType(members map[string]expr.Type) expr.Type {
	all := map[string]expr.Type{"transport": expr.String}
	maps.Copy(all, members)
	return expr.Record(all)
}

// Endpoint compiles endpoint.plugs. n is nil for the default list.
func (c *Compiler) Endpoint(n *source.Node) (*Steps, Flow) {
	f := c.start(Endpoint)
	l := &list{Compiler: c, ps: c.Problems, place: Endpoint, path: "endpoint.plugs"}
	steps := l.compile(n, &f)
	if f.ended {
		c.Problems.Add(f.endedAt, "unreachable", "endpoint.plugs answers every request, so that no route is reached").Suggest("give the answer a `when:`")
		f.ended = false
	}
	return steps.runFirst(), Flow{f: f}
}

// A RouteSource is what Route compiles.
type RouteSource struct {
	Path     string // of keys and names, for places that outlive edits
	At       diag.Pos
	After    Flow // of endpoint.plugs
	Through  []spec.Ref
	List     *source.Node
	Unsafe   bool   // it takes other methods than GET, HEAD and OPTIONS
	Bodyless bool   // it ends in proxy
	Rest     string // the name of its *rest; "" without one
}

// Pipelines compiles the pipelines of a scope, for what they leave visible.
func (c *Compiler) through(l *list, refs []spec.Ref, f *flow) *Steps {
	steps := &Steps{}
	for _, ref := range refs {
		steps.list = append(steps.list, l.runPipeline(ref.Name, ref.At, f).list...)
	}
	return steps
}

// Route compiles the pipelines and plugs of a route. Its list must end in an answer on
// every path.
func (c *Compiler) Route(r RouteSource) *Steps {
	l, f := c.routeList(r)
	steps := c.through(l, r.Through, &f)
	if f.ended {
		if !r.List.Null() {
			c.behind(r, f)
		}
		c.noGuardBehind(steps)
		return steps.runFirst()
	}
	own := l.compile(r.List, &f)
	if !f.ended && !f.loose && !own.passesOn() {
		c.Problems.Add(r.At, "no-answer", "this route does not end in an answer on every path").Suggest("end it with an answer such as `json:`, `render:` or `redirect:` without `when:`")
	}
	all := &Steps{list: append(steps.list[:len(steps.list):len(steps.list)], own.list...)}
	c.noGuardBehind(all)
	return all.runFirst()
}

// behind reports routes that never run, once for all that stand behind the same pipelines.
func (c *Compiler) behind(r RouteSource, f flow) {
	last := r.Through[len(r.Through)-1]
	c.Problems.Add(last.At, "unreachable", "the pipelines here answer every request, so that no route behind them runs").
		Suggest("give the answer a `when:`").Relate(f.endedAt, "it answers here")
}

// passesOn tells a list whose last plug answers or passes on, as static does: what it does
// not have is 404.
func (s *Steps) passesOn() bool {
	if len(s.list) == 0 {
		return false
	}
	last := s.list[len(s.list)-1]
	return last.def != nil && last.def.Passes && last.when == nil
}

func (c *Compiler) routeList(r RouteSource) (*list, flow) {
	f := r.After.f
	base := c.start(Route)
	params, _ := base.scope.Lookup("params")
	f.scope = c.withParams(f, params)
	f.bodyless = r.Bodyless
	return &list{Compiler: c, ps: c.Problems, place: Route, path: r.Path, unsafe: r.Unsafe, rest: r.Rest}, f
}

// withParams adds `params` to what endpoint.plugs left visible. All routes share the
// resulting scope, so that what is made for it once serves them all.
func (c *Compiler) withParams(f flow, params expr.Name) *expr.Scope {
	if c.routeScope == nil || c.routeBase != f.scope {
		c.routeBase, c.routeScope = f.scope, f.scope.With(params)
	}
	return c.routeScope
}

// Handler compiles the pipelines of a scope and lets build make the answer with the names
// that they leave: what `resources` does.
func (c *Compiler) Handler(r RouteSource, def *Def, build func(b *Build) Plug) *Steps {
	l, f := c.routeList(r)
	steps := c.through(l, r.Through, &f)
	if f.ended {
		c.behind(r, f)
	}
	b := l.build(&entry{at: r.At, options: r.List}, &f)
	b.def, b.Path = def, r.Path
	run := build(b)
	c.noGuardBehind(steps)
	st := step{def: def, at: r.At, run: run, needs: l.needsOf(b, &f, r.At), reads: b.uses}
	c.maxSlot = max(c.maxSlot, f.next)
	return (&Steps{list: append(steps.list[:len(steps.list):len(steps.list)], st)}).runFirst()
}

// Connect compiles a socket's connect list. socket is what it sees as `socket`.
func (c *Compiler) Connect(n *source.Node, path string, socket expr.Type) (*Steps, Flow) {
	f := c.start(Connect)
	f.scope = f.scope.With(expr.Name{Name: "socket", Slot: SlotSocket, Type: socket})
	f.loose = n == nil // missing, which is reported: what it would bind is not known
	l := &list{Compiler: c, ps: c.Problems, place: Connect, path: path}
	steps := l.compile(n, &f)
	return steps, Flow{f: f}
}

// ID compiles the text that names the connections of one user.
func (c *Compiler) ID(n *source.Node, after Flow) *Text {
	f := after.f
	l := &list{Compiler: c, ps: c.Problems, place: Connect}
	return l.build(&entry{at: n.At, options: n}, &f).Text(n)
}

// Apart builds what stands in no list of plugs, with these names alone in reach.
func (c *Compiler) Apart(at diag.Pos, names ...expr.Name) *Build {
	f := flow{scope: c.root, next: FirstNameSlot, functions: c.functions}
	for _, n := range names {
		f.scope = f.scope.With(n)
		c.maxSlot = max(c.maxSlot, n.Slot)
	}
	return (&list{Compiler: c, ps: c.Problems}).build(&entry{at: at}, &f)
}

// Bound lists the author's names that are visible, with their slots, by name.
func (f Flow) Bound() map[string]int {
	out := map[string]int{}
	for name := range f.f.bound {
		n, _ := f.f.scope.Lookup(name)
		out[name] = n.Slot
	}
	return out
}

// Join compiles a channel's join list. connect is what the socket's connect left.
func (c *Compiler) Join(n *source.Node, connect Flow, path string) (*Steps, Flow) {
	f := c.start(Join)
	params, _ := f.scope.Lookup("params")
	params.Type = connect.params()
	f.scope = f.scope.With(params).With(connect.socketName())
	f.next = connect.f.next
	f.loose = connect.f.loose || n == nil
	f.bound, f.fixed = map[string]string{}, map[string]bool{}
	for name, how := range connect.f.bound {
		known, _ := connect.f.scope.Lookup(name)
		f.scope = f.scope.With(known)
		f.bound[name], f.fixed[name] = how, true
	}
	l := &list{Compiler: c, ps: c.Problems, place: Join, path: path}
	steps := l.compile(n, &f)
	after := f
	after.ended = false
	after.unsure()
	return steps, Flow{f: after}
}

// unsure marks the names of a join that a member who was let in early lacks.
func (f *flow) unsure() {
	if f.early == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(f.bound)) {
		if _, before := f.early[name]; !before {
			n, _ := f.scope.Lookup(name)
			n.MaybeNil = true
			f.scope = f.scope.With(n)
		}
	}
}

// Event compiles another list of a channel; join is what its join left.
func (c *Compiler) Event(place Place, n *source.Node, join Flow, path string) *Steps {
	f := join.f
	l := &list{Compiler: c, ps: c.Problems, place: place, path: path}
	return l.compile(n, &f)
}
