package expr

import (
	"reflect"
	"regexp"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/file"
)

// rewriter turns a checked tree into one of calls to our operators, so that no operation
// of the machine looks into a value: claims stay strict under any alias, rows keep what
// is hidden, and guards refuse what they must. It makes new nodes: a node may stand in
// the tree twice.
type rewriter struct {
	src    string
	env    *env
	mode   Mode
	nonNil map[string]int // names that are known not to be nil at this place
	loops  int            // closures around this place
	scout  *scout         // collects errors
}

// erased is the type of every rewritten node: with it the compiler adds no conversions.
func erased() nature.Nature {
	return nature.Nature{Type: reflect.TypeFor[struct{}](), Kind: reflect.Struct}
}

func made(n ast.Node, at file.Location) ast.Node {
	n.SetNature(erased())
	n.SetLocation(at)
	return n
}

func constant(v any, at file.Location) ast.Node { return made(&ast.ConstantNode{Value: v}, at) }

func call(name string, at file.Location, args ...ast.Node) ast.Node {
	callee := made(&ast.IdentifierNode{Value: name}, at)
	return made(&ast.CallNode{Callee: callee, Arguments: args}, at)
}

// strict names the operator for this mode.
func (r *rewriter) strict(name string) string {
	if r.mode == Guard {
		return name + "!"
	}
	return name
}

// node rewrites n. defaulted says that it is read left of ??, where what is missing is nil.
func (r *rewriter) node(n ast.Node, defaulted bool) ast.Node {
	at := n.Location()
	switch x := n.(type) {
	case *ast.NilNode:
		return made(&ast.NilNode{}, at)
	case *ast.IdentifierNode:
		return made(&ast.IdentifierNode{Value: x.Value}, at)
	case *ast.IntegerNode:
		return constant(int64(x.Value), at)
	case *ast.FloatNode:
		return constant(x.Value, at)
	case *ast.BoolNode:
		return made(&ast.BoolNode{Value: x.Value}, at)
	case *ast.StringNode:
		return constant(x.Value, at)
	case *ast.ChainNode:
		return call("$end", at, r.node(x.Node, defaulted))
	case *ast.MemberNode:
		return r.member(x, defaulted)
	case *ast.UnaryNode:
		return r.unary(x)
	case *ast.BinaryNode:
		return r.binary(x, defaulted)
	case *ast.ConditionalNode:
		return r.conditional(x)
	case *ast.SliceNode:
		return call("$slice", at, r.node(x.Node, false), r.optional(x.From, at), r.optional(x.To, at))
	case *ast.CallNode:
		return r.paid(r.call(x))
	case *ast.BuiltinNode:
		return r.predicate(x)
	case *ast.PointerNode:
		return r.pointer(x)
	case *ast.VariableDeclaratorNode:
		return made(&ast.VariableDeclaratorNode{Name: x.Name, Value: r.node(x.Value, false), Expr: r.node(x.Expr, false)}, at)
	case *ast.ArrayNode:
		return made(&ast.ArrayNode{Nodes: r.all(x.Nodes)}, at)
	case *ast.MapNode:
		return r.mapping(x)
	}
	r.scout.fail(n, "unknown", "this is not part of the language")
	return n
}

func (r *rewriter) all(nodes []ast.Node) []ast.Node {
	out := make([]ast.Node, len(nodes))
	for i, n := range nodes {
		out[i] = r.node(n, false)
	}
	return out
}

func (r *rewriter) optional(n ast.Node, at file.Location) ast.Node {
	if n == nil {
		return made(&ast.NilNode{}, at)
	}
	return r.node(n, false)
}

func (r *rewriter) member(x *ast.MemberNode, defaulted bool) ast.Node {
	at := x.Property.Location()
	base, key := r.node(x.Node, defaulted), r.node(x.Property, false)
	switch {
	case x.Optional:
		return call("$maybe", at, base, key)
	case defaulted:
		return call("$opt", at, base, key)
	}
	r.mustBe(x.Node)
	return call(r.strict("$get"), at, base, key)
}

