package browser

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/plugs/internal/signer"
	"github.com/openmanifest/gateway/pkg/session"
)

type none struct{}

// FetchSession binds the session. Its cookie is read when something is first asked of it.
func FetchSession() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "fetch_session", Group: group, Places: pipeline.HTTP, Binds: []string{"session"},
		Doc: "Binds the session of the cookie that `endpoint.session` describes, as `session`.",
	}, func(*pipeline.Settings, *none) {}, func(_ none, b *pipeline.Build) pipeline.Plug {
		b.Give("session", expr.OpenMap())
		kept := cookieOf(b)
		return func(c *pipeline.Context) (any, error) {
			session.Fetch(c, kept.Cookie)
			return nil, nil
		}
	})
}

// SessionCookie gives the cookie that fetch_session reads, for what reads sessions without
// being a plug. The function gives it once the application has opened. A manifest without a
// secret is reported at b.At.
func SessionCookie(b *pipeline.Build) func() *session.Cookie {
	kept := cookieOf(b)
	return func() *session.Cookie { return kept.Cookie }
}

// lazyCookie is there once the application has opened.
type lazyCookie struct{ *session.Cookie }

// cookieOf gives the application's session cookie. Its keys are derived when the
// application opens, and kept for the applications after it.
func cookieOf(b *pipeline.Build) *lazyCookie {
	kept, _ := b.Env.Memo("session cookie", func() any {
		kept := &lazyCookie{}
		secret := signer.Secret(b, "sessions need")
		if secret == "" {
			return kept
		}
		b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
			kept.Cookie, err = openCookie(l, b.Env, secret)
			return err
		})
		return kept
	}).(*lazyCookie)
	return kept
}

func openCookie(l *pipeline.Lease, e *pipeline.Env, secret string) (*session.Cookie, error) {
	settings, name := e.Manifest.Endpoint.Session, e.Manifest.SessionKey()
	secrets := []string{secret}
	for _, earlier := range settings.Rotate {
		secrets = append(secrets, string(earlier))
	}
	sum := sha256.New()
	for _, s := range secrets {
		fmt.Fprintf(sum, "%d:%s", len(s), s)
	}
	settings.Rotate = nil // they are in the digest
	key := fmt.Sprintf("session|%s|%q|%+v", hex.EncodeToString(sum.Sum(nil)), name, settings)
	return pipeline.Get(l, key, func() (*session.Cookie, func(), error) {
		cookie, err := session.NewCookie(secrets, name, &settings)
		return cookie, nil, err
	})
}
