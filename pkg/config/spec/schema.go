package spec

import (
	"maps"
	"slices"
)

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

// Text accepts a string that matches pattern.
func Text(pattern string) Schema { return Schema{"type": "string", "pattern": pattern} }

// Path accepts the path of a route or scope: segments without query, fragment or escapes.
func Path() Schema { return Text(`^/$|^(/[^/?#%{}]+)+/?$`) }

// OrNothing also accepts a key without a value.
func OrNothing(s Schema) Schema { return Schema{"anyOf": []any{s, Schema{"type": "null"}}} }

// NotNothing refuses a key without a value, which a schema pointed to would accept.
func NotNothing(s Schema) Schema {
	return Schema{"allOf": []any{s, Schema{"not": Schema{"type": "null"}}}}
}

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
	} else if f.main == nil {
		object["type"] = Types("object", "null")
	}
	if len(f.rules) > 0 {
		object["allOf"] = f.rules
	}
	if f.main == nil {
		return object
	}
	for _, x := range f.list {
		if x.Required && x != f.main {
			return object // the short form would lack it
		}
	}
	return Schema{"anyOf": []any{short(f.main.Schema), object}}
}

// short is what the short form may be: a map is the long form.
func short(s Schema) Schema {
	if types, ok := s["type"].([]string); ok && slices.Contains(types, "object") {
		s = maps.Clone(s)
		s["type"] = slices.DeleteFunc(slices.Clone(types), func(t string) bool { return t == "object" })
	}
	return s
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
