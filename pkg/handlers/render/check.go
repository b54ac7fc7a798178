package render

import (
	"maps"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/internal/markup"
)

// usage is what a page reads of the names that it is given.
type usage struct {
	names map[string]bool
	whole bool // it passes all of them on: which it reads cannot be told
}

func newUsage() *usage { return &usage{names: map[string]bool{}} }

// A known is what may be read where a page is rendered, and where that is.
type known struct {
	names    map[string]expr.Type
	at       diag.Pos
	problems *diag.Problems
	loose    bool                     // names are missing because of a fault that is told already
	hint     func(name string) string // the way out for a name that is not there
}

// check reports the names and members that the page reads and that are not there, and adds
// what it reads to used.
func (p *page) check(k *known, used *usage) {
	c := &checker{page: p, known: k, used: used, seen: map[string]bool{}, changed: map[string]bool{}}
	for _, tree := range p.trees {
		markup.Walk(tree.Root, func(n parse.Node) {
			if pipe := pipeOf(n); pipe != nil && pipe.IsAssign {
				c.changed[pipe.Decl[0].Ident[0]] = true
			}
		})
	}
	c.template(p.name, val{root: true})
}

// A val is what is known of a value in a template: all names, or something of a type.
type val struct {
	root bool
	typ  expr.Type
}

// vars are the variables in reach, innermost last.
type variable struct {
	name string
	val  val
}

// frame is what ., $ and variables are at one point.
type frame struct {
	dot, dollar val
	vars        []variable
}

func (f frame) with(name string, v val) frame {
	f.vars = append(f.vars[:len(f.vars):len(f.vars)], variable{name, v})
	return f
}

// A checker follows the data through a page, as far as types are known.
type checker struct {
	*page
	known   *known
	used    *usage
	seen    map[string]bool
	changed map[string]bool // variables that are set again: nothing is known of them
}

// template follows a template that is given v.
func (c *checker) template(name string, v val) {
	key := name + "\x00" + v.typ.Key()
	if v.root {
		key = name + "\x00$"
	}
	tree := c.trees[name]
	if tree == nil || c.seen[key] {
		return
	}
	c.seen[key] = true
	c.list(tree.Root, frame{dot: v, dollar: v})
}

func (c *checker) list(l *parse.ListNode, f frame) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch x := n.(type) {
		case *parse.ActionNode:
			v := c.pipe(x.Pipe, f)
			if len(x.Pipe.Decl) == 0 {
				c.taken(v)
			}
			f = c.declare(x.Pipe, f, v)
		case *parse.IfNode:
			c.list(x.List, c.declare(x.Pipe, f, c.pipe(x.Pipe, f)))
			c.list(x.ElseList, f)
		case *parse.WithNode:
			v := c.pipe(x.Pipe, f)
			inner := c.declare(x.Pipe, f, v)
			inner.dot = v
			c.list(x.List, inner)
			c.list(x.ElseList, f)
		case *parse.RangeNode:
			c.loop(x, f)
		case *parse.TemplateNode:
			c.template(x.Name, c.pipe(x.Pipe, f))
		}
	}
}

func (c *checker) loop(x *parse.RangeNode, f frame) {
	over := c.pipe(x.Pipe, f)
	c.taken(over)
	inner := f
	inner.dot = val{typ: over.typ.Item()}
	if n := len(x.Pipe.Decl); n > 0 && !x.Pipe.IsAssign {
		inner = inner.with(x.Pipe.Decl[n-1].Ident[0], inner.dot)
		if n == 2 {
			inner = inner.with(x.Pipe.Decl[0].Ident[0], val{})
		}
	}
	c.list(x.List, inner)
	c.list(x.ElseList, f)
}

// declare makes the variable of a pipe visible.
func (c *checker) declare(p *parse.PipeNode, f frame, v val) frame {
	if len(p.Decl) != 1 || p.IsAssign {
		if p.IsAssign {
			c.taken(v)
		}
		return f
	}
	name := p.Decl[0].Ident[0]
	if c.changed[name] {
		c.taken(v)
		v = val{}
	}
	return f.with(name, v)
}

// taken notes that all names are used as one value.
func (c *checker) taken(v val) { c.used.whole = c.used.whole || v.root }

// pipe is what is known of a pipe's value.
func (c *checker) pipe(p *parse.PipeNode, f frame) val {
	var v val
	if p == nil {
		return v
	}
	for i, cmd := range p.Cmds {
		if i > 0 {
			c.taken(v)
		}
		v = c.command(cmd, f)
	}
	return v
}

func (c *checker) command(cmd *parse.CommandNode, f frame) val {
	call, isCall := cmd.Args[0].(*parse.IdentifierNode)
	if !isCall && len(cmd.Args) == 1 {
		return c.operand(cmd.Args[0], f)
	}
	if isCall && call.Ident == "index" && len(cmd.Args) == 3 {
		if name, ok := constant(cmd.Args, 2); ok {
			if v := c.operand(cmd.Args[1], f); v.root {
				return c.maybe(name)
			}
		}
	}
	for _, arg := range cmd.Args {
		c.taken(c.operand(arg, f))
	}
	if isCall {
		return val{typ: results()[call.Ident]}
	}
	return val{}
}

