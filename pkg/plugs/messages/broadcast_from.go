package messages

import "github.com/openmanifest/gateway/pkg/pipeline"

// BroadcastFrom sends an event to the members of a topic but the one that is handling this
// event, as Phoenix.Channel.broadcast_from does.
func BroadcastFrom() *pipeline.Def {
	return define("broadcast_from", "Sends an event to all members of a topic but this one.", channels, true)
}
