package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/store/internal/lru"
	"github.com/openmanifest/gateway/pkg/value"
)

// noRows asks session.run to drop the rows.
const noRows = -1

// session is what one connection keeps between statements: what it has prepared, and
// the memory for the next statement's values. One goroutine at a time.
type session struct {
	store    *Store
	conn     *pgconn.PgConn
	prepared *lru.Cache[*store.Statement, *prepared]
	made     int // names given so far

	text    []byte
	values  [][]byte
	formats []int16
}

// prepared is a statement that the server knows.
type prepared struct {
	description *pgconn.StatementDescription
	params      []kind
	columns     *value.Columns
	results     []kind
	formats     []int16
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
	tag := results[len(results)-1].CommandTag.String()
	if sql == "commit" && tag != "COMMIT" {
		return "", &store.Fault{Message: "the transaction was rolled back"}
	}
	return tag, nil
}

// run runs a statement. Errors are the driver's.
func (s *session) run(st *store.Statement, args []any, limit int) (*store.Result, error) {
	s.arm()
	defer s.disarm()
	p, ok := s.prepared.Get(st)
	if !ok {
		var err error
		if p, err = s.prepare(st); err != nil {
			return nil, err
		}
		s.prepared.Put(st, p)
	}
	if len(args) != len(p.params) {
		return nil, &store.Fault{Message: fmt.Sprintf("the SQL has places for %d values, not %d", len(p.params), len(args))}
	}
	if err := s.encode(p.params, args); err != nil {
		return nil, err
	}
	rows := s.conn.ExecStatement(context.Background(), p.description, s.values, s.formats, p.formats)
	return s.read(rows, p, limit)
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
	if len(d.Fields) == 0 {
		return p, nil
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
	p.columns = value.NewColumns(names, s.store.options.Hidden)
	return p, nil
}

// refuse keeps statements from ending or beginning a transaction of their own.
func refuse(st *store.Statement) error {
	if verb := form.Verb(st.SQL); form.Transactional(verb) {
		return &store.Fault{Message: verb + " is no statement: transactions are begun and ended by the store"}
	}
	return nil
}

// encode writes the values into the session's memory.
func (s *session) encode(kinds []kind, args []any) error {
	s.text, s.values, s.formats = s.text[:0], s.values[:0], s.formats[:0]
	for i, arg := range args {
		start := len(s.text)
		text, format, err := kinds[i].append(s.text, arg)
		if err != nil {
			return &store.Invalid{Param: i + 1, Message: err.Error()}
		}
		s.formats = append(s.formats, format)
		if text == nil {
			s.values = append(s.values, nil)
			continue
		}
		// When text moves to larger memory, what was cut from the smaller stays valid.
		s.text = text
		s.values = append(s.values, s.text[start:len(s.text):len(s.text)])
	}
	return nil
}

func (s *session) read(rows *pgconn.ResultReader, p *prepared, limit int) (*store.Result, error) {
	result := &store.Result{}
	if limit != noRows {
		result.Columns = p.columns
	}
	for rows.NextRow() {
		if limit == noRows {
			continue
		}
		if len(result.Rows) == limit {
			s.abandon(rows)
			return nil, store.TooManyRows(limit)
		}
		row, err := p.row(rows.Values())
		if err != nil {
			s.abandon(rows)
			return nil, err
		}
		result.Rows = append(result.Rows, row)
	}
	tag, err := rows.Close()
	if err != nil {
		return nil, err
	}
	if tag.Insert() || tag.Update() || tag.Delete() || strings.HasPrefix(tag.String(), "MERGE") {
		result.Affected = tag.RowsAffected()
	}
	return result, nil
}

func (p *prepared) row(values [][]byte) ([]any, error) {
	row := make([]any, len(p.results))
	for i, raw := range values {
		if raw == nil {
			continue
		}
		v, err := p.results[i].decode(raw)
		if err != nil {
			return nil, &store.Fault{Message: fmt.Sprintf("column %s: %v", p.columns.Names()[i], err)}
		}
		row[i] = v
	}
	return row, nil
}

// abandon stops reading. What the server still has to say may be long, so the driver
// is made to give up the connection, which cancels the statement.
func (s *session) abandon(rows *pgconn.ResultReader) {
	_ = s.conn.Conn().SetDeadline(time.Now().Add(-time.Second))
	_, _ = rows.Close()
}
