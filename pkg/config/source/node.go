// Package source reads YAML files into trees that remember where everything was
// written. It is the only package that knows a YAML parser.
package source

import "github.com/openmanifest/gateway/pkg/config/diag"

// Kind tells the three things that YAML can hold.
type Kind uint8

// The kinds of a Node.
const (
	Scalar Kind = iota
	Map
	List
)

// A Node is a value as written. Aliases stand as the node that they name, `<<` is
// merged in; both keep the place of what was written. Nodes never change after load.
type Node struct {
	Kind    Kind
	At      diag.Pos // the start of the value; EndColumn spans a scalar on one line
	Value   string   // of a scalar, decoded
	Quoted  bool     // 'x', "x" or a block: never read as a number, boolean or null
	Entries []Entry  // of a map, in the order written
	Items   []*Node  // of a list
	Secret  bool     // never shown: set while the manifest is decoded

	text *text // where it was written; nil when it was made by hand
}

// A text tells where and how a node was written. The place of each byte of its value is
// found when it is asked for: hardly any ever is.
type text struct {
	file  *File
	start int32 // the byte after a tag and an anchor
	style style
}

type style uint8

const (
	plain style = iota
	single
	double
	literal
	folded
)

// An Entry is one key of a map.
type Entry struct{ Key, Value *Node }

// Get returns the value under key, or nil.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, e := range n.Entries {
		if e.Key.Value == key {
			return e.Value
		}
	}
	return nil
}
