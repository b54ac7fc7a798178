package resource

import (
	"net/http"
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// upsert says what becomes of rows that are there already. A nil one makes rows only.
type upsert struct {
	columns []string // of the constraint
	merge   bool     // the row that is there is changed; else it stays
	rule    *otherRule
	make    *otherRule // of PUT: whether a row may be made that is not there; else nil

	there int64 // the rows that are there and in reach
	all   int64 // with those out of reach, where `where` asks
}

// upsert reads what the request wants. A table without a key ignores it, as in PostgREST.
func (w *write) upsert() (*upsert, error) {
	if w.prefer.Resolution == "" {
		return nil, nil
	}
	u := &upsert{columns: w.OnConflict, merge: w.prefer.Resolution == postgrest.MergeDuplicates, rule: &w.other}
	if u.columns == nil {
		u.columns = w.served.Relation().Key
	}
	if len(u.columns) == 0 {
		w.prefer.Resolution = ""
		return nil, nil
	}
	if u.merge && !w.serves[Update] {
		return nil, forbidden()
	}
	return u, nil
}

// changes tells that rows that are there may be changed.
func (u *upsert) changes() bool { return u != nil && u.merge }

// identity lets an upsert name the key of a row, which is else the database's to give.
func (u *upsert) identity(w *write, given map[string]any) ([]changeset.Fixed, error) {
	if u == nil || w.id == nil || w.id.Writable || !slices.Contains(u.columns, w.id.Name) {
		return w.base, nil
	}
	v, there := given[w.id.Name]
	if !there {
		return w.base, nil
	}
	delete(given, w.id.Name)
	id, ok := w.id.Cast(v)
	switch {
	case !ok:
		return nil, invalid(map[string][]string{w.id.Name: {changeset.IsInvalid}})
	case id == nil:
		return w.base, nil
	}
	return append(slices.Clone(w.base), changeset.Fixed{Field: w.table.Set.Index(w.id.Name), Value: id}), nil
}

// into tells the plan of the upsert.
func (u *upsert) into(w *write, s *sentRows, c *relations.Change) {
	if u == nil {
		return
	}
	c.OnConflict, c.Merge, c.Counted = u.columns, u.merge, w.countsUp
	if !u.merge || w.table.Found && c.Counted == "" {
		return
	}
	for _, name := range c.Columns {
		if w.merges(name, s) && !slices.Contains(u.columns, name) {
			c.Merged = append(c.Merged, name)
		}
	}
	if len(c.Merged) == 0 {
		c.Merged = u.columns
	}
}

// merges tells a column that a row which is there takes: what was sent and what is computed
// of it, but no default, and nothing that is set on create alone.
func (w *write) merges(name string, s *sentRows) bool {
	i := w.table.Set.Index(name)
	f := &w.table.Set.Fields[i]
	switch {
	case name == w.countsUp || w.fixes(i):
		return false
	case w.table.Found || name == changeset.UpdatedAt:
		return true
	case f.Immutable || name == changeset.InsertedAt:
		return false
	case f.Writable:
		return slices.Contains(s.columns, name)
	}
	return w.table.Set.Shows(i)
}

// meets looks for the rows that are there already, before the write.
func (u *upsert) meets(q store.Querier, w *write, in *insertion) error {
	if u == nil || !u.merge && w.where == nil {
		return nil
	}
	conds, owners, err := w.conflicting(u, in)
	if err != nil || len(conds) == 0 {
		return u.makes(w, in, owners, nil)
	}
	if w.where != nil {
		if u.all, err = w.count(q, conds, relations.Options{Dialect: w.dialect(), Reach: everywhere}); err != nil {
			return err
		}
		if u.there, err = w.count(q, conds, w.options(true)); err != nil {
			return err
		}
	}
	if !u.merge || u.rule.do == nil && u.make == nil && !w.eventful() {
		if u.there == 0 {
			u.there, err = w.count(q, conds, w.options(true))
		}
		return err
	}
	rows, err := w.whole(q, conds, w.options(true))
	if err != nil {
		return err
	}
	u.there, w.before = int64(len(rows)), make(map[string]bool, len(rows))
	for _, row := range rows {
		w.before[keyOf(row, w.served.Relation().Key)] = true
	}
	return u.makes(w, in, owners, rows)
}

// makes tests the rules of an upsert: that of an update for each row that is there, that of
// a create for the others.
func (u *upsert) makes(w *write, in *insertion, owners map[string]int, rows []*value.Row) error {
	there := map[int]bool{}
	for _, row := range rows {
		k, ok := owners[keyOf(row, u.columns)]
		if !ok {
			continue
		}
		there[k] = true
		if len(w.changes) > k {
			w.c.Slots[pipeline.SlotChanges] = w.changes[k]
		}
		w.c.Slots[pipeline.SlotRecord] = row
		if !w.test(w.c, u.rule.do) {
			return forbidden()
		}
	}
	if u.make == nil || u.make.do == nil {
		return nil
	}
	for k := range in.rows {
		if there[k] {
			continue
		}
		if len(w.changes) > k {
			w.c.Slots[pipeline.SlotChanges] = w.changes[k]
		}
		if !w.test(w.c, u.make.do) {
			return forbidden()
		}
	}
	return nil
}

// met tells, behind the write, whether all rows were taken. One that is there and out of
// reach is a conflict as any other.
func (u *upsert) met(w *write, in *insertion) error {
	if u == nil {
		return nil
	}
	if w.where != nil && !u.merge && w.rows < int64(in.rows)-u.all {
		return forbidden()
	}
	if !u.merge {
		return nil
	}
	w.made = w.rows - u.there
	switch {
	case w.rows >= int64(in.rows):
		return nil
	case w.where != nil && u.all == u.there:
		return forbidden()
	}
	return taken()
}

// taken is what a row out of reach is told as.
func taken() *problem {
	return &problem{Status: http.StatusConflict, Code: "23505", Message: "a row with these values is there already"}
}

// conflicting gives the condition that finds the rows of the constraint, and which row of
// the request each is.
func (w *write) conflicting(u *upsert, in *insertion) ([]postgrest.Cond, map[string]int, error) {
	var keys [][]string
	owners := map[string]int{}
	for k := range in.rows {
		key := make([]string, len(u.columns))
		known := true
		for i, name := range u.columns {
			v, err := w.sentValue(in, k, name)
			if err != nil {
				return nil, nil, err
			}
			if known = known && v != nil; !known {
				break
			}
			text, err := value.AppendText(nil, v)
			if err != nil {
				return nil, nil, nil // no text can be a key of this type
			}
			key[i] = string(text)
		}
		if known {
			keys = append(keys, key)
			owners[joinKey(key)] = k
		}
	}
	return havingKeys(u.columns, keys), owners, nil
}

// sentValue is the value of a column in row k of an insert; nil for none.
func (w *write) sentValue(in *insertion, k int, column string) (any, error) {
	if in.sent != nil {
		if v, there := in.fixed[column]; there {
			return v, nil
		}
		if in.sent.chosen && !slices.Contains(in.sent.columns, column) {
			return nil, nil
		}
		return in.sent.rows[k][column], nil
	}
	v, _ := w.changes[k].Get(w.table.Set.Index(column))
	return w.table.Set.Fields[w.table.Set.Index(column)].Arg(v)
}
