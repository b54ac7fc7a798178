package resource

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// A guard looks whether the row that a client refers to is in reach, where an entry limits
// the rows of that table: a foreign key of the database would tell that a row is there, and
// would take it.
type guard struct {
	field  int
	column string // of the row referred to
	*limited
	free relations.Relation // the rows, as many as there are
}

// guardsOf finds the fields that refer to rows of limited entries.
func (x *rules) guardsOf(b *pipeline.Build) []guard {
	var list []guard
	before := b.Problems
	b.Problems = &diag.Problems{} // who embeds those rows is told of them
	defer func() { b.Problems = before }()
	for _, e := range x.served.index.edgesOf(x.table.Store) {
		if e.from != x.table || len(e.columns) != 1 {
			continue
		}
		field := x.table.Set.Index(e.columns[0])
		s, found := x.served.rulesFor(e.to)
		if field < 0 || x.fixes(field) || !x.table.Set.Fields[field].Writable || !found || s == nil || s.Relation() == nil {
			continue
		}
		l := limitedOf(b, embedded{at: s.At, name: e.to.Name, relation: s.Relation(), rules: s})
		if l != nil && (len(l.pieces) > 0 || l.read != nil) && slices.ContainsFunc(l.relation.Columns, func(c relations.Column) bool { return c.Name == e.refers[0] }) {
			g := guard{field: field, column: e.refers[0], limited: l, free: *l.relation}
			g.free.MaxRows = 0
			list = append(list, g)
		}
	}
	return list
}

// guarded refuses rows that refer to others out of reach, as to rows that are not there.
func (w *write) guarded(rows []value.Object, several bool) error {
	var bad changeset.Invalid
	for i := range w.guards {
		g := &w.guards[i]
		name := w.table.Set.Fields[g.field].Name
		values := map[string][]int{} // the rows that refer to a value
		for k, row := range rows {
			v, given := row.Member(name)
			if !given || v == nil {
				continue
			}
			if text, err := value.AppendText(nil, v); err == nil {
				values[string(text)] = append(values[string(text)], k)
			}
		}
		if len(values) == 0 {
			continue
		}
		if err := w.inReach(g, values); err != nil {
			return err
		}
		for _, missing := range values {
			for _, k := range missing {
				if several {
					name = changeset.InRow(k, w.table.Set.Fields[g.field].Name)
				}
				bad.Add(name, changeset.DoesNotExist)
			}
		}
	}
	if len(bad.Errors) > 0 {
		return invalid(bad.Errors)
	}
	return nil
}

// inReach takes the values out whose rows are in reach.
func (w *write) inReach(g *guard, values map[string][]int) error {
	list := make([][]string, 0, len(values))
	for text := range values {
		list = append(list, []string{text})
	}
	o := relations.Options{Dialect: w.dialect(), Kept: []string{g.column}, Reach: func(r *relations.Relation) (relations.Limit, error) {
		if r == &g.free {
			return w.limit(w.c, g.limited)
		}
		return relations.Limit{}, nil
	}}
	plan, err := relations.Select(&g.free, &postgrest.Read{Select: []postgrest.Item{}, Where: havingKeys([]string{g.column}, list), Limit: -1}, o)
	if err != nil {
		if p := problemOf(err); p != nil && p.Code == noPrivilege {
			return nil // nobody may read them: none is there
		}
		return err
	}
	var found store.Encoded
	err = w.on(w.c, func(q store.Querier) (err error) {
		found, err = q.Encode(w.c.Context(), w.plans.Of(plan, true), plan.Args, maxBodyRows, nil)
		return err
	})
	if err != nil {
		return w.refusing(err, false)
	}
	for _, row := range found.Kept {
		if text, err := value.AppendText(nil, row[0]); err == nil {
			delete(values, string(text))
		}
	}
	return nil
}

// guardChanges is guarded for rows that were checked.
func (w *write) guardChanges(several bool) error {
	if len(w.guards) == 0 {
		return nil
	}
	rows := make([]value.Object, len(w.changes))
	for i, c := range w.changes {
		rows[i] = c
	}
	return w.guarded(rows, several)
}

// sentObject is a row as it was sent.
type sentObject map[string]any

// Member implements value.Object.
func (o sentObject) Member(name string) (any, bool) { v, ok := o[name]; return v, ok }

// Names implements value.Object.
func (o sentObject) Names() []string { return nil }

// guardSent is guarded for rows as they were sent.
func (w *write) guardSent(s *sentRows) error {
	if len(w.guards) == 0 {
		return nil
	}
	rows := make([]value.Object, len(s.rows))
	for i := range s.rows {
		rows[i] = sentObject(s.given(i, true))
	}
	return w.guarded(rows, !s.one)
}
