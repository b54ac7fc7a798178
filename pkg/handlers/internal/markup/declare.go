package markup

import (
	"regexp"
	"slices"
	"strings"
	"text/template/parse"
)

// InnerBlock is the slot that takes what stands between a component's tags, as in Phoenix.
const InnerBlock = "inner_block"

// restName is the name under which a component puts the further attributes.
const restName = "rest"

// Ambient are the names of the page that components see beside their attributes.
func Ambient() []string { return []string{"csrf_token", "csp_nonce", "flash", "form", "request"} }

// A declaration says what a component takes: the comment at the head of its file.
//
//	{{/* attrs: title, class?, type=text, for from form; slots: inner_block?, actions?; rest: disabled */}}
type declaration struct {
	attrs []attr
	slots []attr
	rest  []string
	takes bool // further attributes, in .rest
}

type attr struct {
	name     string
	required bool
	def      string // what it is when it is not given
	hasDef   bool
	from     string // the component around whose attribute it is when it is not given
}

func find(list []attr, name string) *attr {
	if i := slices.IndexFunc(list, func(a attr) bool { return a.name == name }); i >= 0 {
		return &list[i]
	}
	return nil
}

func names(list []attr) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.name)
	}
	return out
}

var (
	headComment = regexp.MustCompile(`^\s*\{\{-?\s*/\*((?s).*?)\*/\s*-?\}\}`)
	attrName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	slotName    = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// declaration reads what the component takes.
func (s *Source) declaration(x *Expander) *declaration {
	if s.declared != nil {
		return s.declared
	}
	s.declared = &declaration{}
	for offset := 0; ; {
		m := headComment.FindStringSubmatchIndex(s.Text[offset:])
		if m == nil {
			break
		}
		s.comment(x, offset+m[2], offset+m[3])
		offset += m[1]
	}
	for name := range s.Trees {
		if name != s.Name {
			x.fault(s, 0, 0, "template", "a component cannot hold {{define %q}}", name).Hint = "put it into a file of its own"
		}
	}
	return s.declared
}

// comment reads one comment. What does not begin with one of the words is only a comment.
func (s *Source) comment(x *Expander, from, to int) {
	for part := range cut(s.Text, from, to, ";\n") {
		word, rest, found := strings.Cut(part.text, ":")
		if !found {
			continue
		}
		start := part.at + len(word) + 1
		switch strings.TrimSpace(word) {
		case "attrs":
			for item := range cut(s.Text, start, start+len(rest), ",") {
				s.attr(x, &s.declared.attrs, item, attrName)
			}
		case "slots":
			for item := range cut(s.Text, start, start+len(rest), ",") {
				s.attr(x, &s.declared.slots, item, slotName)
			}
		case "rest":
			s.declared.takes = true
			s.declared.rest = append(s.declared.rest, strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })...)
		}
	}
}

type span struct {
	at   int
	text string
}

// cut cuts a part of text at any of the separators, and trims the pieces.
func cut(text string, from, to int, separators string) func(yield func(span) bool) {
	return func(yield func(span) bool) {
		for from <= to {
			end := to
			if i := strings.IndexAny(text[from:to], separators); i >= 0 {
				end = from + i
			}
			piece := text[from:end]
			trimmed := strings.TrimSpace(piece)
			if trimmed != "" && !yield(span{from + strings.Index(piece, trimmed), trimmed}) {
				return
			}
			from = end + 1
		}
	}
}

func (s *Source) attr(x *Expander, list *[]attr, item span, pattern *regexp.Regexp) {
	a := attr{name: item.text, required: true}
	if name, def, ok := strings.Cut(a.name, "="); ok {
		a = attr{name: strings.TrimSpace(name), def: strings.Trim(strings.TrimSpace(def), `"`), hasDef: true}
	}
	if name, from, ok := strings.Cut(a.name, " from "); ok {
		a = attr{name: strings.TrimSpace(name), from: strings.TrimSpace(from)}
	}
	if name, ok := strings.CutSuffix(a.name, "?"); ok {
		a.name, a.required = name, false
	}
	switch {
	case !pattern.MatchString(a.name):
		x.fault(s, item.at, len(item.text), "template", "%q does not declare a name", item.text).Hint = "write NAME, NAME? where it may be left out, or NAME=DEFAULT"
	case a.name == restName || find(s.declared.attrs, a.name) != nil || find(s.declared.slots, a.name) != nil:
		x.fault(s, item.at, len(item.text), "template", "%q is declared twice, or is a name of the language", a.name).Hint = "choose another name"
	default:
		*list = append(*list, a)
	}
}

// slot finds a slot by name; inner_block needs no declaration.
func (d *declaration) slot(name string) *attr {
	if a := find(d.slots, name); a != nil || name != InnerBlock {
		return a
	}
	return &attr{name: InnerBlock}
}

// takesRest tells whether an attribute that is not declared goes into .rest.
func (d *declaration) takesRest(name string) bool {
	return d.takes && (slices.Contains(d.rest, name) || strings.HasPrefix(name, "data-") || strings.HasPrefix(name, "aria-") || slices.Contains(globalAttributes(), name))
}

// globalAttributes are those that every element of HTML takes. Handlers (on...) are not
// among them: a component that wants one names it.
func globalAttributes() []string {
	return []string{"accesskey", "autocapitalize", "autofocus", "class", "contenteditable", "dir", "draggable", "enterkeyhint", "hidden", "id",
		"inert", "inputmode", "itemid", "itemprop", "itemref", "itemscope", "itemtype", "lang", "part", "popover", "role", "slot", "spellcheck",
		"style", "tabindex", "title", "translate"}
}

// reads tells whether any node of the component stands for a slot: content that nothing
// shows is a mistake.
func (s *Source) reads(name string) bool {
	found := false
	Walk(s.Trees[s.Name].Root, func(n parse.Node) {
		if a, ok := n.(*parse.ActionNode); ok && only(a.Pipe) == name {
			found = true
		}
	})
	return found
}

// only gives x where a pipe is {{.x}} or {{$.x}} and nothing else.
func only(p *parse.PipeNode) string {
	if p == nil || len(p.Decl) > 0 || len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return ""
	}
	switch x := p.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		if len(x.Ident) == 1 {
			return x.Ident[0]
		}
	case *parse.VariableNode:
		if len(x.Ident) == 2 && x.Ident[0] == "$" {
			return x.Ident[1]
		}
	}
	return ""
}
