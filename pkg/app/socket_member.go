package app

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/presence"
	"github.com/openmanifest/gateway/pkg/value"
)

// member lets plugs act for the membership whose event is handled. The key "" stands for
// what the membership tracks. The payload of a broadcast and the reply of a join are kept.
type member struct{ call *channels.Call }

func (m member) names() *membership { return m.call.Membership.Names.(*membership) }

// Reply implements pipeline.Member.
func (m member) Reply(status string, response value.Payload) error {
	return m.call.Reply(status, response)
}

// Push implements pipeline.Member.
func (m member) Push(event string, payload value.Payload) error {
	return acted(m.call.Push(event, payload))
}

// Broadcast implements pipeline.Member.
func (m member) Broadcast(topic, event string, payload value.Payload) error {
	return acted(m.call.Broadcast(topic, event, payload))
}

// BroadcastFrom implements pipeline.Member.
func (m member) BroadcastFrom(topic, event string, payload value.Payload) error {
	return acted(m.call.BroadcastFrom(topic, event, payload))
}

// Track implements pipeline.Member.
func (m member) Track(key string, meta []byte) error {
	err := m.call.Track(key, meta)
	if err == nil {
		names := m.names()
		names.tracked = append(names.tracked, key)
	}
	return acted(err)
}

// UpdatePresence implements pipeline.Member.
func (m member) UpdatePresence(key string, meta []byte) error {
	key, err := m.trackedKey(key)
	if err != nil {
		return err
	}
	return acted(m.call.UpdatePresence(key, meta))
}

// Meta implements pipeline.Member.
func (m member) Meta(key string) ([]byte, bool) {
	key, err := m.trackedKey(key)
	if err != nil {
		return nil, false
	}
	return m.call.Meta(key)
}

// Untrack implements pipeline.Member.
func (m member) Untrack(key string) {
	names := m.names()
	names.tracked = slices.DeleteFunc(names.tracked, func(k string) bool {
		if key != "" && k != key {
			return false
		}
		m.call.Untrack(k)
		return true
	})
}

// trackedKey finds the key meant. Of several the last one that was tracked is.
func (m member) trackedKey(key string) (string, error) {
	tracked := m.names().tracked
	switch {
	case key != "":
		return key, nil
	case len(tracked) == 0:
		return "", notTracked()
	}
	return tracked[len(tracked)-1], nil
}

// Stop implements pipeline.Member.
func (m member) Stop(normal bool) {
	if normal {
		m.call.Stop(channels.StopNormal)
		return
	}
	m.call.Stop(channels.StopError)
}

func notTracked() error {
	return pipeline.Refuse(http.StatusNotFound, "not_found", "this member is not tracked")
}

// acted tells the caller's doing from ours. A member that has left meanwhile is neither.
func acted(err error) error {
	switch {
	case errors.Is(err, channels.ErrEnded), errors.Is(err, presence.ErrEnded):
		return nil
	case errors.Is(err, channels.ErrNotCrossed):
		return pipeline.Refuse(http.StatusServiceUnavailable, "unavailable", "%v", err)
	case errors.Is(err, channels.ErrReserved):
		return pipeline.Refuse(http.StatusForbidden, "forbidden", "events that begin with phx_ belong to the protocol")
	case errors.Is(err, presence.ErrTracked):
		return pipeline.Refuse(http.StatusConflict, "conflict", "this key is tracked already")
	case errors.Is(err, presence.ErrNotTracked):
		return notTracked()
	case errors.Is(err, presence.ErrMeta):
		return pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "a presence meta is a map")
	}
	return err
}

// callContext is the context of a call, made only when something waits on it.
type callContext struct{ call *channels.Call }

var _ context.Context = callContext{}

// Deadline implements context.Context.
func (c callContext) Deadline() (time.Time, bool) { return c.call.Context().Deadline() }

// Done implements context.Context.
func (c callContext) Done() <-chan struct{} { return c.call.Context().Done() }

// Err implements context.Context.
func (c callContext) Err() error { return c.call.Context().Err() }

// Value implements context.Context.
func (c callContext) Value(key any) any { return c.call.Context().Value(key) }
