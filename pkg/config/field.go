package config

import (
	"regexp"
	"slices"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// Types lists the types that a field can have.
func Types() []string {
	return []string{"string", "text", "integer", "bigint", "float", "decimal", "boolean", "date", "time", "datetime", "uuid", "json", "binary", "enum", "array"}
}

// Formats lists what `format` can ask of a text by name.
func Formats() []string { return []string{"email", "url", "uuid"} }

// A Field is a column, or a value that is checked and not stored.
type Field struct {
	Type         string
	TypeAt       diag.Pos
	Required     bool
	Default      *source.Node
	Unique       bool
	MinLength    int
	MaxLength    int      // 0: no bound
	Min, Max     *float64 // the bounds themselves fit
	Above, Below *float64 // the bounds themselves do not fit
	Format       string   // one of Formats; "" for none
	Matches      *regexp.Regexp
	Values       []string // of an enum; of other types those that alone are let through
	ValuesAt     diag.Pos
	Except       []string // values that are not let through
	ExceptAt     diag.Pos
	Confirmation bool     // it is sent twice, as NAME and NAME_confirmation
	Acceptance   bool     // it must be true
	Refers       spec.Ref // the schema that a row of this one belongs to
	OnDelete     string
	Hidden       bool // never leaves
	Virtual      bool // checked, neither stored nor answered
	Immutable    bool // set on create only
	Writable     bool // false: no client sets it
	Set          *source.Node
	Check        *source.Node          // a condition over the record's fields
	Messages     [RuleCheck + 1]string // by Rule; "" is the rule's own
}

// A Rule is one of the rules of a field.
type Rule uint8

// The rules, by the setting that asks for them.
const (
	RuleType Rule = iota
	RuleRequired
	RuleLength
	RuleNumber
	RuleFormat
	RuleValues
	RuleExcept
	RuleConfirmation
	RuleAcceptance
	RuleUnique
	RuleReferences
	RuleCheck
)

// String names the setting that asks for the rule.
func (r Rule) String() string {
	return [...]string{"type", "required", "length", "number", "format", "values", "except", "confirmation", "acceptance", "unique", "references", "check"}[r]
}

// DescribeField binds the settings of one field, of a schema or of `validate`.
func DescribeField(f *spec.Fields, x *Field) {
	x.Writable = true
	f.Enum(&x.Type, "type", "", "The type of the value.", Types()...).Observe(func(n *source.Node) { x.TypeAt = n.At })
	f.Bool(&x.Required, "required", false, "A create must give it, and it is never blank.")
	f.Node(&x.Default, "default", "value", "Value when none is given.", spec.Schema{})
	f.Bool(&x.Unique, "unique", false, "No two rows have the same.")
	describeBounds(f, x)
	describeFormat(f, x)
	f.Strings(&x.Values, "values", "The values of an enum; of another type, the values that alone are let through.").
		Observe(func(n *source.Node) { x.ValuesAt = n.At })
	f.Strings(&x.Except, "except", "Values that are not let through.").Observe(func(n *source.Node) { x.ExceptAt = n.At })
	f.Bool(&x.Confirmation, "confirmation", false, "Who sends it sends it twice: also as NAME_confirmation, with the same value.")
	f.Bool(&x.Acceptance, "acceptance", false, "It must be true, as where terms are accepted.")
	describeReference(f, x)
	f.Bool(&x.Hidden, "hidden", false, "It never leaves in an answer, push, log or template.")
	f.Bool(&x.Virtual, "virtual", false, "Checked, neither stored nor answered.")
	f.Bool(&x.Immutable, "immutable", false, "A client sets it on create only.")
	f.Bool(&x.Writable, "writable", true, "Whether a client may set it.")
	f.Node(&x.Set, "set", "value", "Computes the value from the record's other fields, when one that it reads changes.", spec.Schema{})
	f.Node(&x.Check, "check", "condition", "What must be true of the record's fields; tested when one that it reads changes.", ConditionValue())
	f.Block("messages", "What is said where a rule is broken, instead of the rule's own words.", func(f *spec.Fields) {
		for r := range RuleCheck + 1 {
			f.String(&x.Messages[r], r.String(), "", "Where `"+r.String()+"` is broken.")
		}
	})
	f.Rule(spec.Schema{"anyOf": []any{spec.Schema{"required": []string{"type"}}, spec.Schema{"required": []string{"references"}}}})
	f.Rule(spec.Schema{"if": spec.Schema{"properties": spec.Schema{"type": spec.Schema{"const": "enum"}}, "required": []string{"type"}},
		"then": spec.Schema{"required": []string{"values"}}})
	f.After(func(d *spec.Decoder, n *source.Node) { x.check(f, d, n) })
}

// ConditionValue is the schema of a bare condition.
func ConditionValue() spec.Schema {
	return spec.Schema{"type": spec.Types("string", "boolean"), "not": spec.Schema{"type": "string", "pattern": `\$\{`}}
}

func describeBounds(f *spec.Fields, x *Field) {
	exactly := 0
	f.Block("length", "Bounds on the number of characters of a text, or of items of an array.", func(f *spec.Fields) {
		f.Int(&x.MinLength, "min", 0, 0, 1<<30, "At least.")
		f.Int(&x.MaxLength, "max", 0, 0, 1<<30, "At most; 0 is no bound.")
		f.Int(&exactly, "is", 0, 1, 1<<30, "Exactly.").Default = ""
		f.After(func(d *spec.Decoder, n *source.Node) {
			switch {
			case exactly == 0:
			case f.Given("min") || f.Given("max"):
				d.Problems.Add(n.At, "both-forms", "`is` leaves no room for `min` and `max`").Suggest("remove them, or remove `is`")
			default:
				x.MinLength, x.MaxLength = exactly, exactly
			}
		})
	})
	f.Block("number", "Bounds on a number.", func(f *spec.Fields) {
		bound(f, &x.Min, "min", "At least.")
		bound(f, &x.Max, "max", "At most.")
		bound(f, &x.Above, "above", "More than.")
		bound(f, &x.Below, "below", "Less than.")
	})
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

// describeFormat binds a format by its name, or by a regular expression.
func describeFormat(f *spec.Fields, x *Field) {
	inner := spec.NewFields("`format`")
	inner.Main(inner.Enum(&x.Format, "is", "", "A format by its name.", Formats()...))
	inner.Add("matches", "regular expression", "A regular expression (RE2) that must be found in the text; ^ and $ are its ends.", spec.Schema{"type": spec.Types("string", "number")},
		func(d *spec.Decoder, n *source.Node) {
			if n.Kind != source.Scalar {
				d.Problems.Add(n.At, "wrong-type", "expected a regular expression, found a map or list")
				return
			}
			re, err := regexp.Compile(n.Value)
			if err != nil {
				d.Problems.Add(n.At, "wrong-value", "this is no regular expression: %v", err)
				return
			}
			x.Matches = re
		})
	inner.After(func(d *spec.Decoder, n *source.Node) {
		if !inner.Given("is") && !inner.Given("matches") {
			d.Problems.Add(n.At, "missing-key", "`format` needs a name, or `matches`").Suggest("such as `format: email`, or `format: {matches: '^[a-z]+$'}`")
		}
	})
	f.Add("format", diag.OneOf(Formats())+", or a map", "What the text must look like: a name, or `{matches: RE}`.", inner.Schema(),
		func(d *spec.Decoder, n *source.Node) { inner.Decode(d, n, diag.Pos{}) })
}

func describeReference(f *spec.Fields, x *Field) {
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
	case x.MaxLength > 0 && x.MinLength > x.MaxLength:
		d.Problems.Add(n.At, "wrong-value", "the least length is above the greatest")
	case x.Min != nil && x.Max != nil && *x.Min > *x.Max:
		d.Problems.Add(n.At, "wrong-value", "the least number is above the greatest")
	default:
		x.fits(f, d, n)
	}
}

// ruled says for which types a rule is: of others it would ask nothing.
func ruled(r Rule) []string {
	switch r {
	case RuleLength:
		return []string{"string", "text", "binary", "array"}
	case RuleNumber:
		return []string{"integer", "bigint", "float", "decimal"}
	case RuleFormat:
		return []string{"string", "text", "uuid"}
	case RuleValues, RuleExcept:
		return slices.DeleteFunc(Types(), func(t string) bool { return t == "json" || t == "binary" })
	case RuleAcceptance:
		return []string{"boolean"}
	}
	return Types()
}

// fits reports rules that ask nothing of a value of the field's type.
func (x *Field) fits(f *spec.Fields, d *spec.Decoder, n *source.Node) {
	if x.Type == "" || x.Refers.Name != "" {
		return
	}
	for r := range RuleCheck + 1 {
		if types := ruled(r); f.Given(r.String()) && !slices.Contains(types, x.Type) {
			at := n.At
			if written := n.Get(r.String()); written != nil {
				at = written.At
			}
			d.Problems.Add(at, "wrong-value", "`%s` asks nothing of a field of type %s", r, x.Type).Suggest("it is for %s", diag.OneOf(types))
		}
	}
}
