package spec

// A Schema is a piece of JSON Schema draft-07.
type Schema map[string]any

// expressionText is a string that holds ${...}: what a number or boolean may also be.
var expressionText = Schema{"type": "string", "pattern": `\$\{`}

// OrExpression lets a ${...} string stand where s is asked for.
func OrExpression(s Schema) Schema { return Schema{"anyOf": []any{s, expressionText}} }

// Types is the list form of "type".
func Types(names ...string) []string { return names }

// Definition points to a definition of the same document.
func Definition(name string) Schema { return Schema{"$ref": "#/definitions/" + name} }

// ListOf accepts a list of s.
func ListOf(s Schema) Schema { return Schema{"type": "array", "items": s} }

// OneOrMore accepts s or a list of s.
func OneOrMore(s Schema) Schema { return Schema{"anyOf": []any{s, ListOf(s)}} }

// MapOf accepts a map whose values are s.
func MapOf(s Schema) Schema {
	return Schema{"type": "object", "additionalProperties": s}
}

// Schema gives the JSON Schema of the block: a closed object, its short form, or the value
// that it is.
func (f *Fields) Schema() Schema {
	if f.whole != nil {
		return f.whole.described()
	}
	properties := Schema{}
	var required []string
	for _, x := range f.list {
		properties[x.Name] = x.described()
		if x.Required {
			required = append(required, x.Name)
		}
	}
	object := Schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		object["required"] = required
	}
	if f.main == nil {
		return object
	}
	for _, x := range f.list {
		if x.Required && x != f.main {
			return object // the short form would lack it
		}
	}
	return Schema{"anyOf": []any{f.main.Schema, object}}
}

// described is the setting's schema with its hover text. A $ref takes no siblings in
// draft-07, so it is wrapped.
func (x *Field) described() Schema {
	doc := x.Doc
	if x.Default != "" {
		doc += " Default: " + x.Default + "."
	}
	out := Schema{"description": doc}
	if _, isRef := x.Schema["$ref"]; isRef {
		out["allOf"] = []any{x.Schema}
		return out
	}
	for k, v := range x.Schema {
		out[k] = v
	}
	return out
}
