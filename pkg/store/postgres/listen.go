package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openmanifest/gateway/pkg/store"
)

var _ store.Listener = (*Store)(nil)

// How long to wait before a connection that listens is made again.
const (
	listenAgainMin = 100 * time.Millisecond
	listenAgainMax = 5 * time.Second
)

// A listening is a connection that does nothing but listen, and the goroutine that has it.
type listening struct {
	store  *Store
	told   func(channel, payload string)
	missed func()
	stop   context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	channels []string
	disturb  context.CancelFunc // ends the wait for a notification; nil: nobody waits
}

// Listen implements store.Listener. A connection that was lost is made again; missed is then
// called, since nobody knows what was notified meanwhile.
func (s *Store) Listen(told func(channel, payload string), missed func()) store.Listening {
	ctx, cancel := context.WithCancel(context.Background())
	l := &listening{store: s, told: told, missed: missed, stop: cancel, done: make(chan struct{})}
	go l.run(ctx)
	return l
}

// On implements store.Listening.
func (l *listening) On(channels []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.channels = channels
	if l.disturb != nil {
		l.disturb()
	}
}

// Close implements store.Listening.
func (l *listening) Close() {
	l.stop()
	<-l.done
}

func (l *listening) run(ctx context.Context) {
	defer close(l.done)
	wait := listenAgainMin
	for lost := false; ctx.Err() == nil; {
		heard, err := l.connect(ctx, lost)
		if ctx.Err() != nil {
			return
		}
		if heard {
			wait = listenAgainMin
		}
		lost = true
		l.store.options.Logger.Warn("postgres: not listening, trying again", "in", wait.String(), "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, listenAgainMax)
	}
}

// connect is one connection's time. heard tells whether it came to listen.
func (l *listening) connect(ctx context.Context, lost bool) (heard bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, l.store.pool.Config().ConnConfig)
	if err != nil {
		return false, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	var on []string
	for {
		if on, err = l.adjust(ctx, conn, on); err != nil {
			return heard, err
		}
		if !heard && lost {
			l.missed()
		}
		heard = true
		n, err := l.wait(ctx, conn, on)
		if err != nil {
			return heard, err
		}
		if n != nil {
			l.told(n.Channel, n.Payload)
		}
	}
}

// adjust has a connection that listens on some channels listen on those that are wanted.
func (l *listening) adjust(ctx context.Context, conn *pgx.Conn, on []string) (wanted []string, err error) {
	l.mu.Lock()
	wanted = l.channels
	l.mu.Unlock()
	say := func(verb string, channels, but []string) error {
		for _, channel := range channels {
			if slices.Contains(but, channel) {
				continue
			}
			if _, err := conn.Exec(ctx, verb+" "+store.Quote(channel)); err != nil {
				return err
			}
		}
		return nil
	}
	if slices.Equal(wanted, on) {
		return wanted, nil
	}
	if err := say("unlisten", on, wanted); err != nil {
		return nil, err
	}
	return wanted, say("listen", wanted, on)
}

// wait gives what is notified next, nil when other channels than those that the connection
// listens on are wanted.
func (l *listening) wait(ctx context.Context, conn *pgx.Conn, on []string) (*pgconn.Notification, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	l.mu.Lock()
	if stale := !slices.Equal(l.channels, on); stale {
		l.mu.Unlock()
		return nil, nil
	}
	l.disturb = cancel
	l.mu.Unlock()
	n, err := conn.WaitForNotification(waiting)
	l.mu.Lock()
	l.disturb = nil
	l.mu.Unlock()
	if n == nil && waiting.Err() != nil && ctx.Err() == nil && !conn.IsClosed() {
		return nil, nil
	}
	return n, err
}
