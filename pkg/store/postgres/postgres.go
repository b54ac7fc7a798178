// Package postgres is the store on PostgreSQL, spoken to in its own protocol: prepared
// statements, parameters as text that the server converts, results in binary, which become
// values or, by Encode, JSON as to_json has it.
//
// A statement has a connection of the pool for itself, unless it says that it is quick:
// then those of all callers share a few connections, in batches (see pipes).
//
// When a connection breaks, what only reads runs once more on another one, as does what had
// not been sent. A write that may have reached the server is never sent again: its error
// says Unknown, and so does that of a commit.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openmanifest/gateway/pkg/store"
)

const (
	// connectTimeout bounds the making of one connection, where the url says nothing.
	connectTimeout = 5 * time.Second
	// graceMax is how much longer than the server, which ends a statement by itself, we
	// wait for one at most: past it the server or the network is gone.
	graceMax = 5 * time.Second
	// sessionKey is where a connection keeps its session.
	sessionKey = "gateway"
)

// Store is a database of a Postgres server.
type Store struct {
	pool     *pgxpool.Pool
	options  store.Options
	patience time.Duration // bounds the wait for an answer
	types    sync.Map      // uint32 (oid of a type that is not usual) to kind
	settings *store.Statement
	known    *knowledge
	reading  *pipes
	writing  *pipes
	own      chan struct{} // holds one for each connection that is lent
	calls    sync.Pool     // *call

	claims        atomic.Int64 // of connections, by who has one or waits for one
	lingering     atomic.Int64 // connections of pipes that have nothing to do
	waits, waited atomic.Int64 // by who found all taken; waited in nanoseconds
}

var _ store.Store = (*Store)(nil)

// Open takes the url of a database, postgres://user:password@host:port/database with
// libpq's parameters. It does not connect: the server may come later, and may go and
// come back. Errors do not tell the url, as it may hold a password.
func Open(_ context.Context, url string, options store.Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the url of a postgres store is not of the form postgres://user:password@host:port/database")
	}
	s := &Store{options: options.WithDefaults(), settings: &store.Statement{SQL: settingsSQL, Params: 2}, known: newKnowledge()}
	s.reading, s.writing = newReading(s), newWriting(s)
	s.own = make(chan struct{}, lentMax(s.options.Pool))
	s.patience = s.options.Timeout + min(s.options.Timeout, graceMax)
	config.MaxConns = int32(s.options.Pool)
	config.PingTimeout = s.options.Wait
	params := config.ConnConfig.RuntimeParams
	params["statement_timeout"] = strconv.FormatInt(s.options.Timeout.Milliseconds(), 10)
	params["datestyle"] = "ISO"
	params["timezone"] = "UTC" // for text that names no zone
	if config.ConnConfig.ConnectTimeout == 0 || config.ConnConfig.ConnectTimeout > time.Minute {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	config.ConnConfig.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		s.options.Logger.Debug("postgres: "+n.Message, "severity", n.Severity, "code", n.Code)
	}
	config.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		c.PgConn().CustomData()[sessionKey] = newSession(s, c.PgConn())
		return nil
	}
	// The pool makes no connection before one is asked for, so the context bounds nothing.
	if s.pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		return nil, fmt.Errorf("open postgres store: %w", err)
	}
	return s, nil
}

// Dialect is Postgres.
func (s *Store) Dialect() store.Dialect { return store.Postgres }

// Close ends the connections and waits for those in use.
func (s *Store) Close() { s.pool.Close() }

// acquire waits for a connection as long as ctx and the bound on waiting allow.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, *session, error) {
	waiting, cancel := context.WithTimeout(ctx, s.options.Wait)
	defer cancel()
	claims := s.claims.Add(1)
	if claims+s.lingering.Load() > int64(s.options.Pool) {
		s.reading.letGo()
		s.writing.letGo()
	}
	if claims > int64(s.options.Pool) {
		s.waits.Add(1)
		defer func(began time.Time) { s.waited.Add(int64(time.Since(began))) }(time.Now())
	}
	c, err := s.pool.Acquire(waiting)
	if err != nil {
		s.claims.Add(-1)
		return nil, nil, unavailable(ctx, err)
	}
	return c, c.Conn().PgConn().CustomData()[sessionKey].(*session), nil
}

// release gives a connection back.
func (s *Store) release(c *pgxpool.Conn) {
	c.Release()
	s.claims.Add(-1)
}

// lingers counts the pipes that have a connection and nothing to do with it.
func (s *Store) lingers(n int64) {
	s.claims.Add(-n)
	s.lingering.Add(n)
}

// Stats tells how busy the connections are.
func (s *Store) Stats() store.Stats {
	now := s.pool.Stat()
	lingering := min(int(s.lingering.Load()), int(now.AcquiredConns()))
	return store.Stats{
		InUse: int(now.AcquiredConns()) - lingering, Idle: int(now.IdleConns()) + lingering, Max: int(now.MaxConns()),
		Waits: uint64(s.waits.Load()), Waited: time.Duration(s.waited.Load()),
	}
}

// unavailable words why there is no connection. The caller's own reason to stop comes
// first, so that errors.Is finds it.
func unavailable(ctx context.Context, err error) error {
	var refused *pgconn.ConnectError
	switch {
	case ctx.Err() != nil:
		return &store.Unavailable{Message: "waiting for a connection", Err: ctx.Err()}
	case errors.As(err, &refused):
		return &store.Unavailable{Message: "no connection", Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &store.Unavailable{Message: "no free connection", Err: err}
	default:
		return &store.Unavailable{Message: "no connection", Err: err}
	}
}

// Check prepares st without a name, which the server forgets at the next one.
func (s *Store) Check(ctx context.Context, st *store.Statement) error {
	c, session, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer s.release(c)
	session.arm()
	defer session.disarm()
	if err := refuse(st); err != nil {
		return err
	}
	d, err := session.conn.Prepare(context.Background(), "", st.SQL, nil)
	if err != nil {
		return classify(err, 0)
	}
	return countPlaces(d, st.Params)
}

func countPlaces(d *pgconn.StatementDescription, params int) error {
	if n := len(d.ParamOIDs); n != params {
		return &store.Fault{Message: fmt.Sprintf("the SQL has places for %d values, not %d", n, params)}
	}
	return nil
}

// Ping asks the server for an answer.
func (s *Store) Ping(ctx context.Context) error {
	c, session, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer s.release(c)
	_, err = session.simple("")
	return classify(err, 0)
}
