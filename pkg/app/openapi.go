package app

import (
	"cmp"

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
	out := openapi.Route{Methods: r.Methods, Host: r.Host.String(), Path: r.Pattern.String(), Answer: r.Handler, Rows: r.rows}
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
