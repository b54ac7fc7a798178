package config

import (
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// The bounds of a long poll's window. The client gives up a request after 20 s; windows of
// less than the lower bound would be a busy loop.
const (
	minWindow = 100 * time.Millisecond
	maxWindow = 15 * time.Second
)

// longpoll binds the second transport.
func longpoll(f *spec.Fields, s *Socket) {
	inner := spec.NewFields("`longpoll`")
	var at *source.Node
	keepNode(inner.Duration(&s.Window, "window", "10s", "How long a poll waits for messages: from 100ms to 15s."), &at)
	inner.After(func(d *spec.Decoder, _ *source.Node) {
		if at != nil && (s.Window < minWindow || s.Window > maxWindow) {
			d.Problems.Add(at.At, "wrong-value", "`window` is at least 100ms and at most 15s").Suggest("clients give up a poll after 20s")
			s.Window = maxWindow
		}
	})
	schema := spec.Schema{"anyOf": []any{spec.Schema{"type": "boolean"}, inner.Schema()}}
	f.Add("longpoll", "boolean or map", "Lets clients in that have no websocket, by polls: `true`, or a map with their `window` (10s). Needs `endpoint.secret_key_base`.", schema, func(d *spec.Decoder, n *source.Node) {
		on, isBool := n.Scalar().(bool)
		switch {
		case isBool:
			s.Longpoll = on
		case n.Kind == source.Map:
			s.Longpoll = true
			inner.Decode(d, n, diag.Pos{})
		case !n.Null():
			d.Problems.Add(n.At, "wrong-value", "expected true, false or a map of settings").Suggest("its setting is window")
		}
	}).Default = "false"
}
