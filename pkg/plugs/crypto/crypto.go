// Package crypto has the plugs that sign tokens and check passwords.
package crypto

import "github.com/openmanifest/gateway/pkg/pipeline"

const group = "crypto"

// All lists the plugs.
func All() []*pipeline.Def {
	return []*pipeline.Def{
		SignToken(),
		VerifyPassword(),
		pipeline.Later(pipeline.Traits{Name: "revoke_token", Group: group, Doc: "Makes a token invalid before its time.", Places: pipeline.Anywhere}),
	}
}
