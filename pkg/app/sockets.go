package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/ratelimit"
	"github.com/openmanifest/gateway/pkg/routes"
)

// A Socket is a compiled socket: the channels.Rules of its path.
type Socket struct {
	Path     string // where the hub mounts it; clients connect to Path/websocket
	At       diag.Pos
	Channels []*Channel

	app      *App
	hub      Hub // nil when nothing is served
	settings channels.Settings
	connect  *pipeline.Steps
	id       *pipeline.Text // nil: connections have no id
	names    *nameSet       // what connect binds
	needs    []string       // of names, what the channels read
	info     connectInfo
	shown    []string // of info, what the channels read
	outs     map[string]bool
}

// A Channel is the compiled rules of the topics that match its pattern.
type Channel struct {
	Topic string
	At    diag.Pos

	socket                 *Socket
	pattern                channels.Pattern
	join, afterJoin, leave *pipeline.Steps
	in                     map[string]eventRules
	out                    map[string]*outRules
	every                  []eventRules // what is done after intervals
	intervals              []time.Duration
	history                channels.History
	names                  *nameSet // what join binds
	needs                  []string // of names, what the lists after the join read
}

// eventRules is what is done at an event, with its name in the form that slots hold.
type eventRules struct {
	name   any
	steps  *pipeline.Steps
	sets   bool // the steps may set a name of the membership
	params bool // they read what the topic captured
}

func newEventRules(name any, steps *pipeline.Steps) eventRules {
	return eventRules{name, steps, steps.Sets(), steps.Reads("params")}
}

// otherEvents stands in handle_in for every event that is not declared.
const otherEvents = "_"

// SocketRules gives the rules of all sockets by path, for channels.Hub.Apply.
func (a *App) SocketRules() map[string]channels.Rules {
	out := make(map[string]channels.Rules, len(a.Sockets))
	for _, s := range a.Sockets {
		out[s.Path] = s
	}
	return out
}

func (b *builder) sockets(list []config.Socket) {
	for i := range list {
		s := b.socket(&list[i])
		b.app.Sockets = append(b.app.Sockets, s)
	}
}

func (b *builder) socket(n *config.Socket) *Socket {
	s := &Socket{At: n.At, app: b.app, outs: map[string]bool{}}
	s.hub, _ = b.app.Env.Hub.(Hub)
	place := "sockets"
	if n.Path != nil && b.mount(s, n) {
		place += s.Path
	}
	b.written(n.Connect, "connect", "write `[]` to let anyone connect")
	s.settings = channels.Settings{Timeout: n.Timeout, MaxFrame: n.MaxFrame, MaxChannels: n.MaxChannels, Origins: b.origins(n.CheckOrigin), AuthToken: n.AuthToken}
	s.settings.Longpoll = b.longpoll(s, n)
	s.settings.Compress, s.settings.Rate, s.settings.Burst = n.Compress, ratelimit.Rate(n.Rate), n.Burst
	s.info = b.connectInfo(n)
	steps, after := b.c.Connect(n.Connect, place+"/connect", s.info.connectType())
	if n.CheckOrigin.Off && steps.Reads("request.cookies") {
		b.ps.Add(n.CheckOrigin.At, "any-origin", "with `check_origin: false` a page of any site connects with the cookies and passwords of its visitor, and `connect` goes by them").
			Suggest("list the pages, such as [//a.example], or let clients send a token")
	}
	s.connect, s.names = steps, newNameSet(after.Bound(), nil)
	if n.ID != nil && !n.ID.Null() {
		s.id = b.c.ID(n.ID, after)
	}
	after = after.WithSocket(s.info.channelType())
	for i := range n.Channels {
		b.channel(s, &n.Channels[i], after, place)
	}
	s.needs, s.shown = s.names.read(s.lists()), membersRead(s.info.names, s.lists())
	return s
}

// written refuses a list of rules without a value: only what is written opens.
func (b *builder) written(n *source.Node, key, hint string) {
	if n != nil && n.Null() {
		b.ps.Add(n.At, "empty-rules", "`%s` is empty", key).Suggest("%s", hint)
	}
}

