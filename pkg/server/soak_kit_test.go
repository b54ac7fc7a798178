package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

const soakManifest = `version: 1
endpoint: {listen: '127.0.0.1:0', secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
sockets:
  - path: /socket
    connect: [{assign: {user: "${params.user}"}}]
    id: user:${user}
    longpoll: {window: WINDOW}
    channels:
      - topic: room:*
        history: {size: 50, ttl: 1m}
        join: [{reply: {version: VERSION}}]
        after_join: [{track: {key: "${user}", meta: {status: online}}}]
        handle_in:
          echo: [{reply: "${payload}"}]
          new_msg: [{broadcast: {payload: {user: "${user}", body: "${payload.body}"}}}, {reply: {}}]
          status: [{update_presence: {key: "${user}", merge: {status: "${payload.status}"}}}, {reply: {}}]
          version: [{reply: {version: VERSION}}]
        handle_out:
          new_msg: [{require: payload.user != user}, push]
        every:
          EVERY: [{push: {event: tick, payload: {version: VERSION}}}]
        leave: [{broadcast: {event: left, payload: {user: "${user}"}}}]
`

// A crowd is clients that come, push, leave and vanish, and what became of what they sent.
type crowd struct {
	address  string
	rooms    int
	think    time.Duration // between two acts of a client; half of it to one and a half
	life     time.Duration // of a connection, as think
	patience time.Duration // for an answer
	window   time.Duration // of a poll
	stop     chan struct{}
	done     sync.WaitGroup

	lives, vanished, joins, polls atomic.Int64
	sent, answered, abandoned     atomic.Int64 // pushes; abandoned: their client vanished
	events, recovered, expired    atomic.Int64 // expired: sessions whose client was late
	faults                        faults
}

// faults counts what must not be, by kind, and keeps the first few of each.
type faults struct {
	mu    sync.Mutex
	kinds map[string]int // by format
	first []string
}

func (f *faults) add(who, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kinds == nil {
		f.kinds = map[string]int{}
	}
	if f.kinds[format]++; f.kinds[format] <= 5 {
		f.first = append(f.first, time.Now().Format(time.TimeOnly)+" "+who+": "+fmt.Sprintf(format, args...))
	}
}

// tell fails the test for what there is.
func (f *faults) tell(tb testing.TB) {
	tb.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.kinds) > 0 {
		tb.Errorf("faults: %v, such as\n%s", f.kinds, strings.Join(f.first, "\n"))
	}
	f.kinds, f.first = nil, nil
}

// Enabled, Handle, WithAttrs and WithGroup implement slog.Handler: what a server logs as
// an error is a fault.
func (f *faults) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

func (f *faults) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	f.add("the log", "%s", text)
	return nil
}

func (f *faults) WithAttrs([]slog.Attr) slog.Handler { return f }
func (f *faults) WithGroup(string) slog.Handler      { return f }

// serveLogged serves dir/app.yaml until the test ends, and makes errors in the log faults.
func serveLogged(tb testing.TB, dir string, log *faults) *Server {
	tb.Helper()
	s, err := New(Options{
		Path: filepath.Join(dir, "app.yaml"), Environment: "test", Log: slog.New(log),
		Getenv: func(string) (string, bool) { return "", false }, Random: rand.Reader, Now: time.Now,
	})
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := await.From(tb, "the end of the server", ended); err != nil {
			tb.Errorf("the server ended with %v", err)
		}
	})
	return s
}

// start has n clients come, one in ten over long poll.
func (c *crowd) start(n int) {
	for i := range n {
		m := newSoaker(c, i)
		c.done.Go(func() {
			for m.pause(m.around(c.think)) {
				if i%10 == 9 {
					m.pollAWhile()
				} else {
					m.connectAWhile()
				}
				c.lives.Add(1)
			}
		})
	}
}

// stopped tells that the crowd is to go home.
func (c *crowd) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

func (c *crowd) String() string {
	return fmt.Sprintf("%d lives (%d vanished), %d joins (%d recovered), %d pushes: %d answered, %d abandoned; %d events, %d polls, %d sessions expired",
		c.lives.Load(), c.vanished.Load(), c.joins.Load(), c.recovered.Load(), c.sent.Load(), c.answered.Load(), c.abandoned.Load(), c.events.Load(), c.polls.Load(), c.expired.Load())
}
