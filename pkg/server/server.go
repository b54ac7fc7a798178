package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/channels"
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
	drainTimeout   = 30 * time.Second
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
	Report      func(text string) // shows the faults of a refused reload to a person; may be nil
}

// A Server runs one manifest.
type Server struct {
	options Options
	deps    app.Deps
	hub     *channels.Hub
	shared  pipeline.Shared
	live    Live
	http    *http.Server
	log     *slog.Logger

	mu         sync.Mutex // held while reloading
	listener   net.Listener
	generation int
	watched    fileSet
	serveDone  chan error
}

// New prepares a server; nothing is read or opened yet.
func New(o Options) (*Server, error) {
	refs, err := presence.NewRefs(o.Random, o.Now())
	if err != nil {
		return nil, fmt.Errorf("prepare presence: %w", err)
	}
	hub := channels.New(channels.Options{Log: o.Log, Refs: refs})
	s := &Server{options: o, hub: hub, log: o.Log, serveDone: make(chan error, 4)}
	s.deps = app.Deps{Log: o.Log, Now: o.Now, Random: o.Random, Getenv: o.Getenv, Hub: app.NewHub(hub), Hasher: password.NewHasher(0), Dev: o.Dev}
	s.http = &http.Server{
		Handler: framing{limits{&s.live, bodyIdle}}, ConnContext: withHead, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
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
	s.watched = watchSet(loaded, s.options.Path)
	if loaded.Failed() {
		return &Invalid{loaded}
	}
	next := loaded.App
	if err := next.Open(&s.shared); err != nil {
		return err
	}
	l, err := net.Listen("tcp", loaded.Manifest.Endpoint.Listen)
	if err != nil {
		next.Release()
		return fmt.Errorf("listen on %s: %w", loaded.Manifest.Endpoint.Listen, err)
	}
	s.warn(loaded)
	s.generation = 1
	s.live.Swap(next)
	s.hub.Apply(next.SocketRules())
	s.serve(l)
	return nil
}

func (s *Server) serve(l net.Listener) {
	s.listener = l
	go func() { s.serveDone <- s.http.Serve(heads{l}) }()
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener.Addr()
}

// App is what new requests are answered by.
func (s *Server) App() *app.App { return s.live.Current() }

// warn logs what does not stop serving.
func (s *Server) warn(l *app.Loaded) {
	for _, p := range l.Problems {
		s.log.Warn(p.Message, "at", p.At.String(), "hint", p.Hint)
	}
}

// Run serves until ctx ends, then lets requests and sockets finish within 30 s.
func (s *Server) Run(ctx context.Context) error {
	watching := make(chan struct{})
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.options.Watch {
		go func() { defer close(watching); s.watch(stop) }()
	} else {
		close(watching)
	}
	err := s.wait(ctx)
	cancel()
	<-watching
	return errors.Join(err, s.stop())
}

// wait returns when ctx ends, or when serving broke. A listener that a reload replaced
// ends too; that is no fault.
func (s *Server) wait(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.serveDone:
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve: %w", err)
			}
		}
	}
}

func (s *Server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	s.log.Info("stopping")
	drained := make(chan error, 1)
	go func() { drained <- s.hub.Drain(ctx) }()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, net.ErrClosed) {
		err = nil // a listener that a reload had closed, and whose Serve has not returned yet
	}
	err = errors.Join(err, <-drained)
	s.hub.Apply(nil)
	if a := s.live.Current(); a != nil {
		a.Release()
	}
	return err
}
