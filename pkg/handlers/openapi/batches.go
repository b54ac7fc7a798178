package openapi

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/spec"
)

// A Batch does several requests to resources in one transaction.
type Batch struct {
	Own      string // the end of the route's path, behind that of the scope
	Steps    []Step
	MaxSteps int
}

// A Step is a request that a batch can do.
type Step struct {
	Methods []string
	Path    string // below the scope
	Rows    *Rows
}

// batchBody describes the list of steps.
func (g *generator) batchBody(b *Batch) any {
	var steps []any
	for _, s := range b.Steps {
		for len(s.Methods) > 0 { // those that do the same together
			one := Step{Path: s.Path, Rows: s.Rows.by(s.Methods[0])}
			var others []string
			for _, m := range s.Methods {
				if s.Rows.by(m).Action == one.Rows.Action {
					one.Methods = append(one.Methods, m)
				} else {
					others = append(others, m)
				}
			}
			s.Methods = others
			steps = append(steps, g.stepSchema(&one))
		}
	}
	list := object{{"type", "array"}, {"minItems", 1}, {"maxItems", b.MaxSteps}, {"items", anyOf(steps)}}
	return object{{"required", true}, {"content", content(list, "application/json")}}
}

// stepSchema describes one kind of step.
func (g *generator) stepSchema(s *Step) object {
	text := object{{"type", "string"}}
	name := object{{"type", "string"}, {"pattern", spec.NamePattern}, {"description", "A name for the result, by which later steps refer to it."}}
	o := object{
		{"method", object{{"type", "string"}, {"enum", s.Methods}}},
		{"path", object{{"type", "string"}, {"pattern", stepPattern(s.Path)}, {"description", s.Path + ", with a query as any request."}}},
		{"as", name},
		{"prefer", object{{"type", "string"}, {"description", "Stands in place of return=representation."}}},
		{"if_match", text},
	}
	required := []string{"method", "path"}
	if a := s.Rows.Action; a == Create || a == Update || a == put {
		o = append(o, member{"body", g.stepBody(s.Rows)})
		required = append(required, "body")
	}
	return g.schema(s.Rows.Name+"_"+string(s.Rows.Action)+"_step", object{{"type", "object"}, {"description", words(s.Rows) + "."},
		{"properties", o}, {"required", required}, {"additionalProperties", false}})
}

// stepPattern is a regular expression for the path of a step, which may hold references and
// a query.
func stepPattern(path string) string {
	var b strings.Builder
	b.WriteByte('^')
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		b.WriteByte('/')
		if strings.HasPrefix(segment, ":") {
			b.WriteString("[^/?]+")
			continue
		}
		b.WriteString(regexp.QuoteMeta(url.PathEscape(segment)))
	}
	return b.String() + `(\?.*)?$`
}

// stepBody is the body of a write whose values may be references to earlier answers.
func (g *generator) stepBody(r *Rows) any {
	reference := g.schema("batch_reference", object{{"type", "string"}, {"pattern", `\$\{[^}]+\}`},
		{"description", "A text with references to answers of earlier steps: ${post.id}. One that is nothing else has the value's own type."}})
	own := *r
	own.Fields = nil
	for _, f := range r.Fields {
		if len(f.Schema) > 0 { // else it takes anything
			f.Schema = map[string]any{"anyOf": []any{f.Schema, reference}}
		}
		own.Fields = append(own.Fields, f)
	}
	one := g.schema(r.Name+"_"+string(r.Action)+"_in_batch", sentRow(&own))
	forms := []any{one, reference}
	if r.Action == Create && !r.OneRow {
		forms = append(forms, object{{"type", "array"}, {"items", object{{"anyOf", []any{one, reference}}}}})
	}
	return anyOf(forms)
}

// batchResponses are the answer to a batch that was done.
func (g *generator) batchResponses(b *Batch) object {
	g.rows, g.batch = true, true
	bodies := []any{object{{"type", "null"}}}
	for i := range b.Steps {
		r := b.Steps[i].Rows
		one := g.row(r)
		bodies = append(bodies, r.wrapped(one), r.wrapped(object{{"type", "array"}, {"items", one}}))
	}
	step := object{{"type", "object"}, {"properties", object{{"status", object{{"type", "integer"}}}, {"body", anyOf(bodies)}}}, {"required", []string{"status", "body"}}}
	return object{{"200", object{{"description", "What came of each step, in their order. All of it is kept."},
		{"content", content(object{{"type", "array"}, {"items", step}}, "application/json")}}}}
}

// batchRefusals are the statuses with which a batch is refused, mostly by one of its steps.
func batchRefusals() []int { return []int{400, 403, 404, 405, 409, 413, 415, 422} }

// batchProblemSchema is a refusal that may be of one step.
func batchProblemSchema() object {
	step := object{{"type", "integer"}, {"minimum", 0}, {"description", "The step that was refused, counted from 0."}}
	return object{{"allOf", []any{ref("schemas", "row_problem"), object{{"type", "object"}, {"properties", object{{"step", step}}}}}}}
}
