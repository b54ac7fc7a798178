package browser

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/plugs/values"
)

type secureHeaders struct {
	more []spec.Named[*pipeline.Text]
}

// PutSecureBrowserHeaders sets the headers of Phoenix's plug of that name where the answer
// does not have them yet. Those that the manifest names are set in any case.
func PutSecureBrowserHeaders() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "put_secure_browser_headers", Group: group, Places: pipeline.HTTP,
		Doc: "Sets referrer-policy, content-security-policy, x-content-type-options and x-permitted-cross-domain-policies where they are not set yet.",
	}, secureHeadersSettings, func(o secureHeaders, _ *pipeline.Build) pipeline.Plug {
		defaults := secureDefaults()
		put := values.Put(o.more)
		return func(c *pipeline.Context) (any, error) {
			h := c.W.Header()
			for _, d := range defaults {
				if h[d.name] == nil {
					h[d.name] = d.value
				}
			}
			return nil, put(c)
		}
	})
}

func secureHeadersSettings(s *pipeline.Settings, o *secureHeaders) {
	inner := *s
	inner.Fields = spec.NewFields("`put_secure_browser_headers`")
	inner.Whole(inner.Texts(&o.more, "headers", ""))
	inner.After(func(d *spec.Decoder, _ *source.Node) { values.CheckHeaders(d, o.more) })
	schema := spec.MapOf(pipeline.TextValue())
	schema["type"] = spec.Types("object", "null")
	s.Whole(s.Add("headers", "map of texts", "Further headers, or others in place of these.", schema, func(d *spec.Decoder, n *source.Node) {
		if !n.Null() {
			inner.Decode(d, n, n.At)
		}
	}))
}

type secureHeader struct {
	name  string
	value []string
}

// secureDefaults are those of Phoenix.Controller.put_secure_browser_headers in Phoenix 1.8.
func secureDefaults() []secureHeader {
	return []secureHeader{
		{http.CanonicalHeaderKey("referrer-policy"), []string{"strict-origin-when-cross-origin"}},
		{http.CanonicalHeaderKey("content-security-policy"), []string{"base-uri 'self'; frame-ancestors 'self';"}},
		{http.CanonicalHeaderKey("x-content-type-options"), []string{"nosniff"}},
		{http.CanonicalHeaderKey("x-permitted-cross-domain-policies"), []string{"none"}},
	}
}
