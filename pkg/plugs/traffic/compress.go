package traffic

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/compress"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type compressSettings struct {
	encodings, types []string
	level            string
	minSize          int64
}

// Compress encodes answers for clients that take it. It stands before the answers: in
// endpoint.plugs, or in the pipelines and routes that are to be encoded.
func Compress() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "compress", Group: group, Places: pipeline.HTTP,
		Doc: "Encodes the answers that follow as zstd, br or gzip, as the client takes it.",
	}, func(s *pipeline.Settings, o *compressSettings) {
		var at diag.Pos
		s.Strings(&o.encodings, "encodings", "What is offered, the preferred first: of zstd, br and gzip. Default: all, in this order.").
			Observe(func(n *source.Node) { at = n.At })
		s.Enum(&o.level, "level", "default", "How much work is spent.", "fast", "default", "best")
		s.Size(&o.minSize, "min_size", "1KB", "Shorter bodies are sent as they are.")
		s.Strings(&o.types, "types", "Content types that are encoded, such as text/* or *+json. Default: text, JSON, XML, scripts, fonts.")
		s.After(func(d *spec.Decoder, _ *source.Node) {
			for _, name := range o.encodings {
				if !slices.Contains(compress.Codings(), name) {
					p := d.Problems.Add(at, "wrong-value", "there is no encoding %q", name)
					p.Hint = "there are zstd, br and gzip"
				}
			}
		})
	}, buildCompress)
}

func buildCompress(o compressSettings, _ *pipeline.Build) pipeline.Plug {
	levels := map[string]compress.Level{"fast": compress.Fast, "default": compress.Default, "best": compress.Best}
	compressor := compress.New(compress.Options{Codings: o.encodings, Types: o.types, Level: levels[o.level], MinSize: o.minSize})
	return func(c *pipeline.Context) (any, error) {
		w := compressor.Wrap(c.W, c.R, c.Begin)
		c.W = w
		c.OnFinish(w.Close)
		return nil, nil
	}
}
