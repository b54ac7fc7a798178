package resource

import (
	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// prepare makes the statements that do not depend on what a client sends, once; where is
// the same for every route.
func (r *Resource) prepare(env *pipeline.Env, where *whereClause) {
	if r.page != nil || r.entry.Where != nil && where == nil {
		return
	}
	r.where = where
	t := r.table
	whole := !r.entry.AllowAt.IsZero() || t.Set.NeedsRow()
	r.shown = t.Columns(r.shows(env, false))
	shows := r.shows(env, whole)
	columns := t.Columns(func(f *changeset.Field) bool { return shows(f) || f.Name == r.countsUp })

	page := r.selects(r.shown, r.scope)
	if r.id != nil {
		page.Add(" order by ", store.Quote(r.id.Name))
	}
	page.Add(" limit ")
	page.Arg()
	page.Add(" offset ")
	page.Arg()
	r.page = page.Statement()
	if r.id == nil {
		return
	}
	r.one = r.selects(columns, r.row()).Statement()
	r.oneJSON = r.selects(r.shown, r.row()).Statement()
	r.oneJSON.Reads, r.oneJSON.Quick = true, true
	lock := r.selects(columns, r.row())
	if t.Store.Dialect == expr.Postgres {
		lock.Add(" for update")
	}
	r.lock = lock.Statement()
	remove := t.Text()
	r.removing(remove)
	r.limit(remove, r.row())
	r.remove = remove.Statement()
	only := r.selects(store.Quote(r.id.Name), r.scope)
	only.Add(" order by ", store.Quote(r.id.Name), " limit 1")
	r.only = only.Statement()
	r.xmin = r.selects("xmin::text", r.row()).Statement()
}

// shows tells the columns that are read; whole: what is hidden too, for rules to see.
func (r *Resource) shows(env *pipeline.Env, whole bool) func(*changeset.Field) bool {
	return func(f *changeset.Field) bool {
		return (whole || !env.Manifest.Hidden(f.Name)) && r.served.columns(f.Name)
	}
}

func (r *Resource) selects(columns string, where []int) *records.Text {
	q := r.table.Text()
	q.Add("select ", columns, " from ", r.table.From())
	r.limit(q, where)
	return q
}

// limit writes the where of a statement: the fields that have the values to come, then
// `where`. What is marked as deleted is never meant.
func (r *Resource) limit(q *records.Text, fields []int) {
	q.Where(r.table, fields)
	word := " where "
	if len(fields) > 0 {
		word = " and "
	}
	if r.softDelete >= 0 {
		q.Add(word, store.Quote(r.entry.SoftDelete.Name), " is null")
		word = " and "
	}
	if r.where != nil {
		q.Add(word)
		r.where.clause(q.Arg, q.Add)
	}
}

// row lists the fields that find one row.
func (r *Resource) row() []int { return append([]int{r.table.Set.Index(r.id.Name)}, r.scope...) }

// rowLimit limits a statement to one row in reach.
func (r *Resource) rowLimit(q *records.Text) { r.limit(q, r.row()) }
