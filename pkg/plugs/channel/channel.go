// Package channel holds the plugs that exist only in the lists of a channel.
package channel

import (
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

const group = "channels"

// All lists the plugs.
func All() []*pipeline.Def {
	return []*pipeline.Def{Reply(), ReplyError(), Push(), Track(), UpdatePresence(), Untrack(), Stop()}
}

// reserved tells the events of the protocol, which only the server itself sends.
func reserved(event string) bool { return strings.HasPrefix(event, "phx_") }

// given tells whether a setting is written, also where it could not be compiled.
func given(b *pipeline.Build, name string) bool { return b.Options.Get(name) != nil }

// handled is the payload of the event being handled, as it came.
func handled(c *pipeline.Context) value.Payload {
	switch payload := c.Slots[pipeline.SlotPayload].(type) {
	case *value.Raw:
		return value.JSON(payload.Bytes)
	case []byte:
		return value.Payload{Bytes: payload, Binary: true}
	}
	return value.Payload{}
}

// computed gives v as a payload to send; its bytes are only lent to it.
func computed(c *pipeline.Context, v *pipeline.Value, send func(value.Payload) error) error {
	if constant, ok := v.Constant(); ok {
		return send(value.JSON(constant))
	}
	scratch := c.Scratch()
	payload, err := v.Payload(scratch, c.Frame)
	if err == nil {
		err = send(payload)
	}
	if !payload.Binary {
		scratch = payload.Bytes // which may have grown
	}
	c.Lend(scratch)
	return err
}

// encoded gives v as JSON; the bytes are only lent to it.
func encoded(c *pipeline.Context, v *pipeline.Value, send func(json []byte) error) error {
	if constant, ok := v.Constant(); ok {
		return send(constant)
	}
	buf, err := v.Append(c.Scratch(), c.Frame)
	if err == nil {
		err = send(buf)
	}
	c.Lend(buf)
	return err
}

// keyOf computes a presence key. Without the setting it is "", which a Member takes for the
// keys that it tracks; so an empty key that was computed is refused.
func keyOf(c *pipeline.Context, key *pipeline.Text) (string, error) {
	if key == nil {
		return "", nil
	}
	text, err := key.String(c)
	if err == nil && text == "" {
		err = pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "a presence key cannot be empty")
	}
	return text, err
}
