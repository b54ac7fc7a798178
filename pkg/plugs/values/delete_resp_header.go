package values

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// DeleteRespHeader removes headers that plugs before it set.
func DeleteRespHeader() *pipeline.Def {
	type settings struct{ names []string }
	return pipeline.Define(pipeline.Traits{
		Name: "delete_resp_header", Group: group, Places: pipeline.HTTP,
		Doc: "Removes headers of the answer that were set before.",
	}, func(s *pipeline.Settings, o *settings) {
		var at diag.Pos
		names := s.Strings(&o.names, "names", "Names of headers.").Require()
		names.Observe(func(n *source.Node) { at = n.At })
		s.Main(names)
		s.After(func(d *spec.Decoder, _ *source.Node) {
			for i, name := range o.names {
				pipeline.CheckHeader(d.Problems, at, name, nil)
				o.names[i] = http.CanonicalHeaderKey(name)
			}
		})
	}, func(o settings, _ *pipeline.Build) pipeline.Plug {
		return func(c *pipeline.Context) (any, error) {
			h := c.W.Header()
			for _, name := range o.names {
				delete(h, name)
			}
			return nil, nil
		}
	})
}
