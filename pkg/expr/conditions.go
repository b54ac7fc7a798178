package expr

import "github.com/expr-lang/expr/ast"

// test gives a closure for a condition, or nil. n is surely true or false, or goes
// through $bool.
func (b *builder) test(n ast.Node) testFunc {
	switch x := n.(type) {
	case *ast.BoolNode:
		v := x.Value
		return func(*Frame) (bool, error) { return v, nil }
	case *ast.UnaryNode:
		inner := b.test(x.Node)
		if inner == nil {
			return nil
		}
		return func(f *Frame) (bool, error) {
			v, err := inner(f)
			return !v && err == nil, err
		}
	case *ast.BinaryNode:
		return b.connective(x)
	case *ast.CallNode:
		return b.operator(x)
	}
	return nil
}

func (b *builder) connective(x *ast.BinaryNode) testFunc {
	if x.Operator == "??" {
		return nil
	}
	l, r := b.test(x.Left), b.test(x.Right)
	if l == nil || r == nil {
		return nil
	}
	settles := x.Operator == "or"
	return func(f *Frame) (bool, error) {
		v, err := l(f)
		if err != nil || v == settles {
			return v, err
		}
		return r(f)
	}
}

func (b *builder) operator(x *ast.CallNode) testFunc {
	name, at := x.Callee.(*ast.IdentifierNode).Value, b.at(x)
	ops := b.env.root.natives
	if op := ops.cond1[name]; op != nil {
		return test1(op, b.value(x.Arguments[0]), at)
	}
	if op := ops.cond2[name]; op != nil {
		left := b.value(x.Arguments[0])
		if k, _ := constantOf(x.Arguments[1]); left != nil && (name == "$==" || name == "$==!") {
			if text, ok := k.(string); ok {
				return testText(op, left, text, k, at)
			}
		}
		return test2(op, left, b.value(x.Arguments[1]), at)
	}
	return test1(truth, b.call(x), at)
}

// testText compares with a constant text, without a look at the general rules.
func testText(op cond2, a evalFunc, text string, boxed any, at span) testFunc {
	return func(f *Frame) (bool, error) {
		v, err := a(f)
		if err != nil {
			return false, err
		}
		if s, ok := v.(string); ok {
			return s == text, nil
		}
		answer, err := op(v, boxed)
		if err != nil {
			return false, place(err, at)
		}
		return answer, nil
	}
}

func test1(op cond1, a evalFunc, at span) testFunc {
	if a == nil {
		return nil
	}
	return func(f *Frame) (bool, error) {
		v, err := a(f)
		if err != nil {
			return false, err
		}
		answer, err := op(v)
		if err != nil {
			return false, place(err, at)
		}
		return answer, nil
	}
}

func test2(op cond2, a, b evalFunc, at span) testFunc {
	if a == nil || b == nil {
		return nil
	}
	return func(f *Frame) (bool, error) {
		x, err := a(f)
		if err != nil {
			return false, err
		}
		y, err := b(f)
		if err != nil {
			return false, err
		}
		answer, err := op(x, y)
		if err != nil {
			return false, place(err, at)
		}
		return answer, nil
	}
}
