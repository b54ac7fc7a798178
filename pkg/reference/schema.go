// Package reference writes down the manifest language from its one description: the JSON
// Schema, the reference pages, and what `gateway plugs` shows.
package reference

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// Schema is the JSON Schema (draft-07) of a manifest: one closed object for each entry of
// a list, with the plugs that may stand in that place.
func Schema() spec.Schema {
	fields := spec.NewFields("manifest")
	config.Describe(fields, &config.Manifest{})
	root := fields.Schema()
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "Gateway manifest"
	root["description"] = "One file is a whole backend."
	root["patternProperties"] = spec.Schema{"^x-": spec.Schema{"description": "Free, for anchors."}}
	root["definitions"] = definitions(root)
	return root
}

// SchemaText is the schema as it stands in schema/gateway.schema.json.
func SchemaText() ([]byte, error) {
	text, err := json.MarshalIndent(Schema(), "", "  ")
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}

func definitions(root spec.Schema) spec.Schema {
	d := spec.Schema{
		"scope":           describe(config.DescribeScope),
		"socket":          describe(config.DescribeSocket),
		"channel":         describe(config.DescribeChannel),
		"environment":     environment(root),
		"route":           route(),
		"resource":        resource(),
		"nested_resource": nestedResource(),
		"functions":       functions(),
		"batch":           batches(),
		"nested_route":    nestedRoute(),
		"pipeline":        plugList("pipeline_plug"),
	}
	d["pipeline_plug"] = entry(pipeline.Route|pipeline.Connect|pipeline.Channel, "pipeline")
	for _, place := range pipeline.Places() {
		d[place.Key()+"_plug"] = entry(place, place.Key()+"_plugs")
		d[place.Key()+"_plugs"] = plugList(place.Key() + "_plug")
	}
	for _, p := range app.Plugs() {
		d["plug_"+p.Name] = plug(p)
	}
	return d
}

func describe(bind func(*spec.Fields)) spec.Schema {
	f := spec.NewFields("")
	bind(f)
	return f.Schema()
}

// environment is what `environments` may change: the sections without what guards them.
func environment(root spec.Schema) spec.Schema {
	sections := root["properties"].(spec.Schema)
	properties := spec.Schema{}
	for _, name := range config.Changeable() {
		section := maps.Clone(sections[name].(spec.Schema))
		if name == "endpoint" {
			inner := maps.Clone(section["properties"].(spec.Schema))
			delete(inner, "plugs")
			section["properties"] = inner
		}
		properties[name] = optional(section)
	}
	return spec.Schema{"type": "object", "properties": properties, "additionalProperties": false}
}

// optional lets out what the base may already say.
func optional(section spec.Schema) spec.Schema {
	section = maps.Clone(section)
	delete(section, "required")
	if each, ok := section["additionalProperties"].(spec.Schema); ok {
		each = maps.Clone(each)
		delete(each, "required")
		section["additionalProperties"] = each
	}
	return section
}

// plugList accepts a list of entries; one may stand alone, and nothing is an empty list.
func plugList(entry string) spec.Schema {
	one := spec.Definition(entry)
	return spec.Schema{"anyOf": []any{spec.ListOf(one), one, spec.Schema{"type": "null"}}}
}

// plug is the schema of a plug's options.
func plug(d *pipeline.Def) spec.Schema {
	if d.Later {
		return spec.Schema{"description": d.Doc + " Not available in this version."}
	}
	f := d.Fields()
	s := spec.Schema{"description": d.Doc}
	if f.WholeField() == nil && !requires(f) {
		s["anyOf"] = []any{f.Schema(), spec.Schema{"type": "null"}}
		return s
	}
	s["allOf"] = []any{f.Schema()}
	return s
}

// standsBare tells a plug that may be written as its name alone.
func standsBare(d *pipeline.Def) bool {
	f := d.Fields()
	if whole := f.WholeField(); !d.Later && whole != nil {
		return takesNothing(whole.Schema)
	}
	return d.Later || !requires(f)
}

