package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openmanifest/gateway/pkg/store"
)

// tx is a transaction on one connection.
type tx struct {
	*Store
	session  *session
	failed   error // what every later statement gives
	readOnly bool
}

// Query gives the rows of a statement.
func (t *tx) Query(_ context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	return t.rows(t.run(t.newCall(st, args, limit, wantRows)))
}

// Exec runs a statement for its effect.
func (t *tx) Exec(_ context.Context, st *store.Statement, args []any) (*store.Result, error) {
	return t.rows(t.run(t.newCall(st, args, 0, wantNothing)))
}

// Encode gives the rows of a statement as JSON.
func (t *tx) Encode(_ context.Context, st *store.Statement, args []any, limit int, dst []byte) (store.Encoded, error) {
	return t.json(t.run(t.newEncode(st, args, limit, dst)))
}

func (t *tx) run(c *call) *call {
	if t.failed == nil {
		err := t.session.run(c)
		if err != nil && stale(err) {
			t.session.prepared.Drop(c.st)
		}
		t.failed = t.classify(err, len(c.args))
	}
	c.err = t.failed
	return c
}

// classify knows that a write which a transaction was begun to refuse is our fault; any
// other is refused by a server that only stands by.
func (t *tx) classify(err error, args int) error {
	var e *pgconn.PgError
	if t.readOnly && errors.As(err, &e) && e.Code == "25006" {
		return fault(e)
	}
	return classify(err, args)
}

// settingsSQL sets what is set until the transaction ends, any number of them at once.
const settingsSQL = `select set_config(name, setting, true) from unnest($1::text[], $2::text[]) as s (name, setting)`

// Tx runs do in a transaction.
func (s *Store) Tx(ctx context.Context, do func(store.Tx) error) error {
	return s.TxWith(ctx, store.TxOptions{}, do)
}

// TxWith runs do in a transaction. It is rolled back also when do panics.
func (s *Store) TxWith(ctx context.Context, o store.TxOptions, do func(store.Tx) error) error {
	if o.Role == "none" || strings.ContainsRune(o.Role, 0) { // none is the connection's own, also in quotes
		return &store.Invalid{Message: "no role can have this name"}
	}
	begun, err := s.transact(ctx, o, do)
	if begun && o.ReadOnly && brokeOff(err) {
		_, err = s.transact(ctx, o, do)
	}
	if o.ReadOnly {
		return unwritten(err)
	}
	return err
}

// brokeOff tells that a connection ended before it had answered.
func brokeOff(err error) bool {
	var gone *store.Unavailable
	return errors.As(err, &gone) && gone.Err != nil && lost(gone.Err) && !pgconn.Timeout(gone.Err)
}

// unwritten is an error of what only read: nothing was written, whatever became of its end.
func unwritten(err error) error {
	var gone *store.Unavailable
	if errors.As(err, &gone) && gone.Unknown {
		read := *gone
		read.Unknown = false
		return &read
	}
	return err
}

func (s *Store) transact(ctx context.Context, o store.TxOptions, do func(store.Tx) error) (begun bool, err error) {
	c, session, err := s.begun(ctx, o)
	if err != nil {
		return false, err
	}
	defer s.takeBack(c)
	t := &tx{Store: s, session: session, readOnly: o.ReadOnly}
	settled := false
	defer func() {
		t.failed = &store.Fault{Message: "the transaction is over"}
		if !settled {
			s.rollback(session)
		}
	}()
	if err = do(t); err == nil {
		err = t.failed
	}
	if err != nil {
		return true, err
	}
	settled = true
	return true, session.commit()
}

// begun gives a connection that has begun a transaction. One that broke before is passed
// over, since nothing was done on it.
func (s *Store) begun(ctx context.Context, o store.TxOptions) (*pgxpool.Conn, *session, error) {
	for fresh := false; ; fresh = true {
		c, session, err := s.lend(ctx, fresh)
		if err != nil {
			return nil, nil, err
		}
		if err = session.begin(o); err == nil {
			return c, session, nil
		}
		s.rollback(session)
		s.takeBack(c)
		if fresh || !lost(err) || pgconn.Timeout(err) {
			return nil, nil, classify(err, len(o.Settings))
		}
	}
}

// begin begins a transaction, takes its role and sets what is set for it, in one turn.
func (s *session) begin(o store.TxOptions) error {
	sql := "begin"
	if o.ReadOnly {
		sql += " read only"
	}
	if o.Role == "" && len(o.Settings) == 0 {
		_, err := s.simple(sql)
		return err
	}
	s.arm()
	defer s.disarm()
	batch := &pgconn.Batch{}
	batch.ExecParams(sql, nil, nil, nil, nil)
	if o.Role != "" {
		batch.ExecParams("set local role "+store.Quote(o.Role), nil, nil, nil, nil)
	}
	if len(o.Settings) > 0 {
		if err := s.addSettings(batch, o.Settings); err != nil {
			return err
		}
	}
	return s.conn.ExecBatch(context.Background(), batch).Close()
}

func (s *session) addSettings(batch *pgconn.Batch, settings map[string]string) error {
	var names, values []any
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		names, values = append(names, name), append(values, settings[name])
	}
	p, err := s.known(s.store.settings)
	if err != nil {
		return err
	}
	c := s.store.newCall(s.store.settings, []any{names, values}, 0, wantNothing)
	defer s.store.free(c)
	if err := c.bind(p.params); err != nil {
		return err
	}
	batch.ExecStatement(p.description, c.values, c.codes, p.formats)
	return nil
}

func (s *Store) rollback(session *session) {
	if session.conn.IsClosed() || session.conn.TxStatus() == 'I' {
		return // the server rolls back by itself, or there is nothing to roll back
	}
	if _, err := session.simple("rollback"); err != nil {
		s.options.Logger.Warn("postgres: rollback", "error", err)
	}
}
