package expr

import "github.com/expr-lang/expr/ast"

// tracer follows what the client sent through a rewritten tree.
type tracer struct {
	b     *builder
	lets  map[string]operand
	items []operand // of the loops around
	at    map[span][]operand
}

// trace gives nil for an expression that reads nothing that the client sent.
func (b *builder) trace(root ast.Node, uses []string) *blame {
	reads := false
	for _, name := range uses {
		reads = reads || b.env.names[name].Type.maySend()
	}
	if !reads {
		return nil
	}
	t := &tracer{b: b, lets: map[string]operand{}, at: map[span][]operand{}}
	whole := t.operand(root)
	whole.container = false // a map cannot stand in a text
	return &blame{whole, t.at}
}

// holds tells a type that is a map whatever is in it.
func (t Type) holds() bool { return t.kind == openKind || t.kind == recordKind }

// maySend tells a type of which a part is what the client sent.
func (t Type) maySend() bool {
	for _, f := range t.fields {
		if f.sent {
			return true
		}
	}
	return t.sent
}

func (t *tracer) operand(n ast.Node) operand {
	o := t.flow(n)
	o.eval = t.b.value(n)
	return o
}

// flow visits n once, and tells of what its value may be.
func (t *tracer) flow(n ast.Node) operand {
	switch x := n.(type) {
	case *ast.IdentifierNode:
		return t.name(x.Value)
	case *ast.CallNode:
		return t.call(x)
	case *ast.BinaryNode:
		left, right := t.flow(x.Left), t.flow(x.Right)
		if x.Operator == "??" {
			return either(left, right)
		}
	case *ast.UnaryNode:
		t.flow(x.Node)
	case *ast.ConditionalNode:
		t.flow(x.Cond)
		return either(t.flow(x.Exp1), t.flow(x.Exp2))
	case *ast.ArrayNode, *ast.MapNode:
		return either(t.operands(x)...)
	case *ast.BuiltinNode:
		return t.loop(x)
	case *ast.PredicateNode:
		return t.flow(x.Node)
	case *ast.PointerNode:
		if len(t.items) > 0 {
			return t.items[len(t.items)-1]
		}
	case *ast.VariableDeclaratorNode:
		t.lets[x.Name] = t.flow(x.Value)
		return t.flow(x.Expr)
	}
	return operand{}
}

func either(all ...operand) operand {
	var out operand
	for _, o := range all {
		out.reads = append(out.reads, o.reads...)
		out.mixed = out.mixed || o.mixed
	}
	return out
}

// derived is what is computed from operands.
func derived(from ...operand) operand {
	out := either(from...)
	for i := range out.reads {
		out.reads[i].derived = true
	}
	return out
}

// operands opens a list or map that is written out: each of its values is one.
func (t *tracer) operands(n ast.Node) []operand {
	var out []operand
	switch x := n.(type) {
	case *ast.ArrayNode:
		for _, item := range x.Nodes {
			out = append(out, t.operands(item)...)
		}
	case *ast.MapNode:
		for _, p := range x.Pairs {
			pair := p.(*ast.PairNode)
			out = append(out, t.operands(pair.Key)...)
			out = append(out, t.operands(pair.Value)...)
		}
	default:
		out = append(out, t.operand(n))
	}
	return out
}

func (t *tracer) name(name string) operand {
	if o, ok := t.lets[name]; ok {
		return o
	}
	n, ok := t.b.env.names[name]
	if !ok {
		return operand{}
	}
	if !n.Type.sent || n.MaybeNil {
		return operand{mixed: true}
	}
	read := sentRead{name: name, eval: func(f *Frame) (any, error) { return f.Slots[n.Slot], nil }, always: n.Type.holds()}
	return operand{reads: []sentRead{read}, container: read.always}
}

func (t *tracer) call(x *ast.CallNode) operand {
	args := make([]operand, 0, len(x.Arguments))
	for _, a := range x.Arguments {
		args = append(args, t.operands(a)...)
	}
	out := derived(args...)
	switch x.Callee.(*ast.IdentifierNode).Value {
	case "$end", "$settle", "$bool":
		out = either(args[0])
	case "$loop", "$pay":
		args = args[1:] // behind the budget
		out = either(args...)
	case "$get", "$get!", "$opt", "$maybe":
		out = t.member(x, args[0])
		args[0].container = true
	case "$slice":
		args[0].container = true
	}
	if len(out.reads) > 0 || len(either(args...).reads) > 0 {
		at := t.b.at(x)
		t.at[at] = append(t.at[at], args...)
	}
	return out
}

// member is a member of what the client sent, or of something computed from it.
func (t *tracer) member(x *ast.CallNode, base operand) operand {
	if typ, spelled, sent := t.chain(x); sent {
		if eval := t.b.value(x); eval != nil {
			read := sentRead{name: spelled, eval: eval, always: typ.holds()}
			return operand{reads: []sentRead{read}, container: read.always}
		}
	}
	return derived(base)
}

// chain gives what is known of a name with members behind it, how it is spelled, and whether
// it is what the client sent.
func (t *tracer) chain(n ast.Node) (typ Type, spelled string, sent bool) {
	switch x := n.(type) {
	case *ast.IdentifierNode:
		known, ok := t.b.env.names[x.Value]
		if _, let := t.lets[x.Value]; let || !ok || known.MaybeNil {
			return Any, "", false
		}
		return known.Type, x.Value, known.Type.sent
	case *ast.CallNode:
		switch x.Callee.(*ast.IdentifierNode).Value {
		case "$end":
			return t.chain(x.Arguments[0])
		case "$get", "$get!", "$opt", "$maybe":
			typ, spelled, sent = t.chain(x.Arguments[0])
			k, _ := constantOf(x.Arguments[1])
			key, named := k.(string)
			typ, _ = typ.Member(key)
			if !named {
				return Any, spelled + "[...]", sent
			}
			return typ, spelled + "." + key, sent || typ.sent
		}
	}
	return Any, "", false
}

// loop follows a list into the closure that sees its items.
func (t *tracer) loop(x *ast.BuiltinNode) operand {
	list := derived(t.flow(x.Arguments[0]))
	t.items = append(t.items, list)
	for _, a := range x.Arguments[1:] {
		t.flow(a)
	}
	t.items = t.items[:len(t.items)-1]
	return list
}
