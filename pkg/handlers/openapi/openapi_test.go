package openapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/gatewaytest"
	"github.com/openmanifest/gateway/pkg/handlers/openapi"
)

// A document is one that was generated, read back.
type document struct {
	*testing.T
	root any
}

// generate makes a document that a judge finds nothing wrong with.
func generate(t *testing.T, routes ...openapi.Route) document {
	t.Helper()
	body, err := openapi.Generate(&openapi.Description{Title: "shop", Version: "1", Server: "http://shop.example.org", Routes: routes})
	if err != nil {
		t.Fatal(err)
	}
	return read(t, body)
}

func read(t *testing.T, body []byte) document {
	t.Helper()
	for _, problem := range gatewaytest.OpenAPIProblems(t, body) {
		t.Error(problem)
	}
	var root any
	if err := json.Unmarshal(body, &root); err != nil {
		t.Fatal(err)
	}
	return document{t, root}
}

// at gives what stands at a path of keys, with spaces between, as JSON; "" for nothing.
func (d document) at(path string) string {
	d.Helper()
	v := d.root
	for key := range strings.FieldsSeq(path) {
		m, ok := v.(map[string]any)
		if !ok || m[key] == nil {
			return ""
		}
		v = m[key]
	}
	text, err := json.Marshal(v)
	if err != nil {
		d.Fatal(err)
	}
	return string(text)
}

func (d document) keys(path string) (keys []string) {
	d.Helper()
	var m map[string]any
	if text := d.at(path); text != "" {
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			d.Fatalf("%s: %v", path, err)
		}
	}
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// facts compares what stands at paths.
func (d document) facts(want [][2]string) {
	d.Helper()
	for _, w := range want {
		if got := d.at(w[0]); got != w[1] {
			d.Errorf("%s: got  %s\nwant %s", w[0], got, w[1])
		}
	}
}

func TestRoutes(t *testing.T) {
	d := generate(t,
		openapi.Route{Methods: []string{"GET"}, Path: "/", Answer: "render home.html"},
		openapi.Route{Methods: []string{"GET"}, Path: "/users/:id", Answer: "json"},
		openapi.Route{Methods: []string{"PATCH"}, Path: "/users/:user", Answer: "send_resp 204", Refuses: []int{429, 403, 429}},
		openapi.Route{Path: "/users/:any", Answer: "proxy billing"},
		openapi.Route{Methods: []string{"GET"}, Path: "/files/*rest", Answer: "static public"},
		openapi.Route{Methods: []string{"GET"}, Path: "/old", Answer: "redirect /"},
		openapi.Route{Methods: []string{"GET"}, Path: "/older", Answer: "text"},
		openapi.Route{Methods: []string{"GET"}, Host: "{tenant}.example.org", Path: "/tenant", Answer: "text"},
		openapi.Route{Methods: []string{"GET"}, Host: "b.example.org", Path: "/tenant", Answer: "json"},
	)
	d.facts([][2]string{
		{"openapi", `"3.1.0"`},
		{"servers", `[{"url":"http://shop.example.org"}]`},
		{"paths / get operationId", `"get"`},
		{"paths / get responses 200 content", `{"text/html":{"schema":{}}}`},
		{"paths /users/{id} get parameters", `[{"in":"path","name":"id","required":true,"schema":{"type":"string"}}]`},
		{"paths /users/{id} patch parameters", `[{"in":"path","name":"id","required":true,"schema":{"type":"string"}}]`},
		{"paths /users/{id} patch responses 204", `{"description":"No Content"}`},
		{"paths /users/{id} put operationId", `"put_users_any"`},
		{"paths /files/{rest} get tags", `["files"]`},
		{"paths /old get responses 302", `{"description":"The address is in Location."}`},
		{"paths /tenant get servers", `[{"url":"//{tenant}.example.org","variables":{"tenant":{"default":"www"}}}]`},
		{"components securitySchemes", ""},
		{"components parameters", ""},
	})
	if got := d.keys("paths /users/{id}"); !slices.Equal(got, []string{"delete", "get", "patch", "post", "put"}) {
		t.Errorf("methods of a path with a route for any: %v", got)
	}
	if got := d.keys("paths /users/{id} patch responses"); !slices.Equal(got, []string{"204", "403", "429", "default"}) {
		t.Errorf("refusals: %v", got)
	}
}

func TestErrorsInPhoenixForm(t *testing.T) {
	body, err := openapi.Generate(&openapi.Description{Title: "a", Version: "1", Server: "http://a.example.org", Phoenix: true,
		Routes: []openapi.Route{{Methods: []string{"GET"}, Path: "/a", Answer: "json", Refuses: []int{403}}}})
	if err != nil {
		t.Fatal(err)
	}
	d := read(t, body)
	d.facts([][2]string{
		{"paths /a get responses 403 content", `{"application/json":{"schema":{"$ref":"#/components/schemas/problem"}}}`},
		{"components schemas problem required", `["errors"]`},
	})
}

