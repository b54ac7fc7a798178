package who

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/plugs/internal/signer"
	"github.com/openmanifest/gateway/pkg/tokens"
)

type verifyToken struct {
	token spec.Ref
	from  []source
}

// VerifyToken reads a token of a declared kind, as Phoenix.Token.verify does. Of the places
// named by `from` the first that holds a token counts, also when that one is not valid.
func VerifyToken() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "verify_token", Group: group, Places: pipeline.Anywhere, Guard: true,
		Doc:    "Refuses unless the request carries a valid token of a declared kind; its result is what the token says.",
		Result: "what was signed: an id, or claims in which a missing member is an error",
		Fails:  unauthorized(),
	}, func(s *pipeline.Settings, o *verifyToken) {
		s.Main(s.Declared(&o.token, "token", "token", "Which kind of token.", pipeline.TokenNames).Require())
		fromSetting(s, &o.from)
		s.List()[len(s.List())-1].Default = "[bearer]; in `connect` of a socket with `auth_token: true`: [auth_token]"
	}, buildVerifyToken)
}

func buildVerifyToken(o verifyToken, b *pipeline.Build) pipeline.Plug {
	if o.from == nil {
		o.from = []source{{kind: bearer}}
		if b.Place == pipeline.Connect && ofSocket(b, authToken) {
			o.from[0].kind = authToken
		}
	}
	places := make([]lookup, 0, len(o.from))
	for _, s := range o.from {
		if find := s.lookup(b); find != nil {
			places = append(places, find)
		}
	}
	describe(b, o.from)
	b.Result(expr.Any)
	if b.Named() == "claims" {
		b.Result(expr.Claims)
	}
	key, clock := signer.Of(b, o.token), b.Env.Now
	refusals := newRefusals(o.token.Name, o.from, b.Place)
	return func(c *pipeline.Context) (any, error) {
		for _, find := range places {
			text, present := find(c)
			if !present {
				continue
			}
			data, err := key.Verify(text, clock())
			var refused *tokens.Refused
			if errors.As(err, &refused) {
				return nil, refusals.of(refused.Reason)
			}
			return data, err
		}
		return nil, refusals.missing
	}
}

// refusals are made once: a refusal is only read.
type refusals struct{ missing, invalid, expired *pipeline.Refusal }

func newRefusals(token string, from []source, place pipeline.Place) refusals {
	var headers http.Header
	for _, s := range from {
		if s.kind == bearer && place&pipeline.HTTP != 0 {
			headers = http.Header{"Www-Authenticate": {"Bearer"}} // RFC 6750 section 3
		}
	}
	refuse := func(reason tokens.Reason, said string) *pipeline.Refusal {
		return &pipeline.Refusal{Reason: string(reason), Status: http.StatusUnauthorized, Headers: headers, Message: fmt.Sprintf("the %s token %s", token, said)}
	}
	return refusals{refuse(tokens.Missing, "is missing"), refuse(tokens.Invalid, "is not valid"), refuse(tokens.Expired, "has expired")}
}

func (r *refusals) of(reason tokens.Reason) *pipeline.Refusal {
	switch reason {
	case tokens.Missing:
		return r.missing
	case tokens.Expired:
		return r.expired
	}
	return r.invalid
}