// mount gives the socket its path and the routes of its transports.
func (b *builder) mount(s *Socket, n *config.Socket) bool {
	path, ok := b.pattern(n.Path)
	if !ok {
		return false
	}
	s.Path, s.At = path.String(), n.Path.At
	i := slices.IndexFunc(b.app.Sockets, func(other *Socket) bool { return other.Path == s.Path })
	if i >= 0 {
		b.ps.Add(s.At, "duplicate-socket", "there is already a socket at %s", s.Path).Relate(b.app.Sockets[i].At, "the other one").Suggest("put the channels of both into one, or rename a path")
		return false
	}
	if !n.Websocket && !n.Longpoll {
		b.ps.Add(s.At, "no-transport", "no client can reach this socket").Suggest("remove `websocket: false`, or add `longpoll: true`")
		return true
	}
	if n.Websocket && !b.transport(s, path, "/websocket", Route{Route: routes.Route{Methods: []string{http.MethodGet}}}) {
		return false
	}
	if !n.Longpoll {
		return true
	}
	return b.transport(s, path, "/longpoll", Route{longpoll: true}) // of any method: those that are none of it are 400, not 405
}

// transport adds the route of a transport.
func (b *builder) transport(s *Socket, path routes.Pattern, suffix string, r Route) bool {
	end, _ := routes.ParsePattern(suffix)
	full, err := end.Join(path)
	if err != nil {
		b.ps.Add(s.At, "bad-path", "the path of a socket cannot end in a wildcard").Suggest("clients connect to the path followed by %s", suffix)
		return false
	}
	r.Pattern, r.At = full, s.At
	r.Handler, r.names, r.socket = "socket "+s.Path, full.Names(), s
	b.app.Routes = append(b.app.Routes, r)
	return true
}

// origins reads check_origin. The default is the host of endpoint.url; where none is
// configured, a page must come from the host that the request names.
func (b *builder) origins(o config.Origins) channels.Origins {
	switch {
	case o.Off:
		return channels.AnyOrigin()
	case len(o.List) == 0:
		return channels.HostOrigin(b.app.Manifest.Endpoint.URL.Host)
	}
	var texts []string
	for _, ref := range o.List {
		if _, err := channels.ListOrigins([]string{ref.Name}); err != nil {
			b.ps.Add(ref.At, "bad-origin", "this is no origin").Suggest("write //a.example, https://a.example:8080 or //*.a.example; `false` lets in any page")
			continue
		}
		texts = append(texts, ref.Name)
	}
	list, _ := channels.ListOrigins(texts) // each was read above
	return list
}

// channel compiles one channel.
func (b *builder) channel(s *Socket, n *config.Channel, connect pipeline.Flow, place string) {
	c := &Channel{At: n.At, socket: s}
	if n.Topic != nil && b.topic(s, c, n.Topic) {
		connect = connect.WithCaptures(c.pattern.Names())
	}
	place += "/" + c.Topic
	b.written(n.Join, "join", "write `[]` to let everyone join who is connected")
	steps, joined := b.c.Join(n.Join, connect, place+"/join")
	c.join, c.names = steps, newNameSet(joined.Bound(), s.names)
	c.afterJoin = b.c.Event(pipeline.AfterJoin, n.AfterJoin, joined, place+"/after_join")
	c.leave = b.c.Event(pipeline.Leave, n.Leave, joined, place+"/leave")
	c.in = b.events(pipeline.In, n.In, joined, place+"/handle_in")
	c.out = map[string]*outRules{}
	for event, rules := range b.events(pipeline.Out, n.Out, joined, place+"/handle_out") {
		c.out[event] = newOutRules(c, rules)
		s.outs[event] = true
	}
	for _, i := range n.Every {
		c.every = append(c.every, newEventRules("", b.c.Event(pipeline.Every, i.List, joined, place+"/every/"+i.Name)))
		c.intervals = append(c.intervals, i.Every)
	}
	if n.History != nil {
		c.history = channels.History{Size: n.History.Size, TTL: n.History.TTL}
		s.settings.History = true
	}
	c.needs = c.names.read(c.lists())
	s.Channels = append(s.Channels, c)
}

