package request

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

type maxBody struct{ size int64 }

// MaxBody bounds the body of the request, whether it is parsed or passed on as a stream.
func MaxBody() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "max_body", Group: group, Places: pipeline.HTTP,
		Doc:   "Bounds the body of the request, in place of the `max_body` of `parsers`, and also where `proxy` passes it on; of several the narrowest holds.",
		Fails: []pipeline.Reason{{Name: "too_large", Status: http.StatusRequestEntityTooLarge}},
	}, func(s *pipeline.Settings, o *maxBody) {
		f := s.Size(&o.size, "size", "", "How large the body may be; 0B refuses every body.")
		s.Main(f.Require())
	}, func(o maxBody, _ *pipeline.Build) pipeline.Plug {
		return func(c *pipeline.Context) (any, error) { return nil, c.LimitBody(o.size) }
	})
}
