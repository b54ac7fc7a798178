// Package render answers with pages made from the templates of the manifest's folder by
// html/template, which escapes each value for the place where it stands. Templates are
// read, parsed and checked when the manifest is loaded.
package render

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// All lists the plugs.
func All() []*pipeline.Def { return []*pipeline.Def{Render()} }

type settings struct {
	file, layout File
	assigns      []spec.Named[*pipeline.Value]
}

// Render answers with a page.
func Render() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "render", Group: "answer", Places: pipeline.HTTP, Answers: pipeline.HTTP,
		Doc: "Answers with a page made from a template, which sees the visible names as `{{.name}}`.",
	}, func(s *pipeline.Settings, o *settings) {
		s.Main(o.file.Bind(s, "template", "A file of the folder `templates`.").Require())
		s.Values(&o.assigns, "assigns", "Further names for the template, before those that are visible.")
		o.layout.BindLayout(s, "layout", "The layout of this page in place of that of `put_layout`; false for none. The root layout stays.")
	}, func(o settings, b *pipeline.Build) pipeline.Plug {
		p := Compile(b, o.file, Options{Layout: o.layout, Assigns: o.assigns})
		if p == nil {
			return nil
		}
		return func(c *pipeline.Context) (any, error) { return nil, p.Answer(c, http.StatusOK, nil) }
	})
}
