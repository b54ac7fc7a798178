package values

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/plugs/internal/signer"
	"github.com/openmanifest/gateway/pkg/tokens"
	"github.com/openmanifest/gateway/pkg/value"
)

type putRespCookie struct {
	attributes
	value         *pipeline.Value
	maxAge        time.Duration
	sign, encrypt bool
}

// PutRespCookie sets a cookie, as Plug.Conn.put_resp_cookie does. A signed or encrypted one
// is what Plug makes of it: a token of the salt NAME_cookie, which verify_token reads.
func PutRespCookie() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "put_resp_cookie", Group: group, Places: pipeline.HTTP,
		Doc: "Sets a cookie with the answer, as it is, signed or encrypted.",
	}, func(s *pipeline.Settings, o *putRespCookie) {
		o.describe(s)
		s.Value(&o.value, "value", "What it holds: a text, or with sign or encrypt anything.").Require()
		var encryptAt diag.Pos
		var ageNode *source.Node
		age := s.Duration(&o.maxAge, "max_age", "", "How long the client keeps it. Default: until the browser is closed, and a signed or encrypted one counts for a day.")
		age.Observe(func(n *source.Node) { ageNode = n })
		s.Bool(&o.sign, "sign", false, "The client can read it and not change it.")
		s.Bool(&o.encrypt, "encrypt", false, "The client can neither read nor change it.").Observe(func(n *source.Node) { encryptAt = n.At })
		s.After(func(d *spec.Decoder, _ *source.Node) {
			if ageNode != nil && (o.maxAge > 0 && o.maxAge < time.Second || isZero(ageNode.Value)) {
				d.Problems.Add(ageNode.At, "wrong-value", "a cookie lives at least for a second").Suggest("write `delete_resp_cookie` to remove it")
			}
			o.checkValue(d)
			if o.sign && o.encrypt {
				d.Problems.Add(encryptAt, "wrong-value", "a cookie is signed or encrypted").Suggest("an encrypted one cannot be changed either: leave `sign` out")
			}
		})
	}, buildPutRespCookie)
}

// isZero tells a duration of nothing, such as 0s, from one that is wrongly written.
func isZero(text string) bool {
	unit := strings.TrimLeft(text, "0")
	return unit != text && slices.Contains([]string{"ms", "s", "m", "h", "d"}, unit)
}

const badValue = "a cookie cannot hold blanks, quotes, commas, semicolons, backslashes or characters beyond ASCII"

// checkValue reports what no cookie can hold as it is.
func (o *putRespCookie) checkValue(d *spec.Decoder) {
	if o.value == nil {
		return
	}
	n := o.value.Node
	switch {
	case n.Null():
		d.Problems.Add(n.At, "wrong-value", "a cookie needs a value, and this is nil").Suggest("`delete_resp_cookie` removes one; an empty text is \"\"")
	case o.sign || o.encrypt:
	case n.Kind != source.Scalar:
		d.Problems.Add(n.At, "wrong-type", "expected a text, found a map or list").Suggest("a cookie with `sign: true` or `encrypt: true` holds anything")
	case !strings.Contains(n.Value, "${") && !octets(n.Value):
		d.Problems.Add(n.At, "bad-cookie", badValue).Suggest("write it as base64, or with `sign: true`")
	}
}

// sealing makes the text of a cookie from its value.
type sealing struct {
	signer *tokens.Signer
	sealer tokens.Sealer // nil: signed only
}

func buildPutRespCookie(o putRespCookie, b *pipeline.Build) pipeline.Plug {
	o.named(b)
	var seal *sealing
	if o.sign || o.encrypt {
		if seal = o.sealing(b); seal == nil {
			return nil
		}
	}
	return func(c *pipeline.Context) (any, error) {
		v, err := o.value.Eval(c.Frame)
		if err != nil {
			return nil, err
		}
		text, err := o.text(c, v, seal)
		if err != nil {
			return nil, err
		}
		cookie := o.cookie(c)
		cookie.Value = text
		if o.maxAge > 0 {
			cookie.MaxAge, cookie.Expires = int(o.maxAge/time.Second), c.Now().Add(o.maxAge)
		}
		return nil, set(c, cookie)
	}
}

func (o *putRespCookie) text(c *pipeline.Context, v any, seal *sealing) (string, error) {
	if v == nil {
		return "", o.value.Misfit(c.Frame, v, fmt.Errorf("the value of the cookie %q is nil", o.name))
	}
	if seal != nil {
		if seal.sealer != nil {
			return seal.signer.Encrypt(seal.sealer, v, c.Now())
		}
		return seal.signer.Sign(v, c.Now())
	}
	text, err := value.AppendText(nil, v)
	if err != nil {
		return "", o.value.Misfit(c.Frame, v, fmt.Errorf("the value of the cookie %q: %w", o.name, err))
	}
	if !octets(string(text)) {
		return "", pipeline.Refuse(http.StatusBadRequest, "malformed", badValue)
	}
	return string(text), nil
}

// sealing has the keys derived when the application opens. It is nil where there is no
// secret, which is reported.
func (o *putRespCookie) sealing(b *pipeline.Build) *sealing {
	secret := signer.Secret(b, "signed and encrypted cookies need")
	if secret == "" {
		return nil
	}
	out := &sealing{}
	salt, sum := o.name+"_cookie", sha256.Sum256([]byte(secret))
	name := fmt.Sprintf("cookie|%s|%s|%q|%t", hex.EncodeToString(sum[:]), o.maxAge, salt, o.encrypt)
	b.Env.OnOpen(func(l *pipeline.Lease) error {
		made, err := pipeline.Get(l, name, func() (*sealing, func(), error) {
			keys, s := new(tokens.Keys), &sealing{}
			var err error
			if s.signer, err = keys.NewSigner(secret, salt, tokens.Options{MaxAge: o.maxAge}); err != nil {
				return nil, nil, err
			}
			if o.encrypt {
				s.sealer, err = keys.Encryptor(secret, salt)
			}
			return s, nil, err
		})
		if err != nil {
			return fmt.Errorf("open cookie %s: %w", o.name, err)
		}
		*out = *made
		return nil
	})
	return out
}
