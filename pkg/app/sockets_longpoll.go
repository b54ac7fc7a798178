package app

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/tokens"
)

// sessionAge is how long the token of a long-poll session is valid, as in Phoenix.
const sessionAge = 14 * 24 * time.Hour

// maxPost is how many bytes of a post the hub wants to see; it looks at one more.
const maxPost = 8_000_000

// longpoll gives the settings of a socket's polls, nil where it takes none. What signs their
// tokens is there once the application has opened.
func (b *builder) longpoll(s *Socket, n *config.Socket) *channels.Longpoll {
	if !n.Longpoll {
		return nil
	}
	env := b.app.Env
	secret := string(b.app.Manifest.Endpoint.SecretKeyBase)
	if secret == "" {
		env.Memo("secret_key_base missing", func() any { return b.missingSecret(s) })
		return nil
	}
	var signer *tokens.Signer
	env.OnOpen(func(l *pipeline.Lease) (err error) {
		salt := "longpoll " + s.Path
		key := fmt.Sprintf("longpoll|%x|%q", sha256.Sum256([]byte(secret)), salt)
		signer, err = pipeline.Get(l, key, func() (*tokens.Signer, func(), error) {
			made, err := tokens.NewSigner(secret, salt, tokens.Options{MaxAge: sessionAge})
			return made, nil, err
		})
		return err
	})
	return &channels.Longpoll{
		Window: n.Window,
		Sign:   func(session string) (string, error) { return signer.Sign(session, env.Now()) },
		Verify: func(token string) (string, bool) {
			data, err := signer.Verify(token, env.Now())
			session, isText := data.(string)
			return session, err == nil && isText
		},
	}
}

// missingSecret reports that there is no secret, unless what is written in its place was
// reported when it was read.
func (b *builder) missingSecret(s *Socket) any {
	if b.app.Manifest.Document.Root.Get("endpoint").Get("secret_key_base") == nil {
		b.ps.Add(s.At, "missing-secret", "`longpoll` needs `endpoint.secret_key_base`").
			Suggest("add `secret_key_base: ${env.SECRET_KEY_BASE}` to `endpoint`, at least %d bytes", config.MinSecret)
	}
	return nil
}

// poll hands a request of a long poll to the hub. What was posted is read here, where it is
// known who has read it before and how long a client may take.
func (a *App) poll(c *pipeline.Context, s *Socket, r *http.Request, params map[string]any) {
	if r.Method == http.MethodPost {
		body, _, err := c.PeekBody(maxPost)
		if !a.ran(c, err) {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	c.Begin()
	c.OwnCORS = true // the socket checks the origin, and a cors of the endpoint does not know its headers
	s.hub.ServeLongpoll(c.W, r, s.Path, params)
}