func (r *rewriter) unary(x *ast.UnaryNode) ast.Node {
	at := x.Location()
	inner := r.node(x.Node, false)
	switch x.Operator {
	case "not", "!":
		return made(&ast.UnaryNode{Operator: "not", Node: r.boolean(inner)}, at)
	case "+":
		return call("$pos", at, inner)
	}
	if c, ok := inner.(*ast.ConstantNode); ok {
		if v, err := negate(c.Value); err == nil {
			return constant(v, at)
		}
	}
	return call("$neg", at, inner)
}

func (r *rewriter) binary(x *ast.BinaryNode, defaulted bool) ast.Node {
	at := x.Location()
	switch x.Operator {
	case "??":
		return made(&ast.BinaryNode{Operator: "??", Left: r.settled(r.node(x.Left, true)), Right: r.node(x.Right, defaulted)}, at)
	case "and", "&&":
		return r.connect("and", x, true)
	case "or", "||":
		return r.connect("or", x, false)
	case "==":
		return r.equality(x)
	case "!=":
		return made(&ast.UnaryNode{Operator: "not", Node: r.equality(x)}, at)
	case "in":
		return r.inside(x.Left, x.Right, at)
	case "matches":
		r.mustBe(x.Left)
		re, err := regexp.Compile(x.Right.(*ast.StringNode).Value)
		if err != nil {
			r.scout.fail(x.Right, "regexp", "this is no regular expression: %s", err)
		}
		return call(r.strict("$matches"), at, r.node(x.Left, false), constant(re, x.Right.Location()))
	case "contains", "startsWith", "endsWith":
		r.mustBe(x.Left)
		r.mustBe(x.Right)
		return call(r.strict("$"+x.Operator), at, r.node(x.Left, false), r.node(x.Right, false))
	case "<", ">", "<=", ">=":
		r.mustBe(x.Left)
		r.mustBe(x.Right)
		return call("$"+x.Operator, at, r.node(x.Left, false), r.node(x.Right, false))
	case "^":
		return call("$**", at, r.node(x.Left, false), r.node(x.Right, false))
	}
	return r.paid(call("$"+x.Operator, at, r.node(x.Left, false), r.node(x.Right, false)))
}

// settled makes sure that JSON null as it was received counts as nil for the machine's ??.
func (r *rewriter) settled(n ast.Node) ast.Node {
	if _, ok := constantOf(n); ok || r.isBoolean(n) {
		return n
	}
	return call("$settle", n.Location(), n)
}

// connect is and / or: the right side may rely on what the left has settled.
func (r *rewriter) connect(op string, x *ast.BinaryNode, truth bool) ast.Node {
	left := r.boolean(r.node(x.Left, false))
	right := r.knowing(notNil(x.Left, truth), x.Right)
	return made(&ast.BinaryNode{Operator: op, Left: left, Right: r.boolean(right)}, x.Location())
}

// equality is a == b. The literal nil asks whether the other side is nil.
func (r *rewriter) equality(x *ast.BinaryNode) ast.Node {
	at := x.Location()
	if _, ok := x.Right.(*ast.NilNode); ok {
		return call("$nil", at, r.node(x.Left, false))
	}
	if _, ok := x.Left.(*ast.NilNode); ok {
		return call("$nil", at, r.node(x.Right, false))
	}
	r.mustBe(x.Left)
	r.mustBe(x.Right)
	return call(r.strict("$=="), at, r.node(x.Left, false), r.node(x.Right, false))
}

// inside is x in list, and has(list, x).
func (r *rewriter) inside(x, list ast.Node, at file.Location) ast.Node {
	r.mustBe(x)
	r.mustBe(list)
	op := r.strict("$in")
	if _, literal := x.(*ast.NilNode); literal {
		op = "$in"
	}
	return call(op, at, r.node(x, false), constantList(r.node(list, false)))
}

