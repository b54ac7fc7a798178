// Package values has the plugs that set names, headers and cookies.
package values

import "github.com/openmanifest/gateway/pkg/pipeline"

const group = "values"

// All lists the plugs.
func All() []*pipeline.Def {
	return []*pipeline.Def{
		Assign(),
		PutRespHeader(),
		later("delete_resp_header", "Removes a header of the answer.", pipeline.HTTP),
		later("put_resp_cookie", "Sets a cookie with the answer.", pipeline.HTTP),
		later("delete_resp_cookie", "Makes the client forget a cookie.", pipeline.HTTP),
		later("log", "Writes a line to the log.", pipeline.Anywhere),
	}
}

func later(name, doc string, places pipeline.Place) *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: name, Group: group, Doc: doc, Places: places})
}
