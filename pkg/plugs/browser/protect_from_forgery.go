package browser

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/session"
)

const (
	tokenParam  = "_csrf_token"
	tokenHeader = "X-Csrf-Token"
)

type forgery struct {
	allowHosts []string

	slot                 int
	elsewhere, tokenless *pipeline.Refusal
}

// ProtectFromForgery refuses a request that changes something and was brought about by a
// page of another site. Both must hold: what the browser says of where the request comes
// from, by the rules of net/http.CrossOriginProtection, and the token of the session, by
// those of Plug.CSRFProtection.
func ProtectFromForgery() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "protect_from_forgery", Group: group, Places: pipeline.Route, Guard: true, Binds: []string{"csrf_token"},
		Doc:   "Refuses a request other than GET, HEAD and OPTIONS that a page of another site brought about, or that lacks the session's token; binds `csrf_token`.",
		Fails: []pipeline.Reason{{Name: "forbidden", Status: http.StatusForbidden}},
	}, func(s *pipeline.Settings, o *forgery) {
		s.Strings(&o.allowHosts, "allow_hosts", "Other hosts whose pages may send requests, with the token: `www.example.com`, or `.example.com` for all below it.")
		s.After(func(d *spec.Decoder, n *source.Node) {
			for _, host := range o.allowHosts {
				if host == "" || strings.ContainsAny(host, "/:*@ ") || strings.Trim(host, ".") == "" {
					d.Problems.Add(n.Get("allow_hosts").At, "wrong-value", "%q is no host", host).Suggest("write the name alone: www.example.com, or .example.com for all below it")
				}
			}
		})
	}, buildForgery)
}

func buildForgery(o forgery, b *pipeline.Build) pipeline.Plug {
	b.NeedsName("session", "fetch_session", b.At)
	b.Reads("params") // where the route reads the body: a form carries the token there
	o.slot = b.Give("csrf_token", expr.String)
	refuse := func(why string) *pipeline.Refusal {
		return &pipeline.Refusal{Reason: "forbidden", Status: http.StatusForbidden, Message: why}
	}
	o.elsewhere = refuse("the request was sent by a page of another site")
	o.tokenless = refuse("the CSRF token is missing or not valid; send it as " + tokenParam + " or in the header x-csrf-token")
	return o.check
}

func (o *forgery) check(c *pipeline.Context) (any, error) {
	s := session.Of(c)
	c.Lazily(o.slot, showToken)
	switch c.Method {
	case http.MethodGet:
		guardScript(c)
		return nil, nil
	case http.MethodHead, http.MethodOptions:
		return nil, nil
	}
	switch {
	case o.fromElsewhere(c):
		return nil, o.elsewhere
	case !s.ValidToken(c.R.Header.Get(tokenHeader)) && !s.ValidToken(bodyToken(c)):
		return nil, o.tokenless
	}
	return nil, nil
}

func showToken(c *pipeline.Context) (any, error) { return session.Of(c).CSRFToken() }

// bodyToken gives the token that the body carries. A token in the query does not count, as
// in Plug: an address is written down in too many places.
func bodyToken(c *pipeline.Context) string {
	params, _ := c.Slots[pipeline.SlotParams].(map[string]any)
	token, _ := params[tokenParam].(string)
	if token == "" || c.R.URL.RawQuery == "" {
		return token
	}
	if query, err := pipeline.ReadForm(c.R.URL.RawQuery); err != nil || query[tokenParam] == token {
		return ""
	}
	return token
}

// fromElsewhere tells a request that the browser says a page of another site sent. What is
// no browser, or an old one that sends neither header, is left to the token.
func (o *forgery) fromElsewhere(c *pipeline.Context) bool {
	sites, origins := c.R.Header["Sec-Fetch-Site"], c.R.Header["Origin"]
	if len(sites) > 1 || len(origins) > 1 {
		return true // no browser does that
	}
	origin := ""
	if len(origins) == 1 {
		origin = origins[0]
	}
	if len(sites) == 1 && sites[0] != "" {
		return sites[0] != "same-origin" && sites[0] != "none" && !o.allows(c, origin)
	}
	if origin == "" {
		return false
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, c.Request.Host()) {
		return false
	}
	return !o.allows(c, origin)
}

// allows tells an origin that allow_hosts names. It must be as safe as the request: a page
// that came by http may be anybody's.
func (o *forgery) allows(c *pipeline.Context, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != c.Request.Scheme() {
		return false
	}
	host := strings.ToLower(u.Hostname())
	for _, allowed := range o.allowHosts {
		allowed = strings.ToLower(allowed)
		if host == allowed || allowed[0] == '.' && strings.HasSuffix(host, allowed) {
			return true
		}
	}
	return false
}
