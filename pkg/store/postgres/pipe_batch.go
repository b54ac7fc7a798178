package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/openmanifest/gateway/pkg/store"
)

// pipe is the memory of one pipe.
type pipe struct {
	batch    []*call
	prepared []*prepared // of each call in batch
	stale    []*store.Statement
	out      []byte
	watch    *watch
	idle     *time.Timer
}

func newPipe(p *pipes) *pipe {
	idle := time.NewTimer(lingerTime)
	idle.Stop()
	return &pipe{batch: make([]*call, 0, batchMax), prepared: make([]*prepared, 0, batchMax), watch: newWatch(p), idle: idle}
}

// run runs the batch: when it returns, each call is over. A connection that broke is closed.
func (w *pipe) run(s *session) {
	s.arm()
	w.watch.begin(s.conn)
	w.prepare(s)
	err := w.send(s)
	if err == nil {
		err = w.receive(s)
	}
	cancelled := w.watch.end()
	if err != nil || cancelled { // a cancel may come late, and would end what runs then
		s.giveUp()
	} else {
		s.disarm()
		for _, st := range w.stale {
			s.prepared.Drop(st)
		}
	}
	w.stale = w.stale[:0]
}

// prepare writes what is to be sent, and lets go of what cannot be.
func (w *pipe) prepare(s *session) {
	kept := w.batch[:0]
	w.prepared, w.out = w.prepared[:0], w.out[:0]
	for _, c := range w.batch {
		c.begin()
		start := len(w.out)
		p, err := s.known(c.st)
		if err == nil {
			w.out, err = c.appendTo(w.out, p)
		}
		if err != nil {
			w.out = w.out[:start]
			c.over(err)
			continue
		}
		kept, w.prepared = append(kept, c), append(w.prepared, p)
	}
	w.batch = kept
}

// appendTo writes the messages that run a prepared statement as a transaction of its own.
func (c *call) appendTo(dst []byte, p *prepared) ([]byte, error) {
	bind := pgproto3.Bind{PreparedStatement: p.description.Name, ParameterFormatCodes: c.codes, Parameters: c.values, ResultFormatCodes: c.formats(p)}
	dst, err := bind.Encode(dst)
	if err != nil {
		return dst, err
	}
	if dst, err = (&pgproto3.Execute{}).Encode(dst); err != nil {
		return dst, err
	}
	return (&pgproto3.Sync{}).Encode(dst)
}

// send writes it all at once. Of what failed, nobody knows how much has left: all of it
// may have, unless not even a byte did.
func (w *pipe) send(s *session) error {
	if len(w.batch) == 0 {
		return nil
	}
	w.watch.sent(len(w.batch))
	n, err := s.conn.Conn().Write(w.out)
	for _, c := range w.batch {
		c.sent = err == nil || n > 0
	}
	if err != nil {
		w.lose(0, err)
	}
	return err
}

// lose ends the calls from i on, whose answers do not come.
func (w *pipe) lose(i int, err error) {
	for _, c := range w.batch[i:] {
		c.over(err)
	}
}

func (w *pipe) receive(s *session) error {
	zone := s.zone()
	for i, c := range w.batch {
		p := w.prepared[i]
		var failed error
		for ready := false; !ready; {
			message, err := s.conn.ReceiveMessage(context.Background())
			if err != nil {
				w.lose(i, err)
				return err
			}
			switch m := message.(type) {
			case *pgproto3.DataRow:
				if failed == nil {
					failed = c.row(p, m.Values, zone)
				}
			case *pgproto3.CommandComplete:
				c.end(p, m.CommandTag)
			case *pgproto3.ErrorResponse: // also after the answer, when the commit fails
				failed = pgconn.ErrorResponseToPgError(m)
			case *pgproto3.ReadyForQuery:
				ready = true
			}
		}
		w.answer(c, failed)
	}
	return nil
}

// answer ends a call that the server has answered. What was ended by our cancel, so that
// others go on, was not kept, and may run again by itself.
func (w *pipe) answer(c *call, err error) {
	if err != nil {
		var e *pgconn.PgError
		c.cancelled = w.watch.cancelled.Load() && errors.As(err, &e) && e.Code == "57014"
		if stale(err) {
			w.stale = append(w.stale, c.st)
		}
	}
	w.watch.answered()
	c.over(err)
}
