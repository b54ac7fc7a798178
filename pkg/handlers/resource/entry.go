// Package resource serves the rows of a schema: index, show, create, update and delete,
// each limited to the rows that its caller may reach. Answers and errors have PostgREST's
// shape, so that its clients understand them.
package resource

import (
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// An Entry is one `resources` as written.
type Entry struct {
	Path         *source.Node
	Schema       spec.Ref // "": Table
	Table        spec.Ref // of the database, perhaps with its schema before a dot
	Fields       Fields
	Store        spec.Ref
	Owner, Allow []spec.Named[*source.Node]
	AllowAt      diag.Pos // zero: there is no `allow`
	Where        *source.Node
	Public       bool
	Embed        []Embed
	EmbedAll     bool
	Aggregates   bool
	MaxRows      int
	Wrap         string
	Returning    string
	Set          []spec.Named[*source.Node]
	WholeTable   []spec.Ref
	Version      spec.Ref
	SoftDelete   spec.Ref
	Broadcast    Broadcast
	RowSecurity  RowSecurity
	Before       Hook
	After        Hook
	Singleton    bool
	Idempotency  time.Duration // 0: no keys are kept
	Only, Except []spec.Ref
	Param        string
	Routes       []*source.Node
	Pages        Pages
	Uploads      []spec.Named[*source.Node] // settings of save_upload by field
	SaveUpload   *pipeline.Def              // what keeps them
}

// Describe binds the keys of an entry.
func Describe(f *spec.Fields, e *Entry) {
	f.Node(&e.Path, "resources", "path", "The path of all rows, such as /posts; that of one row is /posts/:id.", spec.Path()).Require()
	describeRows(f, e)
	nodes(f, &e.Owner, "owner", "map of columns to values", "Limits every read and write to the rows that have these values, and sets them on create; a nil value refuses.", spec.MapOf(pipeline.AnyValue()))
	nodes(f, &e.Allow, "allow", "map of actions to conditions", "Who may do what, by action; `read` is index and show, `write` the others. Conditions see `record` and `changes`.", allowSchema()).
		Observe(func(n *source.Node) { e.AllowAt = n.At })
	f.Node(&e.Where, "where", "SQL condition", "Limits every read and write to the rows for which it is true; ${...} in it is a value, never text.", pipeline.TextValue())
	f.Bool(&e.Public, "public", false, "Lets anyone in who passes the pipelines.")
	actionList(f, &e.Only, "only", "The actions that are served.")
	actionList(f, &e.Except, "except", "The actions that are not served.")
	f.String(&e.Param, "param", "id", "The name of the id in the path.")
	f.Add("routes", "list of resources", "Resources below each row: their schema has one field that references this one.", spec.OrNothing(spec.OneOrMore(spec.Definition("nested_route"))), func(_ *spec.Decoder, n *source.Node) {
		if !n.Null() {
			e.Routes = spec.Items(n)
		}
	})
	describePages(f, e)
	f.Bool(&e.Aggregates, "aggregates", false, "Lets a request ask for counts, sums and the like of groups of rows.")
	f.Int(&e.MaxRows, "max_rows", maxRows, 1, 1_000_000, "Rows of one answer at most, and of one embedded list.")
	f.String(&e.Wrap, "wrap", "", "The member that answers are put into, as Phoenix does with `data`; only for application/json.")
	describeWrites(f, e)
}

// nodes binds a map whose values are compiled where the names in reach are known.
func nodes(f *spec.Fields, p *[]spec.Named[*source.Node], name, typ, doc string, schema spec.Schema) *spec.Field {
	return f.Add(name, typ, doc, schema, func(d *spec.Decoder, n *source.Node) {
		*p = nil
		if n.Kind != source.Map {
			d.Problems.Add(n.At, "not-a-map", "`%s` takes a %s", name, typ).Suggest("write `%s: {...: ...}`", name)
			return
		}
		for _, e := range n.Entries {
			*p = append(*p, spec.Named[*source.Node]{Name: e.Key.Value, At: e.Key.At, Value: e.Value})
		}
	})
}

func allowSchema() spec.Schema {
	properties := spec.Schema{}
	for _, name := range append(names(ruled()), "read", "write") {
		properties[name] = pipeline.ConditionValue()
	}
	return spec.Schema{"type": "object", "properties": properties, "additionalProperties": false}
}

func actionList(f *spec.Fields, p *[]spec.Ref, name, doc string) {
	one := spec.Schema{"enum": names(Actions())}
	f.Add(name, "list of actions", doc, spec.OneOrMore(one), func(d *spec.Decoder, n *source.Node) {
		*p = nil
		for _, item := range spec.Items(n) {
			if item.Kind != source.Scalar || item.Value == "" {
				d.Problems.Add(item.At, "wrong-type", "expected the name of an action")
				continue
			}
			*p = append(*p, spec.Ref{Name: item.Value, At: item.At})
		}
	})
}

// An Action is one thing that a resource does.
type Action uint8

// The actions. NewForm and EditForm are the pages with the forms of Create and Update.
const (
	Index Action = iota
	Show
	Create
	Update
	Delete
	NewForm
	EditForm
	actions // their number
)

// Actions lists all actions.
func Actions() []Action { return append(ruled(), NewForm, EditForm) }

// ruled are the actions that have a rule of their own in `allow`.
func ruled() []Action { return []Action{Index, Show, Create, Update, Delete} }

// String is the name of the action in the manifest.
func (a Action) String() string {
	return [...]string{"index", "show", "create", "update", "delete", "new", "edit"}[a]
}

// Methods are those that do the action.
func (a Action) Methods() []string {
	return [...][]string{{"GET"}, {"GET"}, {"POST"}, {"PATCH", "PUT"}, {"DELETE"}, {"GET"}, {"GET"}}[a]
}

// OfRow tells an action on one row, whose path holds its id.
func (a Action) OfRow() bool { return a != Index && a != Create && a != NewForm }

// Suffix is what the path of the action has behind that of the rows or of the row.
func (a Action) Suffix() string {
	switch a {
	case NewForm:
		return "/new"
	case EditForm:
		return "/edit"
	}
	return ""
}

// Reads tells an action that changes nothing.
func (a Action) Reads() bool { return a == Index || a == Show || a.form() }

// form tells a page with a form.
func (a Action) form() bool { return a == NewForm || a == EditForm }

// does is the action that the page's form does; other actions do themselves.
func (a Action) does() Action {
	switch a {
	case NewForm:
		return Create
	case EditForm:
		return Update
	}
	return a
}

// page is the page that the action shows, or shows again with what is wrong.
func (a Action) page() (page Action, ok bool) {
	switch a {
	case Create:
		return NewForm, true
	case Update:
		return EditForm, true
	}
	return a, a != Delete
}

func names(list []Action) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.String()
	}
	return out
}

// named finds an action.
func named(list []Action, name string) (Action, bool) {
	for _, a := range list {
		if a.String() == name {
			return a, true
		}
	}
	return 0, false
}

// group lists what a key of `allow` stands for.
func group(key string) []Action {
	switch key {
	case "read":
		return []Action{Index, Show}
	case "write":
		return []Action{Create, Update, Delete}
	}
	if a, ok := named(ruled(), key); ok {
		return []Action{a}
	}
	return nil
}
