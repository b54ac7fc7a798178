package markup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// An Expander writes components out where they are used.
type Expander struct {
	// Component gives a component by name; nil where there is none, or one that is faulty.
	Component func(name string) (s *Source, faulty bool)
	// Known lists the names of components, for suggestions.
	Known func() []string

	Faults []*Fault

	calls   int
	nodes   int
	used    bool
	sources map[string]*Source // all that nodes come from
}

// maxNodes bounds what the components of one page may grow to.
const maxNodes = 100_000

// scope is what names mean where a list of nodes stands.
type scope struct {
	src    *Source // the file that the nodes come from
	call   *call   // the component whose body they are; nil in a page
	dot    bool    // the dot is the component: .x is an attribute
	nested bool    // inside {{with}} or {{range}} of the component
	around []*call // components whose content they are, innermost last
}

// A call is one use of a component.
type call struct {
	name   string
	id     string
	src    *Source // of the component
	decl   *declaration
	in     *call // whose body it stands in
	slots  map[string][]parse.Node
	rest   []parse.Node
	at     int // the place of the outermost tag that led here
	atFile *Source
}

// Expand writes out the components of one tree of a file. It gives the same tree where
// there are none.
func (x *Expander) Expand(s *Source, t *parse.Tree) *parse.Tree {
	x.used = false
	x.from(s)
	nodes := x.list(t.Root, scope{src: s}, "")
	if !x.used || len(x.Faults) > 0 {
		return t
	}
	out := t.Copy()
	out.Root.Nodes = nodes
	return out
}

func (x *Expander) from(s *Source) {
	if x.sources == nil {
		x.sources = map[string]*Source{}
	}
	x.sources[s.Name] = s
}

func (x *Expander) fault(s *Source, at, length int, code, format string, args ...any) *Fault {
	at = min(max(at, 0), len(s.Text))
	f := &Fault{File: s.Name, At: at, Length: min(length, len(s.Text)-at), Code: code, Message: fmt.Sprintf(format, args...)}
	x.Faults = append(x.Faults, f)
	return f
}

// list expands a list. raw is what ends the comment, script or style that it stands in.
func (x *Expander) list(l *parse.ListNode, sc scope, raw string) []parse.Node {
	if l == nil {
		return nil
	}
	c := &content{Expander: x, scope: sc, nodes: l.Nodes, raw: raw}
	nodes, _ := c.read(nil, "")
	return nodes
}

// read expands up to the tag that closes the component or slot which it is the content of,
// or to the end. closed tells which.
func (c *content) read(in *call, slot string) (out []parse.Node, closed bool) {
	before := len(c.Faults)
	for c.i < len(c.nodes) && len(c.Faults) == before {
		t := c.text()
		if t == nil {
			out = append(out, c.node(c.nodes[c.i], c.scope, c.raw)...)
			c.step()
			continue
		}
		start := c.off
		g := c.find(t)
		if c.off > start {
			out = append(out, piece(t, start, c.off))
		}
		if g == nil {
			c.step()
			continue
		}
		c.used = true
		c.off += g.length
		switch {
		case g.closing:
			return out, c.closes(g, in, slot)
		case g.slot:
			c.slot(g, in, slot)
		default:
			out = append(out, c.component(g)...)
		}
	}
	return out, false
}

// piece is a part of a text node, with its place.
func piece(t *parse.TextNode, from, to int) parse.Node {
	n, _ := t.Copy().(*parse.TextNode)
	n.Text = n.Text[from:to]
	n.Pos += parse.Pos(from)
	return n
}

// closes tells whether a closing tag is the one that is waited for.
func (c *content) closes(g *tag, in *call, slot string) bool {
	_, _, ok := c.tagEnd(g)
	if !ok {
		return false
	}
	switch {
	case in != nil && g.slot && slot == g.name, in != nil && !g.slot && slot == "" && in.name == g.name:
		return true
	case in == nil:
		c.fault(c.src, g.at, g.length, "template", "%s closes nothing here", g).Hint = "a component or slot is opened and closed in the same arm of {{if}}, {{with}} or {{range}}"
	case slot != "":
		c.fault(c.src, g.at, g.length, "template", "%s stands where </:%s> is expected", g, slot)
	default:
		c.fault(c.src, g.at, g.length, "template", "%s stands where </.%s> is expected", g, in.name)
	}
	return false
}

