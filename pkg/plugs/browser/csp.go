package browser

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// nonceSource stands in a directive for the nonce of the answer.
const nonceSource = "nonce"

type csp struct {
	reportOnly bool
	given      []directive
}

// A directive is one part of the policy, with its sources as the header holds them.
type directive struct {
	name    string
	sources []string // nonceSource among them stands for the nonce
}

// CSP sets a content security policy, in place of the one of put_secure_browser_headers.
func CSP() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "csp", Group: group, Places: pipeline.HTTP,
		Doc: "Sets a content security policy. `nonce` among the sources binds `csp_nonce`, for <script nonce=\"{{.csp_nonce}}\">.",
	}, cspSettings, buildCSP)
}

func cspSettings(s *pipeline.Settings, o *csp) {
	one := spec.Schema{"type": "string"}
	for _, name := range directives() {
		header := strings.ReplaceAll(name, "_", "-")
		if slices.Contains(switches(), name) {
			var on bool
			x := s.Bool(&on, name, false, "The directive "+header+", which takes no sources.")
			x.Observe(func(n *source.Node) {
				if n.Value == "true" {
					o.given = append(o.given, directive{name: header})
				}
			})
			continue
		}
		s.Add(name, "list of sources", "Sources of the directive "+header+": self, none, nonce, a host, a scheme.", spec.OneOrMore(one), func(d *spec.Decoder, n *source.Node) {
			if sources, ok := readSources(d, name, n); ok {
				o.given = append(o.given, directive{header, sources})
			}
		})
	}
	s.Bool(&o.reportOnly, "report_only", false, "Report what the policy would block, and block nothing.")
	s.After(func(d *spec.Decoder, n *source.Node) {
		if len(o.given) == 0 && len(n.Entries) == 0 && (n.Kind == source.Map || n.Null()) {
			d.Problems.Add(n.At, "missing-key", "`csp` needs a directive").Suggest("such as `csp: {default_src: [self]}`")
		}
	})
}

// directives lists those of CSP level 3 that browsers know.
func directives() []string {
	return append([]string{"default_src", "script_src", "script_src_elem", "script_src_attr", "style_src", "style_src_elem", "style_src_attr", "img_src", "font_src",
		"connect_src", "media_src", "object_src", "frame_src", "child_src", "worker_src", "manifest_src", "base_uri", "form_action", "frame_ancestors", "sandbox",
		"report_uri", "report_to", "require_trusted_types_for", "trusted_types"}, switches()...)
}

func switches() []string { return []string{"upgrade_insecure_requests", "block_all_mixed_content"} }

// keywords are sources that stand in quotes in the header.
func keywords() []string {
	return []string{"self", "none", "unsafe-inline", "unsafe-eval", "unsafe-hashes", "strict-dynamic", "report-sample", "wasm-unsafe-eval"}
}

func readSources(d *spec.Decoder, name string, n *source.Node) ([]string, bool) {
	before := d.Problems.Len()
	var out []string
	for _, item := range spec.Items(n) {
		v, from, ok := d.Scalar(item, "a source")
		if !ok {
			continue
		}
		text, is := v.(string)
		if !is || text == "" {
			d.Wrong(item, from, v, "a source").Suggest("such as self, none, nonce or cdn.example.com")
			continue
		}
		read, why := sourceOf(name, text)
		if why != "" {
			p := d.Problems.Add(item.At, "wrong-value", "%q cannot be a source: %s", text, why)
			if why == unknownKeyword {
				p.Hint = diag.DidYouMean(strings.Trim(text, "'"), keywords())
			}
			continue
		}
		out = append(out, read)
	}
	if slices.Contains(out, "'none'") && len(out) > 1 {
		d.Problems.Add(n.At, "wrong-value", "`none` stands alone: beside other sources browsers ignore it").Suggest("remove `none`, or the others")
	}
	return out, d.Problems.Len() == before
}

const unknownKeyword = "no keyword of that name is known"

