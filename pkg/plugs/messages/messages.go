// Package messages has the plugs that send something to others: to the members of a topic,
// to a connection, to a mailbox, to another service.
package messages

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

const group = "messages"

// All lists the plugs.
func All() []*pipeline.Def {
	gateway := []pipeline.Reason{
		{Name: "refused", Status: http.StatusBadGateway},
		{Name: "timeout", Status: http.StatusGatewayTimeout},
		{Name: "status", Status: http.StatusBadGateway},
	}
	return []*pipeline.Def{
		Broadcast(),
		BroadcastFrom(),
		Disconnect(),
		pipeline.Later(pipeline.Traits{Name: "send_email", Group: group, Doc: "Sends an email.", Places: pipeline.Anywhere}),
		HTTP(),
		pipeline.Later(pipeline.Traits{Name: "compose", Group: group, Doc: "Asks several services side by side.", Places: pipeline.Anywhere,
			Result: "the JSON of the answers, by name", Fails: gateway}),
	}
}
