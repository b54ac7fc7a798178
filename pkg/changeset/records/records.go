// Package records ties a declared schema to its store: the statements that write and read
// its rows, and what an error of the store means for who sent the values.
package records

import (
	"context"
	"fmt"
	"time"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// A Table is a schema on a store. It is made once for an application and is safe for
// concurrent use.
type Table struct {
	Schema string // its name in the manifest
	Name   string // of the table
	In     string // the database's schema that has it; "": statements see it without
	Set    *changeset.Set
	Store  *pipeline.Store
	Found  bool // in the database: the manifest declares no fields

	all      string // the columns, quoted and joined
	inserts  Shapes
	inserted int // place of inserted_at; -1: none
	updated  int // of updated_at
	parents  map[int]*store.Statement
}

// compiled is what is made once for a schema, with the faults that were found.
type compiled struct {
	set      *changeset.Set
	problems diag.Problems
}

// SetOf compiles a schema once for an application. It is nil for a schema that is not
// declared; faults are added to ps at each call, and told once by their place.
func SetOf(env *pipeline.Env, schema string, ps *diag.Problems) *changeset.Set {
	s := spec.Find(env.Manifest.Schemas, schema)
	if s == nil {
		return nil
	}
	c := env.Memo("schema|"+schema, func() any {
		c := &compiled{}
		c.set = changeset.OfSchema(s, changeset.Options{Functions: env.Functions, Schemas: env.Manifest.Schemas, Problems: &c.problems, Lenient: env.Lenient})
		return c
	}).(*compiled)
	ps.Append(&c.problems)
	return c.set
}

// Of gives the table of a schema on a store; name "" is the first store. It is nil when a
// problem was reported.
func Of(env *pipeline.Env, schema spec.Ref, name string, ps *diag.Problems) *Table {
	before := ps.Len()
	set := SetOf(env, schema.Name, ps)
	if set == nil {
		p := ps.Add(schema.At, "unknown-schema", "there is no schema %q", schema.Name)
		p.Hint = diag.DidYouMean(schema.Name, pipeline.SchemaNames(env))
		return nil
	}
	st := Store(env, name, schema.At, ps)
	if st == nil || ps.Len() > before {
		return nil
	}
	return env.Memo("table|"+st.Name+"|"+schema.Name, func() any { return newTable(env, schema.Name, set, st) }).(*Table)
}

// Store finds a store by name, "" being the first, and reports where there is none.
func Store(env *pipeline.Env, name string, at diag.Pos, ps *diag.Problems) *pipeline.Store {
	st := env.Store(name)
	switch {
	case st != nil:
	case len(env.Manifest.Stores) == 0:
		ps.Add(at, "no-store", "no store is declared").Suggest("declare one: `stores: {main: {url: sqlite:data/app.db}}`")
	default:
		ps.Add(at, "unknown-store", "there is no store %q", name).Suggest("declared are %s", diag.OneOf(pipeline.StoreNames(env)))
	}
	return st
}

func newTable(env *pipeline.Env, schema string, set *changeset.Set, st *pipeline.Store) *Table {
	t := &Table{Schema: schema, Name: spec.Find(env.Manifest.Schemas, schema).Table, Set: set, Store: st,
		inserted: -1, updated: -1, parents: map[int]*store.Statement{}}
	if spec.Find(env.Manifest.Schemas, schema).Timestamps {
		t.inserted, t.updated = set.Index(changeset.InsertedAt), set.Index(changeset.UpdatedAt)
	}
	t.all = t.Columns(func(f *changeset.Field) bool { return true })
	for i := range set.Fields {
		if p := set.Fields[i].Parent(); p != nil {
			q := t.Text()
			q.Add("select 1 from ", store.Quote(p.Table), " where ", store.Quote(p.Column), " = ")
			q.Arg()
			t.parents[i] = q.Statement()
		}
	}
	return t
}

// Cast reads and checks values, computes what is computed from them, and sets the
// timestamps. The error is as of changeset.Set.Cast and Compute.
func (t *Table) Cast(in changeset.Input, record value.Object, now time.Time) (*changeset.Changes, error) {
	c, err := t.Set.Cast(in)
	if err != nil {
		return nil, err
	}
	return c, t.Complete(in.Mode, c, record, now)
}

// Complete computes what is computed and sets the timestamps. An update of nothing stays
// one of nothing.
func (t *Table) Complete(mode changeset.Mode, c *changeset.Changes, record value.Object, now time.Time) error {
	if err := t.Set.Compute(mode, c, record); err != nil {
		return err
	}
	if t.updated < 0 || mode == changeset.Update && c.Empty() {
		return nil
	}
	now = now.UTC().Truncate(time.Microsecond)
	if mode == changeset.Create {
		t.stamp(c, t.inserted, now)
	}
	t.stamp(c, t.updated, now)
	return nil
}

func (t *Table) stamp(c *changeset.Changes, i int, now time.Time) {
	if _, given := c.Get(i); !given {
		c.Put(i, now)
	}
}

// Insert writes one row and gives it back as it is stored.
func (t *Table) Insert(ctx context.Context, q store.Querier, c *changeset.Changes) (*value.Row, error) {
	st := t.inserts.Get(c.Given(), func() *store.Statement { return t.insertSQL(c.Given(), 1, Conflict{}) })
	args, err := t.Args(nil, c)
	if err != nil {
		return nil, err
	}
	return One(q.Query(ctx, st, args, 1))
}

// One gives the first row, nil where there is none.
func One(r *store.Result, err error) (*value.Row, error) {
	if err != nil || len(r.Rows) == 0 {
		return nil, err
	}
	return r.Row(0), nil
}

// Args appends the stored values of c in the order of the fields.
func (t *Table) Args(args []any, c *changeset.Changes) ([]any, error) {
	for i := range t.Set.Fields {
		f := &t.Set.Fields[i]
		v, given := c.Get(i)
		if !given || f.Virtual {
			continue
		}
		arg, err := f.Arg(v)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t.Schema, f.Name, err)
		}
		args = append(args, arg)
	}
	return args, nil
}
