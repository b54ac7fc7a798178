package openapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// keySchema is that of the column by which a path leads to a row.
func keySchema(r *Rows) any {
	for _, f := range r.Fields {
		if f.Key && f.Answered != nil {
			return f.Answered
		}
	}
	return object{{"type", "string"}}
}

// schema notes a schema under a name. One that has the name already and says something else
// gets a number.
func (g *generator) schema(name string, s object) object {
	name = component(name)
	for n := 2; ; n++ {
		there := g.schemas.get(name)
		if there == nil {
			g.schemas = append(g.schemas, member{name, s})
			return ref("schemas", name)
		}
		if same(there, s) {
			return ref("schemas", name)
		}
		name = strings.TrimSuffix(name, "_"+strconv.Itoa(n-1)) + "_" + strconv.Itoa(n)
	}
}

func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// row is what is answered of a row. A request may choose among the columns, rename them and
// embed other rows, so none is required and others may be there.
func (g *generator) row(r *Rows) object {
	properties := object{}
	for _, f := range r.Fields {
		if f.Answered == nil {
			continue
		}
		s := f.Answered
		if !f.Create && !f.Update {
			s = with(s, "readOnly", true)
		}
		properties = append(properties, member{f.Name, s})
	}
	s := object{{"type", "object"}, {"properties", properties}}
	if len(r.Embeds) > 0 {
		s = append(s, member{"description", "With `select` rows of " + strings.Join(r.Embeds, ", ") + " can be embedded."})
	}
	return g.schema(r.Name, s)
}

func with(s map[string]any, key string, v any) map[string]any {
	out := map[string]any{key: v}
	for k, v := range s {
		out[k] = v
	}
	return out
}

// put is the update that makes the row where there is none.
const put Action = "put"

// by tells what a method does: PUT on the path of all rows is no update of those that match.
func (r *Rows) by(method string) *Rows {
	if method != "PUT" || r.Action != Update || r.OneRow {
		return r
	}
	own := *r
	own.Action = put
	return &own
}

// sentRow is what a write sends of a row: the fields that a client may set, and no other.
func sentRow(r *Rows) object {
	makes := r.Action == Create || r.Action == put
	fields := slices.DeleteFunc(slices.Clone(r.Fields), func(f Field) bool {
		if r.Action == put && f.Key {
			return false
		}
		return makes && !f.Create || r.Action == Update && !f.Update
	})
	s := fieldsSchema(fields, func(f *Field) bool { return makes && f.Required || r.Action == put && f.Key })
	return append(s, member{"additionalProperties", false})
}

// rowBody is the body of a write.
func (g *generator) rowBody(r *Rows) any {
	one := g.schema(r.Name+"_"+string(r.Action), sentRow(r))
	body := any(one)
	if r.Action == Create && !r.OneRow {
		body = object{{"oneOf", []any{one, object{{"type", "array"}, {"items", one}}}}}
	}
	types := content(body, "application/json")
	if r.Forms {
		types = append(types, content(one, "application/x-www-form-urlencoded", "multipart/form-data")...)
	}
	return object{{"required", true}, {"content", types}}
}

// The media types in which rows are answered beside JSON.
const (
	oneRowType = "application/vnd.pgrst.object+json"
	csvType    = "text/csv"
	pageType   = "text/html"
)

// rowResponses are those of an action when nothing refuses.
func (g *generator) rowResponses(r *Rows) object {
	g.rows = true
	one := g.row(r)
	list := object{{"type", "array"}, {"items", one}}
	if r.MaxRows > 0 {
		list = append(list, member{"maxItems", r.MaxRows})
	}
	var out object
	switch {
	case r.Action == Index:
		answer := object{{"description", "The rows in reach that match."}, {"headers", object{{"Content-Range", contentRange()}}}, {"content", r.inTypes(list, one)}}
		out = object{{"200", answer}, {"206", with206(answer)}}
	case r.Action == Show:
		out = object{{"200", object{{"description", "The row."}, {"content", r.inTypes(one, one)}}}}
	case r.Action == Create:
		location := object{{"description", "The path of the row."}, {"schema", object{{"type", "string"}}}}
		out = object{{"201", object{{"description", "What was created; the body is empty unless it is asked for."},
			{"headers", object{{"Location", location}}}, {"content", r.inTypes(r.created(list, one), one)}}}}
	default:
		body := any(list)
		if r.OneRow {
			body = one
		}
		answer := object{{"description", "The rows concerned, where they are asked for."}, {"content", r.inTypes(body, one)}}
		out = object{{"200", answer}, {"204", object{{"description", "It is done."}}}}
		if r.Action == put {
			out = append(out, member{"201", append(object{{"description", "The row that was created, where it is asked for."}}, answer[1:]...)})
		}
	}
	if r.Pages && (r.Action != Index && r.Action != Show) {
		out = append(out, member{"303", object{{"description", "To a browser, after a form: the address is in Location."}}})
	}
	return out
}

// created is the answer to a create: a list, but in a member the one object that was sent alone.
func (r *Rows) created(list, one object) any {
	if r.Wrap == "" {
		return list
	}
	return anyOf([]any{one, list})
}

