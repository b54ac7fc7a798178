package resource

import (
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// event is what a broadcast tells of.
type event uint8

const (
	created event = iota
	updated
	deleted
	events // their number
)

func (e event) String() string { return [...]string{"created", "updated", "deleted"}[e] }

// Broadcast is `broadcast` as written.
type Broadcast struct {
	At    diag.Pos // zero: there is none
	Topic *source.Node
	only  [events]bool
}

func describeBroadcast(f *spec.Fields, e *Entry) {
	names := spec.Schema{"enum": []string{"created", "updated", "deleted"}}
	schema := spec.Schema{"type": "object", "additionalProperties": false, "required": []string{"topic"}, "properties": spec.Schema{
		"topic": pipeline.TextValue(), "only": spec.OneOrMore(names)}}
	f.Add("broadcast", "map of `topic` and `only`", "Sends `created`, `updated` and `deleted` with the row to a topic, once the write is kept; the topic sees `record`. `only` lists the events that are sent.",
		schema, e.Broadcast.read)
}

func (x *Broadcast) read(d *spec.Decoder, n *source.Node) {
	x.At, x.only = n.At, [events]bool{true, true, true}
	f := spec.NewFields("`broadcast`")
	f.Node(&x.Topic, "topic", "text", "The topic.", pipeline.TextValue()).Require()
	f.Add("only", "list of events", "The events that are sent.", spec.Schema{}, func(d *spec.Decoder, n *source.Node) {
		x.only = [events]bool{}
		for _, item := range spec.Items(n) {
			e, known := event(0), false
			for e = range events {
				if known = item.Value == e.String(); known {
					break
				}
			}
			if !known {
				d.Problems.Add(item.At, "unknown-event", "there is no event %q", item.Value).Suggest("it is one of created, updated and deleted")
				continue
			}
			x.only[e] = true
		}
	})
	f.Decode(d, n, n.At)
}

// telling is `broadcast`, compiled.
type telling struct {
	topic *pipeline.Text
	send  func(topic, event string, payload value.Payload) error
}

func (x *rules) tellingOf(b *pipeline.Build, a Action) *telling {
	e := &x.entry.Broadcast
	sends := e.only[updated] && (a == Update || a == Create) || e.only[created] && (a == Create || a == Update) || e.only[deleted] && a == Delete
	if e.At.IsZero() || !sends {
		return nil
	}
	nested := b.Nested(false, expr.Name{Name: "record", Slot: pipeline.SlotRecord, Type: x.table.Set.RecordType()})
	return &telling{topic: nested.Text(e.Topic), send: b.Env.Hub.Broadcast}
}

// eventful tells that somebody is told of the rows.
func (w *write) eventful() bool {
	return w.rules.tells != nil || w.hooks != nil && w.hooks.after != nil
}

// notice is one event, ready to be sent.
type notice struct {
	topic   string
	event   event
	payload []byte
}

// notices makes the events of rows.
func (w *write) notices(e event, rows []*value.Row) error {
	for _, row := range rows {
		payload, err := w.shownRow(row)
		if err != nil {
			return err
		}
		if w.hooks != nil && w.hooks.after != nil {
			w.written[e] = append(w.written[e], &value.Raw{Bytes: payload})
		}
		if w.tells == nil || !w.entry.Broadcast.only[e] {
			continue
		}
		w.c.Slots[pipeline.SlotRecord] = row
		topic, err := w.tells.topic.String(w.c)
		if err != nil {
			return err
		}
		w.notes = append(w.notes, notice{topic, e, payload})
	}
	return nil
}

// shownRow is a row as it is answered.
func (w *write) shownRow(row *value.Row) ([]byte, error) {
	out, err := []byte{'{'}, error(nil)
	for _, c := range w.served.Relation().Columns {
		if c.Call != "" {
			continue // it is computed where it is asked for
		}
		v, _ := row.Member(c.Name)
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(value.AppendJSONString(out, c.Name), ':')
		if out, err = value.AppendJSON(out, v); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

// note reads the rows that were written, in the same transaction, for the events.
func (w *write) note(q store.Querier) error {
	if w.gone != nil {
		return w.notices(deleted, w.gone)
	}
	if len(w.keys) == 0 || w.quiet {
		return nil
	}
	key := w.served.Relation().Key
	texts := make([][]string, len(w.keys))
	for i, values := range w.keys {
		texts[i] = make([]string, len(key))
		for k, v := range values {
			text, err := value.AppendText(nil, v)
			if err != nil {
				return err
			}
			texts[i][k] = string(text)
		}
	}
	o := w.options(w.limits != nil)
	rows, err := w.whole(q, havingKeys(key, texts), o)
	if err != nil {
		return err
	}
	for _, row := range rows {
		e := updated
		if w.limits != nil && !w.before[keyOf(row, key)] {
			e = created
		}
		if err := w.notices(e, []*value.Row{row}); err != nil {
			return err
		}
	}
	return nil
}

// announce sends the events once the write is kept.
func (w *write) announce() {
	for _, n := range w.notes {
		if err := w.tells.send(n.topic, n.event.String(), value.JSON(n.payload)); err != nil {
			w.c.Log.Error("an event could not be sent; the row is written", "resource", w.table.Schema, "event", n.event.String(), "error", err)
		}
	}
	w.tellAfter()
	for _, below := range w.below {
		below.announce()
	}
}
