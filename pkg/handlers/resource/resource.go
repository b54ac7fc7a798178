package resource

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// A Resource is an entry that was checked, with the statements that its routes share.
type Resource struct {
	entry  *Entry
	at     diag.Pos
	table  *records.Table
	parent *Resource // nil at the top

	id     *changeset.Field
	link   int   // the field that references the parent; -1 at the top
	owners []int // the fields of `owner`, in the order written
	scope  []int // the fields that limit the rows in reach: link, owners
	serves [actions]bool
	allow  [actions]*source.Node

	shown          string // the columns of an answer
	page           *store.Statement
	one, lock      *store.Statement
	remove         *store.Statement
	updates, gives records.Shapes // without and with the row
}

// New checks an entry. parent is nil at the top. It is nil when a problem was reported.
func New(env *pipeline.Env, ps *diag.Problems, e *Entry, at diag.Pos, parent *Resource) *Resource {
	before := ps.Len()
	r := &Resource{entry: e, at: at, parent: parent, link: -1}
	r.table = records.Of(env, e.Schema, "", ps)
	r.served(ps)
	r.permitted(ps)
	if !spec.IsName(e.Param) {
		ps.Add(at, "bad-name", "%q is no name for a parameter", e.Param)
	}
	if r.table == nil {
		return nil
	}
	r.owned(ps)
	r.linked(ps)
	r.paged(env, ps)
	if ps.Len() > before {
		return nil
	}
	r.write(env)
	return r
}

// served decides which actions there are. Unless they are chosen, a page with a form is
// there where what it does is.
func (r *Resource) served(ps *diag.Problems) {
	e := r.entry
	if len(e.Only) > 0 && len(e.Except) > 0 {
		ps.Add(e.Except[0].At, "only-and-except", "`only` and `except` exclude each other").Suggest("keep `only`")
	}
	for _, a := range ruled() {
		r.serves[a] = len(e.Only) == 0
	}
	mark := func(list []spec.Ref, served bool) {
		for _, ref := range list {
			a, known := named(Actions(), ref.Name)
			switch {
			case !known:
				unknownAction(ps, ref.At, ref.Name, names(Actions()))
			case a.form() && !e.Pages.Given():
				ps.Add(ref.At, "needs-templates", "`%s` is a page, and this resource has none", ref.Name).Suggest("write `templates: FOLDER`, or remove it")
			default:
				r.serves[a] = served
			}
		}
	}
	mark(e.Only, true)
	mark(e.Except, false)
	if len(e.Only) == 0 && e.Pages.Given() {
		for _, page := range []Action{NewForm, EditForm} {
			left := slices.ContainsFunc(e.Except, func(ref spec.Ref) bool { return ref.Name == page.String() })
			r.serves[page] = r.serves[page.does()] && !left
		}
	}
}

// asks tells whether something is served that the rule of an action decides.
func (r *Resource) asks(a Action) bool {
	return r.serves[a] || a == Create && r.serves[NewForm] || a == Update && r.serves[EditForm]
}

func unknownAction(ps *diag.Problems, at diag.Pos, name string, known []string) {
	p := ps.Add(at, "unknown-action", "there is no action %q", name)
	if p.Hint = diag.DidYouMean(name, known); p.Hint == "" {
		p.Suggest("it is one of %s", diag.OneOf(known))
	}
}

// permitted checks that the entry says who may use it, for every action that it serves.
func (r *Resource) permitted(ps *diag.Problems) {
	e := r.entry
	if e.AllowAt.IsZero() {
		if len(e.Owner) == 0 && !e.Public && r.parent == nil {
			ps.Add(r.at, "no-rule", "this resource does not say who may use it").
				Suggest("write `owner: {user_id: ...}`, `allow: {read: ..., write: ...}` or `public: true`")
		}
		return
	}
	known := true
	for _, entry := range e.Allow {
		known = r.allowKey(ps, entry) && known
	}
	var open []string
	for _, a := range ruled() {
		if r.asks(a) && r.allow[a] == nil {
			open = append(open, a.String())
		}
	}
	if known && len(open) > 0 { // a key that is misspelt may have meant them
		ps.Add(e.AllowAt, "missing-action", "`allow` does not say who may %s", diag.OneOf(open)).
			Suggest("add `%s`, or leave out what is not to be served: `except: [%s]`", strings.Join(open, ":`, `")+":", strings.Join(open, ", "))
	}
}

