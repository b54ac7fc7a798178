package expr

import (
	"github.com/expr-lang/expr/ast"

	"github.com/openmanifest/gateway/pkg/value"
)

type (
	evalFunc func(*Frame) (any, error)
	testFunc func(*Frame) (bool, error)
)

// builder makes closures of a rewritten tree. What it does not know (closures, let) is
// left to the machine: it then gives nil for the whole tree.
type builder struct {
	src string
	env *env
}

func (b *builder) at(n ast.Node) span {
	l := n.Location()
	return spanOf(b.src, l.From, l.To)
}

func (b *builder) slot(n ast.Node) (int, bool) {
	id, ok := n.(*ast.IdentifierNode)
	if !ok {
		return 0, false
	}
	name, ok := b.env.names[id.Value]
	return name.Slot, ok
}

// value gives a closure for n, or nil.
func (b *builder) value(n ast.Node) evalFunc {
	if v, ok := constantOf(n); ok {
		return func(*Frame) (any, error) { return v, nil }
	}
	switch x := n.(type) {
	case *ast.IdentifierNode:
		if slot, ok := b.slot(x); ok {
			return func(f *Frame) (any, error) { return f.Slots[slot], nil }
		}
		return nil
	case *ast.CallNode:
		return b.call(x)
	case *ast.ConditionalNode:
		return b.conditional(x)
	case *ast.ArrayNode:
		return b.list(x)
	case *ast.MapNode:
		return b.mapping(x)
	case *ast.BinaryNode:
		if x.Operator == "??" {
			return b.coalesce(x)
		}
	}
	test := b.test(n)
	if test == nil {
		return nil
	}
	return func(f *Frame) (any, error) {
		v, err := test(f)
		if err != nil {
			return nil, err
		}
		return v, nil
	}
}

func (b *builder) values(nodes []ast.Node) []evalFunc {
	out := make([]evalFunc, len(nodes))
	for i, n := range nodes {
		if out[i] = b.value(n); out[i] == nil {
			return nil
		}
	}
	return out
}

func (b *builder) call(x *ast.CallNode) evalFunc {
	name := x.Callee.(*ast.IdentifierNode).Value
	ops := b.env.root.natives
	switch name {
	case "$get", "$get!", "$opt", "$maybe":
		if f := b.member(name, x); f != nil {
			return f
		}
	}
	at := b.at(x)
	if op := ops.value1[name]; op != nil {
		return apply1(op, b.value(x.Arguments[0]), at)
	}
	if op := ops.value2[name]; op != nil {
		return apply2(op, b.value(x.Arguments[0]), b.value(x.Arguments[1]), at)
	}
	if ops.cond1[name] != nil || ops.cond2[name] != nil {
		test := b.test(x)
		if test == nil {
			return nil
		}
		return func(f *Frame) (any, error) { return boxed(test(f)) }
	}
	return b.function(name, x, at)
}

func apply1(op value1, a evalFunc, at span) evalFunc {
	if a == nil {
		return nil
	}
	return func(f *Frame) (any, error) {
		v, err := a(f)
		if err != nil {
			return nil, err
		}
		if v, err = op(v); err != nil {
			return nil, place(err, at)
		}
		return v, nil
	}
}

func apply2(op value2, a, b evalFunc, at span) evalFunc {
	if a == nil || b == nil {
		return nil
	}
	return func(f *Frame) (any, error) {
		x, err := a(f)
		if err != nil {
			return nil, err
		}
		y, err := b(f)
		if err != nil {
			return nil, err
		}
		v, err := op(x, y)
		if err != nil {
			return nil, place(err, at)
		}
		return v, nil
	}
}

func (b *builder) function(name string, x *ast.CallNode, at span) evalFunc {
	args := b.values(x.Arguments)
	f := b.env.root.callable[name]
	if args == nil || f == nil {
		return nil
	}
	run := f.Func
	return func(f *Frame) (any, error) {
		in := make([]any, len(args))
		for i, a := range args {
			v, err := a(f)
			if err != nil {
				return nil, err
			}
			in[i] = v
		}
		v, err := run(in...)
		if err != nil {
			return nil, place(err, at)
		}
		return v, nil
	}
}

// member reads a constant key: the shapes that nearly every expression has.
func (b *builder) member(name string, x *ast.CallNode) evalFunc {
	boxedKey, _ := constantOf(x.Arguments[1])
	key, ok := boxedKey.(string)
	base := b.value(x.Arguments[0])
	if !ok || base == nil {
		return nil
	}
	how := loose
	switch name {
	case "$get":
		how = normal
	case "$get!":
		how = strict
	}
	optional, at := name == "$maybe", b.at(x)
	read := func(v any) (any, error) {
		switch m := v.(type) {
		case map[string]any:
			if got, ok := m[key]; ok {
				return got, nil
			}
		case *value.Row:
			if m != nil {
				if got, ok := m.Member(key); ok {
					return got, nil
				}
			}
		}
		if optional {
			got, err := maybe(v, boxedKey)
			if err != nil {
				return nil, place(err, at)
			}
			return got, nil
		}
		got, err := member(v, boxedKey, how)
		if err != nil {
			return nil, place(err, at)
		}
		return got, nil
	}
	if slot, ok := b.slot(x.Arguments[0]); ok {
		return func(f *Frame) (any, error) { return read(f.Slots[slot]) }
	}
	return func(f *Frame) (any, error) {
		v, err := base(f)
		if err != nil {
			return nil, err
		}
		return read(v)
	}
}

func (b *builder) coalesce(x *ast.BinaryNode) evalFunc {
	left := x.Left
	if c, ok := left.(*ast.CallNode); ok && c.Callee.(*ast.IdentifierNode).Value == "$settle" {
		left = c.Arguments[0]
	}
	l, r := b.value(left), b.value(x.Right)
	if l == nil || r == nil {
		return nil
	}
	return func(f *Frame) (any, error) {
		v, err := l(f)
		if err != nil || !isNil(v) {
			return v, err
		}
		return r(f)
	}
}

func (b *builder) conditional(x *ast.ConditionalNode) evalFunc {
	test, yes, no := b.test(x.Cond), b.value(x.Exp1), b.value(x.Exp2)
	if test == nil || yes == nil || no == nil {
		return nil
	}
	return func(f *Frame) (any, error) {
		v, err := test(f)
		switch {
		case err != nil:
			return nil, err
		case v:
			return yes(f)
		}
		return no(f)
	}
}

func (b *builder) list(x *ast.ArrayNode) evalFunc {
	items := b.values(x.Nodes)
	if items == nil {
		return nil
	}
	return func(f *Frame) (any, error) {
		out := make([]any, len(items))
		for i, item := range items {
			v, err := item(f)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	}
}

func (b *builder) mapping(x *ast.MapNode) evalFunc {
	keys, values := make([]evalFunc, len(x.Pairs)), make([]evalFunc, len(x.Pairs))
	for i, n := range x.Pairs {
		p := n.(*ast.PairNode)
		keys[i], values[i] = b.value(p.Key), b.value(p.Value)
		if keys[i] == nil || values[i] == nil {
			return nil
		}
	}
	return func(f *Frame) (any, error) {
		out := make(map[string]any, len(keys))
		for i := range keys {
			k, err := keys[i](f)
			if err != nil {
				return nil, err
			}
			if out[k.(string)], err = values[i](f); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}
