package pipeline

import (
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// Inner builds a plug that another one runs as a part of itself, with the names in its
// reach. It is nil when there was a problem.
func (b *Build) Inner(d *Def, options *source.Node) Plug {
	before := b.Problems.Len()
	inner := b.Nested(d.Guard)
	inner.def = d
	s := &Settings{Fields: spec.NewFields("`" + d.Name + "`"), b: inner}
	build := d.describe(s)
	s.Decode(&spec.Decoder{Problems: b.Problems, Load: config.NewLoader(b.Env.Functions, b.Env.Lenient)}, options, options.At)
	if b.Problems.Len() > before || *b.broken {
		return nil
	}
	return build(inner)
}
