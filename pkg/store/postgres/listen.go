package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openmanifest/gateway/pkg/store"
)

var _ store.Listener = (*Store)(nil)

// How long to wait before a connection that listens is made again.
const (
	listenAgainMin = 100 * time.Millisecond
	listenAgainMax = 5 * time.Second
)

// Listen tells what the database notifies, over a connection of its own, until ctx ends. A
// connection that was lost is made again; missed is then called, since nobody knows what was
// notified meanwhile.
func (s *Store) Listen(ctx context.Context, channels []string, told func(channel, payload string), missed func()) {
	wait := listenAgainMin
	for lost := false; ctx.Err() == nil; {
		heard, err := s.listen(ctx, channels, told, func() {
			if lost {
				missed()
			}
		})
		if ctx.Err() != nil {
			return
		}
		if heard {
			wait = listenAgainMin
		}
		lost = true
		s.options.Logger.Warn("postgres: not listening, trying again", "in", wait.String(), "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, listenAgainMax)
	}
}

// listen is one connection's time. heard tells whether it came to listen.
func (s *Store) listen(ctx context.Context, channels []string, told func(channel, payload string), began func()) (heard bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return false, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	for _, channel := range channels {
		if _, err := conn.Exec(ctx, "listen "+store.Quote(channel)); err != nil {
			return false, err
		}
	}
	began()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return true, err
		}
		told(n.Channel, n.Payload)
	}
}
