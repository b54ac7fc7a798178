package app

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/value"
)

// NoHub stands for the hub where nothing is served, as in check.
type NoHub struct{}

// Broadcast reaches nobody.
func (NoHub) Broadcast(string, string, value.Payload) error { return nil }

// BroadcastLocal reaches nobody.
func (NoHub) BroadcastLocal(string, string, value.Payload) error { return nil }

// Disconnect closes nothing.
func (NoHub) Disconnect(string) error { return nil }

// PresenceList lists nobody.
func (NoHub) PresenceList(string) any { return map[string]any{} }

// PresenceCount counts nobody.
func (NoHub) PresenceCount(string) int { return 0 }

// ServeWebsocket takes no connection.
func (NoHub) ServeWebsocket(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) {
	w.WriteHeader(http.StatusNotFound)
}

// ServeLongpoll takes no session.
func (NoHub) ServeLongpoll(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) {
	w.WriteHeader(http.StatusNotFound)
}
