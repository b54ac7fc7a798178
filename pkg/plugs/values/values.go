// Package values has the plugs that set names, headers and cookies.
package values

import "github.com/openmanifest/gateway/pkg/pipeline"

const group = "values"

// All lists the plugs.
func All() []*pipeline.Def {
	return []*pipeline.Def{
		Assign(),
		PutRespHeader(),
		DeleteRespHeader(),
		PutRespCookie(),
		DeleteRespCookie(),
		Log(),
	}
}