func TestSecurity(t *testing.T) {
	bearer := openapi.Scheme{Type: "http", Scheme: "bearer"}
	key := openapi.Scheme{Type: "apiKey", In: "header", Name: "x-api-key"}
	query := openapi.Scheme{Type: "apiKey", In: "query", Name: "token"}
	one := func(s ...openapi.Scheme) openapi.Requirement { return openapi.Requirement{Schemes: s} }
	optional := openapi.Requirement{Schemes: []openapi.Scheme{bearer}, Optional: true}
	cases := []struct {
		asks []openapi.Requirement
		want string
	}{
		{nil, `[{}]`},
		{[]openapi.Requirement{one(bearer)}, `[{"bearer":[]}]`},
		{[]openapi.Requirement{one(bearer, query)}, `[{"bearer":[]},{"query_token":[]}]`},
		{[]openapi.Requirement{one(bearer), one(key)}, `[{"bearer":[],"header_x-api-key":[]}]`},
		{[]openapi.Requirement{one(bearer, query), one(key)}, `[{"bearer":[],"header_x-api-key":[]},{"header_x-api-key":[],"query_token":[]}]`},
		{[]openapi.Requirement{one(bearer), one(bearer)}, `[{"bearer":[]}]`},
		{[]openapi.Requirement{optional}, `[{},{"bearer":[]}]`},
	}
	var routes []openapi.Route
	for i, tt := range cases {
		routes = append(routes, openapi.Route{Methods: []string{"GET"}, Path: fmt.Sprintf("/case/%d", i), Answer: "json", Security: tt.asks})
	}
	d := generate(t, routes...)
	for i, tt := range cases {
		if got := d.at(fmt.Sprintf("paths /case/%d get security", i)); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.asks, got, tt.want)
		}
	}
	d.facts([][2]string{
		{"components securitySchemes bearer", `{"scheme":"bearer","type":"http"}`},
		{"components securitySchemes header_x-api-key", `{"in":"header","name":"x-api-key","type":"apiKey"}`},
	})
}

func TestParams(t *testing.T) {
	text := map[string]any{"type": "string"}
	takes := []openapi.Field{{Name: "id", Schema: text, Answered: text}, {Name: "name", Schema: text, Answered: text, Required: true}, {Name: "pin", Schema: text, Confirmed: "pin_again"}}
	d := generate(t, openapi.Route{Methods: []string{"GET", "POST"}, Path: "/people/:id", Answer: "json", Takes: takes},
		openapi.Route{Methods: []string{"PUT"}, Path: "/anything", Answer: "json"})
	const body = `{"properties":{"name":{"type":"string"},"pin":{"type":"string","writeOnly":true},"pin_again":{"type":"string","writeOnly":true}},"required":["name"],"type":"object"}`
	const id = `{"in":"path","name":"id","required":true,"schema":{"type":"string"}}`
	d.facts([][2]string{
		{"paths /people/{id} post parameters", "[" + id + "]"},
		{"paths /people/{id} post requestBody content application/json schema", body},
		{"paths /people/{id} post requestBody content application/x-www-form-urlencoded schema", body},
		{"paths /people/{id} get parameters", "[" + id + `,{"in":"query","name":"name","required":true,"schema":{"type":"string"}},{"in":"query","name":"pin","required":false,"schema":{"type":"string"}}]`},
		{"paths /people/{id} get requestBody", ""},
		{"paths /anything put requestBody content", `{"*/*":{"schema":{}}}`},
	})
}

// posts are rows with a field of each sort.
func posts(a openapi.Action) *openapi.Rows {
	text := map[string]any{"type": "string"}
	number := map[string]any{"type": "integer"}
	return &openapi.Rows{Name: "post", Action: a, OneRow: a != openapi.Index && a != openapi.Create, MaxRows: 100, Embeds: []string{"user"}, Fields: []openapi.Field{
		{Name: "id", Schema: number, Answered: number, Key: true},
		{Name: "title", Schema: text, Answered: text, Required: true, Create: true, Update: true},
		{Name: "slug", Schema: text, Answered: text, Create: true},
		{Name: "password", Schema: text, Required: true, Create: true, Update: true, Confirmed: "password_confirmation"},
		{Name: "password_hash", Schema: text},
	}}
}

func resource(change func(*openapi.Rows)) (routes []openapi.Route) {
	for _, x := range []struct {
		action  openapi.Action
		methods []string
	}{
		{openapi.Index, []string{"GET"}}, {openapi.Show, []string{"GET"}}, {openapi.Create, []string{"POST"}},
		{openapi.Update, []string{"PATCH", "PUT"}}, {openapi.Delete, []string{"DELETE"}},
	} {
		r := openapi.Route{Methods: x.methods, Path: "/posts", Answer: fmt.Sprintf("resource post %s", x.action), Rows: posts(x.action)}
		if r.Rows.OneRow {
			r.Path = "/posts/:id"
		}
		if change != nil {
			change(r.Rows)
		}
		routes = append(routes, r)
	}
	return routes
}

