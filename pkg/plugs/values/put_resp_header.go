package values

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type putRespHeader struct {
	headers []spec.Named[*pipeline.Text]
}

// PutRespHeader sets headers of the answer.
func PutRespHeader() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "put_resp_header", Group: group, Places: pipeline.HTTP,
		Doc: "Sets headers of the answer, in place of earlier ones of the same name.",
	}, func(s *pipeline.Settings, o *putRespHeader) {
		s.Whole(s.Texts(&o.headers, "headers", "Names of headers and their texts."))
		s.After(func(d *spec.Decoder, n *source.Node) { CheckHeaders(d, o.headers) })
	}, func(o putRespHeader, _ *pipeline.Build) pipeline.Plug {
		put := Put(o.headers)
		return func(c *pipeline.Context) (any, error) { return nil, put(c) }
	})
}

// Put sets headers of the answer, in the order written.
func Put(headers []spec.Named[*pipeline.Text]) func(*pipeline.Context) error {
	for i := range headers {
		headers[i].Name = http.CanonicalHeaderKey(headers[i].Name)
	}
	return func(c *pipeline.Context) error {
		for _, h := range headers {
			text, err := h.Value.String(c)
			if err != nil {
				return err
			}
			if err := c.SetHeader(h.Name, text); err != nil {
				return err
			}
		}
		return nil
	}
}

// CheckHeaders reports names and constant texts that cannot stand in an answer.
func CheckHeaders(d *spec.Decoder, headers []spec.Named[*pipeline.Text]) {
	for _, h := range headers {
		pipeline.CheckHeader(d.Problems, h.At, h.Name, h.Value)
	}
}
