package openapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// methods are those that a Path Item Object knows, in the order of documents.
func methods() []string {
	return []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"}
}

// pathItem is what one path answers. Paths of one shape are one item, under the names that
// the first of them gives its parameters: the specification does not let them stand beside
// each other.
type pathItem struct {
	template   string
	names      []string
	operations map[string]object
}

// paths makes the Paths Object. Where two hosts answer one path, the first stands for both.
func (g *generator) paths(routes []Route) object {
	var items []*pathItem
	byShape := make(map[string]*pathItem)
	for i := range routes {
		r := &routes[i]
		shape, template, names := templateOf(r.Path)
		item := byShape[shape]
		if item == nil {
			item = &pathItem{template: template, names: names, operations: make(map[string]object)}
			byShape[shape] = item
			items = append(items, item)
		}
		for _, m := range methodsOf(r, routes) {
			if _, taken := item.operations[m]; !taken && slices.Contains(methods(), m) {
				item.operations[m] = g.operation(r, m, item)
			}
		}
	}
	out := object{}
	for _, item := range items {
		if len(item.operations) == 0 {
			continue
		}
		o := object{}
		for _, m := range methods() {
			if op, ok := item.operations[m]; ok {
				o = append(o, member{strings.ToLower(m), op})
			}
		}
		out = append(out, member{item.template, o})
	}
	return out
}

// methodsOf lists what a route answers. One for any method takes those that no other of its
// shape has; HEAD and OPTIONS go without saying.
func methodsOf(r *Route, routes []Route) []string {
	switch {
	case r.Call != nil:
		return slices.DeleteFunc([]string{"GET", "POST"}, func(m string) bool { return len(r.Call.of(m)) == 0 })
	case r.Methods != nil:
		return r.Methods
	}
	shape, _, _ := templateOf(r.Path)
	return slices.DeleteFunc([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, func(m string) bool {
		return slices.ContainsFunc(routes, func(other Route) bool {
			s, _, _ := templateOf(other.Path)
			return s == shape && other.Host == r.Host && slices.Contains(other.Methods, m)
		})
	})
}

// templateOf turns /posts/:id into /posts/{id}. The shape is the same without names.
func templateOf(path string) (shape, template string, names []string) {
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		shape += "/"
		template += "/"
		if segment != "" && (segment[0] == ':' || segment[0] == '*') {
			names = append(names, segment[1:])
			shape += "{}"
			template += "{" + segment[1:] + "}"
			continue
		}
		shape += segment
		template += segment
	}
	return shape, template, names
}

// operation makes an Operation Object.
func (g *generator) operation(r *Route, method string, item *pathItem) object {
	if r.Rows != nil {
		own := *r
		own.Rows, r = r.Rows.by(method), &own
	}
	sum, more := summary(r)
	o := object{{"operationId", g.operationID(method, r.Path)}, {"summary", sum}}
	if more != "" {
		o = append(o, member{"description", more})
	}
	o = append(o, member{"tags", []string{g.tag(r)}})
	if servers := serversOf(r.Host); servers != nil {
		o = append(o, member{"servers", servers})
	}
	parameters := g.pathParameters(r, item)
	switch {
	case r.Rows != nil:
		parameters = append(parameters, g.rowParameters(r.Rows)...)
	case r.Call != nil:
		parameters = append(parameters, g.callParameters(r.Call, method)...)
	case r.Batch != nil:
		parameters = append(parameters, ref("parameters", "prefer_batch"))
		g.dialect["prefer_batch"] = true
	case !hasBody(method):
		for _, f := range r.notInPath() {
			parameters = append(parameters, object{{"name", f.Name}, {"in", "query"}, {"required", f.Required}, {"schema", f.Schema}})
		}
	}
	if len(parameters) > 0 {
		o = append(o, member{"parameters", parameters})
	}
	if body := g.body(r, method); body != nil {
		o = append(o, member{"requestBody", body})
	}
	return append(o, member{"responses", g.responses(r, method)}, member{"security", g.requirements(r.Security)})
}

// summary says in a line what an operation is for, and what more is known of it.
func summary(r *Route) (line, more string) {
	switch {
	case r.Rows != nil:
		return words(r.Rows), ""
	case r.Call != nil:
		return r.Call.words()
	case r.Batch != nil:
		return "Do several requests in one transaction", ""
	}
	return r.Answer, ""
}

func words(r *Rows) string {
	all := map[Action]string{Index: "List the rows of ", Show: "Read one row of ", Create: "Create rows of ", Update: "Change rows of ", Delete: "Delete rows of ", put: "Create or change a row of "}
	return all[r.Action] + r.Name
}

// serversOf limits an operation to a host. A label that stands for any is a variable.
func serversOf(host string) []any {
	if host == "" {
		return nil
	}
	labels := strings.Split(host, ".")
	variables := object{}
	for i, label := range labels {
		name := strings.Trim(label, "{}")
		if label == "*" {
			name = "label" + strconv.Itoa(i+1)
		}
		if name != label {
			labels[i] = "{" + name + "}"
			variables = append(variables, member{name, object{{"default", "www"}}})
		}
	}
	server := object{{"url", "//" + strings.Join(labels, ".")}}
	if len(variables) > 0 {
		server = append(server, member{"variables", variables})
	}
	return []any{server}
}

func (g *generator) pathParameters(r *Route, item *pathItem) []any {
	var out []any
	for i, name := range item.names {
		p := object{{"name", name}, {"in", "path"}, {"required", true}}
		schema := any(object{{"type", "string"}})
		switch {
		case r.restAt(i):
			p = append(p, member{"description", "The rest of the path, slashes included; it may be empty."})
		case r.Rows != nil && r.Rows.OneRow && i == len(item.names)-1:
			schema = keySchema(r.Rows)
		}
		out = append(out, append(p, member{"schema", schema}))
	}
	return out
}

// restAt tells whether the parameter at a place of the route's path takes the whole rest.
func (r *Route) restAt(place int) bool {
	_, rest, found := strings.Cut(r.Path, "/*")
	return found && !strings.Contains(rest, "/") && strings.Count(r.Path, "/:") == place
}

// requirements makes the list of Security Requirement Objects: any one of it suffices, and
// all members of that one are needed.
func (g *generator) requirements(all []Requirement) []any {
	alternatives := []object{{}}
	for _, r := range all {
		var next []object
		for _, before := range alternatives {
			if r.Optional {
				next = append(next, before)
			}
			for _, s := range r.Schemes {
				name := g.scheme(s)
				with := before[:len(before):len(before)]
				if before.get(name) == nil {
					with = append(with, member{name, []any{}})
				}
				next = append(next, with)
			}
		}
		alternatives = next
	}
	out := []any{}
	for _, a := range alternatives {
		out = append(out, a)
	}
	return out
}

// scheme notes a Security Scheme Object and gives its name.
func (g *generator) scheme(s Scheme) string {
	name, o := s.Scheme, object{{"type", s.Type}}
	if s.Type == "http" {
		o = append(o, member{"scheme", s.Scheme})
		if s.Format != "" {
			name += "_" + strings.ToLower(s.Format)
			o = append(o, member{"bearerFormat", s.Format})
		}
	} else {
		name = s.In + "_" + component(s.Name)
		o = append(o, member{"in", s.In}, member{"name", s.Name})
	}
	if g.security.get(name) == nil {
		g.security = append(g.security, member{name, o})
	}
	return name
}

// statusText describes a status, which every Response Object must do.
func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Status " + strconv.Itoa(status)
}
