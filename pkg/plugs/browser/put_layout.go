package browser

import (
	"github.com/openmanifest/gateway/pkg/handlers/render"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// PutLayout names the layout that stands around pages, inside the root layout.
func PutLayout() *pipeline.Def {
	return putLayout(render.AppLayout, pipeline.Traits{
		Name: "put_layout", Group: group, Places: pipeline.HTTP,
		Doc: "Names the layout that pages are put into, inside the root layout; it takes the page in as `{{.inner_content}}`.",
	})
}
