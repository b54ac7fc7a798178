package expr

import (
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// predicate rewrites map, filter and their like. The list goes through $loop, which
// bounds the work; conditions must be true or false.
func (r *rewriter) predicate(x *ast.BuiltinNode) ast.Node {
	at := x.Location()
	list := call("$loop", x.Arguments[0].Location(), budget(at), r.node(x.Arguments[0], false))
	switch x.Name {
	case "sum":
		body := item1(at)
		if len(x.Arguments) > 1 {
			body = r.body(x.Arguments[1])
		}
		acc := made(&ast.PointerNode{Name: "acc"}, at)
		return loopOf("reduce", at, list, closure(call("$+", at, acc, body)), constant(int64(0), at))
	case "reduce":
		args := []ast.Node{list, closure(r.body(x.Arguments[1]))}
		if len(x.Arguments) > 2 {
			args = append(args, r.node(x.Arguments[2], false))
		}
		return loopOf("reduce", at, args...)
	case "map":
		return loopOf("map", at, list, closure(r.body(x.Arguments[1])))
	case "groupBy":
		return call("$group", at, loopOf("groupBy", at, list, closure(call("$key", at, r.body(x.Arguments[1])))))
	case "sortBy":
		args := []ast.Node{list, closure(call("$sort", at, r.body(x.Arguments[1])))}
		if len(x.Arguments) > 2 {
			args = append(args, r.node(x.Arguments[2], false))
		}
		return loopOf("sortBy", at, args...)
	}
	condition := item1(at)
	if len(x.Arguments) > 1 {
		condition = r.body(x.Arguments[1])
	}
	out := loopOf(x.Name, at, list, closure(r.boolean(condition)))
	switch x.Name {
	case "count", "findIndex", "findLastIndex":
		return call("$int", at, out)
	}
	return out
}

func (r *rewriter) body(n ast.Node) ast.Node {
	r.loops++
	defer func() { r.loops-- }()
	if p, ok := n.(*ast.PredicateNode); ok {
		n = p.Node
	}
	return r.node(n, false)
}

func item1(at file.Location) ast.Node { return made(&ast.PointerNode{}, at) }

func closure(body ast.Node) ast.Node { return made(&ast.PredicateNode{Node: body}, body.Location()) }

func loopOf(name string, at file.Location, args ...ast.Node) ast.Node {
	return made(&ast.BuiltinNode{Name: name, Arguments: args}, at)
}
