package resource

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// everywhere limits nothing.
func everywhere(*relations.Relation) (relations.Limit, error) { return relations.Limit{}, nil }

// havingKeys is the condition that columns have one of these values, nil for no values.
func havingKeys(columns []string, keys [][]string) []postgrest.Cond {
	if len(keys) == 0 {
		return nil
	}
	if len(columns) == 1 {
		list := make([]string, len(keys))
		for i, key := range keys {
			list[i] = key[0]
		}
		return []postgrest.Cond{{Op: postgrest.In, Field: postgrest.Field{Name: columns[0]}, List: list}}
	}
	any := postgrest.Cond{Kind: postgrest.Or}
	for _, key := range keys {
		all := postgrest.Cond{Kind: postgrest.And}
		for i, name := range columns {
			all.Of = append(all.Of, postgrest.Cond{Op: postgrest.Eq, Field: postgrest.Field{Name: name}, Value: key[i]})
		}
		any.Of = append(any.Of, all)
	}
	return []postgrest.Cond{any}
}

func joinKey(key []string) string { return strings.Join(key, "\x00") }

// keyOf is the text of some columns of a row.
func keyOf(row *value.Row, columns []string) string { return joinKey(keyTexts(row, columns)) }

func keyTexts(row *value.Row, columns []string) []string {
	key := make([]string, len(columns))
	for i, name := range columns {
		v, _ := row.Member(name)
		if text, err := value.AppendText(nil, v); err == nil {
			key[i] = string(text)
		}
	}
	return key
}

// count counts rows.
func (w *write) count(q store.Querier, conds []postgrest.Cond, o relations.Options) (int64, error) {
	w.planned = true
	plan, err := relations.Count(w.free, &postgrest.Read{Where: conds, Limit: -1}, o)
	if err != nil {
		return 0, err
	}
	r, err := q.Query(w.c.Context(), w.plans.Of(plan, true), plan.Args, 1)
	if err != nil {
		return 0, err
	}
	n, _ := r.Rows[0][0].(int64)
	return n, nil
}

// maxRead bounds the rows of a write that rules read one by one.
const maxRead = 1000

// whole reads rows with every column, as rules see them, and keeps them from changing until
// the transaction is over.
func (w *write) whole(q store.Querier, conds []postgrest.Cond, o relations.Options) ([]*value.Row, error) {
	w.planned = true
	plan, err := relations.Select(w.all, &postgrest.Read{Where: conds, Limit: maxRead + 1}, o)
	if err != nil {
		return nil, err
	}
	if w.table.Store.Dialect == expr.Postgres {
		plan.SQL += " for update"
	}
	r, err := q.Query(w.c.Context(), w.plans.Of(plan, false), plan.Args, maxRead+1)
	if err != nil {
		return nil, err
	}
	if len(r.Rows) > maxRead {
		return nil, pipeline.Refuse(413, "too_many_rows", "more than %d rows, and a rule reads each of them", maxRead)
	}
	rows := make([]*value.Row, len(r.Rows))
	for i := range rows {
		rows[i] = r.Row(i)
	}
	return rows, nil
}

// relate describes the table for writes: free has no bound on what is answered, all has the
// columns that no request sees.
func (r *Resource) relate() {
	shown := r.served.Relation()
	free := *shown
	free.MaxRows = 0
	r.free = &free
	r.all = &relations.Relation{Name: shown.Name, Schema: shown.Schema, Table: shown.Table, Key: shown.Key}
	for i := range r.table.Set.Fields {
		f := &r.table.Set.Fields[i]
		if f.Virtual {
			continue
		}
		c := relations.Column{Name: f.Name, Type: f.Type, Nullable: !f.Required}
		if r.served.catalog != nil {
			column := &r.served.catalog.Columns[i]
			if c.Native = column.Native; r.table.Store.Dialect == expr.SQLite { // filters must find the same rows as in a read
				c.Type = column.Type
			}
		}
		r.all.Columns = append(r.all.Columns, c)
	}
}
