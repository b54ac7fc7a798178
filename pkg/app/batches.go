package app

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/handlers/batch"
	"github.com/openmanifest/gateway/pkg/handlers/resource"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/routes"
)

// BatchFields describes the keys of a `batch` entry, for the JSON Schema and the reference.
func BatchFields() *spec.Fields {
	f := spec.NewFields("`batch`")
	batch.Describe(f, &batch.Entry{})
	return f
}

// batches adds the batches of a scope, behind all of its resources.
func (b *builder) batches(list []*source.Node, in base) {
	for _, n := range list {
		if n.Kind == source.Map && n.Get("batch") != nil && n.Get("resources") == nil && n.Get("rpc") == nil {
			b.batch(n, in)
		}
	}
}

func (b *builder) batch(n *source.Node, in base) {
	e := &batch.Entry{}
	f := spec.NewFields("`batch`")
	batch.Describe(f, e)
	f.Decode(&spec.Decoder{Problems: b.ps, Load: config.NewLoader(b.app.Env.Functions, b.app.Env.Lenient)}, n, n.At)
	if e.Path == nil {
		b.lose(in, nil)
		return
	}
	own, full, ok := b.whole(e.Path, in)
	if !ok {
		return
	}
	if len(own.Names()) > 0 {
		b.ps.Add(e.Path.At, "bad-path", "the path of a batch has no names").Suggest("such as `batch: /batch`; names of the scope's path are in reach")
		return
	}
	if b.ps.Failed() {
		return // what is wrong with a resource would be told again
	}
	src := pipeline.RouteSource{Path: in.path + "/post" + full.String(), At: e.Path.At, After: b.after, Through: in.through, List: source.NewScalar(e.Path.At, ""), Unsafe: true}
	steps := b.c.Handler(src, batch.Def(), batch.Plug(own.String(), e.Path.At, *in.batched))
	b.add([]string{"POST"}, in, full, e.Path.At, "batch", steps, n)
	b.inDialect()
}

// batchable notes a route of a resource, for the batches of its scope.
func (b *builder) batchable(r *resource.Resource, w resource.Way, in base, full routes.Pattern, n *source.Node) {
	if in.batched == nil || w.Long || w.Action == resource.NewForm || w.Action == resource.EditForm {
		return
	}
	below, err := routes.ParsePattern(strings.TrimPrefix(full.String(), strings.TrimSuffix(in.scope.String(), "/")))
	if err != nil {
		return // the route itself has this fault
	}
	w.Step = true
	*in.batched = append(*in.batched, batch.Target{Methods: w.Methods(), Path: below, Store: r.Store(), At: entryAt(n), Plug: r.Plug(w, full)})
}
