// Package kit runs a gateway inside a test, as its command does.
package kit

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/server"
	"github.com/openmanifest/gateway/pkg/tlscert"
)

// A Gateway is one that serves a manifest.
type Gateway struct {
	*server.Server
	Log *Log

	stop func()
}

// Log keeps the lines of a log for who waits for one.
type Log struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
}

// Write implements io.Writer.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(b)
}

// String gives all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Wait returns when the log holds text often enough.
func (l *Log) Wait(t testing.TB, text string, times int, within time.Duration) {
	t.Helper()
	deadline := time.After(within)
	for {
		l.mu.Lock()
		all, changed := l.text.String(), l.changed
		l.mu.Unlock()
		if strings.Count(all, text) >= times {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("after %v the log does not say %q %d times:\n%s", within, text, times, all)
		}
	}
}

// Start serves dir/app.yaml until the test ends, or Stop.
func Start(t testing.TB, dir, manifest string) *Gateway {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "app.yaml"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &Log{changed: make(chan struct{})}
	s, err := server.New(server.Options{
		Path: filepath.Join(dir, "app.yaml"), Environment: "test", Log: slog.New(slog.NewTextHandler(log, nil)),
		Getenv: func(string) (string, bool) { return "", false }, Random: rand.Reader, Now: time.Now, CheckCertificates: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		var invalid *server.Invalid
		if errors.As(err, &invalid) {
			t.Fatalf("not served: %v", invalid.Loaded.Problems[0])
		}
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	g := &Gateway{Server: s, Log: log}
	g.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the gateway ends with %v", err)
		}
	})
	t.Cleanup(g.Stop)
	return g
}

// Stop ends it.
func (g *Gateway) Stop() { g.stop() }

// Certificate writes one for localhost into dir.
func Certificate(t testing.TB, dir string) (cert, key string) {
	t.Helper()
	cert, key, err := tlscert.SelfSigned(dir, []string{"localhost", "127.0.0.1"}, rand.Reader, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// Port is the port of an address.
func Port(t testing.TB, a net.Addr) int {
	t.Helper()
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		t.Fatalf("%v is no TCP address", a)
	}
	return tcp.Port
}
