// Package traffic has the plugs that say who may come how often, and how answers travel.
package traffic

import (
	"github.com/openmanifest/gateway/pkg/pipeline"
)

const group = "traffic"

// All lists the plugs.
func All() []*pipeline.Def {
	return []*pipeline.Def{
		RateLimit(),
		Cors(),
		AllowIPs(),
		DenyIPs(),
		ForceSSL(),
		Compress(),
		Cache(),
		ConcurrencyLimit(),
	}
}
