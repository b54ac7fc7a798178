package config

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// A Schema is a table, its fields and their validations.
type Schema struct {
	Table      string
	Fields     []spec.Named[Field]
	Timestamps bool
	PrimaryKey string       // bigint or uuid; the column is always `id`
	Unique     [][]spec.Ref // fields of which no two rows have the same values together
	Checks     []Check
}

// A Check is a condition over the fields of a record.
type Check struct {
	Condition *source.Node
	Field     spec.Ref // whose error it is
	Message   string   // "" is "is invalid"
}

// DescribeSchema binds a schema, for the reference.
func DescribeSchema(f *spec.Fields) { describeSchema(f, &Schema{}) }

func describeSchema(f *spec.Fields, s *Schema) {
	f.String(&s.Table, "table", "", "The table in the database.").Require()
	spec.Map(f, &s.Fields, "fields", "field", "The columns, less `id` and timestamps.", DescribeField)
	f.Bool(&s.Timestamps, "timestamps", false, "Adds inserted_at and updated_at.")
	f.Enum(&s.PrimaryKey, "primary_key", "bigint", "Type of `id`.", "bigint", "uuid")
	describeUnique(f, s)
	one := spec.NewFields("")
	describeCheck(one, &Check{})
	spec.Blocks(f, &s.Checks, "checks", "check", "What must be true of the fields together; each is tested when a field that it reads changes.", one.Schema(), describeCheck)
	f.After(func(d *spec.Decoder, _ *source.Node) {
		s.reserved(d)
		s.together(d)
	})
}

func describeCheck(f *spec.Fields, c *Check) {
	f.Node(&c.Condition, "check", "condition", "The condition, over the fields of the record.", ConditionValue()).Require()
	fieldRef(f, &c.Field, "field", "The field that has the error.").Require()
	f.String(&c.Message, "message", "", "What is said of the field. Default: is invalid.")
}

// fieldRef binds the name of a field.
func fieldRef(f *spec.Fields, p *spec.Ref, name, doc string) *spec.Field {
	return f.Add(name, "name of a field", doc, spec.Schema{"type": "string"}, func(d *spec.Decoder, n *source.Node) {
		if n.Kind != source.Scalar || n.Value == "" {
			d.Problems.Add(n.At, "wrong-type", "expected the name of a field")
			return
		}
		*p = spec.Ref{Name: n.Value, At: n.At}
	})
}

// describeUnique binds a list of lists of fields.
func describeUnique(f *spec.Fields, s *Schema) {
	schema := spec.OrNothing(spec.ListOf(spec.Schema{"type": "array", "items": spec.Schema{"type": "string"}, "minItems": 2}))
	f.Add("unique", "list of lists of fields", "Fields of which no two rows have the same values together; the first has the error.", schema, func(d *spec.Decoder, n *source.Node) {
		s.Unique = nil
		if n.Null() {
			return
		}
		for _, item := range spec.Items(n) {
			if n.Kind != source.List || item.Kind != source.List || len(item.Items) < 2 {
				d.Problems.Add(item.At, "wrong-type", "expected a list of two fields or more").Suggest("such as `unique: [[org_id, slug]]`; a field that is unique alone says so itself: `unique: true`")
				return
			}
			var fields []spec.Ref
			for _, name := range item.Items {
				fields = append(fields, spec.Ref{Name: name.Value, At: name.At})
			}
			s.Unique = append(s.Unique, fields)
		}
	})
}

// reserved reports fields that every schema has by itself.
func (s *Schema) reserved(d *spec.Decoder) {
	reserved := []string{"id"}
	if s.Timestamps {
		reserved = append(reserved, "inserted_at", "updated_at")
	}
	for _, field := range s.Fields {
		if slices.Contains(reserved, field.Name) {
			d.Problems.Add(field.At, "reserved-name", "%q is a column of its own", field.Name).Suggest("remove it: every schema has `id`, and `timestamps: true` adds inserted_at and updated_at")
		}
	}
}

// together reports rules over several fields that name what is no field, or none of the table.
func (s *Schema) together(d *spec.Decoder) {
	find := func(ref spec.Ref) *Field {
		f := spec.Find(s.Fields, ref.Name)
		if f == nil {
			d.Problems.Add(ref.At, "unknown-field", "there is no field %q", ref.Name).Hint = diag.DidYouMean(ref.Name, spec.NamesOf(s.Fields))
		}
		return f
	}
	for _, c := range s.Checks {
		if c.Field.Name != "" {
			find(c.Field)
		}
	}
	for _, fields := range s.Unique {
		for k, ref := range fields {
			f := find(ref)
			switch {
			case f == nil:
			case f.Virtual:
				d.Problems.Add(ref.At, "wrong-value", "the field %q is virtual: no row has it", ref.Name)
			case slices.ContainsFunc(fields[:k], func(other spec.Ref) bool { return other.Name == ref.Name }):
				d.Problems.Add(ref.At, "wrong-value", "the field %q stands here twice", ref.Name)
			}
		}
	}
}

// Hidden tells whether some schema marks a column of this name as hidden. It goes by name
// alone, so that rows of any query keep it back.
func (m *Manifest) Hidden(column string) bool {
	for _, s := range m.Schemas {
		if f := spec.Find(s.Value.Fields, column); f != nil && (f.Hidden || f.Virtual) {
			return true
		}
	}
	return false
}
