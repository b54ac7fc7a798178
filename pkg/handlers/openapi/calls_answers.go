package openapi

import "slices"

// callResponses are what the functions give that a method can call.
func (g *generator) callResponses(c *Call, method string) object {
	g.rows = true
	list := c.of(method)
	var out object
	if bodies := g.bodiesOf(list); len(bodies) > 0 {
		answer := object{{"description", "What the function gives."}, {"headers", object{{"Content-Range", contentRange()}}}, {"content", bodies}}
		out = append(out, member{"200", answer})
		if slices.ContainsFunc(list, func(f *Function) bool { return f.Set }) {
			out = append(out, member{"206", with206(answer)})
		}
	}
	if slices.ContainsFunc(list, func(f *Function) bool { return f.Void }) {
		out = append(out, member{"204", object{{"description", "It is done; the function gives nothing."}}})
	}
	return out
}

// bodiesOf lists the forms of what functions give, by media type.
func (g *generator) bodiesOf(list []*Function) object {
	var types []string
	schemas := map[string][]any{}
	add := func(name string, schema any) {
		if !slices.Contains(types, name) {
			types = append(types, name)
		}
		schemas[name] = append(schemas[name], schema)
	}
	for _, f := range list {
		if f.Void {
			continue
		}
		if f.Media != "" {
			add(f.Media, object{})
		}
		one := g.given(f)
		switch {
		case f.Set:
			all := object{{"type", "array"}, {"items", one}}
			if f.Rows != nil && f.Rows.MaxRows > 0 {
				all = append(all, member{"maxItems", f.Rows.MaxRows})
			}
			add("application/json", all)
		default:
			add("application/json", one)
		}
		if f.Rows != nil {
			add(oneRowType, one)
		}
		if f.Set || f.Rows != nil {
			add(csvType, object{{"type", "string"}})
		}
	}
	var out object
	for _, name := range types {
		out = append(out, content(anyOf(schemas[name]), name)...)
	}
	return out
}

// given describes one value, or one row, that a function gives.
func (g *generator) given(f *Function) any {
	if f.Rows == nil {
		return resultSchema(f.CatalogFunction)
	}
	properties := object{}
	for i := range f.Rows.Columns {
		column := &f.Rows.Columns[i]
		properties = append(properties, member{column.Name, columnSchema(column)})
	}
	return g.schema(f.Rows.Name+"_row", object{{"type", "object"}, {"properties", properties}})
}

// callRefusals are the statuses with which a call is refused.
func callRefusals(c *Call, method string) []int {
	out := []int{400, 403, 404, 406, 409}
	list := c.of(method)
	if len(list) > 1 {
		out = append(out, 300)
	}
	if slices.ContainsFunc(list, func(f *Function) bool { return f.Set }) {
		out = append(out, 416)
	}
	if hasBody(method) {
		out = append(out, 415)
	}
	return out
}
