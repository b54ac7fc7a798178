package request

import (
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// maxForm bounds an urlencoded body in bytes, as Plug.Parsers.URLENCODED does.
const maxForm = 1_000_000

type parsers struct {
	accept  []string
	maxBody int64
}

// Parsers says which bodies become params. The body is read when a plug first needs it, so
// that a body that cannot be read is refused there: parsers itself never fails.
func Parsers() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "parsers", Group: group, Places: pipeline.HTTP,
		Doc: "Says which bodies are merged into `params`; a body is read when a plug first needs it, and refused there with 400, 413 or 415 when it does not fit.",
	}, parsersSettings, func(o parsers, b *pipeline.Build) pipeline.Plug {
		p := &pipeline.BodyParser{MaxBody: o.maxBody, MaxForm: min(o.maxBody, maxForm)}
		for _, a := range o.accept {
			p.JSON = p.JSON || a == "json"
			p.Form = p.Form || a == "urlencoded"
		}
		return func(c *pipeline.Context) (any, error) {
			c.Parser = p
			return nil, nil
		}
	})
}

func parsersSettings(s *pipeline.Settings, o *parsers) {
	known := []string{"json", "urlencoded", "multipart"}
	o.accept = []string{"json", "urlencoded"}
	accept := s.Add("accept", "list of json, urlencoded", "Kinds of bodies that are read.", spec.OneOrMore(spec.Schema{"enum": known}),
		func(d *spec.Decoder, n *source.Node) {
			o.accept = nil
			for _, item := range spec.Items(n) {
				switch {
				case item.Value == "multipart":
					spec.Unavailable(d.Problems, item.At, "multipart")
				case item.Kind != source.Scalar || item.Value != "json" && item.Value != "urlencoded":
					d.Problems.Add(item.At, "wrong-value", "expected json or urlencoded, found %q", item.Value).Hint = diag.DidYouMean(item.Value, known)
				default:
					o.accept = append(o.accept, item.Value)
				}
			}
		})
	accept.Default = "[json, urlencoded]"
	s.Main(accept)
	s.Size(&o.maxBody, "max_body", "8MB", "A larger body is refused (413); an urlencoded one over 1MB always is.")
}
