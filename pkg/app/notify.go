package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// The channel and the payloads by which a database says that its tables have changed. They
// are PostgREST's, so its event triggers serve here too (its documentation, Schema Cache).
const (
	changesChannel = "pgrst"
	changesPayload = "reload schema"
)

// slotChannel holds the name of the database's channel while a notification is handled.
const slotChannel = pipeline.FirstNameSlot

// A notifyRule is one entry of a store's `notify`, compiled.
type notifyRule struct {
	at           diag.Pos
	topic, event *pipeline.Text
	payload      *pipeline.Value // nil: what was notified
}

// follow listens to the databases: for what the stores' `notify` sends, and, where tables of
// a store in served are served, for word that they have changed.
func (b *builder) follow(served []*pipeline.Store, reload func(reason string)) {
	for i := range b.app.Manifest.Stores {
		declared := &b.app.Manifest.Stores[i]
		st, rules := b.app.Env.Store(declared.Name), b.notifyRules(declared)
		changes := reload != nil && slices.Contains(served, st)
		names := slices.Sorted(maps.Keys(rules))
		if _, named := rules[changesChannel]; changes && !named {
			names = append(names, changesChannel)
			slices.Sort(names)
		}
		if len(names) == 0 {
			continue
		}
		reloadTables := func() {
			if changes {
				reload("tables of store " + st.Name)
			}
		}
		told := func(channel, payload string) {
			if channel == changesChannel && (payload == changesPayload || payload == "") {
				reloadTables()
			}
			if rule := rules[channel]; rule != nil {
				b.app.notified(st.Name, channel, payload, rule)
			}
		}
		missed := func() {
			reloadTables()
			if len(rules) > 0 {
				b.app.log.Warn("the connection to the database was lost and is there again: what it notified meanwhile was not sent", "store", st.Name, "channels", strings.Join(names, ", "))
			}
		}
		listen(b.app.Env, st, &follower{names, told, missed})
	}
}

// notifyRules compiles the rules of a store by the channel of the database.
func (b *builder) notifyRules(s *spec.Named[config.Store]) map[string]*notifyRule {
	rules := make(map[string]*notifyRule, len(s.Value.Notify))
	for _, n := range s.Value.Notify {
		if n.Value.Topic == nil || n.Value.Event == nil {
			continue // reported where it was read
		}
		build := b.c.Apart(n.At, expr.Name{Name: "payload", Slot: pipeline.SlotPayload, Type: expr.Any}, expr.Name{Name: "channel", Slot: slotChannel, Type: expr.String})
		rule := &notifyRule{at: n.At, topic: build.Text(n.Value.Topic), event: build.Text(n.Value.Event)}
		if n.Value.Payload != nil {
			rule.payload = build.Value(n.Value.Payload)
		}
		b.checkSent(rule.topic, "topic")
		b.checkSent(rule.event, "event")
		rules[n.Name] = rule
	}
	return rules
}

// checkSent reports a topic or event, written out, to which nothing can be sent.
func (b *builder) checkSent(t *pipeline.Text, what string) {
	if t == nil {
		return
	}
	switch text, constant := t.Constant(); {
	case constant && text == "":
		b.ps.Add(t.Node.At, "wrong-value", "the %s is empty", what)
	case constant && what == "event" && strings.HasPrefix(text, "phx_"):
		b.ps.Add(t.Node.At, "reserved-event", "%q cannot be sent: events that begin with phx_ are the protocol's own", text).Suggest("choose another name")
	}
}

// notified sends what a database notified. What cannot be sent is logged: nobody waits for
// an answer.
func (a *App) notified(store, channel, text string, rule *notifyRule) {
	defer func() {
		if p := recover(); p != nil { // what is notified next is handled all the same
			a.log.Error("what a database notified: panic", "store", store, "channel", channel, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if err := a.send(channel, text, rule); err != nil {
		a.log.Error("what a database notified was not sent", "store", store, "channel", channel, "error", err)
	}
}

var errNothing = errors.New("the topic or event is empty")

func (a *App) send(channel, text string, rule *notifyRule) error {
	c := a.Context()
	defer a.Done(c)
	said := notifiedValue(text)
	c.Slots[pipeline.SlotPayload], c.Slots[slotChannel] = said, channel
	topic, err := rule.topic.String(c)
	if err != nil {
		return placed(rule.topic.Node, err)
	}
	event, err := rule.event.String(c)
	if err != nil {
		return placed(rule.event.Node, err)
	}
	if topic == "" || event == "" {
		return placed(rule.topic.Node, errNothing)
	}
	payload, err := rule.payloadOf(c, said)
	if err != nil {
		return placed(rule.payload.Node, err)
	}
	hub, ok := a.Env.Hub.(Hub)
	if !ok {
		return nil // nothing is served
	}
	// Every node of a cluster listens, and each sends to its own members.
	if err := hub.BroadcastLocal(topic, event, payload); err != nil {
		return fmt.Errorf("%s: send %s to %s: %w", rule.at, event, topic, err)
	}
	return nil
}

// notifiedValue is what expressions see as `payload`: a JSON object, or else the text.
func notifiedValue(text string) any {
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") && json.Valid([]byte(text)) {
		return &value.Raw{Bytes: []byte(text)}
	}
	return text
}

func (r *notifyRule) payloadOf(c *pipeline.Context, said any) (value.Payload, error) {
	if r.payload != nil {
		return r.payload.Payload(nil, c.Frame)
	}
	if object, is := said.(*value.Raw); is {
		return value.JSON(object.Bytes), nil
	}
	text, _ := said.(string)
	return value.JSON(append(value.AppendJSONString([]byte(`{"payload":`), text), '}')), nil
}

// placed says where in the manifest an expression stands that could not be computed.
func placed(n *source.Node, err error) error {
	at := n.At
	if fault, is := errors.AsType[*expr.Fault](err); is && n.Kind == source.Scalar {
		at = n.Span(fault.Start, fault.End)
	}
	return fmt.Errorf("%s: %w", at, err)
}
