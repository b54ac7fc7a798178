package render

import (
	"fmt"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/internal/markup"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// patterns are the paths that a page names, each parsed once.
type patterns map[string]*expr.Pattern

// functions are what templates can call beside the functions of html/template.
func (ps patterns) functions(baseURL string) template.FuncMap {
	return template.FuncMap{
		"path":      func(pattern string, args ...any) (string, error) { return ps.fill("", pattern, args) },
		"url":       func(pattern string, args ...any) (string, error) { return ps.fill(baseURL, pattern, args) },
		"strftime":  strftime,
		"truncate":  truncate,
		"pluralize": pluralize,
		"classes":   classes,
		"if_else":   ifElse,
		"attr":      attr,
		"to_form":   toForm,
		"eq":        same,
		"ne":        func(a, b any) bool { return !expr.Same(a, b) },

		"form_value": formValue, "form_errors": formErrors, "form_options": formOptions, "form_method": formMethod,
		"form_member": formMember, "form_local": formLocal, "form_checked": formChecked, "form_id": formID,

		markup.Nothing: func() any { return nil },
		markup.Join:    join,
		markup.Given:   func(v any) bool { return v != nil && v != false },
	}
}

// results is what is known of what functions give.
func results() map[string]expr.Type {
	return map[string]expr.Type{
		"path": expr.String, "url": expr.String, "strftime": expr.String, "truncate": expr.String, "pluralize": expr.String, "classes": expr.String,
		"to_form": FormType(), "len": expr.Int, "eq": expr.Bool, "ne": expr.Bool, "lt": expr.Bool, "le": expr.Bool, "gt": expr.Bool, "ge": expr.Bool,
		"not": expr.Bool, "print": expr.String, "printf": expr.String, "println": expr.String, markup.Join: expr.String,
	}
}

// builtins are the functions of text/template. Its eq and ne fail on values of unlike types,
// which a stranger can bring about by ?a[]=1: ours are those of the language.
func builtins() []string {
	return []string{"and", "call", "ge", "gt", "html", "index", "js", "le", "len", "lt", "not", "or", "print", "printf", "println", "slice", "urlquery"}
}

// functionNames lists what an author can call.
func functionNames() []string {
	names := builtins()
	for name := range (patterns{}).functions("") {
		if !strings.HasPrefix(name, "_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// functions checks what the trees call.
func (r *reader) functions() bool {
	known := append(functionNames(), slices.Collect(maps.Keys(r.patterns.functions("")))...)
	for _, name := range slices.Sorted(maps.Keys(r.trees)) {
		markup.Walk(r.trees[name].Root, func(n parse.Node) {
			if p := pipeOf(n); p != nil {
				r.calls(p, known)
			}
		})
	}
	return len(r.problems) == 0
}

// pipeOf gives the pipe of a node that has one.
func pipeOf(n parse.Node) *parse.PipeNode {
	switch x := n.(type) {
	case *parse.ActionNode:
		return x.Pipe
	case *parse.IfNode:
		return x.Pipe
	case *parse.WithNode:
		return x.Pipe
	case *parse.RangeNode:
		return x.Pipe
	case *parse.TemplateNode:
		return x.Pipe
	}
	return nil
}

func (r *reader) calls(p *parse.PipeNode, known []string) {
	for _, c := range p.Cmds {
		for i, arg := range c.Args {
			switch x := arg.(type) {
			case *parse.PipeNode:
				r.calls(x, known)
			case *parse.ChainNode:
				if inner, ok := x.Node.(*parse.PipeNode); ok {
					r.calls(inner, known)
				}
			case *parse.IdentifierNode:
				r.called(x, c.Args[i+1:], known)
			}
		}
	}
}

func (r *reader) called(f *parse.IdentifierNode, args []parse.Node, known []string) {
	at := r.pos(markup.FileOf(f), int(f.Pos), len(f.Ident))
	if !slices.Contains(known, f.Ident) {
		p := r.problem(at, "template", "there is no function %q in templates", f.Ident)
		if p.Hint = diag.DidYouMean(f.Ident, functionNames()); p.Hint == "" {
			p.Suggest("compute it in the manifest, with `assign` or in `assigns`, and read it as a name")
		}
		return
	}
	switch f.Ident {
	case "path", "url":
		r.pathCall(f, args)
	case "attr":
		if name, ok := constant(args, 0); !ok || !attributeName.MatchString(name) {
			r.problem(at, "template", "`attr` takes the name of an attribute, written out, and a condition").Suggest(`write {{attr "disabled" .locked}}`)
		}
	}
}

// pathCall checks {{path "/posts/:id" "id" .post.id}} and notes the path, which must be
// answered by a declared route.
func (r *reader) pathCall(f *parse.IdentifierNode, args []parse.Node) {
	at := r.pos(markup.FileOf(f), int(f.Pos), len(f.Ident))
	text, ok := constant(args, 0)
	if !ok {
		r.problem(at, "path", "the pattern of a path must be a constant text").Suggest(`write {{%s "/users/:id" "id" .user.id}}`, f.Ident)
		return
	}
	at = r.pos(markup.FileOf(args[0]), int(args[0].Position()), len(text)+2)
	pattern, message := expr.ParsePattern(text)
	if message != "" {
		r.problem(at, "path", "%s", message)
		return
	}
	if len(args)%2 == 0 {
		r.problem(at, "path", "behind the pattern stand names and values in turn").Suggest(`write {{%s "/users/:id" "id" .user.id}}`, f.Ident)
		return
	}
	var given []string
	for i := 1; i < len(args); i += 2 {
		name, ok := constant(args, i)
		if !ok {
			r.problem(at, "path", "the names behind the pattern must be constant texts").Suggest(`write {{%s "/users/:id" "id" .user.id}}`, f.Ident)
			return
		}
		given = append(given, name)
	}
	for _, name := range pattern.Names() {
		if !slices.Contains(given, name) {
			r.problem(at, "path", "the path needs %q", name).Suggest("give it behind the pattern: %q and its value", name)
			return
		}
	}
	r.patterns[text] = pattern
	r.library.env.Paths.Add(pipeline.PathCheck{Pattern: text, At: at})
}

func constant(args []parse.Node, i int) (string, bool) {
	if i >= len(args) {
		return "", false
	}
	s, ok := args[i].(*parse.StringNode)
	if !ok {
		return "", false
	}
	return s.Text, true
}

var attributeName = regexp.MustCompile(`^[a-z][a-z-]*$`)

// fill makes a path of a pattern, and of names and values in turn.
func (ps patterns) fill(before, text string, args []any) (string, error) {
	pattern := ps[text]
	if pattern == nil {
		return "", fmt.Errorf("the path %q was not checked", text)
	}
	params := make(map[string]any, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		name, ok := args[i].(string)
		if !ok {
			return "", fmt.Errorf("the name of a param is no text")
		}
		params[name] = args[i+1]
	}
	return pattern.Fill(before, params)
}
