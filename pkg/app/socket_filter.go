package app

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

var _ channels.Filter = (*outRules)(nil)

// outRules are the rules of a handle_out. Members for which all names that they read have
// the same values share what the rules make of an event, where that follows from them.
type outRules struct {
	eventRules
	channel *Channel
	shared  bool
	connect []string // names that the rules read, of those that each list bound
	join    []string
	socket  []string // members of `socket` that they read
}

func newOutRules(c *Channel, e eventRules) *outRules {
	o := &outRules{eventRules: e, channel: c}
	reads, pure := e.steps.Pure()
	whole := false
	for _, name := range reads {
		member, ofSocket := strings.CutPrefix(name, "socket.")
		switch {
		case ofSocket && member != "*":
			o.socket = append(o.socket, member)
		case ofSocket, name == expr.Outside:
			pure = false
		case name == "socket":
			whole = true
		case c.socket.names.index(name) >= 0:
			o.connect = append(o.connect, name)
		case c.names.index(name) >= 0:
			o.join = append(o.join, name)
		}
	}
	// All else is the same for all members of a topic, or bound by the rules themselves.
	o.shared = pure && (!whole || len(o.socket) > 0)
	return o
}

// A memberClass is what was found out about the names of a membership. Assign ends it.
type memberClass struct {
	of     *outRules
	class  channels.Class
	shared bool
}

// Class implements channels.Filter.
func (o *outRules) Class(m *channels.Membership) (channels.Class, bool) {
	if !o.shared {
		return channels.Class{}, false
	}
	names := m.Names.(*membership)
	for i := range names.classes {
		if c := &names.classes[i]; c.of == o {
			return c.class, c.shared
		}
	}
	if len(names.classes) > 0 && names.classes[0].of.channel != o.channel { // of earlier rules
		names.classes = nil
	}
	c := memberClass{of: o}
	var text []byte
	if text, c.shared = o.said(make([]byte, 0, 64), m, names); c.shared {
		c.class = unique.Make(string(text))
	}
	names.classes = append(names.classes, c)
	return c.class, c.shared
}

// said writes down all that the rules read of a member; false where it cannot be.
func (o *outRules) said(b []byte, m *channels.Membership, names *membership) (_ []byte, ok bool) {
	who := m.Identity().Names.(*connection)
	for _, name := range o.connect {
		if b, ok = appendExact(b, who.value(name)); !ok {
			return nil, false
		}
	}
	for _, name := range o.join {
		if b, ok = appendExact(b, names.value(name)); !ok {
			return nil, false
		}
	}
	for _, name := range o.socket {
		v, _ := who.socket.(value.Object).Member(name)
		if b, ok = appendExact(b, v); !ok {
			return nil, false
		}
	}
	return b, true
}

// appendExact writes a value so that two that an expression could tell apart, or that would
// go out in different bytes, never come to the same. False for what it does not know.
func appendExact(b []byte, v any) (_ []byte, ok bool) {
	switch x := v.(type) {
	case nil:
		return append(b, 'n'), true
	case bool:
		if x {
			return append(b, 't'), true
		}
		return append(b, 'f'), true
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(x)), true
	case float64:
		return binary.BigEndian.AppendUint64(append(b, 'd'), math.Float64bits(x)), true
	case value.Number:
		return appendSized(append(b, 'N'), string(x)), true
	case string:
		return appendSized(append(b, 's'), x), true
	case []byte:
		return appendSized(append(b, 'b'), string(x)), true
	case time.Time:
		return appendSized(appendSized(append(b, 'T'), x.String()), x.Location().String()), true
	case time.Duration:
		return binary.BigEndian.AppendUint64(append(b, 'D'), uint64(x)), true
	case []any:
		return appendAll(binary.AppendUvarint(append(b, 'l'), uint64(len(x))), x)
	case map[string]any:
		return appendMap(append(b, 'm'), x)
	case value.Claims:
		return appendMap(append(b, 'c'), x)
	case *value.Raw:
		if x == nil {
			return nil, false
		}
		return appendSized(append(b, 'r'), string(x.Bytes)), true
	case *value.Row:
		return appendRow(append(b, 'R'), x)
	}
	return nil, false
}

func appendSized(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendAll(b []byte, list []any) (_ []byte, ok bool) {
	for _, v := range list {
		if b, ok = appendExact(b, v); !ok {
			return nil, false
		}
	}
	return b, true
}

func appendMap(b []byte, m map[string]any) (_ []byte, ok bool) {
	if m == nil {
		return append(b, '-'), true
	}
	b = binary.AppendUvarint(append(b, '+'), uint64(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if b, ok = appendExact(appendSized(b, k), m[k]); !ok {
			return nil, false
		}
	}
	return b, true
}

func appendRow(b []byte, r *value.Row) ([]byte, bool) {
	if r == nil {
		return append(b, '-'), true
	}
	names := r.Columns.Names()
	b = binary.AppendUvarint(append(b, '+'), uint64(len(names)))
	for i, name := range names {
		b, _ = appendExact(appendSized(b, name), r.Columns.Hidden(i))
	}
	return appendAll(b, r.Values)
}

// Filter implements channels.Rules.
func (s *Socket) Filter(topic, event string) channels.Filter {
	if !s.outs[event] {
		return nil
	}
	if c := s.channel(topic); c != nil {
		if o := c.out[event]; o != nil {
			return o
		}
	}
	return nil
}

// History implements channels.Rules.
func (s *Socket) History(topic string) channels.History {
	if c := s.channel(topic); c != nil {
		return c.history
	}
	return channels.History{}
}

// channel finds the first channel whose topic matches; nil for none.
func (s *Socket) channel(topic string) *Channel {
	var room [8]string
	for _, c := range s.Channels {
		if _, ok := c.pattern.Match(topic, room[:0]); ok {
			return c
		}
	}
	return nil
}

// Out implements channels.Channel.
func (t *topicRules) Out(call *channels.Call) {
	t.run(pipeline.Out, call, t.out[call.Event].eventRules)
}

// Intervals implements channels.Channel.
func (t *topicRules) Intervals() []time.Duration { return t.intervals }

// Every implements channels.Channel.
func (t *topicRules) Every(call *channels.Call) {
	if i := slices.Index(t.intervals, call.Interval); i >= 0 {
		t.run(pipeline.Every, call, t.every[i])
	}
}