// allowKey reads one key of allow, and tells whether it is one.
func (r *Resource) allowKey(ps *diag.Problems, entry spec.Named[*source.Node]) bool {
	covered := group(entry.Name)
	if covered == nil {
		unknownAction(ps, entry.At, entry.Name, append(names(ruled()), "read", "write"))
		return false
	}
	served := false
	for _, a := range covered {
		served = served || r.asks(a)
		if r.allow[a] == nil || len(covered) == 1 {
			r.allow[a] = entry.Value
		}
	}
	if !served {
		ps.Add(entry.At, "action-not-served", "`%s` is not served here", entry.Name).Suggest("remove it, or see `only` and `except`")
	}
	return true
}

func (r *Resource) owned(ps *diag.Problems) {
	for _, o := range r.entry.Owner {
		i := r.table.Set.Index(o.Name)
		switch {
		case i < 0:
			ps.Add(o.At, "unknown-field", "%q is not a field of the schema %s", o.Name, r.table.Schema).Hint = r.table.Set.Suggest(o.Name)
		case r.table.Set.Fields[i].Virtual:
			ps.Add(o.At, "virtual-owner", "%q is virtual, so no row has it", o.Name).Suggest("name a column that is stored")
		default:
			r.owners = append(r.owners, i)
		}
	}
}

// linked finds the one field that references the parent.
func (r *Resource) linked(ps *diag.Problems) {
	if r.parent == nil {
		return
	}
	above := r.parent.table.Schema
	var fields []string
	for i := range r.table.Set.Fields {
		if f := &r.table.Set.Fields[i]; f.Refers == above && !f.Virtual {
			fields = append(fields, f.Name)
			r.link = i
		}
	}
	switch len(fields) {
	case 1:
	case 0:
		ps.Add(r.at, "no-reference", "the schema %s has no field that references %s", r.table.Schema, above).
			Suggest("add one, such as `%s_id: {references: %s}`", above, above)
	default:
		ps.Add(r.at, "several-references", "the schema %s references %s by %s", r.table.Schema, above, strings.Join(fields, " and ")).
			Suggest("a nested resource needs exactly one such field")
	}
	if !r.parent.readable() {
		ps.Add(r.at, "unreadable-parent", "the resource above allows nobody to read a row, so nothing below it can be reached").Suggest("serve `show` above")
	}
}

// readable tells whether there is a rule by which one row may be read.
func (r *Resource) readable() bool { return r.entry.AllowAt.IsZero() || r.readRule() != nil }

// readRule is the condition that a row must pass to be seen, nil where there is none.
func (r *Resource) readRule() *source.Node {
	if r.allow[Show] != nil {
		return r.allow[Show]
	}
	return r.allow[Index]
}

// write makes the statements that do not depend on what a client sends.
func (r *Resource) write(env *pipeline.Env) {
	t := r.table
	r.id = &t.Set.Fields[t.Set.Index(changeset.ID)]
	if r.link >= 0 {
		r.scope = append(r.scope, r.link)
	}
	r.scope = append(r.scope, r.owners...)
	whole := !r.entry.AllowAt.IsZero() || t.Set.NeedsRow()
	r.shown = t.Columns(func(f *changeset.Field) bool { return !env.Manifest.Hidden(f.Name) })
	columns := t.Columns(func(f *changeset.Field) bool { return whole || !env.Manifest.Hidden(f.Name) })

	page := r.selects(r.shown, r.scope)
	page.Add(" order by ", store.Quote(changeset.ID), " limit ")
	page.Arg()
	page.Add(" offset ")
	page.Arg()
	r.page = page.Statement()
	r.one = r.selects(columns, r.row()).Statement()
	lock := r.selects(columns, r.row())
	if t.Store.Dialect == expr.Postgres {
		lock.Add(" for update")
	}
	r.lock = lock.Statement()
	remove := t.Text()
	remove.Add("delete from ", store.Quote(t.Name))
	remove.Where(t, r.row())
	r.remove = remove.Statement()
}

func (r *Resource) selects(columns string, where []int) *records.Text {
	q := r.table.Text()
	q.Add("select ", columns, " from ", store.Quote(r.table.Name))
	q.Where(r.table, where)
	return q
}

// row lists the fields that find one row.
func (r *Resource) row() []int { return append([]int{r.table.Set.Index(changeset.ID)}, r.scope...) }

// Serves tells whether an action is served.
func (r *Resource) Serves(a Action) bool { return r.serves[a] }

// Param names the id of a row in its path.
func (r *Resource) Param() string { return r.entry.Param }

// NestedParam names the id of a row in the paths below it.
func (r *Resource) NestedParam() string { return r.table.Schema + "_" + r.entry.Param }
