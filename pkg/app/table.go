package app

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// TemplatesDir is the folder of templates beside the manifest.
const TemplatesDir = "templates"

// Label names a route by method, host and path.
func (r *Route) Label() string {
	method := "ANY"
	if r.Methods != nil {
		method = strings.Join(r.Methods, ",")
	}
	return method + " " + r.Host.String() + r.Pattern.String()
}

// Steps lists what runs when route i answers: endpoint.plugs, its pipelines, its own.
func (a *App) Steps(i int) []pipeline.Listed {
	all := a.endpoint.List()
	for j := range all {
		all[j].Pipeline = "endpoint"
	}
	return append(all, a.Routes[i].Steps.List()...)
}
