package markup

import (
	"strings"
	"text/template/parse"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// node expands one node that is no text.
func (x *Expander) node(n parse.Node, sc scope, raw string) []parse.Node {
	x.nodes++
	inside := sc
	inside.dot, inside.nested = false, true
	switch o := n.(type) {
	case *parse.ActionNode:
		if nodes, is := x.slotted(o, sc); is {
			return nodes
		}
		c, _ := o.Copy().(*parse.ActionNode)
		c.Pipe = x.pipe(o.Pipe, sc)
		return []parse.Node{c}
	case *parse.IfNode:
		c, _ := o.Copy().(*parse.IfNode)
		x.branch(&c.BranchNode, sc, sc, raw)
		return []parse.Node{c}
	case *parse.WithNode:
		x.noSlot(o.Pipe, sc)
		c, _ := o.Copy().(*parse.WithNode)
		x.branch(&c.BranchNode, sc, inside, raw)
		return []parse.Node{c}
	case *parse.RangeNode:
		x.noSlot(o.Pipe, sc)
		c, _ := o.Copy().(*parse.RangeNode)
		x.branch(&c.BranchNode, sc, inside, raw)
		return []parse.Node{c}
	case *parse.TemplateNode:
		c, _ := o.Copy().(*parse.TemplateNode)
		if c.Pipe != nil {
			c.Pipe = x.pipe(o.Pipe, sc)
		}
		return []parse.Node{c}
	}
	return []parse.Node{n.Copy()}
}

func (x *Expander) branch(b *parse.BranchNode, sc, inside scope, raw string) {
	b.Pipe = x.pipe(b.Pipe, sc)
	b.List.Nodes = x.list(b.List, inside, raw)
	if b.ElseList != nil {
		b.ElseList.Nodes = x.list(b.ElseList, sc, raw)
	}
}

// slotOf gives the name of the slot that a pipe stands for.
func slotOf(p *parse.PipeNode, sc scope) (string, bool) {
	name := only(p)
	if sc.call == nil || name == "" || find(sc.call.decl.attrs, name) != nil {
		return "", false
	}
	if _, field := p.Cmds[0].Args[0].(*parse.FieldNode); field && !sc.dot {
		return "", false
	}
	return name, name == restName && sc.call.decl.takes || sc.call.decl.slot(name) != nil
}

func (x *Expander) noSlot(p *parse.PipeNode, sc scope) {
	if name, is := slotOf(p, sc); is {
		x.fault(sc.src, int(p.Pos), len(name)+1, "template", "a slot is neither a value nor a list").Hint = "ask with {{if ." + name + "}} whether it is given"
	}
}

// slotted puts what a slot was given, or the further attributes, in place of {{.slot}}.
func (x *Expander) slotted(a *parse.ActionNode, sc scope) ([]parse.Node, bool) {
	name, is := slotOf(a.Pipe, sc)
	if !is {
		return nil, false
	}
	nodes := sc.call.slots[name]
	if name == restName {
		nodes = sc.call.rest
	}
	var out []parse.Node
	for _, n := range nodes {
		if x.grows(n) {
			x.fault(sc.src, int(a.Pos), 2, "template", "the components of this page grow beyond %d nodes", maxNodes)
			return nil, true
		}
		out = append(out, n.Copy())
	}
	if sc.nested && name != restName {
		for _, n := range out {
			x.bind(n, sc.call.dot())
		}
	}
	return out, true
}

// pipe gives a copy of a pipe in which the names of a component are variables.
func (x *Expander) pipe(p *parse.PipeNode, sc scope) *parse.PipeNode {
	p = p.CopyPipe()
	if sc.call == nil {
		return p
	}
	for _, d := range p.Decl {
		d.Ident[0] += "·" + sc.call.id
	}
	for _, c := range p.Cmds {
		for i, arg := range c.Args {
			c.Args[i] = x.operand(arg, sc)
		}
	}
	return p
}

func (x *Expander) operand(n parse.Node, sc scope) parse.Node {
	switch o := n.(type) {
	case *parse.PipeNode:
		return x.pipe(o, sc)
	case *parse.ChainNode:
		o.Node = x.operand(o.Node, sc)
	case *parse.DotNode:
		if sc.dot {
			x.whole(sc, int(o.Pos))
		}
	case *parse.FieldNode:
		if sc.dot {
			return x.member(o.Ident, o.Pos, sc)
		}
	case *parse.VariableNode:
		switch {
		case o.Ident[0] != "$":
			o.Ident[0] += "·" + sc.call.id
		case len(o.Ident) == 1:
			x.whole(sc, int(o.Pos))
		default:
			return x.member(o.Ident[1:], o.Pos, sc)
		}
	}
	return n
}

func (x *Expander) whole(sc scope, at int) {
	x.fault(sc.src, at, 1, "template", "a component cannot give all of its attributes on at once").Hint = "name those that are needed"
}

// member is what .name.rest of a component stands for.
func (x *Expander) member(ident []string, at parse.Pos, sc scope) parse.Node {
	k, name := sc.call, ident[0]
	switch {
	case find(k.decl.attrs, name) != nil:
		return sc.src.variable(at, append([]string{k.attr(name)}, ident[1:]...)...)
	case k.decl.slot(name) != nil && len(ident) == 1:
		nodes, has := k.slots[name]
		return boolean(has && !blank(nodes))
	case ambient(name):
		return k.atFile.variable(parse.Pos(k.at), append([]string{"$"}, ident...)...)
	}
	f := x.fault(sc.src, place(sc.src, at, name), len(name)+1, "unknown-name", "the component %s has no attribute or slot %q", k.name, name)
	if f.Hint = diag.DidYouMean(name, append(names(k.decl.attrs), names(k.decl.slots)...)); f.Hint == "" {
		f.Hint = "declare it at the head of the file: {{/* attrs: " + name + "? */}}"
	}
	return boolean(false)
}

func ambient(name string) bool {
	for _, n := range Ambient() {
		if n == name {
			return true
		}
	}
	return false
}

// place finds where a name is written: the parser gives the place of the last member of
// a.b.c.
func place(s *Source, at parse.Pos, name string) int {
	end := min(int(at)+len(name)+1, len(s.Text))
	if i := strings.LastIndex(s.Text[:end], "."+name); i >= 0 {
		return i
	}
	return int(at)
}

func boolean(b bool) parse.Node {
	text := "{{false}}"
	if b {
		text = "{{true}}"
	}
	a, _ := snippet(text, "").(*parse.ActionNode)
	return a.Pipe.Cmds[0].Args[0]
}

// bind makes the dot of a slot's content the caller's, where the component has moved it.
func (x *Expander) bind(n parse.Node, variable string) {
	switch o := n.(type) {
	case *parse.ActionNode:
		x.bindPipe(o.Pipe, variable)
	case *parse.TemplateNode:
		x.bindPipe(o.Pipe, variable)
	case *parse.IfNode:
		x.bindPipe(o.Pipe, variable)
		x.bindList(o.List, variable)
		x.bindList(o.ElseList, variable)
	case *parse.WithNode:
		x.bindPipe(o.Pipe, variable)
		x.bindList(o.ElseList, variable)
	case *parse.RangeNode:
		x.bindPipe(o.Pipe, variable)
		x.bindList(o.ElseList, variable)
	}
}

func (x *Expander) bindList(l *parse.ListNode, variable string) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		x.bind(n, variable)
	}
}

