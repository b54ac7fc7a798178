package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// Outside stands among what an expression uses for functions that wait or take locks of the
// application. No name is written so.
const Outside = "(outside)"

// scout walks a tree as it was parsed: it finds every unknown name, refuses what the
// language leaves out, puts what is read at load in place, and notes what is used.
type scout struct {
	src  string
	env  *env
	load bool // only what is known at load may stand here

	lets    []string
	declare int
	errs    []Error
	uses    map[string]struct{}
	fromEnv []string
	paths   []PathRef
	impure  bool
	calls   bool // a function or operator that may leave the domain of values
}

func (s *scout) fail(n ast.Node, code, format string, args ...any) *Error {
	at := spanOf(s.src, n.Location().From, n.Location().To)
	return s.failAt(at, code, format, args...)
}

func (s *scout) failAt(at span, code, format string, args ...any) *Error {
	// A node of a chain of comparisons stands in the tree twice.
	for i := range s.errs {
		if s.errs[i].Start == at.start && s.errs[i].Code == code {
			return &s.errs[i]
		}
	}
	s.errs = append(s.errs, Error{at.start, at.end, code, fmt.Sprintf(format, args...), ""})
	return &s.errs[len(s.errs)-1]
}

// walk visits a node and what is below. defaulted says that it stands left of ??.
func (s *scout) walk(p *ast.Node, defaulted bool) {
	switch x := (*p).(type) {
	case *ast.IdentifierNode:
		s.identifier(x)
		s.wholeUse(x)
	case *ast.MemberNode:
		s.member(p, x, defaulted)
	case *ast.ChainNode:
		s.walk(&x.Node, defaulted)
	case *ast.CallNode:
		s.call(p, x, defaulted)
	case *ast.BinaryNode:
		s.binary(x, defaulted)
	case *ast.VariableDeclaratorNode:
		s.let(x)
	case *ast.SequenceNode:
		s.fail(x, "sequence", "only one value can stand here, not several with ; between them")
	case *ast.BytesNode:
		s.fail(x, "bytes", "byte strings are not part of the language").Hint = "write text: 'abc'"
	case *ast.BuiltinNode:
		if f := s.env.root.table[x.Name]; f == nil || !f.predicate {
			s.fail(x, "unknown-function", "there is no function %s", x.Name)
		}
		s.calls = true
		s.walkAll(x.Arguments)
	case *ast.UnaryNode:
		s.walk(&x.Node, false)
	case *ast.PredicateNode:
		s.walk(&x.Node, false)
	case *ast.ConditionalNode:
		s.walk(&x.Cond, false)
		s.walk(&x.Exp1, false)
		s.walk(&x.Exp2, false)
	case *ast.SliceNode:
		s.walk(&x.Node, false)
		if x.From != nil {
			s.walk(&x.From, false)
		}
		if x.To != nil {
			s.walk(&x.To, false)
		}
	case *ast.ArrayNode:
		s.walkAll(x.Nodes)
	case *ast.MapNode:
		s.walkAll(x.Pairs)
	case *ast.PairNode:
		s.walk(&x.Key, false)
		s.walk(&x.Value, false)
	}
}

func (s *scout) walkAll(nodes []ast.Node) {
	for i := range nodes {
		s.walk(&nodes[i], false)
	}
}

func (s *scout) identifier(x *ast.IdentifierNode) {
	if slices.Contains(s.lets, x.Value) {
		return
	}
	if _, ok := s.env.names[x.Value]; ok {
		s.uses[x.Value] = struct{}{}
		return
	}
	switch {
	case strings.HasPrefix(x.Value, "$"):
		s.fail(x, "unknown-name", "a name cannot begin with $, as %s does", x.Value)
	case x.Value == "env":
		s.fail(x, "env", "env is read by name").Hint = "write env.NAME"
	case s.env.root.table[x.Value] != nil:
		s.fail(x, "not-called", "%s is a function", x.Value).Hint = "call it: " + s.env.root.table[x.Value].Signature
	case x.Value == "null" || x.Value == "None" || x.Value == "undefined":
		s.fail(x, "unknown-name", "there is no name %q here", x.Value).Hint = "write nil"
	case x.Value == "yes" || x.Value == "on":
		s.fail(x, "unknown-name", "there is no name %q here", x.Value).Hint = "write true"
	case x.Value == "no" || x.Value == "off":
		s.fail(x, "unknown-name", "there is no name %q here", x.Value).Hint = "write false"
	default:
		s.fail(x, "unknown-name", "there is no name %q here", x.Value).Hint = diag.DidYouMean(x.Value, s.known())
	}
}

func (s *scout) known() []string {
	known := slices.Collect(maps.Keys(s.env.names))
	for name := range s.env.root.table {
		known = append(known, name)
	}
	return append(known, s.lets...)
}

// wholeUse notes that all of a record may be read.
func (s *scout) wholeUse(x *ast.IdentifierNode) {
	if n, ok := s.env.names[x.Value]; ok && n.Type.IsRecord() {
		s.uses[x.Value+".*"] = struct{}{}
	}
}

