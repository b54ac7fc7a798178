package expr

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// variable puts the value of an environment variable in place.
func (s *scout) variable(p *ast.Node, key *ast.StringNode, optional bool) {
	read := s.env.root.functions.Env
	if read == nil {
		s.fail(key, "env", "environment variables are not available here")
		return
	}
	if !slices.Contains(s.fromEnv, key.Value) {
		s.fromEnv = append(s.fromEnv, key.Value)
	}
	text, ok := read(key.Value)
	if !ok && !optional {
		s.fail(key, "missing-env", "the environment variable %s is not set", key.Value).Hint = "set it, or give a default: env." + key.Value + " ?? '...'"
	}
	s.replace(p, key, text, ok)
}

func (s *scout) replace(p *ast.Node, place ast.Node, text string, ok bool) {
	var n ast.Node = &ast.NilNode{}
	if ok {
		n = &ast.StringNode{Value: text}
	}
	n.SetLocation(place.Location())
	*p = n
}

func (s *scout) file(p *ast.Node, x *ast.CallNode, defaulted bool) {
	read := s.env.root.functions.File
	if read == nil {
		s.fail(x, "unavailable", "files are not available here")
		return
	}
	name, ok := ast.Node(nil), false
	if len(x.Arguments) == 1 {
		name = x.Arguments[0]
		_, ok = name.(*ast.StringNode)
	}
	if !ok {
		s.fail(x, "file", "file() takes one constant path").Hint = "write file('path')"
		return
	}
	text, err := read(name.(*ast.StringNode).Value)
	if err != nil && !defaulted {
		s.fail(name, "missing-file", "%s", err).Hint = "or give a default: file('...') ?? '...'"
	}
	s.replace(p, name, text, err == nil)
}
