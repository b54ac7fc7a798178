package app

import (
	"hash/fnv"
	"io"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// fingerprint tells a route that was edited from one that was not: what is written in its
// list and in the pipelines that its scopes name. Pipelines inside lists do not count.
func (b *builder) fingerprint(list *source.Node, through []spec.Ref) uint64 {
	h := fnv.New64a()
	written(h, list)
	for _, ref := range through {
		if p := b.app.Manifest.Pipeline(ref.Name); p != nil {
			written(h, p.List)
		}
	}
	return h.Sum64()
}

// written feeds a tree to h, each piece set apart from its neighbours.
func written(h io.Writer, n *source.Node) {
	if n == nil {
		return
	}
	piece := func(s string) { _, _ = io.WriteString(h, s+"\x00") } // a hash takes everything
	switch n.Kind {
	case source.Map:
		piece("{")
		for _, e := range n.Entries {
			piece(e.Key.Value)
			written(h, e.Value)
		}
		piece("}")
	case source.List:
		piece("[")
		for _, item := range n.Items {
			written(h, item)
		}
		piece("]")
	default:
		piece(n.Value)
	}
}
