package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// lentMax is how many connections of a pool can be lent at once. However long they are away,
// quick statements have one to share; a pool of two has none to spare for that.
func lentMax(pool int) int {
	if pool < 3 {
		return pool
	}
	return pool - 1
}

// lend waits for a connection that a statement or transaction has for itself, until
// takeBack. A fresh one has answered: those that lie idle may have broken without a word.
func (s *Store) lend(ctx context.Context, fresh bool) (*pgxpool.Conn, *session, error) {
	if err := s.ownPlace(ctx); err != nil {
		return nil, nil, err
	}
	conn, session, err := s.find(ctx, fresh)
	if err != nil {
		<-s.own
	}
	return conn, session, err
}

func (s *Store) takeBack(conn *pgxpool.Conn) {
	s.release(conn)
	<-s.own
}

// ownPlace waits until one of those that are lent is given back.
func (s *Store) ownPlace(ctx context.Context) error {
	select {
	case s.own <- struct{}{}:
		return nil
	default:
	}
	s.waits.Add(1)
	defer func(began time.Time) { s.waited.Add(int64(time.Since(began))) }(time.Now())
	waiting, cancel := context.WithTimeout(ctx, s.options.Wait)
	defer cancel()
	select {
	case s.own <- struct{}{}:
		return nil
	case <-waiting.Done():
		return unavailable(ctx, waiting.Err())
	}
}

func (s *Store) find(ctx context.Context, fresh bool) (*pgxpool.Conn, *session, error) {
	for tries := 0; ; tries++ {
		conn, session, err := s.acquire(ctx)
		if err != nil || !fresh {
			return conn, session, err
		}
		if _, err = session.simple(""); err == nil {
			return conn, session, nil
		}
		s.release(conn)
		if tries > s.options.Pool || !lost(err) {
			return nil, nil, classify(err, 0)
		}
	}
}
