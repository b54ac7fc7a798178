package resource

import (
	"maps"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/routes"
	"github.com/openmanifest/gateway/pkg/store"
)

// Def is what the step runner and the reference know of resources.
func Def() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "resources", Group: "answer", Doc: "Reads and writes the rows of a schema.", Places: pipeline.Route, Answers: pipeline.Route, Guard: true,
		Fails: []pipeline.Reason{{Name: "forbidden", Status: 403}, {Name: "not_found", Status: 404}, {Name: "invalid", Status: 422}, {Name: "conflict", Status: 409}},
	}, func(s *pipeline.Settings, e *Entry) { Describe(s.Fields, e) }, func(Entry, *pipeline.Build) pipeline.Plug { return nil })
}

// rules are what one route asks of a resource, compiled against the names in reach.
type rules struct {
	*Resource
	above    *rules // of the parent, which is read
	capture  int    // the place of the row's id among the captures, from their end; 0: none
	own      []ownValue
	where    *whereClause      // nil: none
	reached  []*limited        // the rules of every relation that a request may come to
	read     *expr.Expr        // a row that fails it is not there; nil: every row passes
	do       *expr.Expr        // what fails it is forbidden
	other    otherRule         // of the other half of an upsert
	sets     []ownValue        // what `set` says on a create
	tells    *telling          // who is told of the rows; nil: nobody
	children map[string]*rules // what rows a create may bring with it, by the table
	hooks    *hooks            // the services that are told; nil: none
	guards   []guard           // the fields that refer to rows of limited entries
	secures  *securing         // what the database limits the rows by; nil: nothing

	ofRecord bool // a condition reads the row
	late     bool // `do` reads the changes, so it waits until they are checked
	blind    bool // nobody may read a row, so a refusal must not tell that it is there
	reads    bool // the action changes nothing

	ready  ready   // the statements of what is asked most
	pages  *pages  // what a browser gets; nil: no pages
	savers []saver // of files that a form sends
	kept   int     // the slot in which pages below find the row; 0: there are none
}

// ownValue is the value that a column of `owner` must have.
type ownValue struct {
	field *changeset.Field
	value *pipeline.Value
	node  *source.Node
}

// Plug makes what builds a route of an action at a path.
func (r *Resource) Plug(w Way, path routes.Pattern) func(*pipeline.Build) pipeline.Plug {
	return func(b *pipeline.Build) pipeline.Plug {
		before, a := b.Problems.Len(), w.Action
		x := r.compile(b, w, path.Names(), r.Param())
		if !a.Reads() && a != Delete {
			b.Reads("request.body")
			x.savers = x.saversOf(b)
		}
		if !w.Many && !w.Long && !w.Step {
			x.pages = x.pagesOf(b, a, path.String())
		}
		if x.pages != nil || len(x.savers) > 0 {
			b.Reads("params") // a form of several parts is read as it comes
		}
		if b.Problems.Len() > before {
			return nil
		}
		x.readied(a)
		if w.Many {
			return x.plug(a, [...]func(*pipeline.Context) error{Update: x.updateMany, Delete: x.deleteMany}[a])
		}
		return x.plug(a, [...]func(*pipeline.Context) error{x.index, x.show, x.create, x.update, x.delete, x.new, x.edit}[a])
	}
}

func (r *Resource) compile(b *pipeline.Build, w Way, captures []string, param string) *rules {
	x, a := &rules{Resource: r}, w.Action
	if r.parent != nil {
		x.above = r.parent.compile(b, Way{Action: Show, OfRow: true}, captures, r.parent.NestedParam())
	}
	if w.OfRow {
		x.capture = len(captures) - slices.Index(captures, param)
	}
	nested := b.Nested(true)
	for k, o := range r.entry.Owner {
		x.own = append(x.own, ownValue{field: &r.table.Set.Fields[r.owners[k]], value: nested.Value(o.Value), node: o.Value})
	}
	x.where = whereOf(b, r.entry.Where, r.table.Store.Dialect)
	x.reaching(b)
	r.prepare(b.Env, x.where)
	x.secures = x.securingOf(b)
	x.writing(b, w, captures)
	if r.entry.AllowAt.IsZero() {
		return x
	}
	switch a {
	case Index, Create, NewForm:
		x.do = x.condition(b, r.allow[a.does()], a.does())
	case Show:
		x.read = x.condition(b, r.readRule(), a)
	default:
		if rule := r.readRule(); rule != nil {
			x.read = x.condition(b, rule, Show)
		}
		x.blind = x.read == nil && len(r.owners) == 0
		x.do = x.condition(b, r.allow[a.does()], a.does())
	}
	x.late = uses(x.do, "changes")
	return x
}

// condition compiles a rule for an action, with the row and the changes in reach. Using
// the one that the action does not have is an error that says so.
func (x *rules) condition(b *pipeline.Build, n *source.Node, a Action) *expr.Expr {
	set := x.table.Set
	e := b.Nested(true,
		expr.Name{Name: "record", Slot: pipeline.SlotRecord, Type: set.RecordType()},
		expr.Name{Name: "changes", Slot: pipeline.SlotChanges, Type: set.ChangesType()}).Condition(n)
	if e == nil {
		return nil
	}
	if uses(e, "record") {
		x.ofRecord = true
		if !a.OfRow() {
			b.Problem(n.At, "no-record", "there is no `record` in %s", a).
				Suggest("limit the rows with `owner`, or give `%s` a condition of its own", a)
		}
	}
	if uses(e, "changes") && a != Create && a != Update {
		b.Problem(n.At, "no-changes", "there are no `changes` in %s", a).Suggest("give `%s` a condition of its own", a)
	}
	return e
}

