// Package who has the plugs that find out who calls and whether they may.
package who

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

const group = "who"

// All lists the plugs.
func All() []*pipeline.Def {
	refused := pipeline.Reason{Name: "refused", Status: http.StatusBadGateway}
	timeout := pipeline.Reason{Name: "timeout", Status: http.StatusGatewayTimeout}
	status := pipeline.Reason{Name: "status", Status: http.StatusUnauthorized}
	return []*pipeline.Def{
		VerifyToken(),
		Require(),
		later("basic_auth", "Asks for a user name and a password.", "the user name", unauthorized()...),
		later("api_key", "Asks for a key that is declared or stored.", "the key's owner", unauthorized()...),
		later("forward_auth", "Asks a service whether the request may pass.", "what the service said", status, refused, timeout),
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

func later(name, doc, result string, fails ...pipeline.Reason) *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: name, Group: group, Doc: doc, Result: result, Places: pipeline.HTTP, Guard: true, Fails: fails})
}
