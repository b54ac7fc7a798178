package crypto

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

type verifyPassword struct{ password, hash *pipeline.Text }

// VerifyPassword compares a password with its hash. Without a hash it takes as long and
// refuses, so that the time does not tell who is registered.
func VerifyPassword() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "verify_password", Group: group, Places: pipeline.Anywhere,
		Doc: "Refuses unless the password is the one that was hashed; with a nil hash it takes as long and refuses.",
		Fails: []pipeline.Reason{
			{Name: "invalid", Status: http.StatusUnauthorized},
			{Name: "busy", Status: http.StatusServiceUnavailable},
		},
	}, func(s *pipeline.Settings, o *verifyPassword) {
		s.Text(&o.password, "password", "What was typed.").Require()
		s.Text(&o.hash, "hash", "The stored hash (argon2id or bcrypt), or nil where there is no such user.").Require()
	}, func(o verifyPassword, b *pipeline.Build) pipeline.Plug {
		hasher := b.Env.Hasher
		invalid := pipeline.Refuse(http.StatusUnauthorized, "invalid", "the password is not right")
		return func(c *pipeline.Context) (any, error) {
			typed, hash, err := o.eval(c)
			if err != nil {
				return nil, err
			}
			ok, err := hasher.Verify(c.Context(), typed, hash)
			var busy *password.Busy
			var long *password.TooLong
			switch {
			case errors.As(err, &busy):
				return nil, &pipeline.Refusal{Status: http.StatusServiceUnavailable, Reason: "busy", Message: "too many passwords are being checked", Headers: http.Header{"Retry-After": {"1"}}}
			case err == nil && !ok, errors.As(err, &long):
				return nil, invalid
			}
			return nil, err
		}
	})
}

// eval gives the two texts. A password that is no text becomes one that nobody has, so
// that it takes as long as any other.
func (o *verifyPassword) eval(c *pipeline.Context) (typed, hash string, err error) {
	p, err := o.password.Eval(c.Frame)
	if err != nil {
		return "", "", err
	}
	h, err := o.hash.Eval(c.Frame)
	if err != nil {
		return "", "", err
	}
	typed, isText := p.(string)
	switch x := h.(type) {
	case nil:
	case string:
		hash = x
	default:
		return "", "", fmt.Errorf("the hash is %s, not a text", value.Describe(h))
	}
	if !isText {
		hash = "" // never right
	}
	return typed, hash, nil
}
