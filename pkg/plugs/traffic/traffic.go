// Package traffic has the plugs that say who may come how often, and how answers travel.
package traffic

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

const group = "traffic"

// All lists the plugs.
func All() []*pipeline.Def {
	forbidden := pipeline.Reason{Name: "forbidden", Status: http.StatusForbidden}
	return []*pipeline.Def{
		RateLimit(),
		later("cors", "Lets pages of other origins call."),
		guard("allow_ips", "Refuses every client whose address is not listed.", forbidden),
		guard("deny_ips", "Refuses clients whose address is listed.", forbidden),
		later("force_ssl", "Redirects http to https."),
		later("compress", "Compresses answers."),
		later("cache", "Keeps answers and gives them again."),
		later("concurrency_limit", "Bounds how many requests are handled at a time.", pipeline.Reason{Name: "busy", Status: http.StatusServiceUnavailable}),
	}
}

func later(name, doc string, fails ...pipeline.Reason) *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: name, Group: group, Doc: doc, Places: pipeline.HTTP, Fails: fails})
}

func guard(name, doc string, fails ...pipeline.Reason) *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: name, Group: group, Doc: doc, Places: pipeline.HTTP | pipeline.Connect, Guard: true, Fails: fails})
}
