package app

import (
	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/value"
)

// NewHub lets plugs and expressions use h.
func NewHub(h *channels.Hub) Hub { return hub{h} }

type hub struct{ *channels.Hub }

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