// sourceOf gives a source as the header holds it.
func sourceOf(directive, text string) (read, why string) {
	bare := strings.Trim(text, "'")
	switch {
	case strings.ContainsAny(text, ";,\" ") || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f }):
		return "", "it holds a character that ends it; write one source per entry"
	case text == nonceSource && takesNonce(directive):
		return nonceSource, ""
	case text == nonceSource || strings.HasPrefix(bare, "nonce-"):
		return "", "a nonce is new for each answer; write nonce, in script_src, style_src or default_src"
	case slices.Contains(keywords(), bare):
		return "'" + bare + "'", ""
	case strings.HasPrefix(bare, "sha256-") || strings.HasPrefix(bare, "sha384-") || strings.HasPrefix(bare, "sha512-"):
		return "'" + bare + "'", ""
	case strings.Contains(text, "'") && directive != "require_trusted_types_for" && directive != "trusted_types":
		return "", unknownKeyword
	}
	return text, ""
}

func takesNonce(directive string) bool {
	return directive == "default_src" || strings.HasPrefix(directive, "script_src") || strings.HasPrefix(directive, "style_src")
}

// A policy is the header, in pieces between which the nonce is put.
type policy struct {
	header string
	plain  []string // the header without a nonce
	pieces []string
}

const (
	policyHeader = "Content-Security-Policy"
	reportHeader = "Content-Security-Policy-Report-Only"
)

// buildCSP leaves the policy for a plug behind it: one nonce stands in the policy that holds
// and in the one that only reports.
func buildCSP(o csp, b *pipeline.Build) pipeline.Plug {
	p := newPolicy(o)
	kept := b.Leave(p.header, "")
	if len(p.pieces) == 1 {
		return func(c *pipeline.Context) (any, error) {
			c.W.Header()[p.header], c.Slots[kept] = p.plain, nil
			return nil, nil
		}
	}
	slot, slots := b.Give("csp_nonce", expr.String), []int{kept}
	other := reportHeader
	if o.reportOnly {
		other = policyHeader
	}
	if left, _, ok := b.Left(other); ok {
		slots = append(slots, left)
	}
	show := func(c *pipeline.Context) (any, error) {
		nonce, made := c.Slots[slot].(string)
		if !made {
			nonce = newNonce()
		}
		for _, s := range slots {
			if p, ok := c.Slots[s].(*policy); ok {
				p.show(c, nonce)
			}
		}
		return nonce, nil
	}
	return func(c *pipeline.Context) (any, error) {
		c.W.Header()[p.header], c.Slots[kept] = p.plain, p
		c.Lazily(slot, show)
		if nonce, made := c.Slots[slot].(string); made {
			p.show(c, nonce)
		}
		return nil, nil
	}
}

func newPolicy(o csp) *policy {
	p := &policy{header: policyHeader}
	if o.reportOnly {
		p.header = reportHeader
	}
	// What these two forbid no other directive does: they hold unless the manifest says
	// otherwise, as in put_secure_browser_headers.
	for _, name := range []string{"base-uri", "frame-ancestors"} {
		if !slices.ContainsFunc(o.given, func(d directive) bool { return d.name == name }) {
			o.given = append(o.given, directive{name, []string{"'self'"}})
		}
	}
	var plain, piece strings.Builder
	for i, d := range o.given {
		if i > 0 {
			plain.WriteString("; ")
			piece.WriteString("; ")
		}
		plain.WriteString(d.name)
		piece.WriteString(d.name)
		for _, s := range d.sources {
			if s == nonceSource {
				piece.WriteString(" 'nonce-")
				p.pieces = append(p.pieces, piece.String())
				piece.Reset()
				piece.WriteString("'")
				continue
			}
			plain.WriteString(" " + s)
			piece.WriteString(" " + s)
		}
		if len(d.sources) == 1 && d.sources[0] == nonceSource {
			plain.WriteString(" 'none'")
		}
	}
	p.plain, p.pieces = []string{plain.String()}, append(p.pieces, piece.String())
	return p
}

// nonceBytes is twice what the specification asks for at least.
const nonceBytes = 18

func newNonce() string {
	var b [nonceBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

// show puts the nonce of this answer into the header. An answer whose page reads none carries
// none, and what the manifest set in the place of the policy stays.
func (p *policy) show(c *pipeline.Context, nonce string) {
	h := c.W.Header()
	if now := h[p.header]; len(now) == 1 && now[0] == p.plain[0] {
		h[p.header] = []string{strings.Join(p.pieces, nonce)}
	}
}