func with206(answer object) object {
	return append(object{{"description", "A part of the rows that match, where they were counted."}}, answer[1:]...)
}

func contentRange() object {
	return object{{"description", "The first and last row, and how many match where they were counted: 0-19/100."}, {"schema", object{{"type", "string"}}}}
}

// wrapped is a body in the member that `wrap` names.
func (r *Rows) wrapped(body any) any {
	if r.Wrap == "" {
		return body
	}
	return object{{"type", "object"}, {"properties", object{{r.Wrap, body}}}, {"required", []string{r.Wrap}}}
}

// inTypes lists the forms of an answer. What is wrapped is so in JSON alone.
func (r *Rows) inTypes(body, one any) object {
	out := content(r.wrapped(body), "application/json")
	out = append(out, content(one, oneRowType)...)
	if r.Action == Index {
		out = append(out, content(object{{"type", "string"}}, csvType)...)
	}
	if r.Pages {
		out = append(out, content(object{{"type", "string"}}, pageType)...)
	}
	return out
}

// rowRefusals are the statuses with which an action refuses.
func rowRefusals(r *Rows) []int {
	out := []int{400, 403, 406}
	if r.OneRow {
		out = append(out, 404)
	}
	switch r.Action {
	case Index:
		out = append(out, 416)
	case put:
		out = append(out, 405, 409, 415, 422)
	case Create, Update:
		out = append(out, 409, 415, 422)
	case Delete:
		out = append(out, 409)
	}
	return out
}

// rowParameters refers to the parameters of the dialect that an action reads, and to a
// filter for each column.
func (g *generator) rowParameters(r *Rows) []any {
	names := map[Action][]string{
		Index:  {"select", "order", "limit", "offset", "or", "and", "prefer_count", "range"},
		Show:   {"select"},
		Create: {"select", "columns", "on_conflict", "prefer_write"},
		Update: {"select", "prefer_write"},
		Delete: {"select", "prefer_write"},
		put:    {"select", "columns", "prefer_write"},
	}[r.Action]
	var out []any
	for _, name := range names {
		out = append(out, ref("parameters", name))
		g.dialect[name] = true
	}
	if r.OneRow || r.Action == Create {
		return out
	}
	for _, f := range r.Fields {
		if f.Answered != nil && !reserved(f.Name) {
			out = append(out, g.filterParameter(r.Name, f.Name))
		}
	}
	return out
}

// filterParameter refers to the condition on a column of some rows.
func (g *generator) filterParameter(rows, column string) object {
	name := component(rows + "." + column)
	if g.parameters.get(name) == nil {
		g.parameters = append(g.parameters, member{name, parameter(column, "query", fmt.Sprintf("Keeps the rows whose %s fits.", column), ref("schemas", "filter"))})
	}
	return ref("parameters", name)
}

func parameter(name, in, doc string, schema any) object {
	return object{{"name", name}, {"in", in}, {"description", doc}, {"required", false}, {"schema", schema}}
}

// filterSchema is a condition on a column: an operator and a value.
func filterSchema() object {
	return object{{"type", "string"},
		{"description", "An operator and a value, such as eq.5, in.(1,2), is.null, like.*a*, not.gt.3."},
		{"pattern", `^(not\.)?(eq|neq|gt|gte|lt|lte|like|ilike|match|imatch|is|isdistinct|in|cs|cd|ov|sl|sr|nxl|nxr|adj|fts|plfts|phfts|wfts)(\(.+\))?\.`}}
}

// dialectParameters are those that resources share, as far as an operation has them.
func (g *generator) dialectParameters() object {
	text := object{{"type", "string"}}
	count := object{{"type", "integer"}, {"minimum", 0}}
	all := object{
		{"select", parameter("select", "query", "The columns that are answered, with renamings, casts and embedded rows: id,title,author:user(email).", text)},
		{"order", parameter("order", "query", "The order of the rows: title.asc,id.desc.nullslast.", text)},
		{"limit", parameter("limit", "query", "Rows at most.", count)},
		{"offset", parameter("offset", "query", "Rows that are skipped.", count)},
		{"or", parameter("or", "query", "Conditions of which one must hold: (age.lt.18,age.gt.65).", text)},
		{"and", parameter("and", "query", "Conditions that must all hold.", text)},
		{"columns", parameter("columns", "query", "The fields of the body that are read, where rows of a list have different ones.", text)},
		{"on_conflict", parameter("on_conflict", "query", "The unique columns by which rows that are there already are found.", text)},
		{"range", parameter("Range", "header", "The first and last row: 0-19.", text)},
		{"prefer_count", parameter("Prefer", "header", "count=exact counts the rows that match.", text)},
		{"prefer_write", parameter("Prefer", "header", "return=representation answers with the rows; resolution=merge-duplicates changes rows that are there already.", text)},
		{"prefer_call", parameter("Prefer", "header", "count=exact counts what is given; tx=rollback undoes what the function did.", text)},
		{"prefer_batch", parameter("Prefer", "header", "tx=rollback answers as if all were done, and keeps nothing.", text)},
	}
	return slices.DeleteFunc(all, func(m member) bool { return !g.dialect[m.name] })
}