func (x *Expander) bindPipe(p *parse.PipeNode, variable string) {
	if p == nil {
		return
	}
	for _, c := range p.Cmds {
		for i, arg := range c.Args {
			c.Args[i] = x.bindOperand(arg, variable)
		}
	}
}

func (x *Expander) bindOperand(n parse.Node, variable string) parse.Node {
	switch o := n.(type) {
	case *parse.PipeNode:
		x.bindPipe(o, variable)
	case *parse.ChainNode:
		o.Node = x.bindOperand(o.Node, variable)
	case *parse.DotNode:
		return x.sourceOf(o).variable(o.Pos, variable)
	case *parse.FieldNode:
		return x.sourceOf(o).variable(o.Pos, append([]string{variable}, o.Ident...)...)
	}
	return n
}

// sourceOf finds the file that a node comes from.
func (x *Expander) sourceOf(n parse.Node) *Source {
	if s := x.sources[FileOf(n)]; s != nil {
		return s
	}
	return &Source{Name: "components"}
}

// FileOf names the file that a node comes from.
func FileOf(n parse.Node) string {
	location, _ := (&parse.Tree{}).ErrorContext(n) // file:line:column
	for range 2 {
		location = location[:max(0, strings.LastIndexByte(location, ':'))]
	}
	return location
}

// grows counts a node with all that is inside, and tells when it is too much.
func (x *Expander) grows(n parse.Node) bool {
	x.nodes++
	a, b := lists(n)
	Walk(a, func(parse.Node) { x.nodes++ })
	Walk(b, func(parse.Node) { x.nodes++ })
	return x.nodes > maxNodes
}
