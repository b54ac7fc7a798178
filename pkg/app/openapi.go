package app

import (
	"cmp"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/handlers/openapi"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// describeRoutes makes the documents that `openapi` answers with.
func (b *builder) describeRoutes() {
	docs := openapi.Of(b.app.Env)
	if !docs.Wanted() || b.ps.Failed() {
		return
	}
	defs := make(map[string]*pipeline.Def)
	for _, d := range Plugs() {
		defs[d.Name] = d
	}
	m := b.app.Manifest
	all := openapi.Description{Title: cmp.Or(m.Name, "API"), Server: cmp.Or(m.Endpoint.URL.Path, "/"), Phoenix: m.Endpoint.RenderErrors.JSON == "phoenix"}
	if m.Endpoint.URL.Host != "" {
		all.Server = m.BaseURL()
	}
	for i := range b.app.Routes {
		if r := &b.app.Routes[i]; r.socket == nil {
			all.Routes = append(all.Routes, b.app.described(i, docs, defs))
		}
	}
	if err := docs.Make(all); err != nil {
		b.ps.Add(diag.Pos{}, "openapi", "%v", err)
	}
}

// described tells of route i what a caller needs to know.
func (a *App) described(i int, docs *openapi.Documents, defs map[string]*pipeline.Def) openapi.Route {
	r := &a.Routes[i]
	out := openapi.Route{Methods: accepted(r), Host: r.Host.String(), Path: r.Pattern.String(), Answer: r.Handler, Rows: r.rows,
		Call: docs.CallAt(r.At, builtAs(r)), Batch: a.describedBatch(r, docs)}
	for _, step := range a.Steps(i) {
		if step.Depth > 0 {
			continue
		}
		if d := defs[step.Plug]; d != nil && !step.GoesOn {
			for _, reason := range d.Fails {
				out.Refuses = append(out.Refuses, reason.Status)
			}
		}
		out.Takes = append(out.Takes, docs.TakenAt(step.At)...)
		if schemes := docs.AskedAt(step.At); len(schemes) > 0 {
			out.Security = append(out.Security, openapi.Requirement{Schemes: schemes, Optional: step.GoesOn || step.Note != ""})
		}
	}
	return out
}

// builtAs is the path under which what answers a route was built.
func builtAs(r *Route) string {
	return "/" + strings.ToLower(strings.Join(r.Methods, ",")) + r.Pattern.String()
}

// accepted lists the methods of a route that it does not only refuse; nil: any.
func accepted(r *Route) []string {
	return slices.DeleteFunc(slices.Clone(r.Methods), func(m string) bool { return slices.Contains(r.Refuses, m) })
}

// describedBatch tells of a batch, with the rows of the routes that it can take; nil where a
// route is none.
func (a *App) describedBatch(r *Route, docs *openapi.Documents) *openapi.Batch {
	noted := docs.BatchAt(r.At, builtAs(r))
	if noted == nil {
		return nil
	}
	out := *noted
	out.Steps = nil
	scope := strings.TrimSuffix(r.Pattern.String(), out.Own)
	for _, s := range noted.Steps {
		i := slices.IndexFunc(a.Routes, func(other Route) bool {
			return other.rows != nil && other.Host.String() == r.Host.String() && other.Pattern.String() == scope+s.Path && slices.Equal(other.Methods, s.Methods)
		})
		if i >= 0 {
			s.Methods, s.Rows = accepted(&a.Routes[i]), a.Routes[i].rows
			out.Steps = append(out.Steps, s)
		}
	}
	return &out
}
