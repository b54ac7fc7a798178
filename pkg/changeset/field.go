package changeset

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/store"
)

// A Field is a column, or a value that is checked and not stored.
type Field struct {
	Name      string
	Type      store.Type
	Required  bool
	Unique    bool
	Hidden    bool
	Virtual   bool   // checked, neither stored nor answered
	Immutable bool   // a client sets it on create only
	Writable  bool   // a client may set it
	Refers    string // the schema that the row belongs to; "" for none

	at                       diag.Pos
	minLength, maxLength     int // 0: no bound
	min, max, above, below   *float64
	format                   string
	matches                  *regexp.Regexp
	values                   []string // as written
	allowed, denied          []any    // cast; of an array its items
	confirmation, acceptance bool
	messages                 [config.RuleCheck + 1]string // "" is the rule's own
	parent                   *store.Reference
	absent                   *computed // the value when none is given
	set                      *computed // computed from other fields
}

// Options are what fields are compiled with.
type Options struct {
	Functions *expr.Functions
	Schemas   []spec.Named[config.Schema] // for what `references` names
	Problems  *diag.Problems
	Lenient   bool // what belongs to the machine is a warning
}

// The columns that a schema has beside its fields.
const (
	ID         = "id"
	InsertedAt = "inserted_at"
	UpdatedAt  = "updated_at"
)

// OfSchema compiles the columns of a schema in order: id, the fields, the timestamps.
func OfSchema(s *config.Schema, o Options) *Set {
	own := func(name, typ string) spec.Named[config.Field] {
		return spec.Named[config.Field]{Name: name, Value: config.Field{Type: typ}}
	}
	fields := slices.Concat([]spec.Named[config.Field]{own(ID, s.PrimaryKey)}, s.Fields)
	if s.Timestamps {
		fields = append(fields, own(InsertedAt, "datetime"), own(UpdatedAt, "datetime"))
	}
	set := newSet(fields, s.Checks, o)
	for _, refs := range s.Unique {
		var together []int
		for _, ref := range refs {
			together = append(together, set.Index(ref.Name))
		}
		set.uniques = append(set.uniques, together)
	}
	return set
}

// maxFields bounds the fields of one schema. A Mask has a bit for each.
const maxFields = 512

// Compile compiles fields that stand alone, such as those of `validate`. Faults are added
// to the problems of o; the set is of no use then.
func Compile(fields []spec.Named[config.Field], o Options) *Set { return newSet(fields, nil, o) }

func newSet(fields []spec.Named[config.Field], checks []config.Check, o Options) *Set {
	s := &Set{index: make(map[string]int, len(fields)), functions: o.Functions}
	if len(fields) > maxFields {
		o.Problems.Add(fields[maxFields].At, "too-many-fields", "a schema has at most %d fields", maxFields)
		fields = fields[:maxFields]
	}
	for i := range fields {
		s.index[fields[i].Name] = i
		s.Fields = append(s.Fields, fieldOf(&fields[i], o))
	}
	s.confirm()
	s.compute(fields, checks, o)
	return s
}

func fieldOf(n *spec.Named[config.Field], o Options) Field {
	x := &n.Value
	f := Field{
		Name: n.Name, Type: typeOf(x.Type), Required: x.Required, Unique: x.Unique, Hidden: x.Hidden, Virtual: x.Virtual, Immutable: x.Immutable,
		Writable: x.Writable && x.Set == nil, Refers: x.Refers.Name, at: n.At,
		minLength: x.MinLength, maxLength: x.MaxLength, min: x.Min, max: x.Max, above: x.Above, below: x.Below, format: x.Format, matches: x.Matches,
		values: x.Values, confirmation: x.Confirmation, acceptance: x.Acceptance, messages: x.Messages,
	}
	f.refers(x, o)
	f.allowed, f.denied = f.listed(x.Values, x.ValuesAt, o), f.listed(x.Except, x.ExceptAt, o)
	return f
}

