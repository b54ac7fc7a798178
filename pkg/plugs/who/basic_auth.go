package who

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	yaml "github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/openapi"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type basicAuth struct {
	users []named
	realm string
}

// A named secret is a password, its hash, or a key.
type named struct {
	name   string
	secret spec.Secret
	at     diag.Pos
}

// BasicAuth asks for a user name and a password (RFC 7617), as Plug.BasicAuth does.
func BasicAuth() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "basic_auth", Group: group, Places: pipeline.HTTP | pipeline.Connect, Guard: true,
		Doc:    "Asks for a user name and a password of those that are listed; its result is the name.",
		Result: "the user name",
		Fails: []pipeline.Reason{
			{Name: "invalid", Status: http.StatusUnauthorized},
			{Name: "missing", Status: http.StatusUnauthorized},
			{Name: "busy", Status: http.StatusServiceUnavailable},
		},
	}, func(s *pipeline.Settings, o *basicAuth) {
		s.Main(secretsSetting(s.Fields, &o.users, "users", "password", "User names with their passwords, or hashes of them (argon2id, bcrypt).").Require())
		var realmAt diag.Pos
		s.String(&o.realm, "realm", "Application", "What browsers show beside the question.").Observe(func(n *yaml.Node) { realmAt = n.At })
		s.After(func(d *spec.Decoder, _ *yaml.Node) {
			if strings.ContainsFunc(o.realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
				d.Problems.Add(realmAt, "wrong-value", "`realm` is plain text without quotes and backslashes")
			}
			o.check(d)
		})
	}, buildBasicAuth)
}

// secretsSetting binds a map of free names to one or several secrets.
func secretsSetting(f *spec.Fields, p *[]named, name, what, doc string) *spec.Field {
	return f.Add(name, "map of names to secrets", doc, spec.MapOf(spec.OneOrMore(spec.Schema{"type": spec.Types("string", "number", "boolean")})), func(d *spec.Decoder, n *yaml.Node) {
		*p = nil
		if n.Kind != yaml.Map || len(n.Entries) == 0 {
			d.Problems.Add(n.At, "not-a-map", "`%s` is a map of names to secrets", name).Suggest("such as `%s: {ann: ${env.ANN}}`", name)
			return
		}
		for _, e := range n.Entries {
			for _, item := range spec.Items(e.Value) {
				if item.Null() {
					d.Problems.Add(e.Key.At, "empty-secret", "`%s` has no %s", e.Key.Value, what)
					continue
				}
				x := named{name: e.Key.Value, at: e.Key.At}
				one := spec.NewFields("`" + e.Key.Value + "`")
				one.Main(one.Secret(&x.secret, e.Key.Value, ""))
				one.Decode(d, item, e.Key.At)
				*p = append(*p, x)
			}
			if e.Value.Kind == yaml.List && len(e.Value.Items) == 0 {
				d.Problems.Add(e.Value.At, "empty-secret", "`%s` has no %s", e.Key.Value, what)
			}
		}
	})
}

func (o *basicAuth) check(d *spec.Decoder) {
	seen := map[string]bool{}
	for _, u := range o.users {
		secret := string(u.secret)
		switch {
		case seen[u.name]:
			d.Problems.Add(u.at, "duplicate-user", "the user %q has two passwords", u.name)
		case u.name == "" || strings.Contains(u.name, ":"):
			d.Problems.Add(u.at, "bad-name", "%q cannot be a user name here: a colon ends it (RFC 7617)", u.name)
		case isHash(secret):
			if err := password.Check(secret); err != nil {
				d.Problems.Add(u.at, "bad-hash", "the password of %q: %v", u.name, err).Suggest("inside { } put quotes around a hash: it holds commas")
			}
		case isOtherHash(secret):
			d.Problems.Add(u.at, "bad-hash", "the password of %q looks like a hash that cannot be verified", u.name).Suggest("make one of argon2id or bcrypt")
		case len(secret) > password.MaxLength:
			d.Problems.Add(u.at, "wrong-value", "the password of %q is longer than %d bytes", u.name, password.MaxLength)
		}
		seen[u.name] = true
	}
}

// isHash tells the forms that are verified as a hash.
func isHash(s string) bool { return strings.HasPrefix(s, "$argon2") || strings.HasPrefix(s, "$2") }

// isOtherHash tells forms of crypt and of htpasswd: taken for a password, the hash itself
// would open.
func isOtherHash(s string) bool {
	for _, prefix := range []string{"$1$", "$5$", "$6$", "$7$", "$y$", "$apr1$", "$scrypt$", "$pbkdf2", "{SHA}", "{SSHA}"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

func buildBasicAuth(o basicAuth, b *pipeline.Build) pipeline.Plug {
	openapi.Of(b.Env).Asks(b.At, openapi.Scheme{Type: "http", Scheme: "basic"})
	b.Result(expr.String)
	if b.Place == pipeline.Connect {
		b.Reads("request.cookies") // as good as: a browser sends a password that it knows for the pages of any site
	}
	users, hasher := newDirectory(o.users), b.Env.Hasher
	challenge := []string{"Basic realm=" + strconv.Quote(o.realm)}
	missing := pipeline.Refuse(http.StatusUnauthorized, "missing", "a user name and a password are needed")
	wrong := pipeline.Refuse(http.StatusUnauthorized, "invalid", "the user name or the password is not right")
	busy := &pipeline.Refusal{Status: http.StatusServiceUnavailable, Reason: "busy", Message: "too many passwords are being checked", Headers: http.Header{"Retry-After": {"1"}}}
	return func(c *pipeline.Context) (any, error) {
		name, typed, found, ok := credentials(c.R.Header["Authorization"])
		var err error
		if ok {
			ok, err = users.check(c.Context(), hasher, name, typed)
		}
		var full *password.Busy
		switch {
		case err == nil && ok:
			return name, nil
		case c.R.Context().Err() != nil:
			return nil, c.R.Context().Err()
		case errors.As(err, &full):
			return nil, busy
		case err != nil:
			return nil, err
		}
		if c.W != nil {
			c.W.Header()["Www-Authenticate"] = challenge // also where an `else` answers
		}
		if !found {
			return nil, missing
		}
		return nil, wrong
	}
}

// credentials reads the header. found tells that there are some, ok that they can be read.
func credentials(header []string) (name, typed string, found, ok bool) {
	if len(header) == 0 {
		return "", "", false, false
	}
	scheme, encoded, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "basic") {
		return "", "", false, false
	}
	text, err := base64.StdEncoding.Strict().DecodeString(strings.Trim(encoded, " "))
	if err != nil || len(header) > 1 {
		return "", "", true, false
	}
	name, typed, ok = strings.Cut(string(text), ":")
	return name, typed, true, ok
}
