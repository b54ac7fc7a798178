package render

import (
	"path/filepath"
	"slices"
	"strings"
	"text/template/parse"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// usage is what a page reads of the names that it is given.
type usage struct {
	names map[string]bool
	whole bool // it passes all of them on: which it reads cannot be told
}

func (u *usage) add(other *usage) {
	for n := range other.names {
		u.names[n] = true
	}
	u.whole = u.whole || other.whole
}

// check reports the names that the page reads and that are not known where it is rendered.
func (p *page) check(b *pipeline.Build, known map[string]bool) *usage {
	w := &walker{page: p, used: &usage{names: map[string]bool{}}, seen: map[string]bool{}}
	w.read = func(tree *parse.Tree, name string, offset, length int) {
		w.used.names[name] = true
		if !known[name] {
			p.unknown(b, known, tree, name, offset, length)
		}
	}
	w.template(p.name, true)
	return w.used
}

func (p *page) unknown(b *pipeline.Build, known map[string]bool, tree *parse.Tree, name string, offset, length int) {
	at := p.pos(tree.ParseName, offset, length)
	problem := b.Problem(at, "unknown-name", "there is no name %q here", name).Relate(b.At, "rendered here")
	var names []string
	for n := range known {
		names = append(names, n)
	}
	slices.Sort(names)
	if problem.Hint = diag.DidYouMean(name, names); problem.Hint == "" {
		problem.Suggest("bind it before `render`, with `as: %s` or `assign`, or give it in `assigns: {%s: …}`", name, name)
	}
}

// path is where a template stands on disk, as problems name it.
func (p *page) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

// pos is the place of bytes of a file's text.
func (p *page) pos(file string, offset, length int) diag.Pos {
	text := p.texts[file]
	offset = min(max(offset, 0), len(text))
	start := strings.LastIndexByte(text[:offset], '\n') + 1
	column := utf8.RuneCountInString(text[start:offset]) + 1
	return diag.Pos{File: p.path(file), Line: strings.Count(text[:offset], "\n") + 1, Column: column, EndColumn: column + length}
}

// A walker finds the names that a template reads of the data that it is given: {{.x}} where
// the dot is still that data, and {{$.x}}.
type walker struct {
	*page
	used *usage
	seen map[string]bool
	tree *parse.Tree
	read func(tree *parse.Tree, name string, offset, length int)
}

// template walks a template. top tells that its dot is the data given to render.
func (w *walker) template(name string, top bool) {
	key := name
	if top {
		key += "\x00top"
	}
	tree := w.trees[name]
	if tree == nil || w.seen[key] {
		return
	}
	w.seen[key] = true
	outer := w.tree
	w.tree = tree
	w.list(tree.Root, top, top)
	w.tree = outer
}

// list walks nodes. dot and dollar tell whether . and $ are the data given to render.
func (w *walker) list(l *parse.ListNode, dot, dollar bool) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		w.node(n, dot, dollar)
	}
}

func (w *walker) node(n parse.Node, dot, dollar bool) {
	switch x := n.(type) {
	case *parse.ActionNode:
		w.pipe(x.Pipe, dot, dollar)
	case *parse.IfNode:
		w.pipe(x.Pipe, dot, dollar)
		w.list(x.List, dot, dollar)
		w.list(x.ElseList, dot, dollar)
	case *parse.WithNode:
		w.pipe(x.Pipe, dot, dollar)
		w.list(x.List, false, dollar)
		w.list(x.ElseList, dot, dollar)
	case *parse.RangeNode:
		w.pipe(x.Pipe, dot, dollar)
		w.list(x.List, false, dollar)
		w.list(x.ElseList, dot, dollar)
	case *parse.TemplateNode:
		passes := passesAll(x.Pipe, dot, dollar)
		if !passes {
			w.pipe(x.Pipe, dot, dollar)
		}
		w.template(x.Name, passes)
	default:
		w.operand(n, dot, dollar)
	}
}

// passesAll tells {{template "x" .}} and {{template "x" $}}.
func passesAll(p *parse.PipeNode, dot, dollar bool) bool {
	if p == nil || len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return false
	}
	switch x := p.Cmds[0].Args[0].(type) {
	case *parse.DotNode:
		return dot
	case *parse.VariableNode:
		return dollar && len(x.Ident) == 1 && x.Ident[0] == "$"
	}
	return false
}

func (w *walker) pipe(p *parse.PipeNode, dot, dollar bool) {
	if p == nil {
		return
	}
	for _, c := range p.Cmds {
		for _, arg := range c.Args {
			w.operand(arg, dot, dollar)
		}
	}
}

func (w *walker) operand(n parse.Node, dot, dollar bool) {
	switch x := n.(type) {
	case *parse.PipeNode:
		w.pipe(x, dot, dollar)
	case *parse.ChainNode:
		w.operand(x.Node, dot, dollar)
	case *parse.DotNode:
		w.used.whole = w.used.whole || dot
	case *parse.FieldNode:
		if dot {
			w.found(x.Ident[0], "."+x.Ident[0], int(x.Pos))
		}
	case *parse.VariableNode:
		switch {
		case x.Ident[0] != "$" || !dollar:
		case len(x.Ident) == 1:
			w.used.whole = true
		default:
			w.found(x.Ident[1], "$."+x.Ident[1], int(x.Pos))
		}
	}
}

// found places a name. The parser gives the place of the last member of a.b.c.
func (w *walker) found(name, written string, offset int) {
	text := w.texts[w.tree.ParseName]
	if offset > len(text) || !strings.HasPrefix(text[offset:], written) {
		end := min(offset+len(written), len(text))
		if i := strings.LastIndex(text[:end], written); i >= 0 {
			offset = i
		}
	}
	w.read(w.tree, name, offset, len(written))
}

// walk calls visit for every node of a list and of the lists inside.
func walk(l *parse.ListNode, visit func(parse.Node)) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		visit(n)
		switch x := n.(type) {
		case *parse.IfNode:
			walk(x.List, visit)
			walk(x.ElseList, visit)
		case *parse.WithNode:
			walk(x.List, visit)
			walk(x.ElseList, visit)
		case *parse.RangeNode:
			walk(x.List, visit)
			walk(x.ElseList, visit)
		}
	}
}
