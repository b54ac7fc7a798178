// Package respond has the plain answers: JSON, text, HTML, a redirect, a status.
package respond

import (
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
		later("jwks", "Answers with the public keys of tokens."),
	}
}

func later(name, doc string) *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: name, Group: group, Doc: doc, Places: pipeline.HTTP, Answers: pipeline.HTTP})
}

// answers are the traits of an answer that cannot fail.
func answers(name, doc string) pipeline.Traits {
	return pipeline.Traits{Name: name, Group: group, Doc: doc, Places: pipeline.HTTP, Answers: pipeline.HTTP}
}
