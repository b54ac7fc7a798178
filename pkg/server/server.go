package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/presence"
)

// What strangers may take, of the manifest language's defaults.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 120 * time.Second
	maxHeaderBytes = 64 << 10
	maxHeaders     = 100
	maxURL         = 8 << 10
	bodyIdle       = 30 * time.Second
	writeIdle      = 30 * time.Second
	maxStreams     = 128              // requests at once over one HTTP/2 connection
	maxFrame       = 16 << 10         // of HTTP/2: what its clients send unless they are told otherwise
	pingAfter      = 60 * time.Second // without a frame
	pingTimeout    = 15 * time.Second
)

// Options say what to serve and how.
type Options struct {
	Path        string // of the manifest
	Environment string // dev, test or prod
	Dev         bool
	Watch       bool
	Log         *slog.Logger
	Getenv      func(string) (string, bool)
	Random      io.Reader
	Now         func() time.Time
	Version     string            // of the gateway, for who asks
	Logs        *observe.Logs     // whose form and level the manifest decides; may be nil
	Report      func(text string) // shows the faults of a refused reload to a person; may be nil

	CheckCertificates time.Duration // how often to look whether one that a CA issued must be renewed; 0: 10 minutes
}

// A Server runs one manifest.
type Server struct {
	options Options
	deps    app.Deps
	hub     *channels.Hub
	shared  pipeline.Shared
	live    Live
	http    *http.Server
	doors   *doors
	log     *slog.Logger

	operations *operations

	mu         sync.Mutex // held while reloading
	generation int
	watched    fileSet
	seen       map[string]string      // the fingerprint of watched when the server started
	security   *security              // nil: no TLS
	tlsConfigs map[string]*tls.Config // by what they depend on
	serveDone  chan error
	draining   atomic.Bool
	asked      chan string // a reload that something within asks for, with its reason
}

// New prepares a server; nothing is read or opened yet.
func New(o Options) (*Server, error) {
	refs, err := presence.NewRefs(o.Random, o.Now())
	if err != nil {
		return nil, fmt.Errorf("prepare presence: %w", err)
	}
	hub := channels.New(channels.Options{Log: o.Log, Refs: refs})
	s := &Server{options: o, hub: hub, log: o.Log, tlsConfigs: map[string]*tls.Config{}, serveDone: make(chan error, 1), asked: make(chan string, 1)}
	s.deps = app.Deps{Log: o.Log, Now: o.Now, Random: o.Random, Getenv: o.Getenv, Hub: app.NewHub(hub), Hasher: password.NewHasher(0), Dev: o.Dev, Reload: s.askReload}
	s.operations = newOperations(s)
	s.doors = newDoors(o.Log, s.operations.process.Refused)
	s.deps.Observe = s.operations.process
	s.http = s.httpServer()
	return s, nil
}

// httpServer speaks HTTP to what the doors let in.
func (s *Server) httpServer() *http.Server {
	return &http.Server{
		Handler: s.handler(), ConnContext: withConn, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		DisableGeneralOptionsHandler: true, // each head that is read must come to framing
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame, SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: writeIdle},
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// handler is what a request passes before the App, the outermost first.
func (s *Server) handler() http.Handler {
	refused := s.doors.refused
	return framing{limits{challenges{s.doors, s.operations.pages.wrap(&s.live)}, bodyIdle, refused}, refused}
}

// Invalid is a manifest that cannot be served.
type Invalid struct{ Loaded *app.Loaded }

// Error implements error.
func (i *Invalid) Error() string {
	return fmt.Sprintf("the manifest has %d problems", len(i.Loaded.Problems))
}

// Start reads the manifest, opens what it needs and listens. The error is an *Invalid when
// the manifest has faults.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	loaded := app.Load(s.options.Path, s.options.Environment, s.deps)
	s.watched = s.watchSet(loaded)
	if loaded.Failed() {
		return &Invalid{loaded}
	}
	if s.options.Watch {
		s.seen = s.watched.fingerprint()
	}
	next := loaded.App
	if err := next.Open(&s.shared); err != nil {
		return err
	}
	take, err := s.settle(next)
	if err != nil {
		next.Release()
		return err
	}
	s.warn(loaded)
	s.generation = 1
	s.live.Swap(next)
	s.join(next)
	take(s.generation, nil)
	go func() { s.serveDone <- s.http.Serve(s.doors) }()
	return nil
}

// join has the sockets go by next, and reach the nodes that it names.
func (s *Server) join(next *app.App) {
	s.hub.UseBus(next.Bus())
	s.hub.Presence().SetWindow(next.Manifest.Pubsub.PresenceWindow)
	s.hub.Apply(next.SocketRules())
}

// enter listens on the addresses of a manifest, with its certificates. On an error nothing
// has changed.
func (s *Server) enter(m *config.Manifest) error {
	change, err := s.doors.prepare(m.Endpoint.Listen, m.Document.Dir)
	if err != nil {
		return err
	}
	next, err := s.secure(m, change)
	if err != nil {
		change.undo()
		return err
	}
	change.commit(next)
	s.security.release()
	s.security = next
	return nil
}

// Addr is where the server listens first.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doors.open[0].Addr()
}

// URLs are what a person opens to see the application, one for each address.
func (s *Server) URLs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doors.urls()
}

// Ready tells why no new requests should be sent here; nil when they may be.
func (s *Server) Ready() error {
	switch {
	case s.draining.Load():
		return errors.New("the gateway is stopping")
	case s.live.Current() == nil:
		return errors.New("the gateway is starting")
	}
	return nil
}

// App is what new requests are answered by.
func (s *Server) App() *app.App { return s.live.Current() }

// warn logs what does not stop serving.
func (s *Server) warn(l *app.Loaded) {
	for _, p := range l.Problems {
		s.log.Warn(p.Message, "at", p.At.String(), "hint", p.Hint)
	}
}

// Run serves until ctx ends, then lets requests and sockets finish within endpoint.drain.
func (s *Server) Run(ctx context.Context) error {
	var watching sync.WaitGroup
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.options.Watch {
		watching.Go(func() { s.watch(stop) })
	}
	watching.Go(func() { s.reloadWhenAsked(stop) })
	err := s.wait(ctx)
	cancel()
	watching.Wait()
	return errors.Join(err, s.stop())
}

// wait returns when ctx ends, or when serving broke.
func (s *Server) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.serveDone:
		return fmt.Errorf("serve: %w", err)
	}
}

// stop accepts nothing more, and lets what is under way finish.
func (s *Server) stop() error {
	s.draining.Store(true) // before anything is refused
	s.operations.drain()
	s.mu.Lock()
	defer s.mu.Unlock()
	drain := s.live.Current().Manifest.Endpoint.Drain
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	s.log.Info("stopping", "drain", drain.String())
	drained := make(chan error, 1)
	go func() { drained <- s.hub.Drain(ctx) }()
	s.doors.end()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(fmt.Errorf("requests that had not finished within %s were cut off", drain), s.http.Close())
	}
	err = errors.Join(err, <-drained)
	s.hub.Apply(nil)
	s.hub.UseBus(nil) // when nobody is left: the other nodes hear that their presences are gone
	s.operations.admin.close()
	s.live.Current().Release()
	s.security.release()
	return err
}
