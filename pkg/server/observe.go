package server

import (
	"log/slog"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/presence"
)

// operations is what operators and developers see of a server: counters, the admin pages,
// pages that reload.
type operations struct {
	process *observe.Process
	admin   *admin
	pages   *pages
	logs    *observe.Logs // nil: they stay as they are
}

func newOperations(s *Server) *operations {
	o := &operations{process: observe.NewProcess(s.options.Now, s.options.Version), logs: s.options.Logs, pages: newPages(s.options.Dev)}
	o.process.Sockets = func() observe.Sockets { return sockets(s.hub.Stats(), s.hub.Presence().Len()) }
	o.admin = newAdmin(s)
	return o
}

func sockets(s channels.Stats, p presence.Size) observe.Sockets {
	out := observe.Sockets{
		Presences: p.Local, RemotePresences: p.Remote,
		Websockets: s.Websockets, Longpolls: s.Polls, Members: s.Members, Topics: s.Topics,
		Joins: s.Joins, JoinsRefused: s.Refused, Received: s.Received, Sent: s.Sent,
		Broadcasts: s.Broadcasts, Deliveries: s.Delivered, Unsayable: s.Unsayable,
		Slow: s.Slow, Flooded: s.Flooded, Malformed: s.Malformed, RateLimited: s.Limited,
	}
	if c := s.Cluster; c.Tied {
		out.Cluster = &observe.Cluster{
			Up: c.Up, Nodes: c.Presence.Nodes, Topics: c.Topics, Published: c.Published, Received: c.Crossed, NotCrossed: c.NotCrossed,
			Unconfirmed: c.Unconfirmed, Unreadable: c.Unreadable, Gaps: c.Presence.Gaps,
		}
	}
	return out
}

// prepare readies what the next App needs beside what it opened itself. take is called when
// it is served, drop when it is not after all.
func (o *operations) prepare(next *app.App) (take func(generation int, changed []string), drop func(), err error) {
	move, stay, err := o.admin.prepare(next.Manifest.Endpoint.Admin.Listen)
	if err != nil {
		return nil, nil, err
	}
	return func(generation int, changed []string) {
		move()
		o.configureLog(next.Manifest)
		o.process.Applied(next.Env.Observe, generation)
		o.pages.applied(next, changed)
	}, stay, nil
}

// refused notes a manifest with faults.
func (o *operations) refused(l *app.Loaded) {
	o.process.ReloadRefused()
	o.pages.refused(l)
}

// failed notes a reload that the machine did not allow.
func (o *operations) failed() { o.process.ReloadRefused() }

// drain says that the process ends, and ends what would not end by itself.
func (o *operations) drain() {
	o.process.Drain()
	o.pages.close()
}

func (o *operations) configureLog(m *config.Manifest) {
	if o.logs == nil {
		return
	}
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(m.Endpoint.Log.Level)) // one of its names, by the manifest
	text := m.Endpoint.Log.Format == "text" || m.Endpoint.Log.Format == "" && o.pages.dev
	o.logs.Configure(text, level)
}

// settle readies all that next needs besides what it opened: its addresses, and the pages
// for operators. On an error nothing has changed; take is called when it is served.
func (s *Server) settle(next *app.App) (take func(generation int, changed []string), err error) {
	take, drop, err := s.operations.prepare(next)
	if err != nil {
		return nil, err
	}
	if err := s.enter(next.Manifest); err != nil {
		drop()
		return nil, err
	}
	return take, nil
}
