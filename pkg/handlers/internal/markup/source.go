// Package markup makes plain html/template trees of templates that use components. It
// works on parsed trees, so that escaping sees one whole page and every node still knows
// its place in the file that it comes from.
package markup

import (
	"regexp"
	"strconv"
	"strings"
	"text/template/parse"
)

// A Fault is something wrong in a template, with the bytes of the file that it is about.
type Fault struct {
	File          string
	At, Length    int
	Code, Message string
	Hint          string
}

// A Source is one template file as parsed.
type Source struct {
	Name, Text string
	Trees      map[string]*parse.Tree // the file's own tree by the file's name, and those of {{define}}

	stem     *parse.VariableNode // from which variables with a place in this file are made
	declared *declaration        // of a component, made when it is first used
}

// maxNested bounds how deep actions may be nested, for what walks trees.
const maxNested = 100

// Parse parses a file. Functions are not checked: the caller knows which there are.
func Parse(name, text string) (*Source, *Fault) {
	s := &Source{Name: name, Text: text}
	trees, err := parsed(name, text)
	if err != nil {
		return nil, s.syntax(err)
	}
	s.Trees = trees
	for _, t := range trees {
		if at := tooDeep(t.Root, 0); at != nil {
			return nil, &Fault{File: name, At: int(at.Position()), Length: 1, Code: "template", Message: "actions are nested more than " + strconv.Itoa(maxNested) + " deep here"}
		}
	}
	return s, nil
}

// parsed parses text and keeps the comments out.
func parsed(name, text string) (map[string]*parse.Tree, error) {
	t := parse.New(name)
	t.Mode = parse.SkipFuncCheck
	set := map[string]*parse.Tree{}
	_, err := t.Parse(text, "", "", set)
	return set, err
}

var syntaxError = regexp.MustCompile(`(?s)^template: ?(.*?):(\d+): (.*)$`)

// syntax places an error of the parser, which knows lines only.
func (s *Source) syntax(err error) *Fault {
	f := &Fault{File: s.Name, Code: "template", Message: err.Error()}
	if m := syntaxError.FindStringSubmatch(f.Message); m != nil {
		f.Message = m[3]
		line, _ := strconv.Atoi(m[2])
		for rest := s.Text; line > 1; line-- {
			i := strings.IndexByte(rest, '\n')
			if i < 0 {
				break
			}
			f.At += i + 1
			rest = rest[i+1:]
		}
	}
	return f
}

func tooDeep(l *parse.ListNode, depth int) parse.Node {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		if depth > maxNested {
			return n
		}
		a, b := lists(n)
		if at := tooDeep(a, depth+1); at != nil {
			return at
		}
		if at := tooDeep(b, depth+1); at != nil {
			return at
		}
	}
	return nil
}

// lists gives the lists inside a node.
func lists(n parse.Node) (list, orElse *parse.ListNode) {
	switch x := n.(type) {
	case *parse.IfNode:
		return x.List, x.ElseList
	case *parse.WithNode:
		return x.List, x.ElseList
	case *parse.RangeNode:
		return x.List, x.ElseList
	}
	return nil, nil
}

// Walk calls visit for every node of a list and of the lists inside.
func Walk(l *parse.ListNode, visit func(parse.Node)) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		visit(n)
		a, b := lists(n)
		Walk(a, visit)
		Walk(b, visit)
	}
}

// variable makes a variable with a place in this file.
func (s *Source) variable(at parse.Pos, idents ...string) *parse.VariableNode {
	if s.stem == nil {
		// A node knows its file by a field that only the parser sets.
		trees, err := parsed(s.Name, s.Text+"\n{{$}}")
		if err != nil {
			trees, _ = parsed(s.Name, "{{$}}") // the file ends inside what looks like an action
		}
		nodes := trees[s.Name].Root.Nodes
		s.stem, _ = nodes[len(nodes)-1].(*parse.ActionNode).Pipe.Cmds[0].Args[0].(*parse.VariableNode)
	}
	v, _ := s.stem.Copy().(*parse.VariableNode)
	v.Pos, v.Ident = min(at, parse.Pos(len(s.Text))), idents
	return v
}

// snippet parses the last action of a text of ours. $v in it stands for name.
func snippet(text, name string) parse.Node {
	trees, err := parsed("components", text)
	if err != nil {
		return &parse.TextNode{NodeType: parse.NodeText}
	}
	nodes := trees["components"].Root.Nodes
	n := nodes[len(nodes)-1]
	renamed(n, "$v", name)
	return n
}

// renamed gives a variable of a snippet another name.
func renamed(n parse.Node, from, to string) {
	switch x := n.(type) {
	case *parse.ActionNode:
		renamed(x.Pipe, from, to)
	case *parse.IfNode:
		renamed(x.Pipe, from, to)
		for _, inner := range x.List.Nodes {
			renamed(inner, from, to)
		}
	case *parse.PipeNode:
		for _, d := range x.Decl {
			renamed(d, from, to)
		}
		for _, c := range x.Cmds {
			for _, arg := range c.Args {
				renamed(arg, from, to)
			}
		}
	case *parse.VariableNode:
		if x.Ident[0] == from {
			x.Ident[0] = to
		}
	}
}
