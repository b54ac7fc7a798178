package source

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// Parse reads one YAML text; `include` in it is a key like any other. The root may be of
// any kind. It is nil when the text cannot be read; the problem is then in ps.
func Parse(name string, text []byte, ps *diag.Problems) *Node {
	f, ok := newFile(name, "", text, ps)
	if !ok {
		return nil
	}
	return f.parse(ps)
}

// parse reads the file's text as a tree. Of several syntax errors the first is told: what
// follows one cannot be known.
func (f *File) parse(ps *diag.Problems) *Node {
	if at, ok := f.secondDocument(); ok {
		ps.Add(at, "several-documents", "a second document starts here; a manifest is one").
			Suggest("put it into a file of its own and name that under `include`")
		return nil
	}
	root, err := decode(f.Text)
	if err != nil {
		f.syntaxError(err, ps)
		return nil
	}
	if root == nil {
		ps.Add(diag.Pos{File: f.Name, Line: 1, Column: 1}, "empty", "the manifest is empty").
			Suggest("a manifest starts with `version: 1`")
		return nil
	}
	return newBuilder(f, ps).node(root, surroundings{})
}

// decode gives the root of a text, nil when there is none. A panic of the parser, which
// is no longer maintained, is an error like others.
func decode(text string) (root *yaml.Node, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("the parser stopped: %v", fault)
		}
	}()
	var document, rest yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&document); err == io.EOF {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	// A root ends at a line that is indented less; what follows is a second document to the
	// parser, and who asks for one alone never hears of it.
	if err := decoder.Decode(&rest); err == nil {
		return nil, errors.New("text stands behind its end")
	} else if err != io.EOF {
		return nil, err
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	root = document.Content[0]
	if isEmpty(root) && root.Anchor == "" && root.Style == 0 {
		return nil, nil // only a `---`
	}
	return root, nil
}

// secondDocument finds the marker at which a second document begins: a `---` after the
// first text, or text after a `...`.
func (f *File) secondDocument() (diag.Pos, bool) {
	if !strings.Contains(f.Text, "---") && !strings.Contains(f.Text, "...") {
		return diag.Pos{}, false
	}
	begun, ended := false, false
	for i, start := range f.starts {
		line := f.Text[start:f.lineEnd(i+1)]
		switch trimmed := strings.TrimLeft(line, " \t"); {
		case trimmed == "" || trimmed[0] == '#':
		case ended:
			return f.span(start, start+len(line)), true
		case isMarker(line, "---"):
			if begun {
				return f.span(start, start+3), true
			}
			begun = true
		case isMarker(line, "..."):
			ended = true
		case !begun && line[0] == '%':
		default:
			begun = true
		}
	}
	return diag.Pos{}, false
}

// isMarker tells whether a line is a document marker: it stands at the margin.
func isMarker(line, marker string) bool {
	rest, ok := strings.CutPrefix(line, marker)
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// A builder makes nodes of what the parser gives, and finds what it lets pass.
type builder struct {
	file    *File
	ps      *diag.Problems
	anchors map[*yaml.Node]*anchor
	room    []cell
	written int  // nodes in the file
	reached int  // nodes with aliases followed
	deepest int  // depth of the deepest node so far, aliases followed
	full    bool // a bound was reached and told

	line, column, at int // where offset was last asked for
}

func newBuilder(f *File, ps *diag.Problems) *builder {
	return &builder{file: f, ps: ps, anchors: map[*yaml.Node]*anchor{}}
}

// A cell holds a node and its text, so that they are made at once.
type cell struct {
	node Node
	text text
}

// surroundings is where a node stands.
type surroundings struct {
	depth  int
	column int // of the block map or list around it, 0 at the root
}

func (s surroundings) within(y *yaml.Node, n *Node) surroundings {
	s.depth++
	if y.Style&yaml.FlowStyle == 0 {
		s.column = n.At.Column
	}
	return s
}

// maxDepth bounds how deep maps and lists nest.
const maxDepth = 200

func (b *builder) node(y *yaml.Node, in surroundings) *Node {
	if y.Kind == yaml.AliasNode {
		return b.alias(y, in)
	}
	n := b.newNode(y)
	b.deepen(in.depth, n.At)
	if b.full {
		return n
	}
	b.checkTag(y)
	if y.Anchor != "" {
		b.anchored(y, n, in)
	} else {
		b.fill(y, n, in)
	}
	return n
}

// fill reads what a node holds.
func (b *builder) fill(y *yaml.Node, n *Node, in surroundings) {
	switch y.Kind {
	case yaml.MappingNode:
		b.mapping(y, n, in.within(y, n))
	case yaml.SequenceNode:
		b.sequence(y, n, in.within(y, n))
	default:
		b.checkScalar(n, in)
	}
}

func (b *builder) sequence(y *yaml.Node, n *Node, in surroundings) {
	n.Kind = List
	n.Items = make([]*Node, len(y.Content))
	for i, item := range y.Content {
		n.Items[i] = b.node(item, in)
		if y.Style&yaml.FlowStyle == 0 && item.Kind == yaml.ScalarNode {
			b.checkItem(n.Items[i])
		}
	}
	if y.Style&yaml.FlowStyle != 0 {
		b.checkFlowList(n)
	}
}

// deepen notes that something stands at a depth.
func (b *builder) deepen(depth int, at diag.Pos) {
	b.deepest = max(b.deepest, depth)
	if depth > maxDepth {
		b.refuse(at, "too-deep", "maps and lists are nested deeper than %d", maxDepth)
	}
}

// refuse tells a bound that was reached. Nothing is built after it.
func (b *builder) refuse(at diag.Pos, code, format string, args ...any) {
	if !b.full {
		b.ps.Add(at, code, format, args...)
	}
	b.full = true
}

func (b *builder) newNode(y *yaml.Node) *Node {
	if len(b.room) == 0 {
		b.room = make([]cell, 128)
	}
	c := &b.room[0]
	b.room = b.room[1:]
	b.written++
	b.reached++
	n := &c.node
	n.text = &c.text
	start := b.offset(y)
	c.text.file = b.file
	n.At = diag.Pos{File: b.file.Name, Line: y.Line, Column: y.Column}
	switch {
	case y.Line > len(b.file.starts): // a value that is missing at the end of the text
		n.At = b.file.pos(start)
	case b.hasProperties(y, start) && !isEmpty(y):
		after := b.file.skipProperties(start)
		if strings.Contains(b.file.Text[start:after], "\n") {
			n.At = b.file.pos(after)
		} else {
			n.At.Column += b.file.width(start, after)
		}
		start = after
	}
	c.text.start = int32(start)
	if y.Kind == yaml.ScalarNode {
		n.Value = y.Value
		c.text.style = styleOf(y)
		n.Quoted = c.text.style != plain || y.Style&yaml.TaggedStyle != 0
		n.At.EndColumn = b.file.endColumn(n)
	}
	return n
}

// offset gives the byte where a node stands. Nodes come nearly in the order of the text,
// so that the characters of a long line are counted once and not for each node on it.
func (b *builder) offset(y *yaml.Node) int {
	if !b.file.ascii && y.Line == b.line && y.Column >= b.column && y.Line <= len(b.file.starts) {
		end := b.file.lineEnd(y.Line)
		for ; b.column < y.Column && b.at < end; b.column++ {
			_, size := utf8.DecodeRuneInString(b.file.Text[b.at:])
			b.at += size
		}
		return b.at
	}
	b.line, b.column, b.at = y.Line, y.Column, b.file.offset(y.Line, y.Column)
	return b.at
}

// hasProperties tells whether the parser gave the place of a tag or an anchor. It keeps
// no trace of the tag `!`.
func (b *builder) hasProperties(y *yaml.Node, start int) bool {
	return y.Anchor != "" || y.Style&yaml.TaggedStyle != 0 || strings.HasPrefix(b.file.Text[start:], "!")
}

// isEmpty tells a value that is not written at all.
func isEmpty(y *yaml.Node) bool {
	return y.Kind == yaml.ScalarNode && y.Value == "" && styleOf(y) == plain
}

func styleOf(y *yaml.Node) style {
	switch {
	case y.Style&yaml.SingleQuotedStyle != 0:
		return single
	case y.Style&yaml.DoubleQuotedStyle != 0:
		return double
	case y.Style&yaml.LiteralStyle != 0:
		return literal
	case y.Style&yaml.FoldedStyle != 0:
		return folded
	}
	return plain
}

// endColumn gives the column after a scalar as it is written, 0 when it has several lines
// or none.
func (f *File) endColumn(n *Node) int {
	start := int(n.text.start)
	end := start
	switch n.text.style {
	case plain:
		if n.Value == "" || !strings.HasPrefix(f.Text[start:], n.Value) {
			return 0
		}
		end += len(n.Value)
	case single, double:
		if end = f.quoteEnd(start); strings.Contains(f.Text[start:end], "\n") {
			return 0
		}
	default:
		return 0
	}
	return n.At.Column + f.width(start, end)
}

// width counts the characters from start to end.
func (f *File) width(start, end int) int {
	if f.ascii {
		return end - start
	}
	return utf8.RuneCountInString(f.Text[start:end])
}