func TestResource(t *testing.T) {
	d := generate(t, resource(nil)...)
	d.facts([][2]string{
		{"components schemas post properties", `{"id":{"readOnly":true,"type":"integer"},"slug":{"type":"string"},"title":{"type":"string"}}`},
		{"components schemas post_create properties", `{"password":{"type":"string","writeOnly":true},"password_confirmation":{"type":"string","writeOnly":true},"slug":{"type":"string"},"title":{"type":"string"}}`},
		{"components schemas post_create required", `["title","password"]`},
		{"components schemas post_create additionalProperties", `false`},
		{"components schemas post_update properties", `{"password":{"type":"string","writeOnly":true},"password_confirmation":{"type":"string","writeOnly":true},"title":{"type":"string"}}`},
		{"components schemas post_update required", ""},
		{"paths /posts/{id} get parameters", `[{"in":"path","name":"id","required":true,"schema":{"type":"integer"}},{"$ref":"#/components/parameters/select"}]`},
		{"paths /posts get responses 200 content application/json", `{"schema":{"items":{"$ref":"#/components/schemas/post"},"maxItems":100,"type":"array"}}`},
		{"paths /posts/{id} get responses 200 content application/json", `{"schema":{"$ref":"#/components/schemas/post"}}`},
		{"paths /posts post requestBody content application/json schema oneOf", `[{"$ref":"#/components/schemas/post_create"},{"items":{"$ref":"#/components/schemas/post_create"},"type":"array"}]`},
		{"paths /posts/{id} patch requestBody content", `{"application/json":{"schema":{"$ref":"#/components/schemas/post_update"}}}`},
		{"paths /posts/{id} delete requestBody", ""},
		{"components parameters post.title in", `"query"`},
		{"components parameters post.title schema", `{"$ref":"#/components/schemas/filter"}`},
		{"components parameters post.password_hash", ""},
		{"components parameters post.password", ""},
		{"components schemas row_problem required", `["code","message","details","hint"]`},
	})
	if all := d.at(""); strings.Contains(all, "password_hash") {
		t.Error("a hidden field is told of")
	}
	for path, want := range map[string]string{
		"/posts get": "200 206 400 403 406 416 default", "/posts post": "201 400 403 406 409 415 422 default",
		"/posts/{id} get": "200 400 403 404 406 default", "/posts/{id} put": "200 204 400 403 404 406 409 415 422 default",
		"/posts/{id} delete": "200 204 400 403 404 406 409 default",
	} {
		if got := strings.Join(d.keys("paths "+path+" responses"), " "); got != want {
			t.Errorf("%s answers %s, want %s", path, got, want)
		}
	}
}

// What no operation refers to is not told.
func TestResourceOfOneAction(t *testing.T) {
	for i, want := range map[int][]string{1: {"select"}, 2: {"columns", "on_conflict", "prefer_write", "select"}} {
		d := generate(t, resource(nil)[i])
		if got := d.keys("components parameters"); !slices.Equal(got, want) {
			t.Errorf("parameters %v, want %v", got, want)
		}
	}
}

func TestResourceInOtherForms(t *testing.T) {
	d := generate(t, resource(func(r *openapi.Rows) { r.Wrap, r.Pages, r.Forms = "data", true, true })...)
	d.facts([][2]string{
		{"paths /posts/{id} get responses 200 content application/json schema", `{"properties":{"data":{"$ref":"#/components/schemas/post"}},"required":["data"],"type":"object"}`},
		{"paths /posts/{id} get responses 200 content application/vnd.pgrst.object+json schema", `{"$ref":"#/components/schemas/post"}`},
		{"paths /posts/{id} get responses 200 content text/html schema", `{"type":"string"}`},
		{"paths /posts post requestBody content multipart/form-data schema", `{"$ref":"#/components/schemas/post_create"}`},
	})
}

// Two resources may show the same rows differently.
func TestSchemasOfOneName(t *testing.T) {
	other := resource(func(r *openapi.Rows) { r.Fields = r.Fields[:2] })
	for i := range other {
		other[i].Path = "/admin" + other[i].Path
	}
	d := generate(t, append(resource(nil), other...)...)
	d.facts([][2]string{
		{"paths /posts/{id} get responses 200 content application/json schema", `{"$ref":"#/components/schemas/post"}`},
		{"paths /admin/posts/{id} get responses 200 content application/json schema", `{"$ref":"#/components/schemas/post_2"}`},
		{"components schemas post_2 properties", `{"id":{"readOnly":true,"type":"integer"},"title":{"type":"string"}}`},
	})
}
