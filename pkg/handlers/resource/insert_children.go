package resource

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// childrenOf compiles the entries below whose rows a create may bring with it.
func (x *rules) childrenOf(b *pipeline.Build, captures []string) map[string]*rules {
	var told diag.Problems // by the routes of those entries
	before := b.Problems
	b.Problems = &told
	defer func() { b.Problems = before }()
	var out map[string]*rules
	for _, s := range x.served.Below.served {
		if s.Parent != x.served || s.Entry.Schema.Name == "" || s.table == nil || x.table.Set.Index(s.table.Name) >= 0 || s.table.Store != x.table.Store {
			continue
		}
		child := New(b.Env, &told, s, x.Resource)
		if child == nil || !child.serves[Create] || s.Entry.RowSecurity != x.entry.RowSecurity {
			continue
		}
		if out == nil {
			out = map[string]*rules{}
		}
		rules := child.compile(b, Way{Action: Create}, captures, "")
		if rules.hooks == nil || rules.hooks.before == nil { // which would not be asked
			out[s.table.Name] = rules
		}
	}
	return out
}

// brood are the rows that one row brings: by the entries below, in the order of their names.
type brood struct {
	of   *write // of the entry below
	rows []*childRow
}

// childRow is a row below another that is about to be made.
type childRow struct {
	changes *changeset.Changes
	broods  []*brood
}

// broods takes the rows below out of what was sent for a row. What is wrong is told by path,
// such as comments.0.body.
func (w *write) broods(given map[string]any, bad *changeset.Invalid, path string) ([]*brood, error) {
	var out []*brood
	for name, child := range w.children {
		v, there := given[name]
		if !there {
			continue
		}
		delete(given, name)
		list, ok := v.([]any)
		if one, is := v.(map[string]any); is {
			list, ok = []any{one}, true
		}
		if !ok {
			bad.Add(path+name, changeset.IsInvalid)
			continue
		}
		b, err := w.brood(child, list, bad, path+name+".")
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func (w *write) brood(child *rules, list []any, bad *changeset.Invalid, path string) (*brood, error) {
	of := &write{rules: child, c: w.c, asked: &asked{Query: &postgrest.Query{Read: postgrest.Read{Limit: -1}}}}
	if !child.late {
		if err := child.allowed(w.c); err != nil {
			return nil, err
		}
	}
	limits, err := child.ownLimits(w.c)
	if err != nil {
		return nil, err
	}
	of.limits = limits
	if of.base, err = child.presets(w.c, limits); err != nil {
		return nil, err
	}
	b := &brood{of: of}
	for i, v := range list {
		at := path + strconv.Itoa(i)
		given, ok := v.(map[string]any)
		if !ok {
			bad.Add(at, changeset.IsInvalid)
			continue
		}
		row := &childRow{}
		if row.broods, err = of.broods(given, bad, at+"."); err != nil {
			return nil, err
		}
		if row.changes, err = of.castRow(given, of.base); err == nil {
			of.changes = []*changeset.Changes{row.changes}
			err = of.guardChanges(false)
		}
		var refused *problem
		if errors.As(err, &refused) && len(refused.Errors) > 0 {
			err = &changeset.Invalid{Errors: refused.Errors}
		}
		var wrong *changeset.Invalid
		switch {
		case errors.As(err, &wrong):
			for field, messages := range wrong.Errors {
				for _, m := range messages {
					bad.Add(at+"."+field, m)
				}
			}
		case err != nil:
			return nil, castError(err)
		}
		b.rows = append(b.rows, row)
	}
	return b, nil
}

// brings tells a row that has others below it.
func (w *write) brings(s *sentRows) bool {
	for name := range w.children {
		if _, there := s.rows[0][name]; there {
			return true
		}
	}
	return false
}

// ownLimits are the values of scope and `where` below a row that is not there yet.
func (x *rules) ownLimits(c *pipeline.Context) ([]any, error) {
	args := []any{nil}
	for i := range x.own {
		v, err := x.own[i].eval(c)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return args, nil
}

// insertBroods writes the rows below a row that was made.
func (w *write) insertBroods(q store.Querier, parent any, list []*brood) error {
	for _, b := range list {
		if len(b.rows) == 0 {
			continue
		}
		of := b.of
		of.limits[0] = parent
		of.changes = make([]*changeset.Changes, len(b.rows))
		for i, row := range b.rows {
			row.changes.Put(of.link, parent)
			of.changes[i] = row.changes
		}
		if err := of.insertBelow(q, b.rows); err != nil {
			return of.failing(err)
		}
		w.below = append(w.below, of)
	}
	return nil
}

func (w *write) insertBelow(q store.Querier, rows []*childRow) error {
	change, err := w.changeOf(w.changes)
	if err != nil {
		return err
	}
	o := w.options(true)
	o.Kept = w.served.Relation().Key
	plan, err := relations.Insert(w.free, w.chosen(), change, true, o)
	if err != nil {
		return err
	}
	if err := w.run(q, plan, true); err != nil {
		return err
	}
	if w.rows < int64(len(rows)) {
		return forbidden()
	}
	if w.eventful() {
		if err := w.note(q); err != nil {
			return err
		}
	}
	for i, row := range rows {
		if err := w.insertBroods(q, w.keys[i][0], row.broods); err != nil {
			return err
		}
	}
	return nil
}

// insertFamily writes rows with rows below them, and then reads what is answered.
func (w *write) insertFamily(q store.Querier, in *insertion) error {
	o := w.options(true)
	key := w.served.Relation().Key
	o.Kept = key
	bare := &postgrest.Read{Select: []postgrest.Item{}, Limit: -1}
	plan, err := relations.Insert(w.free, bare, in.change, true, o)
	if err != nil {
		return err
	}
	if err := w.run(q, plan, true); err != nil {
		return err
	}
	if w.rows < int64(in.rows) {
		return forbidden()
	}
	keys := w.keys
	texts := make([][]string, len(keys))
	for i := range keys {
		text, err := value.AppendText(nil, keys[i][0])
		if err != nil {
			return err
		}
		texts[i] = []string{string(text)}
		if err := w.insertBroods(q, keys[i][0], w.families[i]); err != nil {
			return err
		}
	}
	if !w.shows() {
		return nil
	}
	w.c.Lend(w.body)
	read := w.Read
	read.Where, read.Limit, read.Offset = havingKeys(key, texts), -1, 0
	read.Order = []postgrest.Order{{By: postgrest.Field{Name: key[0]}}}
	plan2, err := relations.Select(w.free, &read, o)
	if err != nil {
		return err
	}
	return w.read(q, plan2)
}

// withFamily tells whether rows bring others with them. An upsert cannot.
func (w *write) withFamily(u *upsert) (bool, error) {
	for _, list := range w.families {
		if len(list) == 0 {
			continue
		}
		if u != nil {
			return false, &problem{Status: http.StatusBadRequest, Code: badBody, Message: "rows below others cannot be sent with an upsert", Hint: "write them by the path of their own"}
		}
		return true, nil
	}
	return false, nil
}
