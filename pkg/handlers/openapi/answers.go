package openapi

import (
	"slices"
	"strconv"
	"strings"
)

// hasBody tells the methods whose params come from a body.
func hasBody(method string) bool {
	return method == "POST" || method == "PUT" || method == "PATCH"
}

// body describes what a request may carry.
func (g *generator) body(r *Route, method string) any {
	switch {
	case !hasBody(method):
		return nil
	case r.Rows != nil:
		return g.rowBody(r.Rows)
	case r.Call != nil:
		return g.callBody(r.Call)
	case r.Batch != nil:
		return g.batchBody(r.Batch)
	case len(r.Takes) == 0:
		return object{{"content", content(object{}, "*/*")}}
	}
	s := fieldsSchema(r.notInPath(), func(f *Field) bool { return f.Required })
	return object{{"required", true}, {"content", content(s, "application/json", "application/x-www-form-urlencoded", "multipart/form-data")}}
}

// fieldsSchema is an object of fields that are sent.
func fieldsSchema(fields []Field, required func(*Field) bool) object {
	properties, needed := object{}, []string{}
	for i := range fields {
		f := &fields[i]
		s := f.Schema
		if f.Answered == nil {
			s = with(s, "writeOnly", true)
		}
		properties = append(properties, member{f.Name, s})
		if f.Confirmed != "" {
			properties = append(properties, member{f.Confirmed, with(s, "writeOnly", true)})
		}
		if required(f) {
			needed = append(needed, f.Name)
		}
	}
	s := object{{"type", "object"}, {"properties", properties}}
	if len(needed) > 0 {
		s = append(s, member{"required", needed})
	}
	return s
}

// notInPath lists the fields that are taken and are no parameters of the path.
func (r *Route) notInPath() []Field {
	_, _, names := templateOf(r.Path)
	return slices.DeleteFunc(slices.Clone(r.Takes), func(f Field) bool { return slices.Contains(names, f.Name) })
}

// responses makes the Responses Object of a method.
func (g *generator) responses(r *Route, method string) object {
	var out object
	refuses := slices.Clone(r.Refuses)
	switch {
	case r.Rows != nil:
		out = g.rowResponses(r.Rows)
		refuses = append(refuses, rowRefusals(r.Rows)...)
	case r.Call != nil:
		out = g.callResponses(r.Call, method)
		refuses = append(refuses, callRefusals(r.Call, method)...)
	case r.Batch != nil:
		out = g.batchResponses(r.Batch)
		refuses = append(refuses, batchRefusals()...)
	default:
		g.plain = true
		out = object{success(r.Answer)}
	}
	slices.Sort(refuses)
	problem := g.problem(r)
	for _, status := range slices.Compact(refuses) {
		code := strconv.Itoa(status)
		if out.get(code) == nil {
			out = append(out, member{code, object{{"description", statusText(status)}, {"content", problem}}})
		}
	}
	return append(out, member{"default", object{{"description", "Any other refusal or failure."}, {"content", problem}}})
}

// problem is the form of refusals.
func (g *generator) problem(r *Route) object {
	switch {
	case r.Batch != nil:
		return content(ref("schemas", "batch_problem"), "application/problem+json")
	case r.Rows != nil || r.Call != nil:
		return content(ref("schemas", "row_problem"), "application/problem+json")
	case g.phoenix:
		return content(ref("schemas", "problem"), "application/json")
	}
	return content(ref("schemas", "problem"), "application/problem+json")
}

// success tells what the answer of a route is when nothing refuses.
func success(answer string) member {
	plug, rest, _ := strings.Cut(answer, " ")
	said := func(status, text string, types ...string) member {
		o := object{{"description", text}}
		if len(types) > 0 {
			o = append(o, member{"content", content(object{}, types...)})
		}
		return member{status, o}
	}
	switch plug {
	case "json", "health":
		return said("200", "The answer, as JSON.", "application/json")
	case "text", "metrics":
		return said("200", "The answer, as text.", "text/plain")
	case "html", "render", "resource":
		return said("200", "A page.", "text/html")
	case "openapi":
		return said("200", "This description.", "application/json")
	case "redirect":
		return said("302", "The address is in Location.")
	case "send_resp":
		if status, err := strconv.Atoi(rest); err == nil {
			return said(rest, statusText(status))
		}
	}
	return said("200", "The answer.", "*/*")
}

// components makes the Components Object.
func (g *generator) components() object {
	var schemas object
	switch {
	case g.plain && g.phoenix:
		schemas = append(schemas, member{"problem", object{{"type", "object"}, {"properties", object{{"errors", object{}}}}, {"required", []string{"errors"}}}})
	case g.plain:
		schemas = append(schemas, member{"problem", problemSchema()})
	}
	if g.rows {
		schemas = append(schemas, member{"row_problem", rowProblemSchema()})
	}
	if g.batch {
		schemas = append(schemas, member{"batch_problem", batchProblemSchema()})
	}
	if len(g.parameters) > 0 {
		schemas = append(schemas, member{"filter", filterSchema()})
	}
	schemas = append(schemas, g.schemas...)
	o := object{}
	if len(schemas) > 0 {
		o = append(o, member{"schemas", schemas})
	}
	if parameters := append(g.dialectParameters(), g.parameters...); len(parameters) > 0 {
		o = append(o, member{"parameters", parameters})
	}
	if len(g.security) > 0 {
		o = append(o, member{"securitySchemes", g.security})
	}
	return o
}

// problemSchema is that of RFC 9457 with the reason and the errors by field.
func problemSchema() object {
	return object{{"type", "object"}, {"properties", object{
		{"type", object{{"type", "string"}}},
		{"title", object{{"type", "string"}}},
		{"status", object{{"type", "integer"}}},
		{"reason", object{{"type", "string"}, {"description", "A word for programs."}}},
		{"detail", object{{"type", "string"}, {"description", "A sentence for people."}}},
		{"errors", errorsSchema()},
	}}, {"required", []string{"type", "title", "status"}}}
}

func errorsSchema() object {
	return object{{"type", "object"}, {"description", "What is wrong, by field."},
		{"additionalProperties", object{{"type", "array"}, {"items", object{{"type", "string"}}}}}}
}

// rowProblemSchema is that of resources: PostgREST's four members beside those of RFC 9457.
func rowProblemSchema() object {
	text := func(doc string) object {
		return object{{"type", []string{"string", "null"}}, {"description", doc}}
	}
	return object{{"type", "object"}, {"properties", object{
		{"type", object{{"type", "string"}}},
		{"title", object{{"type", "string"}}},
		{"status", object{{"type", "integer"}}},
		{"code", text("PostgREST's code, an SQLSTATE, or a word.")},
		{"message", text("A sentence for people.")},
		{"details", object{{"type", []string{"string", "array", "null"}}, {"items", object{{"type", "object"}}}, {"description", "What more is known; of an embedding that could be several, these."}}},
		{"hint", text("A way out.")},
		{"errors", errorsSchema()},
	}}, {"required", []string{"code", "message", "details", "hint"}}}
}