func (c *checker) operand(n parse.Node, f frame) val {
	switch x := n.(type) {
	case *parse.PipeNode:
		return c.pipe(x, f)
	case *parse.DotNode:
		return f.dot
	case *parse.BoolNode:
		return val{typ: expr.Bool}
	case *parse.StringNode:
		return val{typ: expr.String}
	case *parse.FieldNode:
		return c.chain(f.dot, x.Ident, n, ".")
	case *parse.ChainNode:
		return c.chain(c.operand(x.Node, f), x.Field, n, ".")
	case *parse.VariableNode:
		return c.variable(x, f)
	}
	return val{}
}

func (c *checker) variable(x *parse.VariableNode, f frame) val {
	if x.Ident[0] == "$" {
		if c.isAmbient(x) {
			return c.ambient(x, f)
		}
		return c.chain(f.dollar, x.Ident[1:], x, "$.")
	}
	for _, v := range slices.Backward(f.vars) {
		if v.name == x.Ident[0] {
			return c.chain(v.val, x.Ident[1:], x, x.Ident[0]+".")
		}
	}
	return val{}
}

// isAmbient tells a name of the page that a component reads: its place is the component's
// tag.
func (c *checker) isAmbient(x *parse.VariableNode) bool {
	text := c.texts[markup.FileOf(x)]
	return len(x.Ident) > 1 && int(x.Pos) < len(text) && strings.HasPrefix(text[x.Pos:], "<.")
}

func (c *checker) ambient(x *parse.VariableNode, f frame) val {
	if f.dollar.root {
		return c.maybe(x.Ident[1])
	}
	c.report(x, int(x.Pos), 2, "not-the-page", "a component here reads `%s` of the page, and this template was not given the page", x.Ident[1]).
		Suggest("make this template a component, or take it in with {{template %q $}}", markup.FileOf(x))
	return val{}
}

// maybe reads a name that need not be there.
func (c *checker) maybe(name string) val {
	t, ok := c.known.names[name]
	if ok {
		c.used.names[name] = true
	}
	return val{typ: t}
}

func (c *checker) report(n parse.Node, offset, length int, code, format string, args ...any) *diag.Problem {
	return c.known.problems.Add(c.pos(markup.FileOf(n), offset, length), code, format, args...).Relate(c.known.at, "rendered here")
}

// chain follows .a.b.c from a value. before is what is written in front of it.
func (c *checker) chain(v val, names []string, n parse.Node, before string) val {
	for _, name := range names {
		if v.root {
			v = c.name(name, n, before)
		} else {
			v = val{typ: c.member(v.typ, name, n)}
		}
		before = "."
	}
	return v
}

func (c *checker) name(name string, n parse.Node, before string) val {
	t, ok := c.known.names[name]
	c.used.names[name] = true
	if ok || c.known.loose {
		return val{typ: t}
	}
	if !strings.HasSuffix(before, "$.") {
		before = "." // of a variable that holds all names, or the dot
	}
	p := c.report(n, c.place(n, before+name), len(before)+len(name), "unknown-name", "there is no name %q here", name)
	names := slices.Sorted(maps.Keys(c.known.names))
	if p.Hint = diag.DidYouMean(name, names); p.Hint == "" {
		p.Hint = c.known.hint(name)
	}
	return val{}
}

// member is what is known of a member of a value.
func (c *checker) member(t expr.Type, name string, n parse.Node) expr.Type {
	member, ok := t.Member(name)
	switch {
	case ok:
		return member
	case t.IsRecord():
		p := c.report(n, c.place(n, "."+name), len(name)+1, "unknown-member", "there is no member %q here", name)
		if p.Hint = diag.DidYouMean(name, t.Members()); p.Hint == "" && len(t.Members()) > 0 {
			p.Suggest("it has %s", diag.OneOf(t.Members()))
		}
	case t.IsList():
		c.report(n, c.place(n, "."+name), len(name)+1, "unknown-member", "%q is read of a list", name).Suggest("read it of each item, in {{range}}, or of one: {{(index .list 0).%s}}", name)
	case plain(t):
		c.report(n, c.place(n, "."+name), len(name)+1, "unknown-member", "%q is read of %s, which has no members", name, t)
	}
	return expr.Any
}

func plain(t expr.Type) bool {
	return slices.ContainsFunc([]expr.Type{expr.Bool, expr.Int, expr.Float, expr.String}, func(s expr.Type) bool {
		return t.Equal(s) || t.Equal(expr.Nullable(s))
	})
}

// place finds where something is written: of a.b.c the parser gives the place of b.
func (c *checker) place(n parse.Node, written string) int {
	text := c.texts[markup.FileOf(n)]
	offset := min(int(n.Position()), len(text))
	chain := text[offset:]
	if end := strings.IndexAny(chain, " \t\r\n})|"); end >= 0 {
		chain = chain[:end]
	}
	if i := strings.Index(chain+" ", written); i >= 0 {
		return offset + i
	}
	if i := strings.LastIndex(text[:min(offset+len(written), len(text))], written); i >= 0 {
		return i
	}
	return offset
}