// topic reads the pattern and reports one that is never reached.
func (b *builder) topic(s *Socket, c *Channel, n *source.Node) bool {
	if n.Kind != source.Scalar {
		b.ps.Add(n.At, "wrong-type", "expected a topic such as room:{id}")
		return false
	}
	if i := strings.Index(n.Value, "${"); i >= 0 {
		b.ps.Add(n.Span(i, i+2), "bad-topic", "a topic is not computed").Suggest("write {name} for what may vary: it is captured into params")
		return false
	}
	pattern, err := channels.ParsePattern(n.Value)
	if err != nil {
		at := n.At
		var fault *channels.PatternError
		if errors.As(err, &fault) {
			at = n.Span(fault.Offset, fault.Offset+1)
		}
		b.ps.Add(at, "bad-topic", "%v", err).Suggest("a topic is a text such as room:lobby, room:{id} or room:*")
		return false
	}
	if i := strings.Index(n.Value, "::"); i >= 0 && i+2 < len(n.Value) {
		b.ps.Warn(n.At, "plain-topic", "%s is one topic, and nothing in it varies", n.Value).Suggest("write %s{%s} to capture what may vary", n.Value[:i+1], n.Value[i+2:])
	}
	c.Topic, c.At, c.pattern = n.Value, n.At, pattern
	for _, earlier := range s.Channels {
		if earlier.Topic != "" && channels.Covers(earlier.pattern, pattern) {
			p := b.ps.Add(n.At, "unreachable-topic", "%s is never reached: %s before it takes every such topic", c.Topic, earlier.Topic)
			p.Relate(earlier.At, "declared first").Suggest("move it up: the first topic that matches is taken")
			break
		}
	}
	return true
}

// events compiles the lists of handle_in or handle_out by event.
func (b *builder) events(at pipeline.Place, list []config.Event, joined pipeline.Flow, place string) map[string]eventRules {
	out := make(map[string]eventRules, len(list))
	for _, e := range list {
		switch {
		case strings.HasPrefix(e.Name, "phx_"):
			b.ps.Add(e.At, "reserved-event", "the event %q belongs to the protocol", e.Name).Suggest("what happens at a join or leave stands in `join`, `after_join` and `leave`")
		case e.Name == otherEvents && at == pipeline.Out:
			b.ps.Add(e.At, "reserved-event", "`_` stands in handle_in only").Suggest("name each event that is to be filtered")
		case e.Name == "":
			b.ps.Add(e.At, "bad-event", "an event needs a name")
		}
		out[e.Name] = newEventRules(e.Name, b.c.Event(at, e.List, joined, place+"/"+e.Name))
	}
	return out
}

// lists gives all lists that see the names of connect.
func (s *Socket) lists() []*pipeline.Steps {
	var all []*pipeline.Steps
	for _, c := range s.Channels {
		all = append(append(all, c.join, c.afterJoin), c.lists()...)
	}
	return all
}

// lists gives the lists that may still run for a member.
func (c *Channel) lists() []*pipeline.Steps {
	all := []*pipeline.Steps{c.leave}
	for _, e := range c.in {
		all = append(all, e.steps)
	}
	for _, e := range c.out {
		all = append(all, e.steps)
	}
	for _, e := range c.every {
		all = append(all, e.steps)
	}
	return all
}

// isSocketBySlashes tells whether a path without a route is that of a socket but for slashes at
// its end or side by side, and makes that the match. Clients put /websocket behind an endpoint
// that may end in a slash, and follow no redirect; Phoenix takes no notice of such slashes.
func (a *App) isSocketBySlashes(c *pipeline.Context) bool {
	path := c.R.URL.EscapedPath()
	if !strings.Contains(path, "//") && !strings.HasSuffix(path, "/") {
		return false
	}
	segments := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	var m routes.Match
	a.Table.Lookup(c.Method, c.R.Host, "/"+strings.Join(segments, "/"), &m)
	if m.Status != http.StatusOK || a.Routes[m.Route].socket == nil {
		return false
	}
	c.Match = m
	return true
}

// origin is what endpoint.plugs gave the request that opens a connection.
type origin struct {
	id       string
	log      *slog.Logger
	handOver func() (release func()) // what the request holds goes to the connection
}

type originKey struct{}

// upgrade hands a request for a websocket, or of a long poll, to the hub.
func (a *App) upgrade(c *pipeline.Context, r *Route) {
	params, err := pipeline.ReadForm(c.R.URL.RawQuery)
	if !a.ran(c, err) {
		return
	}
	for i, name := range r.names {
		params[name] = c.Match.Params[i]
	}
	if r.socket.hub == nil {
		a.answerError(c, &pipeline.Refusal{Status: http.StatusNotFound, Reason: "not_found"})
		return
	}
	ctx := context.WithValue(c.R.Context(), originKey{}, origin{c.Request.ID, c.Log, c.HandOver})
	request := c.R.WithContext(ctx)
	if r.longpoll {
		a.poll(c, r.socket, request, params)
		return
	}
	c.Begin()
	r.socket.hub.ServeWebsocket(c.W, request, r.socket.Path, params)
}
