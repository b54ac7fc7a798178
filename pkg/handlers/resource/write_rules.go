package resource

import (
	"errors"
	"slices"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// otherRule is the rule of the other half of an upsert: of an update where rows are made, of
// a create where one is put.
type otherRule struct {
	do             *expr.Expr // nil: none
	late, ofRecord bool
}

// writing compiles what a route needs that writes.
func (x *rules) writing(b *pipeline.Build, w Way, captures []string) {
	a := w.Action
	if a.Reads() {
		return
	}
	nested := b.Nested(true)
	for k, set := range x.entry.Set {
		if k < len(x.setFields) {
			x.sets = append(x.sets, ownValue{field: &x.table.Set.Fields[x.setFields[k]], value: nested.Value(set.Value), node: set.Value})
		}
	}
	if a != Delete {
		x.guards = x.guardsOf(b)
	}
	x.tells, x.hooks = x.tellingOf(b, a), x.hooksOf(b, a)
	if a == Create && !x.table.Found {
		x.children = x.childrenOf(b, captures)
	}
	switch {
	case x.entry.AllowAt.IsZero():
	case a == Create && x.serves[Update]:
		x.other = x.otherOf(b, Update)
	case a == Update && w.Many && x.serves[Create]:
		x.other = x.otherOf(b, Create)
	}
}

// otherOf compiles the rule of an action beside that of the route.
func (x *rules) otherOf(b *pipeline.Build, a Action) otherRule {
	before := x.ofRecord
	x.ofRecord = false
	o := otherRule{do: x.condition(b, x.allow[a], a)}
	o.late, o.ofRecord, x.ofRecord = uses(o.do, "changes"), x.ofRecord, before
	return o
}

var errUnfit = errors.New("the column cannot hold it")

// presets are the fields that no client can name: the path and the owner decide them, and
// `set`, from the values that limits gave.
func (x *rules) presets(c *pipeline.Context, limits []any) ([]changeset.Fixed, error) {
	list := x.fixed(limits)[:len(x.scope):len(x.scope)]
	for i := range x.sets {
		set := &x.sets[i]
		v, err := set.value.Eval(c.Frame)
		if err != nil {
			return nil, err
		}
		cast, ok := set.field.Cast(v)
		if !ok {
			return nil, set.value.Misfit(c.Frame, v, errUnfit)
		}
		list = append(list, changeset.Fixed{Field: x.table.Set.Index(set.field.Name), Value: cast})
	}
	if x.version >= 0 {
		list = append(list, changeset.Fixed{Field: x.version, Value: int64(1)})
	}
	if x.softDelete >= 0 {
		list = append(list, changeset.Fixed{Field: x.softDelete})
	}
	return list, nil
}

// fixes tells a field that no client can name.
func (r *Resource) fixes(field int) bool {
	return slices.Contains(r.scope, field) || slices.Contains(r.setFields, field) || field == r.version || field == r.softDelete
}
