package app

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/handlers/rpc"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// FunctionFields describes the keys of an `rpc` entry, for the JSON Schema and the reference.
func FunctionFields() *spec.Fields {
	f := spec.NewFields("`rpc`")
	rpc.Describe(f, &rpc.Entry{})
	return f
}

// functions adds the routes of one `rpc` entry: one for each function, and one that tells of
// names that none has.
func (b *builder) functions(n *source.Node, in base) {
	before := b.ps.Len()
	e := &rpc.Entry{}
	f := spec.NewFields("`rpc`")
	rpc.Describe(f, e)
	f.Decode(&spec.Decoder{Problems: b.ps, Load: config.NewLoader(b.app.Env.Functions, b.app.Env.Lenient)}, n, n.At)
	under := source.NewScalar(n.At, "/rpc")
	if b.ps.Len() > before {
		b.lose(in, under)
		return
	}
	x := rpc.New(b.app.Env, b.ps, e, b.entries, in.place)
	prefix, ok := b.below(in.prefix, "/rpc", under)
	if x == nil || !ok {
		b.lose(in, under)
		return
	}
	b.called = append(b.called, x.Store)
	in.prefix = prefix
	for _, f := range x.List {
		b.function(rpcRoute{"/" + f.Name, rpc.Methods(), nil, "rpc " + f.Name, f.Plug()}, source.NewScalar(f.At, f.Name), in, n)
	}
	others := in.host.String() + prefix.String()
	if !b.unknown[others] {
		b.unknown[others] = true
		methods := append(rpc.Methods(), rpc.OtherMethods()...)
		b.function(rpcRoute{"/:function", methods, rpc.OtherMethods(), "rpc: no such function", x.Unknown()}, under, in, n)
	}
}

// rpcRoute is a route below /rpc.
type rpcRoute struct {
	path    string
	methods []string
	refuses []string // of them
	name    string
	plug    func(*pipeline.Build) pipeline.Plug
}

func (b *builder) function(r rpcRoute, at *source.Node, in base, n *source.Node) {
	full, ok := b.below(in.prefix, r.path, at)
	if !ok {
		return
	}
	src := pipeline.RouteSource{
		Path: in.path + "/" + strings.ToLower(strings.Join(r.methods, ",")) + full.String(), At: at.At, After: b.after, Through: in.through,
		List: source.NewScalar(at.At, ""), Unsafe: true,
	}
	b.add(r.methods, in, full, at.At, r.name, b.c.Handler(src, rpc.Def(), r.plug), n)
	b.inDialect().Refuses = r.refuses
}
