package markup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// Names of functions that written-out components call. They are no names that an author
// would choose.
const (
	Nothing = "_nothing" // no value
	Join    = "_join"    // texts and values as one text
	Given   = "_given"   // whether an attribute is to be written
)

// attributes gives the declarations of the variables that hold a component's attributes.
func (c *content) attributes(k *call, g *tag, list []*given) []parse.Node {
	var out []parse.Node
	for i, a := range list {
		if slices.ContainsFunc(list[:i], func(b *given) bool { return b.name == a.name }) {
			c.fault(c.src, a.at, len(a.name), "template", "the attribute %q stands twice", a.name)
			continue
		}
		declared := find(k.decl.attrs, a.name)
		if declared == nil && !k.decl.takesRest(a.name) {
			c.unknownAttribute(k, a)
			continue
		}
		out = append(out, c.value(a, k.attr(a.name)))
		if declared == nil {
			k.rest = append(k.rest, rest(a.name, k.attr(a.name)))
		}
	}
	for _, d := range k.decl.attrs {
		if slices.ContainsFunc(list, func(a *given) bool { return a.name == d.name }) {
			continue
		}
		if d.required {
			c.fault(c.src, g.at, g.length, "missing-attribute", "<.%s> needs the attribute %q", k.name, d.name)
			continue
		}
		out = append(out, c.absent(k, d))
	}
	return out
}

func (c *content) unknownAttribute(k *call, a *given) {
	f := c.fault(c.src, a.at, len(a.name), "unknown-attribute", "<.%s> has no attribute %q", k.name, a.name)
	known := names(k.decl.attrs)
	if f.Hint = diag.DidYouMean(a.name, append(known, k.decl.rest...)); f.Hint != "" {
		return
	}
	if len(known) > 0 {
		f.Hint = "its attributes are " + diag.OneOf(known)
		return
	}
	f.Hint = fmt.Sprintf("declare it at the head of %s: {{/* attrs: %s? */}}", k.src.Name, a.name)
}

// absent is the value of an attribute that is not given: that of the component around, the
// default, or nothing.
func (c *content) absent(k *call, d attr) parse.Node {
	if d.from != "" {
		for _, up := range slices.Backward(c.around) {
			if up.name == d.from && find(up.decl.attrs, d.name) != nil {
				n := snippet("{{$w := 0}}{{$v := $w}}", k.attr(d.name))
				renamed(n, "$w", up.attr(d.name))
				return n
			}
		}
	}
	if d.hasDef {
		return snippet("{{$v := "+strconv.Quote(d.def)+"}}", k.attr(d.name))
	}
	return snippet("{{$v := "+Nothing+"}}", k.attr(d.name))
}

// value declares the variable that holds an attribute.
func (c *content) value(a *given, variable string) parse.Node {
	for _, p := range a.parts {
		if p.action != nil && len(p.action.Pipe.Decl) > 0 {
			c.fault(c.src, a.at, len(a.name), "template", "a variable cannot be set inside of an attribute").Hint = "set it before the tag"
			return p.action
		}
		if p.action != nil && c.call != nil && c.dot && c.call.decl.slot(only(p.action.Pipe)) != nil && find(c.call.decl.attrs, only(p.action.Pipe)) == nil {
			c.fault(c.src, a.at, len(a.name), "template", "a slot cannot be given on in an attribute").Hint = "put it between the tags"
			return p.action
		}
	}
	parts := slices.DeleteFunc(slices.Clone(a.parts), func(p part) bool { return p.action == nil && p.text == "" })
	switch {
	case a.bare:
		return snippet("{{$v := true}}", variable)
	case len(parts) == 0:
		return snippet(`{{$v := ""}}`, variable)
	case len(parts) == 1 && parts[0].action != nil:
		n, _ := parts[0].action.Copy().(*parse.ActionNode)
		n.Pipe = c.pipe(n.Pipe, c.scope)
		n.Pipe.Decl = []*parse.VariableNode{c.src.variable(n.Pipe.Pos, variable)}
		return n
	}
	return c.joined(parts, variable)
}

// joined makes one text of pieces and values.
func (c *content) joined(parts []part, variable string) parse.Node {
	text := "{{$v := " + Join
	for _, p := range parts {
		text += " " + strconv.Quote(p.text)
	}
	n, ok := snippet(text+"}}", variable).(*parse.ActionNode)
	if !ok {
		return n
	}
	args := n.Pipe.Cmds[0].Args
	for i, p := range parts {
		if p.action != nil {
			args[i+1] = c.pipe(p.action.Pipe, c.scope)
		}
	}
	return n
}

// rest writes a further attribute out, or not where its value is false or nothing.
func rest(name, variable string) parse.Node {
	return snippet("{{$v := 0}}{{if "+Given+" $v}} "+strings.ToLower(name)+`="{{$v}}"{{end}}`, variable)
}