// refers finds what `references` names.
func (f *Field) refers(x *config.Field, o Options) {
	if f.Refers == "" {
		return
	}
	parent := spec.Find(o.Schemas, f.Refers)
	if parent == nil {
		p := o.Problems.Add(x.Refers.At, "unknown-schema", "there is no schema %q", f.Refers)
		p.Hint = diag.DidYouMean(f.Refers, spec.NamesOf(o.Schemas))
		return
	}
	if x.Type == "" {
		f.Type = typeOf(parent.PrimaryKey)
	}
	f.parent = &store.Reference{Table: parent.Table, Column: ID, OnDelete: onDelete(x.OnDelete)}
}

// listed casts values that are written out as text. Those of an enum are texts already.
func (f *Field) listed(written []string, at diag.Pos, o Options) []any {
	item := *f
	switch f.Type {
	case store.Enum, store.Array:
		item.Type = store.String
	}
	var list []any
	for _, text := range written {
		v, ok := item.Cast(text)
		if !ok || v == nil {
			o.Problems.Add(at, "wrong-value", "%q is no value for a field of type %s", text, f.Type)
			continue
		}
		list = append(list, v)
	}
	return list
}

// onDelete reads `on_delete`. restrict becomes NO ACTION: the row cannot go either, and
// where one delete cascades to all that refer to each other it can.
func onDelete(word string) store.OnDelete {
	switch word {
	case "cascade":
		return store.Cascade
	case "nullify":
		return store.SetNull
	}
	return store.NoAction
}

func typeOf(name string) store.Type {
	for _, t := range store.Types() {
		if t.String() == name {
			return t
		}
	}
	return store.Text
}

// ExprType is what expressions know of the field's value.
func (f *Field) ExprType() expr.Type { return expr.Nullable(plainType(f.Type)) }

func plainType(t store.Type) expr.Type {
	switch t {
	case store.Integer, store.Bigint:
		return expr.Int
	case store.Float:
		return expr.Float
	case store.Boolean:
		return expr.Bool
	case store.Datetime:
		return expr.Time
	case store.Array:
		return expr.List(expr.String)
	case store.JSON, store.Binary, store.Decimal:
		return expr.Any
	}
	return expr.String
}

// own tells a column that the schema has by itself: it is written nowhere.
func (f *Field) own() bool { return f.at.IsZero() }

// Parent is the row that the field refers to, nil for other fields.
func (f *Field) Parent() *store.Reference { return f.parent }

// Table describes the table that holds the set's fields, as `--dev` makes it.
func (s *Set) Table(name string) store.Table {
	t := store.Table{Name: name}
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Virtual {
			continue
		}
		c := store.Column{Name: f.Name, Type: f.Type, Nullable: !f.Required, Unique: f.Unique, References: f.parent}
		if f.Type == store.Enum {
			c.Values = f.values
		}
		if f.absent != nil && f.absent.constant {
			v := f.absent.value
			c.Default = &v
		}
		if f.own() {
			c.Nullable = false
			c.Primary, c.Generated = f.Name == ID, f.Name == ID
		}
		t.Columns = append(t.Columns, c)
	}
	for _, together := range s.uniques {
		var columns []string
		for _, i := range together {
			columns = append(columns, s.Fields[i].Name)
		}
		t.Uniques = append(t.Uniques, columns)
	}
	return t
}

// RecordType is what expressions know of a stored row.
func (s *Set) RecordType() expr.Type {
	members := make(map[string]expr.Type, len(s.Fields))
	for i := range s.Fields {
		if f := &s.Fields[i]; !f.Virtual {
			members[f.Name] = f.ExprType()
		}
	}
	return expr.Record(members)
}

// ChangesType is what expressions know of changes: any field, given or not.
func (s *Set) ChangesType() expr.Type {
	members := make(map[string]expr.Type, len(s.Fields))
	for i := range s.Fields {
		members[s.Fields[i].Name] = s.Fields[i].ExprType()
	}
	return expr.Record(members)
}

// Suggest is the way out where a name is no field of the set.
func (s *Set) Suggest(name string) string {
	names := make([]string, len(s.Fields))
	for i := range s.Fields {
		names[i] = s.Fields[i].Name
	}
	if near := diag.DidYouMean(name, names); near != "" {
		return near
	}
	return fmt.Sprintf("the fields are %s", diag.OneOf(names))
}
