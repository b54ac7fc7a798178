package jsonschema

import (
	"maps"
	"slices"

	js "github.com/santhosh-tekuri/jsonschema/v6"
)

// A node is a schema with all those that apply to the same value as it does.
type node struct {
	all   []*js.Schema
	types kinds
}

type kinds struct{ text, whole, number, boolean, any bool }

// nodeOf makes the nodes of a schema and of what is below it, once.
func (s *Schema) nodeOf(root *js.Schema) *node {
	if n, ok := s.nodes[root]; ok {
		return n
	}
	n := &node{}
	s.nodes[root] = n
	if loop := n.collect(root, map[*js.Schema]bool{}); loop != nil {
		s.loop = loop
	}
	for _, x := range n.all {
		n.types.add(x)
		for _, p := range x.Properties {
			s.nodeOf(p)
		}
		for _, p := range x.PatternProperties {
			s.nodeOf(p)
		}
		for _, p := range items(x) {
			s.nodeOf(p)
		}
		for _, other := range []any{x.AdditionalProperties, x.UnevaluatedProperties} {
			if p, ok := other.(*js.Schema); ok && p != nil {
				s.nodeOf(p)
			}
		}
	}
	return n
}

// collect gathers what applies in place. It gives a schema that applies to itself in place,
// so that checking it would not end. under holds those that lead here, and as false those
// that are done.
func (n *node) collect(x *js.Schema, under map[*js.Schema]bool) (loop *js.Schema) {
	if x == nil {
		return nil
	}
	if leads, seen := under[x]; seen {
		if leads {
			return x
		}
		return nil
	}
	under[x] = true
	n.all = append(n.all, x)
	inPlace := []*js.Schema{x.Ref, x.RecursiveRef, x.If, x.Then, x.Else}
	if x.DynamicRef != nil {
		inPlace = append(inPlace, x.DynamicRef.Ref)
	}
	inPlace = slices.Concat(inPlace, x.AllOf, x.AnyOf, x.OneOf, slices.Collect(maps.Values(x.DependentSchemas)))
	for _, y := range x.Dependencies {
		if y, ok := y.(*js.Schema); ok {
			inPlace = append(inPlace, y)
		}
	}
	for _, y := range inPlace {
		if found := n.collect(y, under); found != nil {
			loop = found
		}
	}
	under[x] = false
	return loop
}

func (k *kinds) add(x *js.Schema) {
	if x.Types == nil {
		return
	}
	k.any = true
	for _, t := range x.Types.ToStrings() {
		switch t {
		case "string":
			k.text = true
		case "integer":
			k.whole = true
		case "number":
			k.number = true
		case "boolean":
			k.boolean = true
		}
	}
}

// items lists the schemas of a list's entries.
func items(x *js.Schema) []*js.Schema {
	out := slices.Clone(x.PrefixItems)
	if x.Items2020 != nil {
		out = append(out, x.Items2020)
	}
	switch of := x.Items.(type) {
	case *js.Schema:
		out = append(out, of)
	case []*js.Schema:
		out = append(out, of...)
	}
	if x, ok := x.AdditionalItems.(*js.Schema); ok {
		out = append(out, x)
	}
	return out
}

// A view is all that applies to one value.
type view []*node

// member is what applies to a member of an object. declared is false where the object lists
// its members and this is none of them.
func (s *Schema) member(v view, name string) (of view, declared bool) {
	lists := false
	for _, n := range v {
		for _, x := range n.all {
			lists = lists || len(x.Properties) > 0 || len(x.PatternProperties) > 0 || x.AdditionalProperties != nil || x.UnevaluatedProperties != nil
			if p := x.Properties[name]; p != nil {
				of, declared = append(of, s.nodes[p]), true
				continue
			}
			for pattern, p := range x.PatternProperties {
				if pattern.MatchString(name) {
					of, declared = append(of, s.nodes[p]), true
				}
			}
			rest, open := x.AdditionalProperties.(*js.Schema)
			if rest == nil {
				rest, open = x.UnevaluatedProperties, x.UnevaluatedProperties != nil
			}
			if all, ok := x.AdditionalProperties.(bool); ok && all {
				declared = true
			} else if open && !closed(rest) {
				of, declared = append(of, s.nodes[rest]), true
			}
		}
	}
	return of, declared || !lists
}

// closed tells the schema `false`.
func closed(x *js.Schema) bool { return x.Bool != nil && !*x.Bool }

// entry is what applies to the entries of a list, whatever their place.
func (s *Schema) entry(v view) (of view) {
	for _, n := range v {
		for _, x := range n.all {
			for _, p := range items(x) {
				of = append(of, s.nodes[p])
			}
		}
	}
	return of
}

func (v view) kinds() (k kinds) {
	for _, n := range v {
		k.text, k.whole, k.number = k.text || n.types.text, k.whole || n.types.whole, k.number || n.types.number
		k.boolean, k.any = k.boolean || n.types.boolean, k.any || n.types.any
	}
	return k
}

// Names lists the properties that the schema declares at its top, sorted.
func (s *Schema) Names() []string {
	names := map[string]bool{}
	for _, x := range s.root.all {
		for name := range x.Properties {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// defaultOf gives what the schema says that a property is when it is left out.
func (s *Schema) defaultOf(name string) any {
	of, _ := s.member(view{s.root}, name)
	for _, n := range of {
		for _, x := range n.all {
			if x.Default != nil {
				return *x.Default
			}
		}
	}
	return nil
}
