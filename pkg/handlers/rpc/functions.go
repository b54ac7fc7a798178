package rpc

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/handlers/resource"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// Functions are those of one entry, checked.
type Functions struct {
	Store *pipeline.Store
	List  []*Function

	schema     string   // in which a name is looked for that no function has, for the words of refusals
	names      []string // of all
	statements rows.Statements
	answered   *store.Statement
	checked    *store.Statement // runs what waits for the commit
}

// A Function is what one name calls: one function, or several that differ in their
// parameters.
type Function struct {
	Name string // in the path
	At   diag.Pos

	all       *Functions
	schema    string
	overloads []*overload
	allow     *source.Node // nil: anyone may call it
}

// An overload is one function of the database.
type overload struct {
	*store.CatalogFunction
	given    *resource.Given     // whose rows are those of a table; else nil
	relation *relations.Relation // what requests see of what it gives; of a scalar one column
	scalar   bool                // it gives values, not rows
	media    string              // the media type of its value; "": none
}

// scalarColumn is what PostgREST calls the value of a function.
const scalarColumn = "pgrst_scalar"

// New checks an entry that stands at a place. It is nil when a problem was reported.
func New(env *pipeline.Env, ps *diag.Problems, e *Entry, entries *resource.Entries, place *resource.Place) *Functions {
	before := ps.Len()
	st := records.Store(env, e.Store.Name, e.At, ps)
	if st == nil {
		return nil
	}
	if st.Dialect == expr.SQLite {
		ps.Add(e.At, "no-functions", "the store %s is SQLite, which has no functions to call", st.Name).Suggest("write a route with `query:` or `execute:` in its place")
		return nil
	}
	catalog := env.Catalog(st, e.At, ps)
	if catalog == nil {
		return nil
	}
	x := &Functions{Store: st, schema: "public", answered: rows.NewAsk(), checked: &store.Statement{SQL: "set constraints all immediate"}}
	for _, ref := range e.Functions {
		f := &Function{Name: ref.Name, At: ref.At, all: x}
		for i := range catalog.Functions {
			if cf := &catalog.Functions[i]; cf.Visible && cf.Name == ref.Name || cf.Schema+"."+cf.Name == ref.Name {
				f.Name, f.schema = cf.Name, cf.Schema
				f.overloads = append(f.overloads, overloadOf(cf, catalog, st, entries, place))
			}
		}
		switch {
		case len(f.overloads) == 0:
			p := ps.Add(ref.At, "unknown-function", "the store %s has no function %q that can be called by name", st.Name, ref.Name)
			if p.Hint = diag.DidYouMean(ref.Name, functionNames(catalog)); p.Hint == "" {
				p.Suggest("each of its parameters needs a name, or it has one alone that is json, jsonb, text, xml or bytea")
			}
		case slices.Contains(x.names, f.Name):
			ps.Add(ref.At, "function-twice", "the function %q is served twice here", f.Name).Suggest("remove one")
		default:
			x.List, x.names, x.schema = append(x.List, f), append(x.names, f.Name), f.schema
		}
	}
	x.permitted(ps, e)
	if ps.Len() > before {
		return nil
	}
	return x
}

// functionNames lists what can be served, by the shortest name.
func functionNames(c *store.Catalog) []string {
	var names []string
	for i := range c.Functions {
		f := &c.Functions[i]
		name := f.Name
		if !f.Visible {
			name = f.Schema + "." + name
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func overloadOf(f *store.CatalogFunction, catalog *store.Catalog, st *pipeline.Store, entries *resource.Entries, place *resource.Place) *overload {
	o := &overload{CatalogFunction: f}
	switch {
	case f.Relation != "":
		if r := catalog.Find(f.RelationOf + "." + f.Relation); r != nil {
			o.given = entries.Given(st, r, place)
			o.relation = o.given.Relation
			return o
		}
	case f.Columns != nil:
		o.relation = entries.GivenColumns(f.Name, f.Columns)
		return o
	}
	o.scalar, o.media = true, mediaOf(f)
	o.relation = entries.GivenColumns(f.Name, []store.CatalogColumn{{Name: scalarColumn, Native: f.Native}})
	return o
}

// permitted checks that the entry says who may call each function.
func (x *Functions) permitted(ps *diag.Problems, e *Entry) {
	if e.AllowAt.IsZero() {
		if !e.Public {
			ps.Add(e.At, "no-rule", "this does not say who may call the functions").Suggest("write `allow: CONDITION` or `public: true`")
		}
		return
	}
	if e.Public {
		ps.Add(e.AllowAt, "public-and-allow", "`public` and `allow` exclude each other").Suggest("keep `allow`")
	}
	for _, f := range x.List {
		f.allow = e.All
	}
	for _, a := range e.Allow {
		i := slices.Index(x.names, a.Name)
		if i < 0 {
			ps.Add(a.At, "unknown-function", "`allow` names %q, which is not served here", a.Name).Hint = diag.DidYouMean(a.Name, append(slices.Clone(x.names), rest))
			continue
		}
		x.List[i].allow = a.Value
	}
	var open []string
	for _, f := range x.List {
		if f.allow == nil {
			open = append(open, f.Name)
		}
	}
	if len(open) > 0 {
		ps.Add(e.AllowAt, "missing-function", "`allow` does not say who may call %s", diag.OneOf(open)).Suggest("add each, or `%s`, which is the condition of the others", rest)
	}
}
