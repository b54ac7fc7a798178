package data

import (
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// settings are what the plugs that take SQL have in common.
type settings struct {
	sql   *source.Node
	store spec.Ref
}

func describe(s *pipeline.Settings, c *settings) {
	s.Main(s.Node(&c.sql, "sql", "SQL", "The statement; each ${...} in it is a bind parameter.", spec.Schema{"type": "string"}).Require())
	describeStore(s, &c.store)
}

func describeStore(s *pipeline.Settings, p *spec.Ref) {
	s.Declared(p, "store", "store", "The store to use. Default: the first declared.", pipeline.StoreNames)
}

// statement is compiled SQL on its store.
type statement struct {
	store *pipeline.Store
	sql   *expr.SQL
	st    *store.Statement
	node  *source.Node
}

// compile is nil when a problem was reported.
func compile(c settings, b *pipeline.Build) *statement {
	at := c.store.At
	if at.IsZero() {
		at = b.At
	}
	st := records.Store(b.Env, c.store.Name, at, b.Problems)
	if st == nil {
		return nil
	}
	b.UsesStore(st, at)
	sql := b.SQL(c.sql, st.Dialect)
	if sql == nil {
		return nil
	}
	s := &statement{store: st, sql: sql, st: &store.Statement{SQL: sql.Text, Params: len(sql.Args)}, node: c.sql}
	b.Env.SQL = append(b.Env.SQL, pipeline.SQL{Store: st, Statement: s.st, Place: s.place})
	return s
}

// query runs the statement for its rows. A limit of 0 is the store's own bound.
func (s *statement) query(c *pipeline.Context, limit int) (*store.Result, error) {
	args, err := s.args(c)
	if err != nil {
		return nil, err
	}
	r, err := c.On(s.store).Query(c.Context(), s.st, args, limit)
	if err != nil {
		return nil, s.failed(err)
	}
	return r, nil
}

// execute runs the statement for its effect.
func (s *statement) execute(c *pipeline.Context) (*store.Result, error) {
	args, err := s.args(c)
	if err != nil {
		return nil, err
	}
	r, err := c.On(s.store).Exec(c.Context(), s.st, args)
	if err != nil {
		return nil, s.failed(err)
	}
	return r, nil
}

func (s *statement) args(c *pipeline.Context) ([]any, error) {
	if len(s.sql.Args) == 0 {
		return nil, nil
	}
	args := make([]any, len(s.sql.Args))
	for i, e := range s.sql.Args {
		v, err := e.Eval(c.Frame)
		if err != nil {
			return nil, records.Busy(err)
		}
		args[i] = v
	}
	return args, nil
}

// failed tells whose doing an error of the store is: a value that fits no column is
// invalid (400), one that breaks a constraint is a conflict (409), all else is ours.
func (s *statement) failed(err error) error {
	var conflict *store.Conflict
	if errors.As(err, &conflict) {
		return constraint(conflict)
	}
	var bad *store.Invalid
	if errors.As(err, &bad) {
		return pipeline.Refuse(http.StatusBadRequest, "invalid", "a value is not one that its column can hold")
	}
	var fault *store.Fault
	if errors.As(err, &fault) && fault.Position > 0 {
		return fmt.Errorf("%s: %w", s.place(fault.Position), ours(s.store, err))
	}
	return ours(s.store, err)
}

// ours is an error that no value has brought about. What others stood in the way of may work
// later (503); what Postgres ended because it took too long (57014) would take as long again, so
// it is 500, as in resources.
func ours(st *pipeline.Store, err error) error {
	if store.ToldOf(err).Code == "57014" {
		return fmt.Errorf("store %s: %w", st.Name, err)
	}
	return records.Ours(st.Name, err)
}

// constraint is the refusal of values that break a rule of the database.
func constraint(c *store.Conflict) *pipeline.Refusal {
	r := pipeline.Refuse(http.StatusConflict, "conflict", "a rule of the database is broken: %s", c.Kind)
	for _, column := range c.Columns {
		if r.Errors == nil {
			r.Errors = map[string][]string{}
		}
		r.Errors[column] = []string{records.Message(c.Kind)}
	}
	return r
}

// place finds a character of the statement, counted from 1, in the manifest.
func (s *statement) place(position int) diag.Pos {
	offset := 0
	for range position - 1 {
		_, size := utf8.DecodeRuneInString(s.sql.Text[offset:])
		offset += size
	}
	return s.node.PosAt(s.sql.Source(offset))
}