// constantList builds a list of constants once, at load.
func constantList(n ast.Node) ast.Node {
	a, ok := n.(*ast.ArrayNode)
	if !ok {
		return n
	}
	list := make([]any, len(a.Nodes))
	for i, e := range a.Nodes {
		v, ok := constantOf(e)
		if !ok {
			return n
		}
		list[i] = v
	}
	return constant(list, n.Location())
}

func constantOf(n ast.Node) (any, bool) {
	switch x := n.(type) {
	case *ast.ConstantNode:
		return x.Value, true
	case *ast.BoolNode:
		return x.Value, true
	case *ast.NilNode:
		return nil, true
	}
	return nil, false
}

func (r *rewriter) conditional(x *ast.ConditionalNode) ast.Node {
	return made(&ast.ConditionalNode{
		Ternary: x.Ternary,
		Cond:    r.boolean(r.node(x.Cond, false)),
		Exp1:    r.knowing(notNil(x.Cond, true), x.Exp1),
		Exp2:    r.knowing(notNil(x.Cond, false), x.Exp2),
	}, x.Location())
}

// boolean lets only true and false through.
func (r *rewriter) boolean(n ast.Node) ast.Node {
	if r.isBoolean(n) {
		return n
	}
	return call("$bool", n.Location(), n)
}

func (r *rewriter) isBoolean(n ast.Node) bool {
	switch x := n.(type) {
	case *ast.BoolNode:
		return true
	case *ast.UnaryNode:
		return true // only not is left
	case *ast.BinaryNode:
		return x.Operator != "??"
	case *ast.BuiltinNode:
		return x.Name == "all" || x.Name == "any" || x.Name == "none" || x.Name == "one"
	case *ast.CallNode:
		name := x.Callee.(*ast.IdentifierNode).Value
		if r.env.root.natives.cond1[name] != nil || r.env.root.natives.cond2[name] != nil {
			return true
		}
		f := r.env.root.table[name]
		return f != nil && len(f.types) > 0 && f.types[0].Out(0).Kind() == reflect.Bool
	}
	return false
}

func (r *rewriter) call(x *ast.CallNode) ast.Node {
	at := x.Location()
	name := x.Callee.(*ast.IdentifierNode).Value
	switch name {
	case "has":
		if x.Arguments[0].Nature().IsString() {
			r.scout.fail(x.Arguments[0], "has-text", "has takes a list or a map, this is text").Hint = "`contains 'admin'` would also find it in 'not-admin'; split the text first"
		}
		return r.inside(x.Arguments[1], x.Arguments[0], at)
	case "path", "url":
		args := r.all(x.Arguments)
		pattern, _ := parsePath(x.Arguments[0].(*ast.StringNode).Value)
		args[0] = constant(pattern, x.Arguments[0].Location())
		return call(name, at, args...)
	}
	return call(name, at, r.all(x.Arguments)...)
}

// paid charges, inside a loop, for what a function makes.
func (r *rewriter) paid(n ast.Node) ast.Node {
	if r.loops == 0 || r.isBoolean(n) {
		return n
	}
	return call("$pay", n.Location(), budget(n.Location()), n)
}

// budgetName stands for the cell of what an evaluation may still do.
const budgetName = "$work"

func budget(at file.Location) ast.Node { return made(&ast.IdentifierNode{Value: budgetName}, at) }

func (r *rewriter) pointer(x *ast.PointerNode) ast.Node {
	n := made(&ast.PointerNode{Name: x.Name}, x.Location())
	if x.Name == "index" {
		return call("$int", x.Location(), n)
	}
	return n
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

func (r *rewriter) mapping(x *ast.MapNode) ast.Node {
	pairs := make([]ast.Node, len(x.Pairs))
	for i, n := range x.Pairs {
		p := n.(*ast.PairNode)
		key := r.node(p.Key, false)
		if c, ok := key.(*ast.ConstantNode); !ok || !isText(c.Value) {
			key = call("$key", key.Location(), key)
		}
		pairs[i] = made(&ast.PairNode{Key: key, Value: r.node(p.Value, false)}, p.Location())
	}
	return made(&ast.MapNode{Pairs: pairs}, x.Location())
}