// slot reads a named part of a component's content.
func (c *content) slot(g *tag, in *call, slot string) {
	if in == nil || slot != "" {
		around := c.around[len(c.around)-1]
		c.fault(c.src, g.at, g.length, "template", "the slot %s does not stand directly inside of <.%s>", g, around.name).Hint =
			"put {{if}}, {{with}} and {{range}} inside of the slot"
		return
	}
	list, empty, ok := c.tagEnd(g)
	if !ok {
		return
	}
	if len(list) > 0 {
		c.fault(c.src, list[0].at, len(list[0].name), "template", "a slot takes no attributes").Hint = "give it to the component"
		return
	}
	if in.decl.slot(g.name) == nil {
		f := c.fault(c.src, g.at, g.length, "unknown-slot", "<.%s> has no slot %q", in.name, g.name)
		if f.Hint = diag.DidYouMean(g.name, names(in.decl.slots)); f.Hint == "" {
			f.Hint = "declare it in " + in.src.Name + ": {{/* slots: " + g.name + "? */}}"
		}
		return
	}
	var nodes []parse.Node
	if !empty {
		before := len(c.Faults)
		var closed bool
		if nodes, closed = c.read(in, g.name); !closed {
			if len(c.Faults) == before {
				c.fault(c.src, g.at, g.length, "template", "the slot %s is not closed", g).Hint = "close it with </:" + g.name + ">, in the same arm"
			}
			return
		}
	}
	in.slots[g.name] = append(in.slots[g.name], nodes...)
}

// component reads a whole use of a component and gives what it is written out to.
func (c *content) component(g *tag) []parse.Node {
	list, empty, ok := c.tagEnd(g)
	if !ok {
		return nil
	}
	src, faulty := c.Component(g.name)
	if src == nil {
		if !faulty {
			f := c.fault(c.src, g.at, g.length, "unknown-component", "there is no component %q", g.name)
			if f.Hint = diag.DidYouMean(g.name, c.Known()); f.Hint == "" {
				f.Hint = "create templates/components/" + g.name + ".html beside the manifest"
			}
		} else {
			c.fault(c.src, g.at, g.length, "", "")
		}
		return nil
	}
	c.from(src)
	c.calls++
	c.Expander.nodes++
	k := &call{name: g.name, id: strconv.Itoa(c.calls), src: src, in: c.call, slots: map[string][]parse.Node{}, at: g.at, atFile: c.src}
	if c.call != nil {
		k.at, k.atFile = c.call.at, c.call.atFile
	}
	if k.decl = src.declaration(c.Expander); !c.mayRun(k, g) {
		return nil
	}
	out := c.attributes(k, g, list)
	if !empty && !c.inner(k, g) {
		return nil
	}
	for _, s := range k.decl.slots {
		if _, has := k.slots[s.name]; s.required && !has && len(c.Faults) == 0 {
			c.fault(c.src, g.at, g.length, "missing-slot", "<.%s> needs the slot %q", g.name, s.name)
		}
	}
	if len(c.Faults) > 0 {
		return nil
	}
	if len(k.slots) > 0 {
		out = append(out, snippet("{{$v := .}}", k.dot()))
	}
	return append(out, c.list(src.Trees[src.Name].Root, scope{src: src, call: k, dot: true, around: c.around}, "")...)
}

// mayRun bounds what components may grow to.
func (c *content) mayRun(k *call, g *tag) bool {
	chain := []string{k.name}
	for up := k.in; up != nil; up = up.in {
		chain = append(chain, up.name)
		if up.name == k.name {
			slices.Reverse(chain)
			c.fault(c.src, g.at, g.length, "component-cycle", "the component %s takes itself in: %s", k.name, strings.Join(chain, " → "))
			return false
		}
	}
	if len(c.around) >= maxNested {
		c.fault(c.src, g.at, g.length, "template", "components are nested more than %d deep here", maxNested)
		return false
	}
	if c.Expander.nodes > maxNodes {
		c.fault(c.src, g.at, g.length, "template", "the components of this page grow beyond %d nodes", maxNodes)
		return false
	}
	return len(c.Faults) == 0
}

// inner reads the content of a component up to its closing tag.
func (c *content) inner(k *call, g *tag) bool {
	before := len(c.Faults)
	outer := c.around
	c.around = append(slices.Clone(outer), k)
	nodes, closed := c.read(k, "")
	c.around = outer
	if !closed {
		if len(c.Faults) == before {
			c.fault(c.src, g.at, g.length, "template", "%s is not closed", g).Hint = fmt.Sprintf("close it with </.%s>, in the same arm of {{if}}, {{with}} or {{range}}, or write <.%s/>", g.name, g.name)
		}
		return false
	}
	if blank(nodes) {
		return true
	}
	if _, twice := k.slots[InnerBlock]; twice || !k.src.reads(InnerBlock) {
		c.fault(c.src, g.at, g.length, "unknown-slot", "<.%s> takes no content", g.name).Hint = fmt.Sprintf("write <.%s/>, or let the component show it with {{.inner_block}}", g.name)
		return false
	}
	k.slots[InnerBlock] = nodes
	return true
}

// blank tells content that is nothing but blanks.
func blank(nodes []parse.Node) bool {
	for _, n := range nodes {
		if t, ok := n.(*parse.TextNode); !ok || len(strings.TrimSpace(string(t.Text))) > 0 {
			return false
		}
	}
	return true
}

// attr is the variable that holds an attribute, dot the one that holds the caller's dot.
func (k *call) attr(name string) string { return "$." + name + "·" + k.id }

func (k *call) dot() string { return "$.·" + k.id }
