package app

import (
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// fingerprint tells a route that was edited from one that was not: what is written in its
// list and in the pipelines that its scopes name. Pipelines inside lists do not count.
func (b *builder) fingerprint(list *source.Node, through []spec.Ref) uint64 {
	p := newPrint()
	p.tree(list)
	for _, ref := range through {
		p = p.mix(b.pipelinePrint(ref.Name))
	}
	return uint64(p)
}

// pipelinePrint is made once for each pipeline.
func (b *builder) pipelinePrint(name string) uint64 {
	if known, ok := b.prints[name]; ok {
		return known
	}
	p := newPrint()
	if declared := b.app.Manifest.Pipeline(name); declared != nil {
		p.tree(declared.List)
	}
	if b.prints == nil {
		b.prints = map[string]uint64{}
	}
	b.prints[name] = uint64(p)
	return uint64(p)
}

// print is an FNV-1a hash of a tree, each piece set apart from its neighbours.
type print uint64

const fnvPrime = 1099511628211

func newPrint() print { return 14695981039346656037 }

func (p *print) text(s string) {
	h := *p
	for i := range len(s) {
		h = (h ^ print(s[i])) * fnvPrime
	}
	*p = (h ^ 0xff) * fnvPrime // a byte that UTF-8 does not have
}

func (p print) mix(other uint64) print { return (p ^ print(other)) * fnvPrime }

func (p *print) tree(n *source.Node) {
	if n == nil {
		return
	}
	switch n.Kind {
	case source.Map:
		p.text("{")
		for _, e := range n.Entries {
			p.text(e.Key.Value)
			p.tree(e.Value)
		}
		p.text("}")
	case source.List:
		p.text("[")
		for _, item := range n.Items {
			p.tree(item)
		}
		p.text("]")
	default:
		p.text(n.Value)
	}
}