func uses(e *expr.Expr, name string) bool {
	return e != nil && slices.ContainsFunc(e.Uses(), func(used string) bool {
		return used == name || strings.HasPrefix(used, name+".")
	})
}

// plug answers what an action refuses: a browser with a page, others with the dialect's
// error.
func (x *rules) plug(a Action, do func(*pipeline.Context) error) pipeline.Plug {
	return func(c *pipeline.Context) (any, error) {
		err := do(c)
		if err == nil {
			return nil, nil
		}
		if x.browser(c) {
			return nil, x.refuse(c, a, err)
		}
		if p := problemOf(err); p != nil {
			return nil, p.Send(c)
		}
		return nil, err
	}
}

// test decides a condition. What cannot be decided is no.
func (x *rules) test(c *pipeline.Context, e *expr.Expr) bool {
	if e == nil {
		return true
	}
	ok, err := e.Test(c.Frame)
	if err != nil {
		c.Log.Info("a rule could not be decided, so it refused", "resource", x.table.Schema, "at", x.at.String(), "error", err)
		return false
	}
	return ok
}

// visible tells whether the row in the record's slot may be seen.
func (x *rules) visible(c *pipeline.Context) error {
	if !x.test(c, x.read) {
		return notFound()
	}
	return nil
}

// allowed tells whether the action may be done.
func (x *rules) allowed(c *pipeline.Context) error {
	switch {
	case x.test(c, x.do):
		return nil
	case x.blind:
		return notFound()
	}
	return forbidden()
}

// limits appends the values that limit the rows in reach: the parent's id, the owner, those
// in `where`.
func (x *rules) limits(c *pipeline.Context, args []any) ([]any, error) {
	if x.above != nil {
		id, err := x.above.load(c)
		if err != nil {
			return nil, err
		}
		args = append(args, id)
	}
	for i := range x.own {
		v, err := x.own[i].eval(c)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	if x.where != nil {
		return x.where.values(c, args)
	}
	return args, nil
}

// eval computes a value of `owner`. Nil, and what the column cannot hold, is nobody.
func (o *ownValue) eval(c *pipeline.Context) (any, error) {
	v, err := o.value.Eval(c.Frame)
	if err != nil {
		c.Log.Info("an owner could not be computed, so it refused", "column", o.field.Name, "at", o.node.At.String(), "error", err)
		return nil, forbidden()
	}
	cast, ok := o.field.Cast(v)
	if !ok || cast == nil {
		return nil, forbidden()
	}
	return o.field.Arg(cast)
}

// load reads the row in the path by its own rules and gives its id: what a resource below
// it asks first.
func (x *rules) load(c *pipeline.Context) (any, error) {
	args, err := x.find(c)
	if err != nil {
		return nil, err
	}
	if err := x.on(c, func(q store.Querier) error { return x.fetch(c, q, x.one, args) }); err != nil {
		return nil, x.unread(c, err)
	}
	if x.kept > 0 {
		c.Slots[x.kept] = c.Slots[pipeline.SlotRecord]
	}
	return args[0], x.visible(c)
}

// find gives the values that find the row in the path.
func (x *rules) find(c *pipeline.Context) ([]any, error) {
	id, err := x.pathID(c)
	if err != nil {
		return nil, err
	}
	return x.limits(c, append(make([]any, 0, maxArgs), id))
}

// pathID is the id in the path. One that the column cannot hold is nobody's.
func (x *rules) pathID(c *pipeline.Context) (any, error) {
	if x.entry.Singleton {
		return x.onlyID(c)
	}
	id, ok := x.id.Cast(c.Match.Params[len(c.Match.Params)-x.capture])
	if !ok || id == nil {
		return nil, notFound()
	}
	return id, nil
}

// maxArgs is room for the values of most statements.
const maxArgs = 8

// fetch reads the row into the record's slot.
func (x *rules) fetch(c *pipeline.Context, q store.Querier, st *statement, args []any) error {
	row, err := records.One(q.Query(c.Context(), st, args, 1))
	if err != nil {
		return err
	}
	if row == nil {
		return notFound()
	}
	c.Slots[pipeline.SlotRecord] = row
	return nil
}

// fixed are the fields that the path and the owner decide on a create, from the values
// that limits gave.
func (x *rules) fixed(values []any) []changeset.Fixed {
	list := make([]changeset.Fixed, len(values))
	for k, i := range x.scope {
		list[k] = changeset.Fixed{Field: i, Value: values[k]}
	}
	return list
}

// keep are the same on an update: no client may name them, and they stay as they are.
func (x *rules) keep(given map[string]any) error {
	for name := range given {
		if i := x.table.Set.Index(name); i >= 0 && x.fixes(i) {
			return x.unnamed(slices.Sorted(maps.Keys(given)))
		}
	}
	return nil
}

// castError tells the client what of its fields is not valid.
func castError(err error) error {
	if p := invalidFields(err); p != nil {
		return p
	}
	return records.Busy(err)
}
