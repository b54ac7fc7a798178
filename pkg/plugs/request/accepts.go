package request

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// A format is a word of `accepts` with the media types that stand for it, as the MIME
// library of Elixir has them. JSON is also what PostgREST's clients ask for where they want
// one row (`.single()`), or a list: resources answer it.
type format struct {
	name  string
	types []string
}

func formats() []format {
	return []format{
		{"html", []string{"text/html"}},
		{"json", []string{"application/json", "application/vnd.pgrst.object+json", "application/vnd.pgrst.array+json"}},
		{"text", []string{"text/plain"}},
		{"xml", []string{"application/xml", "text/xml"}},
		{"csv", []string{"text/csv"}},
		{"js", []string{"text/javascript", "application/javascript"}},
	}
}

func formatNames() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// Accepts picks the format of the answer, as Phoenix.Controller.accepts does: the query's
// `_format`, else the Accept header (RFC 9110 section 12.5.1), else the first format.
func Accepts() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "accepts", Group: group, Places: pipeline.HTTP, Binds: []string{"format"},
		Doc:   "Picks the format of the answer among those that the client takes, and binds it as `format`.",
		Fails: []pipeline.Reason{{Name: "not_acceptable", Status: http.StatusNotAcceptable}},
	}, acceptsSettings, func(o accepts, b *pipeline.Build) pipeline.Plug {
		b.Give("format", expr.String)
		offer := boxed(o.formats)
		var names []string
		for _, f := range o.formats {
			names = append(names, f.name)
		}
		none := pipeline.Refuse(http.StatusNotAcceptable, "not_acceptable", "the answer can be had as %s", diag.OneOf(names))
		return func(c *pipeline.Context) (any, error) {
			f := pick(offer, c.R)
			if f == nil {
				return nil, none
			}
			c.Slots[pipeline.SlotFormat] = f.value
			return nil, nil
		}
	})
}

type accepts struct{ formats []format }

func acceptsSettings(s *pipeline.Settings, o *accepts) {
	doc := "Formats that can be answered; the first is taken when the client does not say."
	s.Main(s.Add("formats", "list of formats", doc, spec.OneOrMore(spec.Schema{"enum": formatNames()}), func(d *spec.Decoder, n *source.Node) {
		o.formats = nil
		for _, item := range spec.Items(n) {
			f := formatOf(item.Value)
			if f == nil || item.Kind != source.Scalar {
				p := d.Problems.Add(item.At, "unknown-format", "unknown format %q", item.Value)
				if p.Hint = diag.DidYouMean(item.Value, formatNames()); p.Hint == "" {
					p.Suggest("known are %s", diag.OneOf(formatNames()))
				}
				continue
			}
			o.formats = append(o.formats, *f)
		}
		if n.Kind == source.List && len(n.Items) == 0 {
			d.Problems.Add(n.At, "wrong-value", "`accepts` needs at least one format").Suggest("such as [html, json]")
		}
	}).Require())
}

func formatOf(name string) *format {
	for _, f := range formats() {
		if f.name == name {
			return &f
		}
	}
	return nil
}

// An offered format holds its name as the any that goes into the slot, made once.
type offered struct {
	format
	value any
}

func boxed(list []format) []offered {
	out := make([]offered, len(list))
	for i, f := range list {
		out[i] = offered{f, f.name}
	}
	return out
}

// pick gives the format to answer in, nil when none fits.
func pick(offer []offered, r *http.Request) *offered {
	if strings.Contains(r.URL.RawQuery, "_format") {
		if asked := r.URL.Query()["_format"]; len(asked) > 0 {
			return byName(offer, asked[len(asked)-1])
		}
	}
	lines := r.Header["Accept"]
	switch {
	case len(lines) == 0 || len(lines) == 1 && (lines[0] == "*/*" || strings.TrimSpace(lines[0]) == ""):
		return &offer[0]
	case len(lines) == 1:
		return negotiate(offer, lines[0])
	}
	return negotiate(offer, strings.Join(lines, ","))
}

func byName(offer []offered, name string) *offered {
	for i := range offer {
		if offer[i].name == name {
			return &offer[i]
		}
	}
	return nil
}

// negotiate takes the range with the highest q, the first of equals, that some format fits.
func negotiate(offer []offered, header string) *offered {
	var best *offered
	top := 0.0
	for part := range strings.SplitSeq(header, ",") {
		media, params, _ := strings.Cut(part, ";")
		q := quality(params)
		if q <= top {
			continue // among these are the ranges with q=0, which refuse
		}
		if f := first(offer, strings.ToLower(strings.TrimSpace(media)), header); f != nil {
			best, top = f, q
		}
	}
	return best
}

// first gives the first format of a media range.
func first(offer []offered, media, header string) *offered {
	kind, wild := strings.CutSuffix(media, "/*")
	for i := range offer {
		for _, t := range offer[i].types {
			if t == media || wild && (kind == "*" || strings.HasPrefix(t, kind+"/")) && !refused(t, header) {
				return &offer[i]
			}
		}
	}
	return nil
}

// refused tells whether the header names a type with q=0: a wildcard does not bring it
// back.
func refused(media, header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		named, params, found := strings.Cut(part, ";")
		if found && strings.EqualFold(strings.TrimSpace(named), media) && quality(params) == 0 {
			return true
		}
	}
	return false
}

// quality reads q of the parameters (RFC 9110 section 12.4.2): 1 when it is not there, 0
// when it cannot be read.
func quality(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, text, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
