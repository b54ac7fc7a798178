package source

import (
	"gopkg.in/yaml.v3"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// Bounds on what aliases may make of a file. A tree with every alias followed may have
// maxReached nodes, and more than freeReached only if that is at most maxGrowth times
// what is written.
const (
	maxReached  = 10_000_000
	freeReached = 1_000_000
	maxGrowth   = 100
)

// An anchor is a node that aliases can name.
type anchor struct {
	node   *Node
	open   bool // still being read: an alias to it would be a circle
	reach  int  // nodes in it, aliases followed
	height int  // levels in it, aliases followed
}

// anchored reads a node with an anchor.
func (b *builder) anchored(y *yaml.Node, n *Node, in surroundings) {
	a := &anchor{node: n, open: true}
	b.anchors[y] = a
	reached, deepest := b.reached-1, b.deepest
	b.deepest = in.depth
	b.fill(y, n, in)
	a.open, a.reach, a.height = false, b.reached-reached, b.deepest-in.depth
	b.deepest = max(b.deepest, deepest)
}

// alias gives the node that an alias names: the node itself, with its places.
func (b *builder) alias(y *yaml.Node, in surroundings) *Node {
	at := diag.Pos{File: b.file.Name, Line: y.Line, Column: y.Column, EndColumn: y.Column + len("*") + len(y.Value)}
	a := b.anchors[y.Alias]
	switch {
	case b.full:
	case a == nil || a.open:
		b.refuse(at, "alias-circle", "the alias *%s stands inside of what it names", y.Value)
	default:
		b.deepen(in.depth+a.height, at)
		b.reach(a.reach, at)
		return a.node
	}
	return &Node{Kind: Scalar, At: at}
}

// reach counts nodes that an alias or a merge brings in.
func (b *builder) reach(count int, at diag.Pos) {
	b.reached += count
	if b.reached > maxReached || b.reached > freeReached && b.reached > maxGrowth*b.written {
		b.refuse(at, "too-large", "aliases make this file too large: more than %d values from the %d written", b.reached-1, b.written)
	}
}

func (b *builder) mapping(y *yaml.Node, n *Node, in surroundings) {
	n.Kind = Map
	n.Entries = make([]Entry, 0, len(y.Content)/2)
	keys := keySet{of: n}
	var merges []*yaml.Node
	var previous *Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Kind == yaml.ScalarNode && k.Tag == "!!merge" && k.Value == "<<" {
			merges = append(merges, v)
			continue
		}
		key, value := b.node(k, in), b.node(v, in)
		if y.Style&yaml.FlowStyle != 0 && isEmpty(v) {
			b.checkLoneKey(key, previous)
		}
		previous = value
		if !b.checkKey(key) {
			continue
		}
		if first := keys.find(key.Value); first != nil {
			b.ps.Add(key.At, "duplicate-key", "the key %q stands twice in this map", key.Value).
				Relate(first.At, "it stands here first")
			continue
		}
		keys.add(Entry{Key: key, Value: value})
	}
	for _, v := range merges {
		b.merge(v, &keys, in)
	}
}

// checkKey tells whether a key can be one: text, or a whole number such as a status.
func (b *builder) checkKey(key *Node) bool {
	if b.full {
		return false
	}
	switch key.Scalar().(type) {
	case string, int64:
		if key.text.style == plain {
			b.checkPlainKey(key)
		}
		return true
	case nil:
		if key.Kind != Scalar {
			b.ps.Add(key.At, "bad-key", "a key must be text, not a %s", key.kind()).
				Suggest("quote the key if it is meant as text")
		} else if key.Value == "" {
			b.ps.Add(key.At, "bad-key", "a key is missing before this `:`")
		} else {
			b.badKey(key, "null")
		}
	case bool:
		b.badKey(key, "a boolean")
	case float64:
		b.badKey(key, "a number")
	}
	return false
}

func (b *builder) badKey(key *Node, what string) {
	b.ps.Add(key.At, "bad-key", "a key must be text; %s is %s", key.Value, what).
		Suggest("quote the key: %q", key.Value)
}

// kind names what a node is, for messages.
func (n *Node) kind() string {
	switch n.Kind {
	case Map:
		return "map"
	case List:
		return "list"
	}
	return "plain value"
}

// merge joins what `<<` names: a map, or a list of maps of which earlier ones win. What
// the map has itself wins over both.
func (b *builder) merge(v *yaml.Node, keys *keySet, in surroundings) {
	m := b.node(v, in)
	if b.full {
		return
	}
	maps := []*Node{m}
	if m.Kind == List {
		maps = m.Items
	}
	for _, m := range maps {
		if m.Kind != Map {
			b.ps.Add(m.At, "bad-merge", "`<<` takes a map or a list of maps, not a %s", m.kind()).
				Suggest("name an anchor: `<<: *name`")
			continue
		}
		if b.reach(len(m.Entries), m.At); b.full {
			return
		}
		for _, e := range m.Entries {
			if keys.find(e.Key.Value) == nil {
				keys.add(e)
			}
		}
	}
}

// A keySet finds the keys of a map that is being made.
type keySet struct {
	of    *Node
	index map[string]*Node // only for many keys
}

// manyKeys is the number above which a map beats looking through the keys.
const manyKeys = 12

func (k *keySet) find(name string) *Node {
	if k.index != nil {
		return k.index[name]
	}
	for _, e := range k.of.Entries {
		if e.Key.Value == name {
			return e.Key
		}
	}
	return nil
}

func (k *keySet) add(e Entry) {
	k.of.Entries = append(k.of.Entries, e)
	switch {
	case k.index != nil:
		k.index[e.Key.Value] = e.Key
	case len(k.of.Entries) > manyKeys:
		k.index = make(map[string]*Node, 2*len(k.of.Entries))
		for _, e := range k.of.Entries {
			k.index[e.Key.Value] = e.Key
		}
	}
}
