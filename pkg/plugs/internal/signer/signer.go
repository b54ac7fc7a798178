// Package signer gives the plugs that sign and verify the signer of a declared token.
package signer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/tokens"
)

// A Lazy signer is there once the application has opened.
type Lazy struct{ *tokens.Signer }

// Of gives the signer of a declared token. Its key is derived when the application opens,
// and kept for the applications after it. A manifest without a secret is reported once.
func Of(b *pipeline.Build, ref spec.Ref) *Lazy {
	lazy := &Lazy{}
	token := spec.Find(b.Env.Manifest.Tokens, ref.Name)
	if token == nil || token.Kind != "signed" {
		return lazy // reported where it is declared
	}
	secret := Secret(b, "signed tokens need")
	if secret == "" {
		return lazy
	}
	b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
		lazy.Signer, err = open(l, ref.Name, secret, token)
		return err
	})
	return lazy
}

// Secret gives the secret that keys are derived from. A manifest without one is reported
// once; what says who needs it: "sessions need".
func Secret(b *pipeline.Build, what string) string {
	secret := string(b.Env.Manifest.Endpoint.SecretKeyBase)
	if secret == "" {
		b.Env.Memo("secret_key_base missing", func() any { return missing(b, what) })
	}
	return secret
}

func open(l *pipeline.Lease, name, secret string, t *config.Token) (*tokens.Signer, error) {
	sum := sha256.Sum256([]byte(secret))
	key := fmt.Sprintf("signer|%s|%s|%q", hex.EncodeToString(sum[:]), t.MaxAge, t.Salt)
	s, err := pipeline.Get(l, key, func() (*tokens.Signer, func(), error) {
		s, err := tokens.NewSigner(secret, t.Salt, tokens.Options{MaxAge: t.MaxAge})
		return s, nil, err
	})
	if err != nil {
		return nil, fmt.Errorf("open token %s: %w", name, err)
	}
	return s, nil
}

// missing reports that there is no secret, unless what is written in its place was
// reported when it was read.
func missing(b *pipeline.Build, what string) any {
	if doc := b.Env.Manifest.Document; doc != nil && doc.Root.Get("endpoint").Get("secret_key_base") != nil {
		return nil
	}
	b.Problem(b.At, "missing-secret", "%s `endpoint.secret_key_base`", what).
		Suggest("add `secret_key_base: ${env.SECRET_KEY_BASE}` to `endpoint`, at least %d bytes", config.MinSecret)
	return nil
}
