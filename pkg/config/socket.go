package config

import (
	"math"
	"slices"
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
	Compress    bool
	Rate        spec.Rate // of one connection's messages; the zero Rate: no limit
	Burst       int       // of it; 0: its Count
	Longpoll    bool
	Window      time.Duration // of a long poll
	MaxChannels int
	CheckOrigin Origins
	AuthToken   bool
	ConnectInfo []spec.Ref // each one of ConnectInfo()
	Channels    []Channel
	At          diag.Pos
}

// Origins says which pages may connect.
type Origins struct {
	Off  bool // any page
	At   diag.Pos
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
	longpoll(f, s)
	pace(f, s)
	f.Bool(&s.AuthToken, "auth_token", false, "Takes the token that a client gives as its `authToken`: `verify_token` in `connect` reads it, and expressions there as socket.auth_token.")
	connectInfo(f, s)
	f.After(func(_ *spec.Decoder, n *source.Node) { s.At = n.At })
}

func websocket(f *spec.Fields, s *Socket) {
	inner := spec.NewFields("`websocket`")
	inner.Duration(&s.Timeout, "timeout", "60s", "A connection is closed when nothing was received for so long.")
	inner.Size(&s.MaxFrame, "max_frame", "1MB", "A message over it closes the connection.")
	inner.Bool(&s.Compress, "compress", false, "Compresses messages with clients that offer it (permessage-deflate): fewer bytes for more work, and some memory while a message is read.")
	schema := spec.Schema{"anyOf": []any{spec.Schema{"type": "boolean"}, inner.Schema()}}
	f.Add("websocket", "boolean or map", "Settings of the websocket: `timeout` (60s), `max_frame` (1MB) and `compress` (false).", schema, func(d *spec.Decoder, n *source.Node) {
		switch v := n.Scalar().(type) {
		case bool:
			s.Websocket = v
		default:
			if n.Kind != source.Map && !n.Null() {
				d.Problems.Add(n.At, "wrong-value", "expected true, false or a map of settings").Suggest("its settings are timeout, max_frame and compress")
				return
			}
			inner.Decode(d, n, diag.Pos{})
		}
	}).Default = "true"
}

// pace binds how often one connection may send.
func pace(f *spec.Fields, s *Socket) {
	inner := spec.NewFields("`rate_limit`")
	inner.Main(inner.Rate(&s.Rate, "rate", "", "How often one connection may send in the long run: messages of any topic, heartbeats too.").Require())
	inner.Int(&s.Burst, "burst", 0, 1, math.MaxInt32, "How often at once, after a pause; the count of the rate when left out.").Default = ""
	f.Add("rate_limit", "rate, or a map", "How often one connection may send: `100/s`, or `{rate: 100/s, burst: 200}`. One that sends more often is closed. Default: as often as it likes.", inner.Schema(),
		func(d *spec.Decoder, n *source.Node) { inner.Decode(d, n, diag.Pos{}) })
}

// ConnectInfo lists what `connect_info` can show of the request that opened a connection.
func ConnectInfo() []string {
	return []string{"peer", "user_agent", "x_headers", "uri", "trace", "session"}
}

func connectInfo(f *spec.Fields, s *Socket) {
	doc := "What of the request that opened a connection its rules see, as members of `socket`: `peer` (address, port), `user_agent`, `x_headers` (by lower-case name), `uri` (scheme, host, port, path, query), " +
		"`trace` (traceparent, tracestate), `session` (given to a client that sends its `_csrf_token`, else nil). Default: nothing."
	f.Add("connect_info", "list of names", doc, spec.OrNothing(spec.OneOrMore(spec.Schema{"enum": ConnectInfo()})), func(d *spec.Decoder, n *source.Node) {
		s.ConnectInfo = nil
		if n.Null() {
			return
		}
		for _, item := range spec.Items(n) {
			if item.Kind == source.Scalar && slices.Contains(ConnectInfo(), item.Value) {
				s.ConnectInfo = append(s.ConnectInfo, spec.Ref{Name: item.Value, At: item.At})
				continue
			}
			d.Problems.Add(item.At, "unknown-name", "`connect_info` cannot list this").Hint = suggestOr(item.Value, ConnectInfo(), "it lists ")
		}
	})
}

func (o *Origins) read(d *spec.Decoder, n *source.Node) {
	o.At = n.At
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
	Every     []Interval
	History   *History // nil: nothing is kept
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
	every(f, &c.Every)
	history(f, &c.History)
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
