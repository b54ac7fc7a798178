package resource

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// A Resource is an entry that was checked, with the statements that its routes share.
type Resource struct {
	served *Served
	entry  *Entry
	at     diag.Pos
	table  *records.Table
	parent *Resource // nil at the top

	id     *changeset.Field // nil: the key is not one column, so no path leads to a row
	link   int              // the field that references the parent; -1 at the top
	owners []int            // the fields of `owner`, in the order written
	scope  []int            // the fields that limit the rows in reach: link, owners
	serves [actions]bool
	allow  [actions]*source.Node

	setFields  []int         // the fields of `set`, in the order written
	wholeTable [actions]bool // may be done without a filter
	version    int           // the field of `version`; -1: none, or xmin
	countsUp   string        // the column that goes up with every change; "": none
	softDelete int           // the field of `soft_delete`; -1: none
	onces      *onces        // nil: no idempotency keys are kept
	free, all  *relations.Relation

	where          *whereClause
	plans          plans  // of what requests ask
	shown          string // the columns of an answer
	page           *store.Statement
	one, lock      *store.Statement
	oneJSON        *store.Statement // the row as it is answered
	remove, xmin   *store.Statement
	chooses        *store.Statement // asks what a trigger says of the answer; nil: none can say anything
	only           *store.Statement // the ids in reach
	updates, gives records.Shapes   // without and with the row
	encodes        records.Shapes   // with the row as it is answered
	inserts        records.Shapes
	insertsRow     records.Shapes
}

// New checks an entry. parent is nil at the top. It is nil when a problem was reported.
func New(env *pipeline.Env, ps *diag.Problems, s *Served, parent *Resource) *Resource {
	before := ps.Len()
	e := s.Entry
	r := &Resource{served: s, entry: e, at: s.At, parent: parent, link: -1, version: -1, softDelete: -1, table: s.table}
	r.serve(ps)
	r.permitted(ps)
	if !spec.IsName(e.Param) {
		ps.Add(s.At, "bad-name", "%q is no name for a parameter", e.Param)
	}
	if r.table == nil {
		return nil
	}
	r.keyed()
	r.shownFields(ps)
	r.owned(ps)
	r.linked(ps)
	r.paged(env, ps)
	r.writable(ps)
	r.single(ps)
	s.Relation()
	if ps.Len() > before {
		return nil
	}
	if r.link >= 0 {
		r.scope = append(r.scope, r.link)
	}
	r.scope = append(r.scope, r.owners...)
	r.relate()
	if s.catalog != nil && s.catalog.Chooses {
		r.chooses = rows.NewAsk()
	}
	if e.Idempotency > 0 {
		r.onces = newOnces(r.table, e.Idempotency)
		env.NeedTable(onceColumns())
	}
	return r
}

// serve decides which actions there are. Unless they are chosen, a page with a form is
// there where what it does is.
func (r *Resource) serve(ps *diag.Problems) {
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
	r.serves[Index] = r.serves[Index] && !e.Singleton
	r.writtenTo(ps)
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
		if len(e.Owner) == 0 && e.Where == nil && !e.Public && r.parent == nil {
			p := ps.Add(r.at, "no-rule", "this resource does not say who may use it").
				Suggest("write `owner: {user_id: ...}`, `where: SQL`, `allow: {read: ..., write: ...}` or `public: true`")
			if !e.RowSecurity.At.IsZero() {
				p.Suggest("where the policies of the database are all the rules there are, write `public: true` beside `row_security`")
			}
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
	if r.table.Found {
		for _, e := range r.served.index.edgesOf(r.table.Store) {
			if e.from == r.table && e.to == r.parent.table && len(e.columns) == 1 && e.refers[0] == r.parent.idName() {
				fields = append(fields, e.columns[0])
				r.link = r.table.Set.Index(e.columns[0])
			}
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

// idName is the column that a path leads by, "" for none.
func (r *Resource) idName() string {
	if r.id == nil {
		return ""
	}
	return r.id.Name
}

// HasKey tells whether a path leads to one row: the key is one column.
func (r *Resource) HasKey() bool { return r.id != nil }

// keyed finds the column by which a path leads to a row. Without one, rows are reached by
// filters alone.
func (r *Resource) keyed() {
	if key := r.table.Key(r.served.catalog); len(key) == 1 {
		r.id = &r.table.Set.Fields[r.table.Set.Index(key[0])]
	}
}

// shownFields reports names of `fields` that are no columns.
func (r *Resource) shownFields(ps *diag.Problems) {
	for _, f := range r.entry.Fields.Names {
		computed := slices.ContainsFunc(r.served.Relation().Columns, func(c relations.Column) bool { return c.Name == f.Name })
		if r.table.Set.Index(f.Name) < 0 && !computed {
			ps.Add(f.At, "unknown-field", "%q is not a column of %s", f.Name, r.table.Name).Hint = r.table.Set.Suggest(f.Name)
		}
	}
}

// Serves tells whether an action is served.
func (r *Resource) Serves(a Action) bool { return r.serves[a] }

// Name is what the rows are called: the schema, or the table.
func (r *Resource) Name() string { return r.table.Schema }

// DatabaseSchema is the schema of the database which has the rows.
func (r *Resource) DatabaseSchema() string { return r.served.databaseSchema() }

func (s *Served) databaseSchema() string {
	if s.catalog != nil && s.catalog.Schema != "" {
		return s.catalog.Schema
	}
	return "public"
}

// Param names the id of a row in its path.
func (r *Resource) Param() string { return r.entry.Param }

// NestedParam names the id of a row in the paths below it.
func (r *Resource) NestedParam() string { return r.table.Schema + "_" + r.entry.Param }
