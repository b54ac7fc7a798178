package config

import (
	"strconv"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// RenderErrors says what refusals and errors are answered with where no `else` answers.
type RenderErrors struct {
	Folder *source.Node // of templates named by their status; nil: none
	Pages  []ErrorTemplate
	Layout *source.Node // around the pages; nil: none
	JSON   string       // problem or phoenix
}

// An ErrorTemplate is the page of one status, or of all that have none.
type ErrorTemplate struct {
	Status int // 0 is all others
	File   *source.Node
}

func (r *RenderErrors) describe(f *spec.Fields) {
	file := spec.Schema{"type": "string"}
	f.Add("html", "folder, or map of pages", "Pages for browsers: a folder of `templates` with files such as `404.html` and `default.html`, or a map of statuses, `default` and `layout` to templates.",
		spec.Schema{"anyOf": []any{file, spec.Schema{"type": "object", "additionalProperties": false,
			"patternProperties": spec.Schema{`^([45][0-9][0-9]|default|layout)$`: file}}}}, r.readHTML)
	f.Enum(&r.JSON, "json", "problem", "What others get: problem+json (RFC 9457), or `phoenix` for `{\"errors\": {\"detail\": \"Not Found\"}}`.", "problem", "phoenix")
}

func (r *RenderErrors) readHTML(d *spec.Decoder, n *source.Node) {
	r.Folder, r.Pages, r.Layout = nil, nil, nil
	if n.Kind == source.Scalar && n.Value != "" {
		r.Folder = n
		return
	}
	if n.Kind != source.Map {
		d.Problems.Add(n.At, "wrong-type", "expected a folder of templates, or a map of statuses to templates")
		return
	}
	for _, e := range n.Entries {
		status, err := strconv.Atoi(e.Key.Value)
		switch {
		case e.Key.Value == "layout":
			r.Layout = e.Value
		case e.Key.Value == "default":
			r.Pages = append(r.Pages, ErrorTemplate{File: e.Value})
		case err == nil && status >= 400 && status <= 599:
			r.Pages = append(r.Pages, ErrorTemplate{Status: status, File: e.Value})
		default:
			p := d.Problems.Add(e.Key.At, "unknown-setting", "%q is no status of an error", e.Key.Value)
			if p.Hint = diag.DidYouMean(e.Key.Value, []string{"default", "layout"}); p.Hint == "" {
				p.Suggest("a page is named by a status from 400 to 599, or `default`; `layout` stands around them")
			}
		}
	}
}
