// Package who has the plugs that find out who calls and whether they may.
package who

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

const group = "who"

// All lists the plugs.
func All() []*pipeline.Def {
	return []*pipeline.Def{
		VerifyToken(),
		Require(),
		BasicAuth(),
		APIKey(),
		ForwardAuth(),
	}
}

// unauthorized are the reasons of the plugs that ask for a credential.
func unauthorized() []pipeline.Reason {
	return []pipeline.Reason{
		{Name: "invalid", Status: http.StatusUnauthorized},
		{Name: "missing", Status: http.StatusUnauthorized},
		{Name: "expired", Status: http.StatusUnauthorized},
	}
}
