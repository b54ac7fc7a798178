package app

import (
	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/value"
)

// NewHub lets plugs and expressions use h.
func NewHub(h *channels.Hub) Hub { return hub{h} }

type hub struct{ *channels.Hub }

// Broadcast implements pipeline.Broadcaster.
func (h hub) Broadcast(topic, event string, payload value.Payload) error {
	return acted(h.Hub.Broadcast(topic, event, payload))
}

// BroadcastLocal sends to the members of a topic on this node alone.
func (h hub) BroadcastLocal(topic, event string, payload value.Payload) error {
	return acted(h.Hub.BroadcastLocal(topic, event, payload))
}

// Disconnect implements pipeline.Broadcaster.
func (h hub) Disconnect(id string) error {
	_, err := h.Hub.Disconnect(id)
	return acted(err)
}

// PresenceList gives who is in a topic as `presence_state` has it: a map of keys, each with
// its metas. It is nil where a meta is nested too deep to be read back.
func (h hub) PresenceList(topic string) any {
	state, err := value.DecodeJSON(h.Presence().State(topic))
	if err != nil {
		return nil
	}
	return state
}

// PresenceCount counts the keys that are present in a topic.
func (h hub) PresenceCount(topic string) int { return h.Presence().Count(topic) }
