package expr

import "github.com/expr-lang/expr/ast"

// mustBe refuses, in a guard, a name that may be nil here.
func (r *rewriter) mustBe(n ast.Node) {
	id, ok := n.(*ast.IdentifierNode)
	if !ok || r.mode != Guard || !r.env.names[id.Value].MaybeNil || r.nonNil[id.Value] > 0 {
		return
	}
	r.scout.fail(n, "maybe-nil", "%s may be nil here: it is bound in a branch or after a plug that can be skipped", id.Value).Hint =
		"ask `" + id.Value + " != nil and ...` first, read it with ?., or give a default with ??"
}

func (r *rewriter) knowing(names []string, n ast.Node) ast.Node {
	for _, name := range names {
		r.nonNil[name]++
	}
	out := r.node(n, false)
	for _, name := range names {
		r.nonNil[name]--
	}
	return out
}

// notNil lists the names that are not nil when n came out as truth.
func notNil(n ast.Node, truth bool) []string {
	switch x := n.(type) {
	case *ast.UnaryNode:
		if x.Operator == "not" || x.Operator == "!" {
			return notNil(x.Node, !truth)
		}
	case *ast.BinaryNode:
		switch x.Operator {
		case "and", "&&", "or", "||":
			if (x.Operator == "and" || x.Operator == "&&") == truth {
				return append(notNil(x.Left, truth), notNil(x.Right, truth)...)
			}
		case "==", "!=":
			if (x.Operator == "!=") == truth {
				return append(nilTest(x.Left, x.Right), nilTest(x.Right, x.Left)...)
			}
		}
	}
	return nil
}

func nilTest(name, literal ast.Node) []string {
	id, named := name.(*ast.IdentifierNode)
	if _, isNil := literal.(*ast.NilNode); named && isNil {
		return []string{id.Value}
	}
	return nil
}
