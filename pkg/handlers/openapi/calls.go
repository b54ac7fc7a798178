package openapi

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// A Call is what a route at /rpc/NAME calls: functions of the database that have one name and
// differ in their parameters.
type Call struct {
	Name      string
	Functions []Function // none: the route can only refuse, and is not told
}

// A Function is one of them.
type Function struct {
	*store.CatalogFunction
	Rows  *relations.Relation // what requests see of the rows that it gives; nil: it gives a value, or nothing
	Media string              // the media type of its value; "": none
}

// whole tells that the one parameter has no name and takes the body as it is.
func (f *Function) whole() bool { return len(f.Params) == 1 && f.Params[0].Name == "" }

// readable tells a function that a GET can call: it does not write, and the query can hold
// its arguments.
func (f *Function) readable() bool {
	return !f.Volatile && !f.whole() && !slices.ContainsFunc(f.Params, func(p store.FunctionParam) bool { return p.Required && reserved(p.Name) })
}

// reserved tells a name that the dialect takes for itself where it stands in a query.
func reserved(name string) bool {
	switch name {
	case "select", "columns", "on_conflict":
		return true
	}
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "order", "limit", "offset", "and", "or":
		return true
	}
	return false
}

// of lists the functions that a method can call.
func (c *Call) of(method string) []*Function {
	var list []*Function
	for i := range c.Functions {
		if f := &c.Functions[i]; method == "POST" || method == "GET" && f.readable() {
			list = append(list, f)
		}
	}
	return list
}

// words are the comment of the first function that has one: a line that sums it up, and more.
func (c *Call) words() (summary, description string) {
	for i := range c.Functions {
		if comment := strings.TrimSpace(c.Functions[i].Comment); comment != "" {
			summary, description, _ = strings.Cut(comment, "\n")
			return strings.TrimSpace(summary), strings.TrimSpace(description)
		}
	}
	return "Call " + c.Name, ""
}

// callParameters are the arguments that a GET has, and what the dialect reads of the rows
// that come.
func (g *generator) callParameters(c *Call, method string) []any {
	list := c.of(method)
	var out []any
	taken := map[string]bool{}
	if method == "GET" {
		for _, a := range argumentsOf(list) {
			taken[a.name] = true
			out = append(out, object{{"name", a.name}, {"in", "query"}, {"required", a.required}, {"schema", anyOf(a.schemas)}})
		}
	}
	for _, name := range dialectOf(list, method) {
		out = append(out, ref("parameters", name))
		g.dialect[name] = true
	}
	for _, f := range list {
		if !f.Set || f.Rows == nil {
			continue
		}
		for i := range f.Rows.Columns {
			if name := f.Rows.Columns[i].Name; !taken[name] && !reserved(name) {
				taken[name] = true
				out = append(out, g.filterParameter(f.Rows.Name, name))
			}
		}
	}
	return out
}

// dialectOf names the parameters of the dialect that a call reads.
func dialectOf(list []*Function, method string) (names []string) {
	has := func(test func(f *Function) bool) bool { return slices.ContainsFunc(list, test) }
	if method == "POST" && has(func(f *Function) bool { return !f.whole() && len(f.Params) > 0 }) {
		names = append(names, "columns")
	}
	if has(func(f *Function) bool { return f.Rows != nil }) {
		names = append(names, "select")
	}
	if has(func(f *Function) bool { return f.Rows != nil && f.Set }) {
		names = append(names, "order", "or", "and")
	}
	if has(func(f *Function) bool { return f.Set }) {
		names = append(names, "limit", "offset")
		if method == "GET" {
			names = append(names, "range")
		}
	}
	return append(names, "prefer_call")
}

// An argument is what a query holds for the parameters of one name.
type argument struct {
	name     string
	required bool // by each of the functions
	schemas  []any
}

func argumentsOf(list []*Function) []*argument {
	var all []*argument
	for _, f := range list {
		for i := range f.Params {
			p := &f.Params[i]
			if reserved(p.Name) {
				continue
			}
			at := slices.IndexFunc(all, func(a *argument) bool { return a.name == p.Name })
			if at < 0 {
				at, all = len(all), append(all, &argument{name: p.Name})
			}
			all[at].schemas = append(all[at].schemas, textSchema(p))
		}
	}
	for _, a := range all {
		a.required = !slices.ContainsFunc(list, func(f *Function) bool {
			return !slices.ContainsFunc(f.Params, func(p store.FunctionParam) bool { return p.Name == a.name && p.Required })
		})
	}
	return all
}

// callBody describes the arguments that a POST sends: by name, or the body is the one that
// there is. It is nil for what takes none.
func (g *generator) callBody(c *Call) any {
	list := c.of("POST")
	if !slices.ContainsFunc(list, func(f *Function) bool { return len(f.Params) > 0 }) {
		return nil
	}
	named, wholes, required := []any{}, object{}, true
	for _, f := range list {
		if !f.whole() {
			named = append(named, g.argumentsSchema(f))
			required = required && slices.ContainsFunc(f.Params, func(p store.FunctionParam) bool { return p.Required })
			continue
		}
		switch native := f.Params[0].Native; native {
		case "text":
			wholes = append(wholes, content(object{{"type", "string"}}, "text/plain")...)
		case "xml":
			wholes = append(wholes, content(object{{"type", "string"}}, "text/xml")...)
		case "bytea":
			wholes = append(wholes, content(object{}, "application/octet-stream")...)
		default:
			named, required = append(named, object{{"description", "Any JSON: the function takes it as it is."}}), false
		}
	}
	types := object{}
	if len(named) > 0 {
		types = content(anyOf(named), "application/json")
	}
	return object{{"required", required}, {"content", append(types, wholes...)}}
}

// argumentsSchema is an object of the arguments of a function.
func (g *generator) argumentsSchema(f *Function) object {
	properties, required := object{}, []string{}
	for i := range f.Params {
		p := &f.Params[i]
		properties = append(properties, member{p.Name, valueSchema(p.Type, p.Native, true)})
		if p.Required {
			required = append(required, p.Name)
		}
	}
	s := object{{"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		s = append(s, member{"required", required})
	}
	return g.schema(f.Name+"_arguments", append(s, member{"additionalProperties", false}))
}

// anyOf is one schema for several; those that say the same are one, and one that takes
// anything takes what the others do.
func anyOf(list []any) any {
	var different []any
	for _, s := range list {
		if same(s, object{}) {
			return s
		}
		if !slices.ContainsFunc(different, func(other any) bool { return same(s, other) }) {
			different = append(different, s)
		}
	}
	switch len(different) {
	case 0:
		return object{}
	case 1:
		return different[0]
	}
	return object{{"anyOf", different}}
}