// takesNothing tells a schema that null fits.
func takesNothing(s spec.Schema) bool {
	switch t := s["type"].(type) {
	case nil:
		return len(s) == 0
	case string:
		return t == "null"
	default:
		return slices.Contains(t.([]string), "null")
	}
}

func requires(f *spec.Fields) bool {
	return slices.ContainsFunc(f.List(), func(x *spec.Field) bool { return x.Required })
}

// entry is one entry of a list at a place: a plug's bare name, or an object with exactly
// one plug and its modifiers, or a branch.
func entry(place pipeline.Place, list string) spec.Schema {
	properties := modifiers(list)
	properties["do"] = described(spec.Definition(list), "The plugs of a branch, with `when`.")
	properties["pipe_through"] = described(spec.OneOrMore(spec.Schema{"type": "string"}), "Runs a pipeline here.")
	var bare []any
	exactly := []any{required("do", "when"), required("pipe_through")}
	beside := spec.Schema{"do": without("as", "status", "headers"), "pipe_through": without("as", "else", "status", "headers")}
	for _, d := range plugsAt(place) {
		properties[d.Name] = spec.Schema{"allOf": []any{spec.Definition("plug_" + d.Name)}, "description": d.Doc}
		exactly = append(exactly, required(d.Name))
		if rule := besides(d, place); rule != nil {
			beside[d.Name] = rule
		}
		if standsBare(d) {
			bare = append(bare, spec.Schema{"const": d.Name, "description": d.Doc})
		}
	}
	object := spec.Schema{
		"type": "object", "properties": properties, "additionalProperties": false, "oneOf": exactly, "dependencies": beside,
		"if": spec.Schema{"required": []string{"when", "else"}}, "then": spec.Schema{"required": []string{"do"}},
	}
	if len(bare) == 0 {
		return object
	}
	return spec.Schema{"anyOf": []any{spec.Schema{"type": "string", "anyOf": bare}, object}}
}

// besides is what cannot stand beside a plug; nil when everything can.
func besides(d *pipeline.Def, place pipeline.Place) spec.Schema {
	var refused []string
	if !d.TakesAs() {
		refused = append(refused, "as")
	}
	if !d.TakesElse() {
		refused = append(refused, "else")
	}
	if !d.TakesStatus(place) {
		refused = append(refused, "status", "headers")
	}
	s := without(refused...)
	if d.TakesElse() && !d.TakesAs() {
		s["properties"].(spec.Schema)["else"] = spec.Schema{"not": spec.Schema{"const": "continue"}}
	}
	if len(s["properties"].(spec.Schema)) == 0 {
		return nil
	}
	return s
}

// without refuses keys.
func without(keys ...string) spec.Schema {
	properties := spec.Schema{}
	for _, key := range keys {
		properties[key] = false
	}
	return spec.Schema{"properties": properties}
}

func plugsAt(place pipeline.Place) []*pipeline.Def {
	var list []*pipeline.Def
	for _, d := range app.Plugs() {
		if d.Places&place != 0 {
			list = append(list, d)
		}
	}
	return list
}

func modifiers(list string) spec.Schema {
	return spec.Schema{
		"when":    described(pipeline.ConditionValue(), "Skip the plug unless this condition is true."),
		"as":      described(spec.Schema{"type": "string", "pattern": spec.NamePattern, "not": spec.Schema{"enum": pipeline.ReservedNames()}}, "Bind the plug's result to this name."),
		"else":    described(spec.Schema{"anyOf": []any{spec.Schema{"const": "continue"}, spec.Definition(list)}}, "What to do when the plug fails: plugs that end in an answer, or `continue`."),
		"status":  described(spec.OrExpression(spec.Schema{"type": "integer", "minimum": 200, "maximum": 599}), "Status of this answer."),
		"headers": described(spec.MapOf(pipeline.TextValue()), "Headers of this answer."),
	}
}

