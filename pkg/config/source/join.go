package source

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// join makes one map of the sections of several files, the manifest first. Maps join key
// by key, `scopes` and `sockets` are lists that follow each other; `include` and, of
// included files, the keys `x-*` do not take part. A key that two files have is told.
func join(parts []part, ps *diag.Problems) *Node {
	root := NewMap(parts[0].root.At)
	sections := keySet{of: root}
	for i, p := range parts {
		for _, e := range p.root.Entries {
			name := e.Key.Value
			if name == "include" || i > 0 && strings.HasPrefix(name, "x-") {
				continue
			}
			if sections.find(name) == nil {
				sections.add(e)
				continue
			}
			at := indexOf(root, name)
			root.Entries[at] = joinSection(root.Entries[at], e, ps)
		}
	}
	return root
}

func indexOf(n *Node, key string) int {
	for i, e := range n.Entries {
		if e.Key.Value == key {
			return i
		}
	}
	return -1
}

// joinSection joins a section with the same of a later file.
func joinSection(have, more Entry, ps *diag.Problems) Entry {
	name := have.Key.Value
	switch a, b := have.Value, more.Value; {
	case b.Null():
	case a.Null():
		return more
	case name == "scopes" || name == "sockets":
		items := append(append([]*Node{}, listed(a)...), listed(b)...)
		return Entry{Key: have.Key, Value: NewList(a.At, items...)}
	case a.Kind == Map && b.Kind == Map:
		return Entry{Key: have.Key, Value: joinMaps(name, a, b, ps)}
	case name == "version" && a.Kind == Scalar && b.Kind == Scalar && a.Value == b.Value:
	default:
		twice(name, have.Key, more.Key, ps)
	}
	return have
}

// listed gives the items of a list; one entry may stand for a list of one.
func listed(n *Node) []*Node {
	if n.Kind == List {
		return n.Items
	}
	return []*Node{n}
}

func joinMaps(section string, a, b *Node, ps *diag.Problems) *Node {
	joined := NewMap(a.At, append([]Entry{}, a.Entries...)...)
	keys := keySet{of: joined}
	for _, e := range b.Entries {
		if first := keys.find(e.Key.Value); first != nil {
			twice(section+"."+e.Key.Value, first, e.Key, ps)
			continue
		}
		keys.add(e)
	}
	return joined
}

func twice(what string, first, second *Node, ps *diag.Problems) {
	ps.Add(second.At, "defined-twice", "%s is already defined at %s", what, first.At).
		Suggest("rename or delete one of them").
		Relate(first.At, "it stands here first")
}
