package browser

import (
	"github.com/openmanifest/gateway/pkg/handlers/render"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// PutRootLayout names the layout that the pages of `render` are put into.
func PutRootLayout() *pipeline.Def {
	return putLayout(render.RootLayout, pipeline.Traits{
		Name: "put_root_layout", Group: group, Places: pipeline.HTTP,
		Doc: "Names the layout that pages are put into; it takes the page in as `{{.inner_content}}`.",
	})
}

func putLayout(layer render.Layer, t pipeline.Traits) *pipeline.Def {
	return pipeline.Define(t, func(s *pipeline.Settings, o *render.File) {
		s.Main(o.BindLayout(s, "layout", "A template of the folder `templates`, or false for none.").Require())
	}, func(o render.File, b *pipeline.Build) pipeline.Plug {
		return o.Layout(b, layer)
	})
}
