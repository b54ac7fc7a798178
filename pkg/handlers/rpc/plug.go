package rpc

import (
	"net/http"
	"slices"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/handlers/openapi"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// Def is what the step runner knows of functions.
func Def() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "rpc", Group: "answer", Doc: "Calls a function of the database.", Places: pipeline.Route, Answers: pipeline.Route, Guard: true,
		Fails: []pipeline.Reason{{Name: "forbidden", Status: 403}, {Name: "not_found", Status: 404}, {Name: "invalid", Status: 400}, {Name: "conflict", Status: 409}},
	}, func(s *pipeline.Settings, e *Entry) { Describe(s.Fields, e) }, func(Entry, *pipeline.Build) pipeline.Plug { return nil })
}

// Methods are those that call a function.
func Methods() []string { return []string{http.MethodGet, http.MethodPost} }

// OtherMethods are those that PostgREST refuses in words of its own.
func OtherMethods() []string { return []string{http.MethodPut, http.MethodPatch, http.MethodDelete} }

// limits gives the rows of a relation that are in reach.
type limits = func(*relations.Relation) (relations.Limit, error)

// served is a function at one route, compiled against the names in reach.
type served struct {
	*Function
	do    *expr.Expr // who may call it; nil: anyone
	reach map[*overload]func(*pipeline.Context) limits
}

// Plug makes what builds the route of a function.
func (f *Function) Plug() func(*pipeline.Build) pipeline.Plug {
	return func(b *pipeline.Build) pipeline.Plug {
		before := b.Problems.Len()
		x := &served{Function: f, reach: map[*overload]func(*pipeline.Context) limits{}}
		b.Reads("request.body")
		openapi.Of(b.Env).Calls(b, f.describe())
		if f.allow != nil {
			x.do = b.Nested(true).Condition(f.allow)
		}
		for _, o := range f.overloads {
			if o.given != nil {
				x.reach[o] = o.given.Reach(b, f.At)
			}
		}
		if b.Problems.Len() > before {
			return nil
		}
		return answering(x.serve)
	}
}

// Unknown makes what builds the route of names that no function has.
func (x *Functions) Unknown() func(*pipeline.Build) pipeline.Plug {
	return func(b *pipeline.Build) pipeline.Plug {
		b.Reads("request.body")
		openapi.Of(b.Env).Calls(b, openapi.Call{}) // nothing to tell of
		return answering(func(c *pipeline.Context) error {
			if slices.Contains(OtherMethods(), c.Method) {
				return &rows.Problem{Status: http.StatusMethodNotAllowed, Code: "PGRST101", Message: "Cannot use the " + c.Method + " method on RPC",
					Headers: http.Header{"Allow": {"GET, HEAD, OPTIONS, POST"}}}
			}
			params := c.Match.Params
			f := &Function{Name: rows.Clip(params[len(params)-1]), all: x, schema: x.schema}
			a, _, err := f.read(c)
			if err == nil {
				_, _, err = f.find(a)
			}
			return err
		})
	}
}

func answering(do func(*pipeline.Context) error) pipeline.Plug {
	return func(c *pipeline.Context) (any, error) {
		err := do(c)
		if err == nil {
			return nil, nil
		}
		if p := rows.Of(err); p != nil {
			return nil, p.Send(c)
		}
		return nil, err
	}
}

// reads tells a request that changes nothing.
func reads(c *pipeline.Context) bool {
	return c.R.Method == http.MethodGet || c.R.Method == http.MethodHead
}

// read reads the arguments, and the query that says what is answered.
func (f *Function) read(c *pipeline.Context) (*arguments, *postgrest.Query, error) {
	o := postgrest.Options{Function: reads(c), Params: f.hasParam}
	q, err := postgrest.Parse(c.R.URL.RawQuery, o)
	if err != nil {
		return nil, nil, err
	}
	if reads(c) {
		return ofQuery(q.Args), q, nil
	}
	a, err := ofBody(c, q.Columns)
	return a, q, err
}

func (f *Function) hasParam(name string) bool {
	return slices.ContainsFunc(f.overloads, func(o *overload) bool {
		return slices.ContainsFunc(o.Params, func(p store.FunctionParam) bool { return p.Name == name })
	})
}

// permitted tells whether the caller may call the function. What cannot be decided is no.
func (x *served) permitted(c *pipeline.Context) error {
	if x.do == nil {
		return nil
	}
	ok, err := x.do.Test(c.Frame)
	if err != nil {
		c.Log.Info("a rule could not be decided, so it refused", "function", x.Name, "at", x.At.String(), "error", err)
	}
	if err != nil || !ok {
		return &rows.Problem{Status: http.StatusForbidden, Code: rows.NoPrivilege, Message: "this is not allowed"}
	}
	return nil
}

// ranged applies the Range of a GET to the page.
func ranged(c *pipeline.Context, q *postgrest.Query) error {
	if c.R.Method != http.MethodGet || len(c.R.Header["Range"]) == 0 {
		return nil
	}
	within, err := postgrest.ParseRange(c.R.Header.Get("Range"))
	if err == nil {
		err = q.Within(within)
	}
	return err
}
