package resource

import (
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// xmin is the system column of Postgres that changes with every update of a row.
const xmin = "xmin"

// describeWrites binds the keys that say how rows are written.
func describeWrites(f *spec.Fields, e *Entry) {
	text := spec.Schema{"type": "string"}
	nodes(f, &e.Set, "set", "map of columns to values", "Fills these columns when a row is made; values see the names of the request. A client cannot name the columns.", spec.MapOf(pipeline.AnyValue()))
	f.Enum(&e.Returning, "returning", "minimal", "What a write answers when the request does not say: nothing, the headers alone, or the rows.", "minimal", "headers-only", "representation")
	actionList(f, &e.WholeTable, "whole_table", "The actions, of update and delete, that may be done to all rows in reach without a filter.")
	f.Add("version", "column", "A column of whole numbers that goes up with every update; a row's ETag is made of it, and If-Match asks for it. On Postgres also `xmin`, which every table has.", text,
		refTo(&e.Version, "`version` takes the name of a column"))
	f.Add("soft_delete", "column", "A datetime: a delete sets it, and a row that has it is gone for every read and write.", text,
		refTo(&e.SoftDelete, "`soft_delete` takes the name of a column"))
	f.Duration(&e.Idempotency, "idempotency", "", "How long the answer to a POST with an Idempotency-Key is kept, in a table of the store: a repeat gets it again and writes nothing. Left out: such a key is refused.")
	describeBroadcast(f, e)
	describeSecurity(f, e)
	describeHooks(f, e)
	f.Bool(&e.Singleton, "singleton", false, "The path is that of the one row in reach: GET, PATCH, PUT and DELETE without a key.")
}

// writable checks the keys that say how rows are written.
func (r *Resource) writable(ps *diag.Problems) {
	e := r.entry
	for _, set := range e.Set {
		if i := r.column(ps, set.Name, set.At); i >= 0 {
			r.setFields = append(r.setFields, i)
		}
	}
	for _, ref := range e.WholeTable {
		switch a, known := named(ruled(), ref.Name); {
		case known && (a == Update || a == Delete):
			r.wholeTable[a] = true
		case known:
			ps.Add(ref.At, "unknown-action", "`%s` knows no filter", ref.Name).Suggest("`whole_table` takes update and delete")
		default:
			unknownAction(ps, ref.At, ref.Name, []string{"update", "delete"})
		}
	}
	r.versioned(ps)
	if e.SoftDelete.Name == "" {
		return
	}
	if i := r.column(ps, e.SoftDelete.Name, e.SoftDelete.At); i >= 0 {
		if r.softDelete = i; r.table.Set.Fields[i].Type != store.Datetime {
			ps.Add(e.SoftDelete.At, "wrong-type", "%q is no datetime", e.SoftDelete.Name)
		}
	}
}

func (r *Resource) versioned(ps *diag.Problems) {
	v := r.entry.Version
	if v.Name == "" {
		return
	}
	if v.Name == xmin && r.table.Set.Index(xmin) < 0 {
		if r.table.Store.Dialect == expr.SQLite {
			ps.Add(v.At, "no-xmin", "SQLite has no xmin").Suggest("add a column: `version: {type: bigint, writable: false}`")
		}
		return
	}
	if i := r.column(ps, v.Name, v.At); i >= 0 {
		r.version, r.countsUp = i, v.Name
		if t := r.table.Set.Fields[i].Type; t != store.Bigint && t != store.Integer {
			ps.Add(v.At, "wrong-type", "%q counts no whole numbers", v.Name)
		}
	}
}

// column finds a stored column that a key names, -1 where there is none, which is reported.
func (r *Resource) column(ps *diag.Problems, name string, at diag.Pos) int {
	i := r.table.Set.Index(name)
	switch {
	case i < 0:
		ps.Add(at, "unknown-field", "%q is not a field of the schema %s", name, r.table.Schema).Hint = r.table.Set.Suggest(name)
	case r.table.Set.Fields[i].Virtual:
		ps.Add(at, "virtual-column", "%q is virtual, so no row has it", name).Suggest("name a column that is stored")
		return -1
	}
	return i
}

// writtenTo leaves out what the database does not let be done to a view.
func (r *Resource) writtenTo(ps *diag.Problems) {
	c := r.served.catalog
	if c == nil {
		return
	}
	for a, can := range map[Action]bool{Create: c.Insertable, Update: c.Updatable, Delete: c.Deletable} {
		for _, ref := range r.entry.Only {
			if ref.Name == a.String() && !can {
				ps.Add(ref.At, "not-writable", "the database lets nobody %s rows of %s", a, r.table.Name).Suggest("leave it out")
			}
		}
		r.serves[a] = r.serves[a] && can
	}
}
