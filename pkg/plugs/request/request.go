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
		MaxBody(),
		Timeout(),
		PutReqHeader(),
		DeleteReqHeader(),
	}
}
