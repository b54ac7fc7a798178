package browser

import (
	"github.com/openmanifest/gateway/pkg/handlers/render"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// PutRootLayout names the layout that the pages of `render` are put into.
func PutRootLayout() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "put_root_layout", Group: group, Places: pipeline.HTTP,
		Doc: "Names the layout that pages are put into; it takes the page in as `{{.inner_content}}`.",
	}, func(s *pipeline.Settings, o *render.File) {
		s.Main(o.Bind(s, "layout", "A template of the folder `templates`.").Require())
	}, func(o render.File, b *pipeline.Build) pipeline.Plug {
		return o.Layout(b)
	})
}
