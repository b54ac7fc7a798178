package config

import (
	"net/http"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// A Session says how the session cookie is named, kept and protected.
type Session struct {
	Key                         string // "": made of the manifest's name, see SessionKey
	Encrypt                     bool
	SigningSalt, EncryptionSalt string // "": made of the key
	Rotate                      []spec.Secret
	MaxAge                      time.Duration // 0: until the browser is closed
	SameSite                    string
	Secure, SecureGiven         bool // not given: on when the request came by https
	HTTPOnly                    bool
	Path, Domain                string
}

func (e *Endpoint) describeSession(f *spec.Fields) { e.Session.describe(f) }

func (s *Session) describe(f *spec.Fields) {
	var key, sameSite, domain, path, maxAge, encryptionSalt *source.Node
	keepNode(f.String(&s.Key, "key", "", "Name of the cookie. Default: `_NAME_key`, of the manifest's name."), &key)
	f.Bool(&s.Encrypt, "encrypt", false, "Encrypt the cookie, so that its owner cannot read it. It is signed in any case.")
	f.String(&s.SigningSalt, "signing_salt", "", "What the key that signs is derived with. Default: made of `key`.")
	keepNode(f.String(&s.EncryptionSalt, "encryption_salt", "", "What the key that encrypts is derived with. Default: made of `key`."), &encryptionSalt)
	f.Add("rotate", "list of secrets", "Earlier values of secret_key_base, newest first: their sessions are still read, and written anew with the present one.",
		spec.OneOrMore(spec.Schema{"type": "string"}), s.readRotate)
	keepNode(f.Duration(&s.MaxAge, "max_age", "", "How long a session lives after it was last changed, in the browser and here. Default: until the browser is closed."), &maxAge)
	keepNode(f.Enum(&s.SameSite, "same_site", "Lax", "Whether other sites' pages send the cookie along: Lax, Strict or None.", "Lax", "Strict", "None"), &sameSite)
	secure := f.Bool(&s.Secure, "secure", false, "Send the cookie by https alone. Default: as the request came.")
	secure.Default = ""
	secure.Observe(func(*source.Node) { s.SecureGiven = true })
	f.Bool(&s.HTTPOnly, "http_only", true, "Keep the cookie from JavaScript.")
	keepNode(f.String(&s.Path, "path", "/", "Path below which the cookie is sent."), &path)
	keepNode(f.String(&s.Domain, "domain", "", "Domain whose hosts all get the cookie. Default: this host alone."), &domain)
	f.After(func(d *spec.Decoder, _ *source.Node) {
		s.checkKey(d, key)
		s.checkAttributes(d, sameSite, path, domain)
		if maxAge != nil && !s.wholeSeconds(maxAge) {
			d.Problems.Add(maxAge.At, "wrong-value", "`max_age` of a cookie is whole seconds, one at least").Suggest("such as 30m, 24h or 14d")
		}
		if encryptionSalt != nil && !s.Encrypt {
			d.Problems.Add(encryptionSalt.At, "wrong-value", "`encryption_salt` does nothing without `encrypt: true`").Suggest("add `encrypt: true`, or remove the salt")
		}
	})
}

// wholeSeconds tells a max_age that a cookie can say. One that could not be read is
// reported already.
func (s *Session) wholeSeconds(n *source.Node) bool {
	if _, read := spec.ParseDuration(n.Value); !read && s.MaxAge == 0 {
		return true
	}
	return s.MaxAge >= time.Second && s.MaxAge%time.Second == 0
}

// checkKey holds the name to RFC 6265 section 4.1.1 and to what browsers ask of its prefix.
func (s *Session) checkKey(d *spec.Decoder, key *source.Node) {
	switch {
	case key == nil:
	case !isToken(s.Key):
		d.Problems.Add(key.At, "wrong-value", "%q cannot name a cookie", s.Key).Suggest("use letters, digits, _ and -")
	case strings.HasPrefix(s.Key, "__Host-") && (!s.Secure || s.Path != "/" || s.Domain != ""):
		d.Problems.Add(key.At, "wrong-value", "browsers take a cookie named __Host-… only with `secure: true`, the path / and no domain")
	case strings.HasPrefix(s.Key, "__Secure-") && !s.Secure:
		d.Problems.Add(key.At, "wrong-value", "browsers take a cookie named __Secure-… only with `secure: true`")
	}
}

func (s *Session) checkAttributes(d *spec.Decoder, sameSite, path, domain *source.Node) {
	if s.SameSite == "None" && s.SecureGiven && !s.Secure {
		d.Problems.Add(sameSite.At, "wrong-value", "browsers refuse a cookie with `same_site: None` that is not secure").Suggest("leave `secure` out, or set it to true")
	}
	if path != nil && (!strings.HasPrefix(s.Path, "/") || !isAttribute(s.Path)) {
		d.Problems.Add(path.At, "wrong-value", "%q is no path", s.Path).Suggest("a path begins with /")
	}
	if domain != nil && (domain.Value == "" || s.Domain != "" && (&http.Cookie{Name: "a", Domain: s.Domain}).Valid() != nil) {
		d.Problems.Add(domain.At, "wrong-value", "%q is no domain", s.Domain).Suggest("such as example.com, without scheme and port")
	}
}

// isAttribute tells a text that can stand in a Set-Cookie header.
func isAttribute(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f || r == ';' })
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}

func (s *Session) readRotate(d *spec.Decoder, n *source.Node) {
	s.Rotate = nil
	for _, item := range spec.Items(n) {
		v, from, ok := d.Scalar(item, "a secret")
		if !ok {
			continue
		}
		text, is := v.(string)
		switch {
		case !is || text == "":
			d.Problems.Add(item.At, "empty-secret", "an earlier secret is empty").Suggest("give it a value, or remove it")
		case len(text) < MinSecret:
			p := d.Problems.Add(item.At, "short-secret", "an earlier secret_key_base has at least %d bytes, this one has %d", MinSecret, len(text))
			if len(from) == 0 {
				p.Suggest("a secret stands in the environment: ${env.OLD_SECRET_KEY_BASE}")
			}
		default:
			s.Rotate = append(s.Rotate, spec.Secret(text))
		}
	}
}

// SessionKey is the name of the session cookie.
func (m *Manifest) SessionKey() string {
	if key := m.Endpoint.Session.Key; key != "" {
		return key
	}
	name := m.Name
	if name == "" {
		name = "gateway"
	}
	return "_" + strings.Map(func(r rune) rune {
		if isToken(string(r)) {
			return r
		}
		return '_'
	}, name) + "_key"
}
