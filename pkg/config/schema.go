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
	PrimaryKey string // bigint or uuid; the column is always `id`
}

// Types lists the types that a field can have.
func Types() []string {
	return []string{"string", "text", "integer", "bigint", "float", "decimal", "boolean", "date", "time", "datetime", "uuid", "json", "binary", "enum", "array"}
}

// Formats lists what `format` can ask of a text.
func Formats() []string { return []string{"email", "url", "uuid"} }

// A Field is a column, or a value that is checked and not stored.
type Field struct {
	Type      string
	TypeAt    diag.Pos
	Required  bool
	Default   *source.Node
	Unique    bool
	MinLength int
	MaxLength int // 0: no bound
	Min, Max  *float64
	Format    string
	Values    []string
	Refers    spec.Ref // the schema that a row of this one belongs to
	OnDelete  string
	Hidden    bool // never leaves
	Virtual   bool // checked, neither stored nor answered
	Immutable bool // set on create only
	Writable  bool // false: no client sets it
	Set       *source.Node
}

// DescribeSchema binds a schema, for the reference.
func DescribeSchema(f *spec.Fields) { describeSchema(f, &Schema{}) }

func describeSchema(f *spec.Fields, s *Schema) {
	f.String(&s.Table, "table", "", "The table in the database.").Require()
	spec.Map(f, &s.Fields, "fields", "field", "The columns, less `id` and timestamps.", DescribeField)
	f.Bool(&s.Timestamps, "timestamps", false, "Adds inserted_at and updated_at.")
	f.Enum(&s.PrimaryKey, "primary_key", "bigint", "Type of `id`.", "bigint", "uuid")
	f.After(func(d *spec.Decoder, n *source.Node) {
		reserved := []string{"id"}
		if s.Timestamps {
			reserved = append(reserved, "inserted_at", "updated_at")
		}
		for _, field := range s.Fields {
			if slices.Contains(reserved, field.Name) {
				d.Problems.Add(field.At, "reserved-name", "%q is a column of its own", field.Name).Suggest("remove it: every schema has `id`, and `timestamps: true` adds inserted_at and updated_at")
			}
		}
	})
}

// DescribeField binds the settings of one field, of a schema or of `validate`.
func DescribeField(f *spec.Fields, x *Field) {
	x.Writable = true
	f.Enum(&x.Type, "type", "", "The type of the value.", Types()...).Observe(func(n *source.Node) { x.TypeAt = n.At })
	f.Bool(&x.Required, "required", false, "A create must give it, and it is never blank.")
	f.Node(&x.Default, "default", "value", "Value when none is given.", spec.Schema{})
	f.Bool(&x.Unique, "unique", false, "No two rows have the same.")
	f.Block("length", "Bounds on the number of characters of a text, or of items of an array.", func(f *spec.Fields) {
		f.Int(&x.MinLength, "min", 0, 0, 1<<30, "At least.")
		f.Int(&x.MaxLength, "max", 0, 0, 1<<30, "At most; 0 is no bound.")
	})
	f.Block("number", "Bounds on a number.", func(f *spec.Fields) {
		bound(f, &x.Min, "min", "At least.")
		bound(f, &x.Max, "max", "At most.")
	})
	f.Enum(&x.Format, "format", "", "What the text must look like.", Formats()...)
	f.Strings(&x.Values, "values", "The values of an enum.")
	f.Add("references", "name of a schema", "The schema that this row belongs to; the field holds its id.", spec.Schema{"type": "string"}, func(d *spec.Decoder, n *source.Node) {
		if v, _, ok := d.Scalar(n, "the name of a schema"); ok {
			name, _ := v.(string)
			x.Refers = spec.Ref{Name: name, At: n.At}
			if name == "" {
				d.Problems.Add(n.At, "wrong-value", "expected the name of a schema")
			}
		}
	})
	f.Enum(&x.OnDelete, "on_delete", "restrict", "What happens to this row when the one it refers to goes.", "restrict", "cascade", "nullify")
	f.Bool(&x.Hidden, "hidden", false, "It never leaves in an answer, push, log or template.")
	f.Bool(&x.Virtual, "virtual", false, "Checked, neither stored nor answered.")
	f.Bool(&x.Immutable, "immutable", false, "A client sets it on create only.")
	f.Bool(&x.Writable, "writable", true, "Whether a client may set it.")
	f.Node(&x.Set, "set", "value", "Computes the value from the record's other fields, when one that it reads changes.", spec.Schema{})
	f.Later("check")
	f.Rule(spec.Schema{"anyOf": []any{spec.Schema{"required": []string{"type"}}, spec.Schema{"required": []string{"references"}}}})
	f.Rule(spec.Schema{"if": spec.Schema{"properties": spec.Schema{"type": spec.Schema{"const": "enum"}}, "required": []string{"type"}},
		"then": spec.Schema{"required": []string{"values"}}})
	f.After(func(d *spec.Decoder, n *source.Node) { x.check(f, d, n) })
}

func bound(f *spec.Fields, p **float64, name, doc string) {
	f.Add(name, "number", doc, spec.OrExpression(spec.Schema{"type": "number"}), func(d *spec.Decoder, n *source.Node) {
		v, from, ok := d.Scalar(n, "a number")
		if !ok {
			return
		}
		switch v := v.(type) {
		case int64:
			limit := float64(v)
			*p = &limit
		case float64:
			*p = &v
		default:
			d.Wrong(n, from, v, "a number")
		}
	})
}

// check looks at what the settings of one field must be together.
func (x *Field) check(f *spec.Fields, d *spec.Decoder, n *source.Node) {
	switch {
	case x.Refers.Name != "" && x.Type != "" && x.Type != "bigint" && x.Type != "uuid" && x.Type != "integer":
		d.Problems.Add(x.TypeAt, "wrong-value", "a field that references a schema holds its id").Suggest("leave `type` out")
	case x.Refers.Name == "" && x.Type == "" && !f.Given("type") && !f.Given("references"):
		d.Problems.Add(n.At, "missing-key", "a field needs a `type`").Suggest("one of %s", diag.OneOf(Types()))
	case x.Type == "enum" && len(x.Values) == 0 && !f.Given("values"):
		d.Problems.Add(n.At, "missing-key", "an enum needs `values`").Suggest("such as `values: [draft, published]`")
	case x.Type != "enum" && x.Type != "" && len(x.Values) > 0:
		d.Problems.Add(n.At, "wrong-value", "`values` belongs to a field of type enum")
	case x.MaxLength > 0 && x.MinLength > x.MaxLength:
		d.Problems.Add(n.At, "wrong-value", "the least length is above the greatest")
	case x.Min != nil && x.Max != nil && *x.Min > *x.Max:
		d.Problems.Add(n.At, "wrong-value", "the least number is above the greatest")
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
