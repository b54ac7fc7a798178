package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/store/internal/lru"
	"github.com/openmanifest/gateway/pkg/value"
)

// session is what one connection keeps between statements: what it has prepared. One
// goroutine at a time.
type session struct {
	store    *Store
	conn     *pgconn.PgConn
	prepared *lru.Cache[*store.Statement, *prepared]
	made     int // names given so far

	location *time.Location // the last one that was not UTC
}

// prepared is a statement that the server knows.
type prepared struct {
	description *pgconn.StatementDescription
	params      []kind
	columns     *value.Columns
	results     []kind
	formats     []int16
	encoder     *encoder
}

func newSession(s *Store, conn *pgconn.PgConn) *session {
	ses := &session{store: s, conn: conn}
	ses.prepared = lru.New[*store.Statement](store.PreparedMax, func(p *prepared) {
		if !conn.IsClosed() {
			// On failure the connection is closed, and the next statement tells.
			_ = conn.Deallocate(context.Background(), p.description.Name)
		}
	})
	return ses
}

// arm sets the moment at which the connection is given up. The driver gets no context
// that can end: it would watch it in a goroutine and close the connection with it.
func (s *session) arm() {
	_ = s.conn.Conn().SetDeadline(time.Now().Add(s.store.patience))
}

// disarm lets the connection lie idle.
func (s *session) disarm() { _ = s.conn.Conn().SetDeadline(time.Time{}) }

// simple runs a command without values and gives its tag.
func (s *session) simple(sql string) (string, error) {
	s.arm()
	defer s.disarm()
	results, err := s.conn.Exec(context.Background(), sql).ReadAll()
	if err != nil || len(results) == 0 {
		return "", err
	}
	return results[len(results)-1].CommandTag.String(), nil
}

// commit ends a transaction. When its answer never comes, nobody knows how it ended.
func (s *session) commit() error {
	tag, err := s.simple("commit")
	if err == nil && tag != "COMMIT" {
		return &store.Fault{Message: "the transaction was rolled back"}
	}
	if err != nil && lost(err) {
		return broken(err, !unsent(err))
	}
	return classify(err, 0)
}

// run runs a statement. Errors are the driver's.
func (s *session) run(c *call) error {
	s.arm()
	defer s.disarm()
	c.begin()
	p, err := s.known(c.st)
	if err == nil {
		err = c.bind(p.params)
	}
	if err != nil {
		return err
	}
	c.sent = !s.conn.IsClosed()
	err = s.read(s.conn.ExecStatement(context.Background(), p.description, c.values, c.codes, c.formats(p)), p, c)
	if err != nil && unsent(err) {
		c.sent = false
	}
	return err
}

// known gives what the server knows of a statement, which is prepared the first time.
func (s *session) known(st *store.Statement) (*prepared, error) {
	if p, ok := s.prepared.Get(st); ok {
		return p, nil
	}
	p, err := s.prepare(st)
	if err != nil {
		return nil, err
	}
	s.prepared.Put(st, p)
	if st.Quick {
		s.store.known.learn(st, p.params)
	}
	return p, nil
}

// giveUp closes a connection of which an answer is not waited for any longer.
func (s *session) giveUp() {
	if s.conn.IsClosed() {
		return
	}
	go cancel(s.conn)
	s.arm()
	_ = s.conn.Close(context.Background())
}

func (s *session) prepare(st *store.Statement) (*prepared, error) {
	if err := refuse(st); err != nil {
		return nil, err
	}
	s.made++
	d, err := s.conn.Prepare(context.Background(), "g"+strconv.Itoa(s.made), st.SQL, nil)
	if err != nil {
		return nil, err
	}
	p := &prepared{description: d, params: make([]kind, len(d.ParamOIDs))}
	for i, oid := range d.ParamOIDs {
		if p.params[i], err = s.kindOf(oid); err != nil {
			return nil, err
		}
	}
	names := make([]string, len(d.Fields))
	p.results, p.formats = make([]kind, len(d.Fields)), make([]int16, len(d.Fields))
	for i, f := range d.Fields {
		names[i] = f.Name
		if p.results[i], err = s.kindOf(f.DataTypeOID); err != nil {
			return nil, err
		}
		p.formats[i] = p.results[i].format()
	}
	columns := value.NewColumns(names, s.store.options.Hidden)
	if len(d.Fields) > 0 {
		p.columns = columns
	}
	p.encoder = newEncoder(st.Shape, columns, p.results, p.formats)
	return p, nil
}

// refuse keeps statements from ending or beginning a transaction of their own.
func refuse(st *store.Statement) error {
	if verb := form.Verb(st.SQL); form.Transactional(verb) {
		return &store.Fault{Message: verb + " is no statement: transactions are begun and ended by the store"}
	}
	return nil
}

func (s *session) read(rows *pgconn.ResultReader, p *prepared, c *call) error {
	zone := s.zone()
	for rows.NextRow() {
		if err := c.row(p, rows.Values(), zone); err != nil {
			s.abandon(rows)
			return err
		}
	}
	tag, err := rows.Close()
	if err == nil {
		c.end(p, []byte(tag.String()))
	}
	return err
}

// zone is where the session tells moments: in UTC, unless a transaction has set another.
func (s *session) zone() *time.Location {
	name := s.conn.ParameterStatus("TimeZone")
	if name == "UTC" {
		return time.UTC
	}
	if s.location == nil || s.location.String() != name {
		location, err := time.LoadLocation(name)
		if err != nil {
			s.store.options.Logger.Warn("postgres: time zone", "error", err)
			location = time.UTC
		}
		s.location = location
	}
	return s.location
}

// abandon stops reading. What the server still has to say may be long, so the driver
// is made to give up the connection, which cancels the statement.
func (s *session) abandon(rows *pgconn.ResultReader) {
	_ = s.conn.Conn().SetDeadline(time.Now().Add(-time.Second))
	_, _ = rows.Close()
}
