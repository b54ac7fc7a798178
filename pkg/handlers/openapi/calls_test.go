package openapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/handlers/openapi"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// calls is a route of functions of one name.
func calls(functions ...openapi.Function) openapi.Route {
	name := functions[0].Name
	return openapi.Route{Methods: []string{"GET", "POST"}, Path: "/rpc/" + name, Answer: "rpc " + name, Call: &openapi.Call{Name: name, Functions: functions}}
}

func function(f store.CatalogFunction) openapi.Function { return openapi.Function{CatalogFunction: &f} }

// rowsOf is a function that gives rows.
func rowsOf(f store.CatalogFunction, r *relations.Relation) openapi.Function {
	return openapi.Function{CatalogFunction: &f, Rows: r}
}

func needed(name, native string, t store.Type) store.FunctionParam {
	return store.FunctionParam{Name: name, Native: native, Type: t, Required: true}
}

func TestCall(t *testing.T) {
	d := generate(t,
		calls(function(store.CatalogFunction{Name: "add", Native: "integer", Comment: "Add two numbers.\n\nOf 32 bits.",
			Params: []store.FunctionParam{needed("a", "integer", store.Integer), {Name: "b", Native: "integer", Type: store.Integer}}})),
		calls(function(store.CatalogFunction{Name: "write", Native: "void", Void: true, Volatile: true})),
		calls(function(store.CatalogFunction{Name: "odd", Native: "text", Params: []store.FunctionParam{needed("limit", "integer", store.Integer)}})),
		calls(function(store.CatalogFunction{Name: "lists", Native: "date", Set: true, Params: []store.FunctionParam{
			needed("of", "integer[]", store.Array), {Name: "all", Native: "text[]", Type: store.Array, Variadic: true}, {Name: "info", Native: "jsonb", Type: store.JSON}, {Name: "at", Native: "point3"}}})),
		openapi.Route{Methods: []string{"GET", "POST"}, Path: "/rpc/:function", Answer: "rpc: no such function", Call: &openapi.Call{}},
	)
	d.facts([][2]string{
		{"paths /rpc/add get summary", `"Add two numbers."`},
		{"paths /rpc/add get description", `"Of 32 bits."`},
		{"paths /rpc/add get tags", `["rpc"]`},
		{"paths /rpc/add get parameters", `[{"in":"query","name":"a","required":true,"schema":{"format":"int32","type":"integer"}},` +
			`{"in":"query","name":"b","required":false,"schema":{"format":"int32","type":"integer"}},{"$ref":"#/components/parameters/prefer_call"}]`},
		{"paths /rpc/add post requestBody", `{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/add_arguments"}}},"required":true}`},
		{"components schemas add_arguments", `{"additionalProperties":false,"properties":{"a":{"format":"int32","type":["integer","null"]},"b":{"format":"int32","type":["integer","null"]}},"required":["a"],"type":"object"}`},
		{"paths /rpc/add post responses 200 content", `{"application/json":{"schema":{"format":"int32","type":["integer","null"]}}}`},
		{"paths /rpc/add post responses 404 content", `{"application/problem+json":{"schema":{"$ref":"#/components/schemas/row_problem"}}}`},
		{"paths /rpc/write post requestBody", ""},
		{"paths /rpc/write post responses 204", `{"description":"It is done; the function gives nothing."}`},
		{"paths /rpc/lists post responses 200 content application/json schema", `{"items":{"format":"date","type":["string","null"]},"type":"array"}`},
		{"components schemas lists_arguments properties", `{"all":{"items":{"type":["string","null"]},"type":["array","null"]},"at":{},"info":{},"of":{"items":{"format":"int32","type":["integer","null"]},"type":["array","null"]}}`},
		{"paths /rpc/lists get parameters", `[{"in":"query","name":"of","required":true,"schema":{"pattern":"^\\{.*\\}$","type":"string"}},` +
			`{"in":"query","name":"all","required":false,"schema":{"items":{"type":"string"},"type":"array"}},` +
			`{"in":"query","name":"info","required":false,"schema":{"contentMediaType":"application/json","type":"string"}},` +
			`{"in":"query","name":"at","required":false,"schema":{"type":"string"}},` +
			`{"$ref":"#/components/parameters/limit"},{"$ref":"#/components/parameters/offset"},{"$ref":"#/components/parameters/range"},{"$ref":"#/components/parameters/prefer_call"}]`},
		{"paths /rpc/{function}", ""},
	})
	for path, want := range map[string]string{"/rpc/add": "get post", "/rpc/write": "post", "/rpc/odd": "post"} {
		if got := strings.Join(d.keys("paths "+path), " "); got != want {
			t.Errorf("%s takes %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"/rpc/add get": "200 400 403 404 406 409 default", "/rpc/add post": "200 400 403 404 406 409 415 default",
		"/rpc/write post": "204 400 403 404 406 409 415 default", "/rpc/lists get": "200 206 400 403 404 406 409 416 default",
	} {
		if got := strings.Join(d.keys("paths "+path+" responses"), " "); got != want {
			t.Errorf("%s answers %s, want %s", path, got, want)
		}
	}
}

func TestCallOfRows(t *testing.T) {
	people := &relations.Relation{Name: "people", MaxRows: 50, Columns: []relations.Column{
		{Name: "id", Type: store.Bigint, Native: "bigint"}, {Name: "name", Type: store.Text, Native: "text"}, {Name: "born", Type: store.Datetime, Native: "timestamp without time zone"},
		{Name: "home", Type: store.Text, Native: "address"}, {Name: "limit", Type: store.Integer, Native: "integer"}}}
	d := generate(t,
		calls(rowsOf(store.CatalogFunction{Name: "named", Set: true, Relation: "people", Params: []store.FunctionParam{needed("name", "text", store.Text)}}, people)),
		calls(rowsOf(store.CatalogFunction{Name: "one", Relation: "people"}, people)),
	)
	d.facts([][2]string{
		{"components schemas people_row properties", `{"born":{"type":["string","null"]},"home":{},"id":{"format":"int64","type":["integer","null"]},` +
			`"limit":{"format":"int32","type":["integer","null"]},"name":{"type":["string","null"]}}`},
		{"paths /rpc/named get responses 206 content application/json schema", `{"items":{"$ref":"#/components/schemas/people_row"},"maxItems":50,"type":"array"}`},
		{"paths /rpc/one get responses 200 content application/json schema", `{"$ref":"#/components/schemas/people_row"}`},
		{"paths /rpc/one get parameters", `[{"$ref":"#/components/parameters/select"},{"$ref":"#/components/parameters/prefer_call"}]`},
		{"components parameters people.limit", ""}, // the dialect has it
	})
	// A name that a GET takes for an argument filters nothing.
	if all := d.at("paths /rpc/named get parameters"); strings.Contains(all, "people.name") || !strings.Contains(all, "people.id") {
		t.Errorf("filters of a GET: %s", all)
	}
	if all := d.at("paths /rpc/named post parameters"); !strings.Contains(all, "people.name") {
		t.Errorf("filters of a POST: %s", all)
	}
}

// Functions of one name are told together.
func TestCallOfSeveral(t *testing.T) {
	text, whole := needed("x", "text", store.Text), needed("", "jsonb", store.JSON)
	d := generate(t,
		calls(function(store.CatalogFunction{Name: "f", Native: "integer", Params: []store.FunctionParam{needed("x", "integer", store.Integer)}}),
			function(store.CatalogFunction{Name: "f", Native: "void", Void: true, Params: []store.FunctionParam{text, needed("y", "date", store.Date)}}),
			function(store.CatalogFunction{Name: "f", Native: "jsonb", Volatile: true, Params: []store.FunctionParam{whole}})),
		calls(function(store.CatalogFunction{Name: "g", Native: "integer", Params: []store.FunctionParam{needed("", "text", store.Text)}}),
			function(store.CatalogFunction{Name: "g", Native: "integer", Params: []store.FunctionParam{needed("", "bytea", store.Binary)}})),
	)
	d.facts([][2]string{
		{"paths /rpc/f get parameters", `[{"in":"query","name":"x","required":true,"schema":{"anyOf":[{"format":"int32","type":"integer"},{"type":"string"}]}},` +
			`{"in":"query","name":"y","required":false,"schema":{"format":"date","type":"string"}},{"$ref":"#/components/parameters/prefer_call"}]`},
		{"paths /rpc/f post requestBody", `{"content":{"application/json":{"schema":{"anyOf":[{"$ref":"#/components/schemas/f_arguments"},{"$ref":"#/components/schemas/f_arguments_2"},` +
			`{"description":"Any JSON: the function takes it as it is."}]}}},"required":false}`},
		{"paths /rpc/f post responses 200 content application/json schema", `{}`},
		{"paths /rpc/f get responses 200 content application/json schema", `{"format":"int32","type":["integer","null"]}`},
		{"paths /rpc/g post requestBody", `{"content":{"application/octet-stream":{"schema":{}},"text/plain":{"schema":{"type":"string"}}},"required":true}`},
		{"paths /rpc/g get", ""},
	})
	if got := strings.Join(d.keys("paths /rpc/f get responses"), " "); got != "200 204 300 400 403 404 406 409 default" {
		t.Errorf("answers: %s", got)
	}
}

func TestBatch(t *testing.T) {
	all := resource(func(r *openapi.Rows) {
		r.Fields = append(r.Fields, openapi.Field{Name: "info", Schema: map[string]any{}, Create: true})
	})
	b := &openapi.Batch{Own: "/batch", MaxSteps: 9}
	for _, r := range all {
		b.Steps = append(b.Steps, openapi.Step{Methods: r.Methods, Path: r.Path, Rows: r.Rows})
	}
	many := posts(openapi.Update)
	many.OneRow = false
	b.Steps = append(b.Steps, openapi.Step{Methods: []string{"PATCH", "PUT"}, Path: "/posts", Rows: many})
	d := generate(t, openapi.Route{Methods: []string{"POST"}, Path: "/batch", Answer: "batch", Batch: b, Refuses: []int{401}})
	const reference = `{"$ref":"#/components/schemas/batch_reference"}`
	d.facts([][2]string{
		{"paths /batch post summary", `"Do several requests in one transaction"`},
		{"paths /batch post parameters", `[{"$ref":"#/components/parameters/prefer_batch"}]`},
		{"paths /batch post requestBody content application/json schema maxItems", `9`},
		{"components schemas post_create_step properties method", `{"enum":["POST"],"type":"string"}`},
		{"components schemas post_create_step properties path pattern", `"^/posts(\\?.*)?$"`},
		{"components schemas post_show_step properties path pattern", `"^/posts/[^/?]+(\\?.*)?$"`},
		{"components schemas post_show_step properties body", ""},
		{"components schemas post_show_step required", `["method","path"]`},
		{"components schemas post_create_step required", `["method","path","body"]`},
		{"components schemas post_create_step properties body", `{"anyOf":[{"$ref":"#/components/schemas/post_create_in_batch"},` + reference + `,{"items":{"anyOf":[{"$ref":"#/components/schemas/post_create_in_batch"},` + reference + `]},"type":"array"}]}`},
		{"components schemas post_create_in_batch properties title", `{"anyOf":[{"type":"string"},` + reference + `]}`},
		{"components schemas post_create_in_batch properties info", `{"writeOnly":true}`},
		{"components schemas post_create_in_batch required", `["title","password"]`},
		{"components schemas post_update_step properties method", `{"enum":["PATCH","PUT"],"type":"string"}`},
		{"components schemas post_put_step properties method", `{"enum":["PUT"],"type":"string"}`},
		{"components schemas post_put_in_batch required", `["id","title","password"]`},
		{"components schemas batch_problem allOf", `[{"$ref":"#/components/schemas/row_problem"},{"properties":{"step":{"description":"The step that was refused, counted from 0.","minimum":0,"type":"integer"}},"type":"object"}]`},
		{"paths /batch post responses 422 content", `{"application/problem+json":{"schema":{"$ref":"#/components/schemas/batch_problem"}}}`},
		{"paths /batch post responses 200 content application/json schema items properties body",
			`{"anyOf":[{"type":"null"},{"$ref":"#/components/schemas/post"},{"items":{"$ref":"#/components/schemas/post"},"type":"array"}]}`},
	})
	if got := d.keys("paths /batch post responses"); !slices.Equal(got, []string{"200", "400", "401", "403", "404", "405", "409", "413", "415", "422", "default"}) {
		t.Errorf("answers: %v", got)
	}
}

// PUT on the path of all rows makes the row where there is none, and needs its key.
func TestPutByFilter(t *testing.T) {
	r := posts(openapi.Update)
	r.OneRow = false
	d := generate(t, openapi.Route{Methods: []string{"PATCH", "PUT"}, Path: "/posts", Answer: "resource post update by filter", Rows: r})
	d.facts([][2]string{
		{"paths /posts put summary", `"Create or change a row of post"`},
		{"paths /posts put requestBody content application/json schema", `{"$ref":"#/components/schemas/post_put"}`},
		{"paths /posts patch requestBody content application/json schema", `{"$ref":"#/components/schemas/post_update"}`},
		{"components schemas post_put required", `["id","title","password"]`},
		{"paths /posts put responses 201 content application/json schema", `{"items":{"$ref":"#/components/schemas/post"},"maxItems":100,"type":"array"}`},
		{"paths /posts patch responses 201", ""},
	})
}

// A column that has the name of a parameter of the dialect cannot be filtered by.
func TestColumnsWithNamesOfTheDialect(t *testing.T) {
	text := map[string]any{"type": "string"}
	r := posts(openapi.Index)
	r.Fields = append(r.Fields, openapi.Field{Name: "order", Schema: text, Answered: text})
	d := generate(t, openapi.Route{Methods: []string{"GET"}, Path: "/posts", Answer: "resource post index", Rows: r})
	d.facts([][2]string{
		{"components parameters post.order", ""},
		{"components schemas post properties order", `{"readOnly":true,"type":"string"}`},
	})
}

// In a member, the one object that was sent is answered as one.
func TestWrappedCreate(t *testing.T) {
	d := generate(t, resource(func(r *openapi.Rows) { r.Wrap = "data" })[2])
	d.facts([][2]string{{"paths /posts post responses 201 content application/json schema properties data",
		`{"anyOf":[{"$ref":"#/components/schemas/post"},{"items":{"$ref":"#/components/schemas/post"},"maxItems":100,"type":"array"}]}`}})
}
