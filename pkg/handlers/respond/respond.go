// Package respond has the plain answers: JSON, text, HTML, a redirect, a status.
package respond

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

const group = "answer"

// All lists the plugs.
func All() []*pipeline.Def {
	return []*pipeline.Def{
		JSON(),
		Text(),
		HTML(),
		Redirect(),
		SendResp(),
		later("send_file", "Answers with a file.", pipeline.Reason{Name: "not_found", Status: http.StatusNotFound}),
		later("jwks", "Answers with the public keys of tokens."),
		later("openapi", "Answers with a description of the resources."),
		later("health", "Answers whether the application is well."),
		later("metrics", "Answers with counters for Prometheus."),
	}
}

func later(name, doc string, fails ...pipeline.Reason) *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: name, Group: group, Doc: doc, Places: pipeline.HTTP, Answers: pipeline.HTTP, Fails: fails})
}

// answers are the traits of an answer that cannot fail.
func answers(name, doc string) pipeline.Traits {
	return pipeline.Traits{Name: name, Group: group, Doc: doc, Places: pipeline.HTTP, Answers: pipeline.HTTP}
}
