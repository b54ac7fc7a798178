package rpc

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// A call is one request on its way.
type call struct {
	*served
	*overload
	c      *pipeline.Context
	query  *postgrest.Query
	prefer postgrest.Preferences
	media  postgrest.Media
	raw    string // the type of an answer that is the value as it is; "": it is another

	body   []byte
	rows   int64
	total  int64 // -1: not counted
	status int   // that the function chose; 0: none
}

// serve answers a request.
func (x *served) serve(c *pipeline.Context) error {
	if err := x.permitted(c); err != nil {
		return err
	}
	r := &call{served: x, c: c, total: -1}
	r.prefer = postgrest.ParsePrefer(c.R.Header["Prefer"], postgrest.PreferOptions{Tx: true, Zones: rows.HasZone})
	r.prefer.Resolution, r.prefer.Missing, r.prefer.Return = "", "", ""
	if err := r.prefer.Check(); err != nil {
		return err
	}
	if err := rows.NoKeys(c); err != nil && !reads(c) {
		return err
	}
	if err := r.profiled(); err != nil {
		return err
	}
	a, q, err := x.read(c)
	if err != nil {
		return err
	}
	if err := ranged(c, q); err != nil {
		return err
	}
	o, whole, err := x.find(a)
	if err != nil {
		return err
	}
	if r.prefer.Handling == postgrest.Strict && r.prefer.Bounded && !o.Set {
		return &postgrest.Error{Status: http.StatusBadRequest, Code: "PGRST128", Message: "Function must return SETOF or TABLE when max-affected preference is used with handling=strict"}
	}
	r.overload, r.query = o, q
	if err := r.accept(); err != nil {
		return err
	}
	plan, err := r.plan(a, whole)
	if err != nil {
		return err
	}
	if err := r.run(plan); err != nil {
		return x.refused(c, err)
	}
	return r.answer()
}

// refused tells what a call did not give.
func (x *served) refused(c *pipeline.Context, err error) error {
	if p := rows.Of(err); p != nil {
		return p
	}
	if p := rows.Told(c, err); p != nil {
		p.Unknown(c)
		return p
	}
	return records.Ours(x.all.Store.Name, err)
}

// void tells a function that gives nothing.
func (r *call) void() bool { return r.scalar && r.Void }

// values tells an answer of values, which are no objects. As CSV they are rows.
func (r *call) values() bool { return r.scalar && r.media.Kind != postgrest.CSV }

// called is the name of what the function gave, which no table has.
const called = `"gateway call"`

// plan writes the statement: the function is called once, whatever is asked of what it gives.
func (r *call) plan(a *arguments, whole bool) (*relations.Plan, error) {
	function, from, args := a.sql(r.overload, whole)
	with := "with " + called + " as (select "
	switch {
	case r.scalar && from == "":
		with += function + ` as "` + scalarColumn + `") `
	case r.scalar:
		with += function + ` as "` + scalarColumn + `" from ` + from + ") "
	case from == "":
		with += `"call".* from ` + function + ` as "call") `
	default:
		with += `"call".* from ` + from + ", lateral " + function + ` as "call") `
	}
	if r.void() || r.raw != "" {
		return &relations.Plan{SQL: with + `select * from ` + called, Args: args}, nil
	}
	reach := limits(func(*relations.Relation) (relations.Limit, error) { return relations.Limit{}, nil })
	if of := r.reach[r.overload]; of != nil {
		own, given := r.overload.relation, of(r.c)
		reach = func(rel *relations.Relation) (relations.Limit, error) {
			if rel == own {
				return relations.Limit{}, nil // the function decides which rows it gives
			}
			return given(rel)
		}
	}
	o := relations.Options{Dialect: store.Postgres, Reach: reach, Source: &relations.Source{Pieces: []string{called}}, Args: args, StripNulls: r.media.Stripped}
	read := r.query.Read
	if r.scalar {
		read.Select = nil
	}
	plan, err := relations.Select(r.relation, &read, o)
	if err != nil {
		return nil, err
	}
	plan.Shape.CSV, plan.Shape.StripNulls, plan.Shape.KeptLast = r.media.Kind == postgrest.CSV, r.media.Stripped, true
	count := ""
	if r.prefer.Count != "" && r.Set && !plan.Grouped {
		o.Args = plan.Args
		counted, err := relations.Count(r.relation, &read, o)
		if err != nil {
			return nil, err
		}
		count, plan.Args = counted.SQL, counted.Args
	}
	r.around(plan, with, count)
	return plan, nil
}

// around puts what a plan reads into the statement that calls the function, with the number
// of rows that there are without the page; count is "" where it is not asked.
func (r *call) around(plan *relations.Plan, with, count string) {
	switch {
	case r.values() && r.Set:
		plan.SQL = `select coalesce(json_agg("s"."v"), '[]') as "v", count(*) from (` + plan.SQL + `) as "s"("v")`
		if plan.Shape.Kept = 1; count != "" {
			plan.SQL, plan.Shape.Kept = `select "r".*, "t".* from (`+plan.SQL+`) as "r" cross join (`+count+`) as "t"`, 2
		}
	case count != "":
		// A page behind the end has no row to tell the number with.
		plan.SQL = `select "r".*, "t".* from (` + count + `) as "t" left join (select "s".*, true from (` + plan.SQL + `) as "s") as "r" on true`
		plan.Shape.Kept += 2
	}
	plan.SQL = with + plan.SQL
}

// undone ends a transaction that the client wants undone.
type undone struct{}

func (undone) Error() string { return "rolled back, as asked" }

// run calls the function in a transaction, which a request that reads cannot write in.
func (r *call) run(plan *relations.Plan) error {
	o := store.TxOptions{ReadOnly: reads(r.c), Settings: settings(r.c)}
	if r.prefer.Timezone != "" {
		o.Settings["timezone"] = r.prefer.Timezone
	}
	err := r.all.Store.TxWith(r.c.Context(), o, func(tx store.Tx) error {
		if err := r.fetch(tx, plan); err != nil {
			return err
		}
		if err := r.chosen(tx); err != nil {
			return err
		}
		if r.prefer.Tx != postgrest.Rollback {
			return nil
		}
		if _, err := tx.Exec(r.c.Context(), r.all.checked, nil); err != nil {
			return err
		}
		return undone{}
	})
	if err == error(undone{}) {
		return nil
	}
	return err
}