func (s *scout) member(p *ast.Node, x *ast.MemberNode, defaulted bool) {
	base, named := x.Node.(*ast.IdentifierNode)
	key, constant := x.Property.(*ast.StringNode)
	if named && constant && base.Value == "env" && s.env.names["env"].Name == "" {
		s.variable(p, key, defaulted || x.Optional)
		return
	}
	if named && constant {
		s.identifier(base)
		if n, ok := s.env.names[base.Value]; ok && n.Type.IsRecord() {
			s.uses[base.Value+"."+key.Value] = struct{}{}
		}
	} else {
		s.walk(&x.Node, defaulted)
	}
	s.walk(&x.Property, false)
}

func (s *scout) call(p *ast.Node, x *ast.CallNode, defaulted bool) {
	s.calls = true
	if m, ok := x.Callee.(*ast.MemberNode); ok {
		s.method(p, x, m)
		return
	}
	id, ok := x.Callee.(*ast.IdentifierNode)
	if !ok {
		s.fail(x, "not-a-function", "this cannot be called")
		return
	}
	f := s.env.root.table[id.Value]
	switch {
	case f == nil:
		s.unknownFunction(id)
	case f.call == nil:
		s.fail(id, "unavailable", "%s() is not available here", id.Value)
	case s.load && !f.Pure:
		s.fail(id, "unavailable", "%s() has no value at load", id.Value).Hint = "only env.NAME, file('path') and plain functions stand here"
	}
	if id.Value == "file" && f != nil {
		s.file(p, x, defaulted)
		return
	}
	if f != nil && !f.Pure {
		s.impure = true
	}
	if f != nil && f.outside {
		s.uses[Outside] = struct{}{}
	}
	if id.Value == "path" || id.Value == "url" {
		s.path(x)
	}
	s.walkAll(x.Arguments)
}

func (s *scout) unknownFunction(id *ast.IdentifierNode) {
	if _, ok := s.env.names[id.Value]; ok {
		s.fail(id, "not-a-function", "%s is a value, it cannot be called", id.Value)
		return
	}
	known := slices.Collect(maps.Keys(s.env.root.table))
	hint := diag.DidYouMean(id.Value, known)
	if id.Value == "get" {
		hint = "write map.name or map['name'], with ?? for a default"
	}
	s.fail(id, "unknown-function", "there is no function %s", id.Value).Hint = hint
}

// method is value.Name(...): only times and durations have any.
func (s *scout) method(p *ast.Node, x *ast.CallNode, m *ast.MemberNode) {
	s.walk(&m.Node, false)
	s.walkAll(x.Arguments)
	name, ok := m.Property.(*ast.StringNode)
	if !ok {
		s.fail(x, "not-a-function", "this cannot be called")
		return
	}
	if !isTimeMethod(name.Value) {
		hint := ""
		if f := s.env.root.table[name.Value]; f != nil {
			hint = "it is a function: " + f.Signature
		}
		s.fail(name, "not-a-function", "%s cannot be called on a value", name.Value).Hint = hint
		return
	}
	op := "$time"
	if m.Optional {
		op = "$time?"
	}
	call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: op}, Arguments: append([]ast.Node{m.Node, name}, x.Arguments...)}
	call.SetLocation(name.Location())
	*p = call
}

func (s *scout) let(x *ast.VariableDeclaratorNode) {
	_, taken := s.env.names[x.Name]
	taken = taken || s.env.root.table[x.Name] != nil || slices.Contains(s.lets, x.Name) || x.Name == "env" || strings.HasPrefix(x.Name, "$")
	if taken {
		s.fail(x, "taken-name", "let cannot take the name %s: it is in use", x.Name)
	}
	if s.declare++; s.declare > maxLets {
		s.fail(x, "too-large", "more than %d let in one expression", maxLets)
	}
	s.walk(&x.Value, false)
	s.lets = append(s.lets, x.Name)
	s.walk(&x.Expr, false)
	s.lets = s.lets[:len(s.lets)-1]
}

func (s *scout) binary(x *ast.BinaryNode, defaulted bool) {
	switch x.Operator {
	case "??":
		s.walk(&x.Left, true)
		s.walk(&x.Right, defaulted)
		return
	case "==", "!=", "<", ">", "<=", ">=", "in", "contains", "startsWith", "endsWith", "matches":
		if not, ok := x.Left.(*ast.UnaryNode); ok && (not.Operator == "not" || not.Operator == "!") {
			s.fail(not, "not-left", "%s binds to the value at once, not to the comparison", not.Operator).Hint =
				"write not (a " + x.Operator + " b)"
		}
		if _, constant := x.Right.(*ast.StringNode); x.Operator == "matches" && !constant {
			s.fail(x.Right, "computed-regexp", "the right side of matches must be a constant text")
		}
	}
	s.walk(&x.Left, false)
	s.walk(&x.Right, false)
}
