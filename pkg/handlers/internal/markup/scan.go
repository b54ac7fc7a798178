package markup

import (
	"html"
	"strings"
	"text/template/parse"
)

// A tag is <.name, </.name>, <:name or </:name>.
type tag struct {
	slot, closing bool
	name          string
	at            int // of its < in the file
	length        int // of what names it
}

// content reads the nodes of one list, in which components and slots stand in pieces.
type content struct {
	*Expander
	scope
	nodes []parse.Node
	i     int    // the node
	off   int    // in its text
	raw   string // what ends the comment, script or style that the text is in
}

// text gives the node where reading is, when it is text.
func (c *content) text() *parse.TextNode {
	if c.i >= len(c.nodes) {
		return nil
	}
	t, _ := c.nodes[c.i].(*parse.TextNode)
	return t
}

func (c *content) step() { c.i, c.off = c.i+1, 0 }

// at is the place in the file where reading is.
func (c *content) at() int {
	if t := c.text(); t != nil {
		return int(t.Pos) + c.off
	}
	if c.i < len(c.nodes) {
		return int(c.nodes[c.i].Position())
	}
	return len(c.src.Text)
}

// find moves to the next tag of the text, or to its end.
func (c *content) find(t *parse.TextNode) *tag {
	s := string(t.Text)
	for c.off < len(s) {
		if c.raw != "" {
			i := strings.Index(strings.ToLower(s[c.off:]), c.raw)
			if i < 0 {
				break
			}
			c.off += i + len(c.raw)
			c.raw = ""
			continue
		}
		i := strings.IndexByte(s[c.off:], '<')
		if i < 0 {
			break
		}
		c.off += i
		if g := tagAt(s[c.off:]); g != nil && (!g.slot || len(c.around) > 0) {
			g.at = int(t.Pos) + c.off
			return g
		}
		c.raw = rawAt(s[c.off:])
		c.off++
	}
	c.off = len(s)
	return nil
}

// rawAt tells a comment, script or style, where tags are text.
func rawAt(s string) string {
	if strings.HasPrefix(s, "<!--") {
		return "-->"
	}
	for _, name := range []string{"script", "style"} {
		if len(s) > len(name)+1 && strings.EqualFold(s[1:len(name)+1], name) && strings.IndexByte(" \t\r\n/>", s[len(name)+1]) >= 0 {
			return "</" + name
		}
	}
	return ""
}

func tagAt(s string) *tag {
	i := 1
	g := &tag{}
	if i < len(s) && s[i] == '/' {
		g.closing = true
		i++
	}
	if i >= len(s) || s[i] != '.' && s[i] != ':' {
		return nil
	}
	g.slot = s[i] == ':'
	i++
	start := i
	for i < len(s) && (s[i] == '_' || s[i] >= 'a' && s[i] <= 'z' || i > start && (s[i] >= '0' && s[i] <= '9' || s[i] >= 'A' && s[i] <= 'Z')) {
		i++
	}
	if i == start {
		return nil
	}
	g.name, g.length = s[start:i], i
	return g
}

// An attribute as written: text and actions in turn.
type given struct {
	name     string
	at       int
	parts    []part
	bare     bool // without a value: true
	consumed bool
}

type part struct {
	text   string
	action *parse.ActionNode
}

// tagEnd reads the attributes of a tag up to its end. ok is false after a fault.
func (c *content) tagEnd(g *tag) (list []*given, selfClosing, ok bool) {
	for {
		t := c.text()
		if t == nil {
			if c.i >= len(c.nodes) {
				c.fault(c.src, g.at, g.length, "template", "the tag %s does not end", g).Hint = "end it with > or />"
			} else {
				c.fault(c.src, c.at(), 2, "template", "an action cannot stand between the attributes of %s", g).Hint = "give each attribute by its name: name={{.value}}"
			}
			return nil, false, false
		}
		s := string(t.Text)
		for c.off < len(s) && strings.IndexByte(" \t\r\n\f", s[c.off]) >= 0 {
			c.off++
		}
		switch {
		case c.off == len(s):
			c.step()
		case s[c.off] == '>':
			c.off++
			return list, false, true
		case strings.HasPrefix(s[c.off:], "/>"):
			c.off += 2
			return list, true, true
		default:
			a := c.attribute(t, g)
			if a == nil {
				return nil, false, false
			}
			list = append(list, a)
		}
	}
}

// String writes the tag as the author did, up to its name.
func (g *tag) String() string {
	mark := "."
	if g.slot {
		mark = ":"
	}
	if g.closing {
		return "</" + mark + g.name + ">"
	}
	return "<" + mark + g.name + ">"
}

func (c *content) attribute(t *parse.TextNode, g *tag) *given {
	s := string(t.Text)
	a := &given{at: c.at()}
	start := c.off
	for c.off < len(s) && strings.IndexByte(" \t\r\n\f=>/\"'<", s[c.off]) < 0 {
		c.off++
	}
	a.name = s[start:c.off]
	if !attrName.MatchString(a.name) {
		c.fault(c.src, a.at, max(1, len(a.name)), "template", "%q is not the name of an attribute of %s", s[start:min(len(s), max(c.off, start+1))], g).Hint =
			`attributes are written name="text" or name={{.value}}`
		return nil
	}
	if c.off == len(s) || s[c.off] != '=' {
		a.bare = true
		return a
	}
	c.off++
	if c.off == len(s) {
		c.step()
		if action := c.action(); action != nil {
			a.parts = []part{{action: action}}
			c.step()
			return a
		}
		return c.noValue(a)
	}
	if quote := s[c.off]; quote == '"' || quote == '\'' {
		c.off++
		return c.quoted(a, quote)
	}
	return c.noValue(a)
}

// action gives the action where reading is.
func (c *content) action() *parse.ActionNode {
	if c.i >= len(c.nodes) {
		return nil
	}
	a, _ := c.nodes[c.i].(*parse.ActionNode)
	return a
}

func (c *content) noValue(a *given) *given {
	c.fault(c.src, a.at, len(a.name), "template", "the attribute %q has no value that can be read", a.name).Hint = `write ` + a.name + `="text" or ` + a.name + `={{.value}}`
	return nil
}

// quoted reads a value up to its quote; actions may stand inside.
func (c *content) quoted(a *given, quote byte) *given {
	for c.i < len(c.nodes) {
		if action := c.action(); action != nil {
			a.parts = append(a.parts, part{action: action})
			c.step()
			continue
		}
		t := c.text()
		if t == nil {
			c.fault(c.src, c.at(), 2, "template", "the attribute %q takes text and values, no other action", a.name).Hint =
				"choose with a function, such as {{if_else .on \"yes\" \"no\"}} or {{classes \"a\" (and .on \"b\")}}"
			return nil
		}
		s := string(t.Text[c.off:])
		end := strings.IndexByte(s, quote)
		if end < 0 {
			a.parts = append(a.parts, part{text: html.UnescapeString(s)})
			c.step()
			continue
		}
		a.parts = append(a.parts, part{text: html.UnescapeString(s[:end])})
		c.off += end + 1
		return a
	}
	c.fault(c.src, a.at, len(a.name), "template", "the value of %q does not end", a.name).Hint = "close its quote"
	return nil
}
