package config

import (
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// A Socket is a place where clients connect to channels.
type Socket struct {
	Path        *source.Node
	Connect     *source.Node
	ID          *source.Node
	Websocket   bool
	Timeout     time.Duration
	MaxFrame    int64
	MaxChannels int
	CheckOrigin Origins
	Channels    []Channel
	At          diag.Pos
}

// Origins says which pages may connect.
type Origins struct {
	Off  bool // any page
	List []spec.Ref
}

func describeSocket(f *spec.Fields, s *Socket) {
	s.Websocket = true
	f.Node(&s.Path, "path", "path", "Mount path: clients connect to PATH/websocket.", spec.Path()).Require()
	f.Node(&s.Connect, "connect", "list of plugs", "Who may connect. `[]` lets anyone in.", spec.NotNothing(spec.Definition("connect_plugs"))).Require()
	f.Node(&s.ID, "id", "text", "Names the connections of one user, so that `disconnect` can close them all. Default: none.", spec.Schema{"type": spec.Types("string", "number", "boolean", "null")})
	websocket(f, s)
	f.Int(&s.MaxChannels, "max_channels", 100, 1, 100_000, "Channels that one connection may join.")
	f.Add("check_origin", "false or list of origins", "Which pages may connect: `false` for any, or a list such as `[//a.example]`. Default: the host of `endpoint.url`, or else the host that the request names.",
		spec.Schema{"anyOf": []any{spec.Schema{"type": "boolean"}, spec.OneOrMore(spec.OrExpression(spec.Text("^([A-Za-z][A-Za-z0-9+.-]*:)?//.")))}}, s.CheckOrigin.read)
	spec.Blocks(f, &s.Channels, "channels", "channel", "The first whose topic matches a join is taken.", spec.Definition("channel"), describeChannel)
	f.Add("longpoll", "boolean", "Not available in this version, other than `false`.", spec.Schema{}, func(d *spec.Decoder, n *source.Node) {
		if n.Scalar() != false {
			spec.Unavailable(d.Problems, n.At, "longpoll")
		}
	})
	f.Later("auth_token", "connect_info", "rate_limit")
	f.After(func(_ *spec.Decoder, n *source.Node) { s.At = n.At })
}

func websocket(f *spec.Fields, s *Socket) {
	inner := spec.NewFields("`websocket`")
	inner.Duration(&s.Timeout, "timeout", "60s", "A connection is closed when nothing was received for so long.")
	inner.Size(&s.MaxFrame, "max_frame", "1MB", "A message over it closes the connection.")
	inner.Later("compress")
	schema := spec.Schema{"anyOf": []any{spec.Schema{"type": "boolean"}, inner.Schema()}}
	f.Add("websocket", "boolean or map", "Settings of the websocket: `timeout` (60s) and `max_frame` (1MB).", schema, func(d *spec.Decoder, n *source.Node) {
		switch v := n.Scalar().(type) {
		case bool:
			s.Websocket = v
		default:
			if n.Kind != source.Map && !n.Null() {
				d.Problems.Add(n.At, "wrong-value", "expected true, false or a map of settings").Suggest("its settings are timeout and max_frame")
				return
			}
			inner.Decode(d, n, diag.Pos{})
		}
	}).Default = "true"
}

func (o *Origins) read(d *spec.Decoder, n *source.Node) {
	switch n.Scalar() {
	case false:
		o.Off = true
		return
	case true:
		return
	}
	for _, item := range spec.Items(n) {
		v, _, ok := d.Scalar(item, "an origin")
		if s, is := v.(string); ok && is && s != "" {
			o.List = append(o.List, spec.Ref{Name: s, At: item.At})
		} else if ok {
			d.Problems.Add(item.At, "wrong-value", "expected an origin").Suggest("such as https://a.example, //a.example or //*.a.example")
		}
	}
}

// A Channel gives the rules of the topics that match its pattern.
type Channel struct {
	Topic     *source.Node
	Join      *source.Node
	AfterJoin *source.Node
	In        []Event
	Out       []Event
	Leave     *source.Node
	At        diag.Pos
}

// An Event is a list of plugs for one event.
type Event struct {
	Name string
	At   diag.Pos
	List *source.Node
}

func describeChannel(f *spec.Fields, c *Channel) {
	f.Node(&c.Topic, "topic", "topic pattern", "`room:lobby`, `room:*` (any rest) or `room:{id}` (captured into params).", topicSchema()).Require()
	f.Node(&c.Join, "join", "list of plugs", "Who may join. `[]` lets everyone in who is connected.", spec.NotNothing(spec.Definition("join_plugs"))).Require()
	f.Node(&c.AfterJoin, "after_join", "list of plugs", "Runs after the reply to the join was sent.", spec.Definition("after_join_plugs"))
	events(f, &c.In, "handle_in", "What the client's events do, by event; `_` is any other event.", "in_plugs", "^(?!phx_).")
	events(f, &c.Out, "handle_out", "What happens to a broadcast before this member gets it, by event: without `push` it is dropped.", "out_plugs", "^(?!phx_|_$).")
	f.Node(&c.Leave, "leave", "list of plugs", "Runs when the membership ends.", spec.Definition("leave_plugs"))
	f.Later("every", "history")
	f.After(func(_ *spec.Decoder, n *source.Node) { c.At = n.At })
}

// topicSchema takes what may be a pattern of topics.
func topicSchema() spec.Schema {
	s := spec.Text(`^(?!phoenix$)[^*]*\*?$`)
	s["type"] = spec.Types("string", "number", "boolean")
	s["not"] = spec.Schema{"type": "string", "pattern": `\$\{`}
	return s
}

// events binds lists by event; names is what an event may be called, in the schema.
func events(f *spec.Fields, p *[]Event, name, doc, ref, names string) {
	schema := spec.MapOf(spec.Definition(ref))
	schema["type"] = spec.Types("object", "null")
	schema["propertyNames"] = spec.Schema{"pattern": names}
	f.Add(name, "map of lists of plugs", doc, schema, func(d *spec.Decoder, n *source.Node) {
		*p = nil
		if n.Null() {
			return
		}
		if n.Kind != source.Map {
			d.Problems.Add(n.At, "not-a-map", "`%s` is a map of events", name)
			return
		}
		for _, e := range n.Entries {
			*p = append(*p, Event{Name: e.Key.Value, At: e.Key.At, List: e.Value})
		}
	})
}

// DescribeSocket binds a socket, for the JSON Schema and the reference.
func DescribeSocket(f *spec.Fields) { describeSocket(f, &Socket{}) }

// DescribeChannel binds a channel, for the JSON Schema and the reference.
func DescribeChannel(f *spec.Fields) { describeChannel(f, &Channel{}) }
