package values

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// maxCookie is the length in bytes up to which browsers keep a cookie with its attributes.
const maxCookie = 4096

// attributes are what setting and deleting a cookie have in common. The defaults are those
// of Plug.Conn.put_resp_cookie.
type attributes struct {
	name, path, domain, sameSite string
	httpOnly                     bool
	secure                       bool
	secureGiven                  bool
}

// describe binds the attributes, and gives the setting of the name.
func (a *attributes) describe(s *pipeline.Settings) *spec.Field {
	var at, pathAt, domainAt, secureAt diag.Pos
	var written, nowhere bool // the name is, and not by a variable; the domain is empty so
	name := s.String(&a.name, "name", "", "The cookie's name.").Require()
	name.Observe(func(n *source.Node) { at, written = n.At, !strings.Contains(n.Value, "${") })
	s.String(&a.path, "path", "/", "The path below which the client sends it.").Observe(func(n *source.Node) { pathAt = n.At })
	s.String(&a.domain, "domain", "", "The domain to whose hosts the client sends it. Default: this host alone.").Observe(func(n *source.Node) { domainAt, nowhere = n.At, n.Value == "" })
	secure := s.Bool(&a.secure, "secure", false, "The client sends it by https alone. Default: when this request came by https.")
	secure.Default = ""
	secure.Observe(func(n *source.Node) { a.secureGiven, secureAt = true, n.At })
	s.Bool(&a.httpOnly, "http_only", true, "Scripts cannot read it.")
	s.Enum(&a.sameSite, "same_site", "", "Whether the client sends it with requests that begin at other sites. Default: as the client holds right.", "Strict", "Lax", "None")
	s.After(func(d *spec.Decoder, _ *source.Node) {
		if (written || a.name != "") && !pipeline.ValidHeaderName(a.name) {
			d.Problems.Add(at, "bad-cookie", "%q is not the name of a cookie", a.name)
		}
		if !attribute(a.path) || !strings.HasPrefix(a.path, "/") {
			d.Problems.Add(pathAt, "bad-cookie", "this is not the path of a cookie").Suggest("such as / or /admin")
		}
		if nowhere || a.domain != "" && (&http.Cookie{Name: "a", Domain: a.domain}).Valid() != nil { // net/http would leave it out
			d.Problems.Add(domainAt, "bad-cookie", "this is not the domain of a cookie").Suggest("such as example.com")
		}
		a.prefixed(d, at, pathAt, domainAt)
		if a.secureGiven && !a.secure && (a.sameSite == "None" || a.mustBeSecure()) {
			d.Problems.Add(secureAt, "bad-cookie", "clients drop this cookie unless it is secure").Suggest("leave `secure` out")
		}
	})
	return name
}

// named reports a cookie whose name an empty variable holds.
func (a *attributes) named(b *pipeline.Build) {
	if a.name == "" && !b.Env.Lenient {
		b.Problem(b.At, "bad-cookie", "the name of the cookie is empty")
	}
}

// prefixed checks what browsers ask of names with a prefix (RFC 6265bis section 4.1.3).
func (a *attributes) prefixed(d *spec.Decoder, at, pathAt, domainAt diag.Pos) {
	if !strings.HasPrefix(a.name, "__Host-") {
		return
	}
	if a.domain != "" {
		d.Problems.Add(domainAt, "bad-cookie", "clients drop a cookie whose name begins with __Host- and that has a domain").Suggest("leave `domain` out")
	}
	if a.path != "/" {
		d.Problems.Add(pathAt, "bad-cookie", "clients drop a cookie whose name begins with __Host- and whose path is not /").Suggest("leave `path` out")
	}
}

func (a *attributes) mustBeSecure() bool {
	return strings.HasPrefix(a.name, "__Host-") || strings.HasPrefix(a.name, "__Secure-")
}

// attribute tells a text that can stand behind a cookie.
func attribute(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == ';' })
}

// octets tells a text that can be the value of a cookie: RFC 6265 section 4.1.1.
func octets(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == ',' || r == ';' || r == '\\'
	})
}

// cookie gives the cookie for an answer to this request.
func (a *attributes) cookie(c *pipeline.Context) *http.Cookie {
	secure := a.secure
	if !a.secureGiven {
		secure = a.sameSite == "None" || a.mustBeSecure() || c.Request.Scheme() == "https"
	}
	out := &http.Cookie{Name: a.name, Path: a.path, Domain: a.domain, HttpOnly: a.httpOnly, Secure: secure}
	switch a.sameSite {
	case "Strict":
		out.SameSite = http.SameSiteStrictMode
	case "Lax":
		out.SameSite = http.SameSiteLaxMode
	case "None":
		out.SameSite = http.SameSiteNoneMode
	}
	return out
}

// set puts a cookie into the head, in place of an earlier one of its name.
func set(c *pipeline.Context, cookie *http.Cookie) error {
	text := cookie.String()
	if text == "" {
		return fmt.Errorf("the cookie %q cannot be written", cookie.Name)
	}
	if len(text) > maxCookie {
		return fmt.Errorf("the cookie %q has %d bytes, and clients keep %d", cookie.Name, len(text), maxCookie)
	}
	h := c.W.Header()
	lines := slices.DeleteFunc(slices.Clone(h["Set-Cookie"]), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return name == cookie.Name
	})
	h["Set-Cookie"] = append(lines, text)
	return nil
}

// DeleteRespCookie makes the client forget a cookie.
func DeleteRespCookie() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "delete_resp_cookie", Group: group, Places: pipeline.HTTP,
		Doc: "Makes the client forget a cookie; path and domain are those that it was set with.",
	}, func(s *pipeline.Settings, a *attributes) {
		s.Main(a.describe(s))
	}, func(a attributes, b *pipeline.Build) pipeline.Plug {
		a.named(b)
		return func(c *pipeline.Context) (any, error) {
			cookie := a.cookie(c)
			cookie.MaxAge, cookie.Expires = -1, time.Unix(0, 0)
			return nil, set(c, cookie)
		}
	})
}