func described(s spec.Schema, doc string) spec.Schema {
	if _, isRef := s["$ref"]; isRef {
		return spec.Schema{"allOf": []any{s}, "description": doc}
	}
	s = maps.Clone(s)
	s["description"] = doc
	return s
}

func required(names ...string) spec.Schema { return spec.Schema{"required": names} }

// route is a method with a path, and a list of plugs or one plug beside it; or resources.
func route() spec.Schema {
	path := spec.Path()
	properties := modifiers("route_plugs")
	var method []any
	for _, key := range append(slices.Sorted(maps.Keys(app.Methods())), "any") {
		properties[key] = described(path, "Path of the route; `:name` is a segment, `*name` the rest.")
		method = append(method, required(key))
	}
	verbs := spec.Text("^([Gg][Ee][Tt]|[Pp][Oo][Ss][Tt]|[Pp][Uu][Tt]|[Pp][Aa][Tt][Cc][Hh]|[Dd][Ee][Ll][Ee][Tt][Ee]|[Oo][Pp][Tt][Ii][Oo][Nn][Ss]|[Hh][Ee][Aa][Dd])$")
	properties["match"] = described(spec.OneOrMore(verbs), "Methods of the route, with `path`.")
	properties["path"] = described(path, "Path of a route with `match`.")
	properties["do"] = described(spec.Definition("route_plugs"), "The plugs of the route; the last one answers.")
	properties["pipe_through"] = described(spec.OneOrMore(spec.Schema{"type": "string"}), "Runs a pipeline, which answers.")
	method = append(method, required("match", "path"))
	answer := []any{required("do"), required("pipe_through")}
	beside := spec.Schema{"do": without(pipeline.Modifiers()...), "pipe_through": without("as", "else", "status", "headers")}
	for _, d := range plugsAt(pipeline.Route) {
		if properties[d.Name] != nil {
			continue // `delete` is a method here
		}
		properties[d.Name] = spec.Schema{"allOf": []any{spec.Definition("plug_" + d.Name)}, "description": d.Doc}
		answer = append(answer, required(d.Name))
		if rule := besides(d, pipeline.Route); rule != nil {
			beside[d.Name] = rule
		}
	}
	plain := spec.Schema{"type": "object", "properties": properties, "additionalProperties": false,
		"dependencies": beside, "allOf": []any{spec.Schema{"oneOf": method}, spec.Schema{"oneOf": answer}, spec.Schema{"not": required("when", "else")}}}
	for _, kind := range []string{"batch", "rpc", "resources"} {
		plain = spec.Schema{"if": required(kind), "then": spec.Definition(map[string]string{"batch": "batch", "rpc": "functions", "resources": "resource"}[kind]), "else": plain}
	}
	return plain
}

// functions is an `rpc` entry, which must say who may call them.
func functions() spec.Schema {
	s := maps.Clone(app.FunctionFields().Schema())
	s["description"] = "Routes that call functions of the database."
	s["oneOf"] = []any{required("allow"), required("public")}
	return s
}

func batches() spec.Schema {
	s := maps.Clone(app.BatchFields().Schema())
	s["description"] = "A route that does several requests in one transaction."
	return s
}

// resource is an entry of a list of routes, which must say who may use it.
func resource() spec.Schema {
	s := nestedResource()
	s["anyOf"] = []any{required("owner"), required("allow"), required("public"), required("where")}
	return s
}

// nestedResource is an entry below another, under whose rules it stands.
func nestedResource() spec.Schema {
	s := maps.Clone(app.ResourceFields().Schema())
	s["description"] = "Up to seven routes that read and write rows of a schema."
	return s
}

// nestedRoute is what stands below each row of a resource. Other routes than resources
// are not available there, so they are taken as they come.
func nestedRoute() spec.Schema {
	return spec.Schema{"type": "object", "if": required("resources"), "then": spec.Definition("nested_resource")}
}
