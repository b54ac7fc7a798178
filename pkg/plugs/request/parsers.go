package request

import (
	"mime"
	"slices"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// maxForm bounds an urlencoded body in bytes, as Plug.Parsers.URLENCODED does.
const maxForm = 1_000_000

type parsers struct {
	accept                             []string
	maxBody, maxJSON, maxForm, maxMany int64
	maxPart                            int64
	maxFiles                           int
	pass, decode                       []string
	idle                               time.Duration
}

func kinds() []string { return []string{"json", "urlencoded", "multipart"} }

// Parsers says which bodies become params. The body is read when a plug first needs it, so
// that a body that cannot be read is refused there: parsers itself never fails. The defaults
// are those of Plug.Parsers.
func Parsers() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "parsers", Group: group, Places: pipeline.HTTP,
		Doc: "Says which bodies are merged into `params`; a body is read when a plug first needs it, and refused there with 400, 413 or 415 when it does not fit.",
	}, parsersSettings, func(o parsers, b *pipeline.Build) pipeline.Plug {
		if o.maxForm == 0 {
			o.maxForm = min(o.maxBody, maxForm)
		}
		p := &pipeline.BodyParser{
			MaxBody: o.maxBody, MaxJSON: o.maxJSON, MaxForm: o.maxForm,
			Parts: pipeline.Parts{Max: o.maxMany, MaxPart: o.maxPart, MaxFiles: o.maxFiles},
			Pass:  o.pass, Gzip: len(o.decode) > 0, Idle: o.idle,
		}
		for _, a := range o.accept {
			p.JSON = p.JSON || a == "json"
			p.Form = p.Form || a == "urlencoded"
			p.Multipart = p.Multipart || a == "multipart"
		}
		return func(c *pipeline.Context) (any, error) {
			c.Parser = p
			return nil, nil
		}
	})
}

func parsersSettings(s *pipeline.Settings, o *parsers) {
	o.accept = kinds()
	accept := s.Add("accept", "list of json, urlencoded, multipart", "Kinds of bodies that are read.", spec.OneOrMore(spec.Schema{"enum": kinds()}),
		func(d *spec.Decoder, n *source.Node) { o.accept = words(d, n, kinds()) })
	accept.Default = "[json, urlencoded, multipart]"
	s.Main(accept)
	size(s.Fields, &o.maxBody, "max_body", "8MB", "A larger body is refused (413), unless its kind has a `max` of its own.")
	kind(s, o, "json", "Bounds on JSON.", func(f *spec.Fields) {
		size(f, &o.maxJSON, "max", "", "A larger body is refused (413). Default: `max_body`.")
	})
	kind(s, o, "urlencoded", "Bounds on forms.", func(f *spec.Fields) {
		size(f, &o.maxForm, "max", "", "A larger body is refused (413), and so are larger texts in a multipart body.").Default = "1MB"
	})
	kind(s, o, "multipart", "Bounds on forms with files.", func(f *spec.Fields) {
		size(f, &o.maxMany, "max", "", "A larger body is refused (413). Default: `max_body`.")
		size(f, &o.maxPart, "max_part", "", "A body with a larger file is refused (413). Default: `max`.")
		f.Int(&o.maxFiles, "max_files", 100, 1, 10_000, "A body with more files is refused (413).")
	})
	s.Add("pass", "list of media types", "Types that are left unread instead of refused (415): `text/csv`, `image/*`, `*/*`.", spec.OneOrMore(spec.Text(`^[^/]+/[^/]+$`)),
		func(d *spec.Decoder, n *source.Node) { o.pass = mediaTypes(d, n) })
	s.Add("decode", "list of gzip", "Encodings of a body that are decoded; the bounds are on what comes out. None by default.", spec.OneOrMore(spec.Schema{"enum": []string{"gzip"}}),
		func(d *spec.Decoder, n *source.Node) { o.decode = words(d, n, []string{"gzip"}) })
	s.Duration(&o.idle, "idle", "30s", "How long a client may send nothing of its body; then it is refused (408).")
}

// kind describes the bounds on one kind of bodies. Where that kind is not read they would
// bound nothing.
func kind(s *pipeline.Settings, o *parsers, name, doc string, describe func(*spec.Fields)) {
	var at diag.Pos
	s.Block(name, doc, describe).Observe(func(n *source.Node) { at = n.At })
	s.After(func(d *spec.Decoder, _ *source.Node) {
		if !at.IsZero() && !slices.Contains(o.accept, name) {
			d.Problems.Add(at, "wrong-value", "`accept` does not list %s, so that this bounds nothing", name).Suggest("add %s to `accept`, or remove this", name)
		}
	})
}

// size describes a bound that lets something through.
func size(f *spec.Fields, p *int64, name, def, doc string) *spec.Field {
	x := f.Size(p, name, def, doc)
	x.Observe(func(n *source.Node) {
		f.After(func(d *spec.Decoder, _ *source.Node) {
			if v, ok := spec.ParseSize(n.Value); ok && v == 0 {
				d.Problems.Add(n.At, "wrong-value", "`%s` of %s refuses every body", name, n.Value).Suggest("write a size such as 1MB")
			}
		})
	})
	return x
}

// words reads a list of known words.
func words(d *spec.Decoder, n *source.Node, known []string) (out []string) {
	for _, item := range spec.Items(n) {
		if near := diag.DidYouMean(item.Value, known); item.Kind != source.Scalar || !slices.Contains(known, item.Value) {
			d.Problems.Add(item.At, "wrong-value", "expected %s, found %q", diag.OneOf(known), item.Value).Hint = near
			continue
		}
		out = append(out, item.Value)
	}
	return out
}

// mediaTypes reads a list of types, where a * may stand for a whole half.
func mediaTypes(d *spec.Decoder, n *source.Node) (out []string) {
	for _, item := range spec.Items(n) {
		kind, params, err := mime.ParseMediaType(item.Value)
		top, sub, ok := strings.Cut(kind, "/")
		if err != nil || !ok || len(params) > 0 || item.Kind != source.Scalar || top == "*" && sub != "*" || sub != "*" && strings.Contains(sub, "*") {
			d.Problems.Add(item.At, "wrong-value", "%q is not a media type", item.Value).Suggest("such as text/csv, image/* or */*")
			continue
		}
		out = append(out, kind)
	}
	return out
}
