package who

import (
	"net/http"
	"net/textproto"
	"strings"

	yaml "github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// names is a list of headers, of which some end in * and stand for all that begin so.
type names []string

func (p *names) setting(f *spec.Fields, name, doc string) {
	one := spec.OrExpression(spec.Text("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"))
	f.Add(name, "list of headers", doc, spec.Schema{"anyOf": []any{one, spec.ListOf(one)}}, func(d *spec.Decoder, n *yaml.Node) {
		*p = names{}
		for _, item := range spec.Items(n) {
			v, from, ok := d.Scalar(item, "the name of a header")
			if !ok {
				continue
			}
			text, _ := v.(string)
			stem := strings.TrimSuffix(text, "*")
			if !pipeline.ValidHeaderName(stem) || strings.Contains(stem, "*") {
				d.Wrong(item, from, v, "the name of a header").Suggest("such as x-user, or x-auth-* for all that begin so")
				continue
			}
			*p = append(*p, canonical(text))
		}
	})
}

// canonical takes a name with underscores for the same one with dashes, as CGI-like servers
// do.
func canonical(name string) string {
	if strings.IndexByte(name, '_') >= 0 {
		name = strings.ReplaceAll(name, "_", "-")
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

func (p names) has(name string) bool {
	name = canonical(name)
	for _, want := range p {
		stem, wild := strings.CutSuffix(want, "*")
		if want == name || wild && strings.HasPrefix(name, stem) {
			return true
		}
	}
	return false
}

// drop takes headers away.
func (p names) drop(h http.Header) {
	for name := range h {
		if p.has(name) {
			delete(h, name)
		}
	}
}
