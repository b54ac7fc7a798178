// Package rpc serves functions of the database by name, as PostgREST does: arguments come
// from the body or the query, rows that a function gives can be filtered and embedded.
package rpc

import (
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// An Entry is one `rpc` as written.
type Entry struct {
	At        diag.Pos
	Functions []spec.Ref
	Store     spec.Ref
	Public    bool
	AllowAt   diag.Pos                   // zero: there is no `allow`
	All       *source.Node               // the condition of `allow` for what has none of its own; nil: none
	Allow     []spec.Named[*source.Node] // by function
}

// rest is the key of `allow` for the functions that it does not name.
const rest = "call"

// Describe binds the keys of an entry.
func Describe(f *spec.Fields, e *Entry) {
	text := spec.Schema{"type": "string"}
	f.Add("rpc", "list of functions", "The functions of the database that are served at /rpc/NAME, by GET and by POST; one outside of the search path with its schema before a dot. Postgres alone has them.",
		spec.OneOrMore(text), e.functions).Require()
	f.Add("store", "name of a store", "The store that has the functions; the first one when left out.", text, func(d *spec.Decoder, n *source.Node) {
		if n.Kind != source.Scalar || n.Value == "" {
			d.Problems.Add(n.At, "wrong-type", "`store` takes the name of a store")
			return
		}
		e.Store = spec.Ref{Name: n.Value, At: n.At}
	})
	f.Bool(&e.Public, "public", false, "Lets anyone call them who passes the pipelines.")
	condition := pipeline.ConditionValue()
	f.Add("allow", "condition, or map of functions to conditions", "Who may call them: one condition for all, or one for each function; `call` is that of the others.",
		spec.Schema{"anyOf": []any{condition, spec.MapOf(condition)}}, e.allow)
}

func (e *Entry) functions(d *spec.Decoder, n *source.Node) {
	e.At, e.Functions = n.At, nil
	for _, item := range spec.Items(n) {
		if item.Kind != source.Scalar || item.Value == "" {
			d.Problems.Add(item.At, "wrong-type", "expected the name of a function")
			continue
		}
		e.Functions = append(e.Functions, spec.Ref{Name: item.Value, At: item.At})
	}
}

func (e *Entry) allow(_ *spec.Decoder, n *source.Node) {
	e.AllowAt, e.All, e.Allow = n.At, nil, nil
	if n.Kind != source.Map {
		e.All = n
		return
	}
	for _, x := range n.Entries {
		if x.Key.Value == rest {
			e.All = x.Value
			continue
		}
		e.Allow = append(e.Allow, spec.Named[*source.Node]{Name: x.Key.Value, At: x.Key.At, Value: x.Value})
	}
}
