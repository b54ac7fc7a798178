package crypto

import (
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/plugs/internal/signer"
)

type signToken struct {
	token spec.Ref
	data  *pipeline.Value
}

// SignToken makes a token of a declared kind, as Phoenix.Token.sign does.
func SignToken() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "sign_token", Group: group, Places: pipeline.Anywhere,
		Doc:    "Signs a token of a declared kind.",
		Result: "the token, a text",
	}, func(s *pipeline.Settings, o *signToken) {
		s.Declared(&o.token, "token", "token", "Which kind of token.", pipeline.TokenNames).Require()
		s.Value(&o.data, "data", "What the token says: an id, or a map of claims; whoever has the token can read it.").Require()
	}, func(o signToken, b *pipeline.Build) pipeline.Plug {
		b.Result(expr.String)
		key, clock := signer.Of(b, o.token), b.Env.Now
		return func(c *pipeline.Context) (any, error) {
			data, err := o.data.Eval(c.Frame)
			if err != nil {
				return nil, err
			}
			return key.Sign(data, clock())
		}
	})
}
