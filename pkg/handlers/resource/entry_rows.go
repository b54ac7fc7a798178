package resource

import (
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// Fields are the columns of a `table` that are served.
type Fields struct {
	At    diag.Pos
	All   bool
	Names []spec.Ref
}

// An Embed is a relation that requests may embed. Its rules are those of the resource that
// serves its rows, or stand here.
type Embed struct {
	spec.Ref
	Own *Entry // its rules, where they are written here; else nil
}

// describeRows binds the keys that say which rows an entry serves.
func describeRows(f *spec.Fields, e *Entry) {
	text := spec.Schema{"type": "string"}
	f.Add("schema", "name of a schema", "The declared schema whose rows are served.", text, refTo(&e.Schema, "`schema` takes the name of a schema"))
	f.Add("table", "name of a table", "A table or view that the database has: its columns, keys and foreign keys are read when the manifest is loaded. It needs `fields`.", text,
		refTo(&e.Table, "`table` takes the name of a table"))
	f.Add("fields", "list of columns, or all", "The columns of `table` that are served; `all`, in writing, has those too that are added later.",
		spec.Schema{"anyOf": []any{spec.Schema{"const": "all"}, spec.Schema{"type": "array", "items": text}}}, e.Fields.read)
	f.Add("store", "name of a store", "The store that has the rows; the first one when left out.", text, refTo(&e.Store, "`store` takes the name of a store"))
	f.Add("embed", "list of relations, or all", "The relations that a request may embed: by their key column less `_id`, or the table at the other end. Those rows are limited as the resource is that serves them, or by rules given here: `{comments: {public: true}}`. `all`: every foreign key, in writing.",
		embedSchema(), e.readEmbed)
	f.Rule(spec.Schema{"oneOf": []any{spec.Schema{"required": []string{"schema"}}, spec.Schema{"required": []string{"table", "fields"}}}})
	f.After(func(d *spec.Decoder, n *source.Node) {
		switch schema, table := f.Given("schema"), f.Given("table"); {
		case schema && table:
			d.Problems.Add(e.Table.At, "schema-and-table", "`schema` and `table` exclude each other").Suggest("keep `schema` where the manifest declares the fields")
		case !schema && !table:
			d.Problems.Add(n.At, "missing-key", "`resources` needs \"schema\" or \"table\"").Suggest("a declared schema, or a table that the database has")
		case table && !f.Given("fields"):
			d.Problems.Add(e.Table.At, "missing-key", "`table` needs \"fields\"").Suggest("list the columns that are served, or write `fields: all`")
		case schema && f.Given("fields"):
			d.Problems.Add(e.Fields.At, "schema-and-fields", "`fields` belongs to `table`").Suggest("mark fields of the schema `hidden` that must not leave")
		}
	})
}

func refTo(p *spec.Ref, wrong string) func(*spec.Decoder, *source.Node) {
	return func(d *spec.Decoder, n *source.Node) {
		if n.Kind != source.Scalar || n.Value == "" {
			d.Problems.Add(n.At, "wrong-type", "%s", wrong)
			return
		}
		*p = spec.Ref{Name: n.Value, At: n.At}
	}
}

func (x *Fields) read(d *spec.Decoder, n *source.Node) {
	x.At = n.At
	if n.Kind == source.Scalar && n.Value == "all" {
		x.All = true
		return
	}
	for _, item := range spec.Items(n) {
		if item.Kind != source.Scalar || item.Value == "" {
			d.Problems.Add(item.At, "wrong-type", "expected the name of a column")
			continue
		}
		x.Names = append(x.Names, spec.Ref{Name: item.Value, At: item.At})
	}
}

// describeRules binds the rules that an entry of `embed` may have of its own.
func describeRules(f *spec.Fields, e *Entry) {
	nodes(f, &e.Owner, "owner", "map of columns to values", "Limits the embedded rows to those that have these values; a nil value refuses.", spec.MapOf(pipeline.AnyValue()))
	f.Node(&e.Where, "where", "SQL condition", "Limits the embedded rows to those for which it is true.", pipeline.TextValue())
	f.Bool(&e.Public, "public", false, "Embeds every row of the relation.")
}

func embedRules(e *Entry) *spec.Fields {
	f := spec.NewFields("`embed`")
	describeRules(f, e)
	return f
}

func embedSchema() spec.Schema {
	rules := spec.MapOf(embedRules(&Entry{}).Schema())
	one := spec.Schema{"anyOf": []any{spec.Schema{"type": "string"}, rules}}
	return spec.OneOrMore(one)
}

func (e *Entry) readEmbed(d *spec.Decoder, n *source.Node) {
	if n.Kind == source.Scalar && n.Value == "all" {
		e.EmbedAll = true
		return
	}
	for _, item := range spec.Items(n) {
		switch {
		case item.Kind == source.Scalar && item.Value != "":
			e.Embed = append(e.Embed, Embed{Ref: spec.Ref{Name: item.Value, At: item.At}})
		case item.Kind == source.Map:
			for _, x := range item.Entries {
				own := &Entry{}
				embedRules(own).Decode(d, x.Value, x.Value.At)
				if len(own.Owner) == 0 && own.Where == nil && !own.Public {
					d.Problems.Add(x.Key.At, "no-rule", "this does not say which rows are embedded").Suggest("write `owner`, `where` or `public: true`; or the name alone, for the rules of the resource that serves them")
				}
				e.Embed = append(e.Embed, Embed{Ref: spec.Ref{Name: x.Key.Value, At: x.Key.At}, Own: own})
			}
		default:
			d.Problems.Add(item.At, "wrong-type", "expected the name of a relation")
		}
	}
}
