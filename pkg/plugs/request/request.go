// Package request has the plugs that read what a request says of itself: the formats that
// it takes, its body, its method, its id.
package request

import "github.com/openmanifest/gateway/pkg/pipeline"

const group = "request"

// All lists the plugs.
func All() []*pipeline.Def {
	return []*pipeline.Def{
		Accepts(),
		Parsers(),
		MethodOverride(),
		RequestID(),
		Validate(),
		later("max_body", "Bounds the body of the request.", pipeline.Reason{Name: "too_large", Status: 413}),
		later("timeout", "Bounds the time that the answer may take."),
		later("put_req_header", "Sets a header of the request for what follows."),
		later("delete_req_header", "Removes a header of the request for what follows."),
	}
}

func later(name, doc string, fails ...pipeline.Reason) *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: name, Group: group, Doc: doc, Places: pipeline.HTTP, Fails: fails})
}
